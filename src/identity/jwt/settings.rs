//! The config of a `jwt` source.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::config::{Credential, Fault, Many, Period, Placed, Surroundings, is_this_machine};
use crate::identity::jwt::keys::{KeySet, Origin};
use crate::identity::jwt::{Jwt, Keys, Place};

/// A JSON Web Token of an identity provider.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtSettings {
    /// The cookie that it is in. Either this or `header`.
    pub cookie: Option<Placed<String>>,
    /// The header that it is in, such as Authorization (behind `Bearer`).
    pub header: Option<Placed<String>>,
    /// Who signs.
    pub keys: Placed<JwtKeysSettings>,
    /// The algorithms that are taken. Default: RS256, ES256 and EdDSA, as far as the keys can; HS256 with a secret.
    #[serde(default)]
    pub algorithms: Many<Placed<String>>,
    /// Who issues (`iss`): one of these.
    pub issuer: Many<Placed<String>>,
    /// For whom (`aud`): one of these.
    pub audience: Many<Placed<String>>,
    /// The claim that names the subject, or a JSON pointer to it. Default sub.
    pub claim: Option<Placed<String>>,
    /// How far clocks may differ, 5m at most. Default 30s.
    pub leeway: Option<Placed<Period>>,
}

/// Who signs: one of these.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JwtKeysSettings {
    /// A JSON Web Key Set: an `https://` address, or a file. It is looked at again while the gateway runs.
    pub jwks: Option<Placed<String>>,
    /// A PEM file: a public key.
    pub public_key: Option<Placed<PathBuf>>,
    /// A secret of 32 bytes or more, for HS256, HS384 and HS512.
    pub secret: Option<Placed<Credential>>,
}

/// How far clocks may differ when the config does not say.
const LEEWAY: Duration = Duration::from_secs(30);
/// A key shorter than its hash is a weak one (RFC 7518, 3.2).
const SHORTEST_SECRET: usize = 32;

// === impl JwtSettings ===

impl JwtSettings {
    /// The source that is meant.
    ///
    /// # Errors
    /// When it cannot be.
    pub fn source(&self, around: &Surroundings<'_>) -> Result<Jwt, Fault> {
        let (keys, families) = self.keys.value.keys(&self.keys, around)?;
        let algorithms = self.algorithms(families)?;
        let texts = |many: &Many<Placed<String>>, what: &str| -> Result<Vec<String>, Fault> {
            let text = |text: &Placed<String>| {
                if text.value.is_empty() { Err(text.fault(format!("expected {what}"))) } else { Ok(text.value.clone()) }
            };
            many.iter().map(text).collect()
        };
        let (issuers, audiences) =
            (texts(&self.issuer, "the issuer, as in `iss`")?, texts(&self.audience, "the audience, as in `aud`")?);
        if issuers.is_empty() || audiences.is_empty() {
            return Err(self
                .keys
                .fault("`issuer` and `audience` tell which tokens are meant: name at least one of each"));
        }
        let claim = match &self.claim {
            Some(claim) if claim.value.trim().is_empty() => {
                return Err(claim.fault("expected a claim, such as `email`"));
            }
            claim => claim.as_ref().map_or("sub", |claim| claim.value.as_str()).to_owned(),
        };
        let leeway = match self.leeway {
            Some(leeway) if leeway.value.0 > Duration::from_secs(300) => {
                return Err(leeway.fault("expected 5m at most"));
            }
            leeway => leeway.map_or(LEEWAY, |leeway| leeway.value.0),
        };
        Ok(Jwt::new(self.place()?, keys, algorithms, issuers, audiences, claim, leeway))
    }

    fn place(&self) -> Result<Place, Fault> {
        match (&self.cookie, &self.header) {
            (Some(cookie), None) => crate::identity::settings::cookie_name(cookie).map(Place::Cookie),
            (None, Some(header)) => {
                let name = header.parse(|text| {
                    HeaderName::try_from(text.as_str()).map_err(|_| "expected a header, such as `Authorization`")
                })?;
                let taken =
                    matches!(name.as_str(), "cookie" | "host" | "connection" | "content-length" | "transfer-encoding");
                if taken || name.as_str().starts_with("x-otpgate-") {
                    return Err(header.fault("this header has another meaning"));
                }
                Ok(Place::Header(name))
            }
            _ => Err(self.keys.fault("a token is in a cookie or in a header: name one, `cookie` or `header`")),
        }
    }

