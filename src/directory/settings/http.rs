//! The settings of a directory that is asked over HTTP.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, header};
use reqwest::Certificate;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Manner, within};
use crate::config::{Credential, Fault, Named, Period, Placed, Surroundings, did_you_mean};
use crate::directory::Field;
use crate::directory::http::{Address, Body, HttpDirectory, HttpSpec, MarkSpec, Pointer, secret, tells};

/// A directory that is asked over HTTP: one GET for a subject, answered with JSON.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpDirectorySettings {
    /// Its address, with `{subject}` in the path or the query; https, or http to this machine.
    pub url: Placed<Credential>,
    /// Headers of every request, such as `Authorization`.
    #[serde(default)]
    pub headers: Named<Placed<Credential>>,
    /// A user name and a password for it.
    pub basic: Option<BasicSettings>,
    /// Where the answer says what: JSON pointers (RFC 6901) for `subject`, `id`, `email`, `sms`, `voice`, `phone`,
    /// `language`, `country`, and `label`, `verified_at` and `changed_at`, alone or behind a channel and `_`. A list is
    /// several contacts.
    pub pointers: Named<Placed<String>>,
    /// How long a look-up may take, connection and all: 100ms to 30s. Default 2s.
    pub timeout: Option<Placed<Period>>,
    /// The certificates that may vouch for its own, PEM. Default: those of the system.
    pub ca: Option<Placed<PathBuf>>,
    /// How it is told of contacts that were proved. Default: it is not.
    pub mark: Option<MarkSettings>,
}

/// A user name and a password.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicSettings {
    /// The user name.
    pub user: Placed<Credential>,
    /// The password.
    pub password: Placed<Credential>,
}

/// How a directory is told of contacts that were proved.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkSettings {
    /// PATCH, PUT or POST. Default PATCH.
    pub method: Option<Placed<String>>,
    /// The address, with `{subject}` in the path or the query.
    pub url: Placed<Credential>,
    /// The JSON that is sent, with `{contact}`, `{channel}`, `{verified_at}` and `{subject}` in quotes. Default: an object
    /// of these four.
    pub body: Option<Placed<Credential>>,
}

/// The names that pointers can have, for people.
const NAMES: [&str; 11] =
    ["subject", "id", "email", "sms", "voice", "phone", "language", "country", "label", "verified_at", "changed_at"];

/// Headers that a request has of its own, and the one that would send a cookie.
const OWN: [HeaderName; 8] = [
    header::HOST,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::TRANSFER_ENCODING,
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::COOKIE,
];

const TIMEOUT: Duration = Duration::from_secs(2);

// === impl HttpDirectorySettings ===

impl Placed<HttpDirectorySettings> {
    /// Makes the directory. Connects to nobody.
    pub(super) fn load(&self, around: &Surroundings<'_>, manner: Manner) -> Result<HttpDirectory, Fault> {
        let settings = &self.value;
        let spec = HttpSpec {
            address: address(&settings.url, around)?,
            headers: settings.all_headers(around)?,
            pointers: settings.all_pointers(self)?,
            timeout: within(settings.timeout, TIMEOUT)?,
            ca: settings.ca.as_ref().map(|ca| certificates(ca, around)).transpose()?.unwrap_or_default(),
            mark: settings.mark.as_ref().map(|mark| mark.spec(around)).transpose()?,
            manner,
        };
        HttpDirectory::new(spec).map_err(|_| self.fault("the certificates of the system cannot be read: write `ca`"))
    }
}

impl HttpDirectorySettings {
    fn all_headers(&self, around: &Surroundings<'_>) -> Result<HeaderMap, Fault> {
        let mut headers = HeaderMap::new();
        for (name, value) in self.headers.iter() {
            let known =
                name.parse(|name| HeaderName::try_from(name.as_str()).map_err(|_| "this is no name of a header"))?;
            if OWN.contains(&known) {
                return Err(name.fault(format!("`{known}` is not to be set here")));
            }
            let written = secret(value.reveal(around)?.reveal()).ok_or_else(|| value.fault("no header holds this"))?;
            headers.append(known, written);
        }
        if let Some(basic) = &self.basic {
            if headers.contains_key(header::AUTHORIZATION) {
                return Err(basic.user.fault("`headers` has an `Authorization` already"));
            }
            let (user, password) = (basic.user.reveal(around)?, basic.password.reveal(around)?);
            // RFC 7617, section 2.
            if user.reveal().contains(':') {
                return Err(basic.user.fault("a user name has no `:`"));
            }
            let both = STANDARD.encode(format!("{}:{}", user.reveal(), password.reveal()));
            headers.extend(secret(&format!("Basic {both}")).map(|value| (header::AUTHORIZATION, value)));
        }
        Ok(headers)
    }

    fn all_pointers<T>(&self, place: &Placed<T>) -> Result<Vec<(String, Field, Pointer)>, Fault> {
        let mut pointers = Vec::new();
        for (name, pointer) in self.pointers.iter() {
            let field = Field::parse(&name.value).ok_or_else(|| {
                let hint = did_you_mean(&name.value, NAMES);
                let all = if hint.is_empty() { format!(": there is {}", NAMES.join(", ")) } else { hint };
                name.fault(format!("nothing is called `{}` here{all}", name.value))
            })?;
            let pointer = Pointer::parse(&pointer.value)
                .ok_or_else(|| pointer.fault("expected a JSON pointer, such as `/contact/email`"))?;
            pointers.push((name.value.clone(), field, pointer));
        }
        if pointers.iter().any(|(_, field, _)| matches!(field, Field::Contact(_) | Field::Phone)) {
            Ok(pointers)
        } else {
            Err(place.fault("`pointers` finds no contact: write where `email`, `sms`, `voice` or `phone` stands"))
        }
    }
}

// === impl MarkSettings ===

impl MarkSettings {
    fn spec(&self, around: &Surroundings<'_>) -> Result<MarkSpec, Fault> {
        let method = self.method.as_ref();
        let method =
            method.map(|method| tells(&method.value).ok_or_else(|| method.fault("expected PATCH, PUT or POST")));
        let body = self.body.as_ref().map(|body| Body::parse(body.reveal(around)?).map_err(|error| body.fault(error)));
        Ok(MarkSpec {
            method: method.transpose()?.unwrap_or(http::Method::PATCH),
            address: address(&self.url, around)?,
            body: body.transpose()?.unwrap_or_default(),
        })
    }
}

fn address(url: &Placed<Credential>, around: &Surroundings<'_>) -> Result<Address, Fault> {
    Address::parse(url.reveal(around)?.reveal()).map_err(|error| url.fault(error))
}

pub(super) fn certificates(ca: &Placed<PathBuf>, around: &Surroundings<'_>) -> Result<Vec<Certificate>, Fault> {
    let shown = ca.value.display();
    let pem = std::fs::read(around.path(&ca.value))
        .map_err(|error| ca.fault(format!("the file `{shown}` cannot be read: {error}")))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(ca.fault(format!("the file `{shown}` has no certificate in PEM"))),
    }
}