    fn algorithms(&self, families: &[AlgorithmFamily]) -> Result<Vec<Algorithm>, Fault> {
        if self.algorithms.is_empty() {
            let usual = [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA, Algorithm::HS256];
            return Ok(usual.into_iter().filter(|algorithm| families.contains(&algorithm.family())).collect());
        }
        let algorithm = |text: &Placed<String>| {
            let known = text.value.parse::<Algorithm>().map_err(|_| {
                text.fault(
                    "expected an algorithm: RS256, RS384, RS512, PS256, ES256, ES384, EdDSA, or HS256 with a secret",
                )
            })?;
            // A public key that is taken for a secret would let anybody sign (RFC 8725, 2.1).
            if families.contains(&known.family()) {
                Ok(known)
            } else {
                Err(text.fault("the keys cannot be of this algorithm"))
            }
        };
        self.algorithms.iter().map(algorithm).collect()
    }
}

// === impl JwtKeysSettings ===

impl JwtKeysSettings {
    /// The keys, and the families of algorithms for which they may be.
    fn keys(
        &self,
        place: &Placed<Self>,
        around: &Surroundings<'_>,
    ) -> Result<(Keys, &'static [AlgorithmFamily]), Fault> {
        use AlgorithmFamily::{Ec, Ed, Hmac, Rsa};
        match (&self.jwks, &self.public_key, &self.secret) {
            (Some(set), None, None) => {
                let set = KeySet::new(origin(set, around)?);
                Ok((Keys::Set(Arc::new(set)), &[Rsa, Ec, Ed]))
            }
            (None, Some(file), None) => {
                let (key, families) = public_key(file, &around.path(&file.value))?;
                Ok((Keys::One(Arc::new(key)), families))
            }
            (None, None, Some(secret)) => {
                let text = secret.reveal(around)?;
                if text.reveal().len() < SHORTEST_SECRET {
                    return Err(secret.fault("the secret is shorter than 32 bytes"));
                }
                Ok((Keys::One(Arc::new(DecodingKey::from_secret(text.reveal().as_bytes()))), &[Hmac]))
            }
            _ => Err(place.fault("expected one of `jwks`, `public_key` and `secret`")),
        }
    }
}

/// Where a set is. What is fetched in the clear could be anybody's.
fn origin(set: &Placed<String>, around: &Surroundings<'_>) -> Result<Origin, Fault> {
    let text = set.value.trim();
    if !text.contains("://") {
        let path = around.path(Path::new(text));
        std::fs::metadata(&path).map_err(|error| set.fault(format!("`{text}` cannot be read: {error}")))?;
        return Ok(Origin::File(path));
    }
    let url = url::Url::parse(text).map_err(|_| set.fault("expected an address such as https://idp.example/keys"))?;
    match url.scheme() {
        "https" => Ok(Origin::Url(url.into())),
        "http" if url.host_str().is_some_and(is_this_machine) => Ok(Origin::Url(url.into())),
        _ => Err(set.fault("keys are fetched over https://")),
    }
}

fn public_key(file: &Placed<PathBuf>, path: &Path) -> Result<(DecodingKey, &'static [AlgorithmFamily]), Fault> {
    use AlgorithmFamily::{Ec, Ed, Rsa};
    let shown = file.value.display();
    let pem = std::fs::read(path).map_err(|error| file.fault(format!("`{shown}` cannot be read: {error}")))?;
    let read = DecodingKey::from_rsa_pem(&pem)
        .map(|key| (key, &[Rsa][..]))
        .or_else(|_| DecodingKey::from_ec_pem(&pem).map(|key| (key, &[Ec][..])))
        .or_else(|_| DecodingKey::from_ed_pem(&pem).map(|key| (key, &[Ed][..])));
    read.map_err(|_| file.fault(format!("`{shown}` has no public key in PEM: RSA, ECDSA or Ed25519")))
}
