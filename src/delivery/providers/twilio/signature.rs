//! Twilio's signature of its requests.
//!
//! `X-Twilio-Signature` is the HMAC-SHA1, under the account's token, of the address as Twilio was told it, followed by
//! name and value of every field of the form, sorted, each pair once. A body that is no form is bound by its SHA-256 in
//! the address. Accounts with a shared key sign with that one, and a header says so.
//! `https://www.twilio.com/docs/usage/webhooks/webhooks-security`

use std::borrow::Cow;
use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use ring::{digest, hmac};
use serde_json::Value;
use subtle::ConstantTimeEq as _;

use crate::config::SecretText;
use crate::delivery::providers::form::Fields;
use crate::delivery::{BadCallback, Callback};

/// The header with the signature.
const SIGNATURE: &str = "x-twilio-signature";
/// The header that names another key and algorithm than the account's token and SHA-1.
const SETTINGS: &str = "x-twilio-webhooks-signature-settings";
/// The query parameter with the digest of a body that is no form.
const BODY: &str = "bodySHA256";

/// What Twilio signs with.
#[derive(Debug)]
pub(super) struct Keys {
    /// The account's token.
    pub token: Option<SecretText>,
    /// The secret of the account's shared key.
    pub shared: Option<SecretText>,
}

/// A request whose signature is right.
pub(super) struct Signed {
    pub fields: Fields,
    /// The signature: of two requests that say the same of the same message it is the same.
    pub signature: String,
}

// === impl Keys ===

impl Keys {
    /// The fields of a request that is signed as it should be.
    pub(super) fn check(&self, callback: &Callback<'_>) -> Result<Signed, BadCallback> {
        let (secret, algorithm) = self.used_for(callback)?;
        let signature = callback.header(SIGNATURE).ok_or(BadCallback::Forged("one X-Twilio-Signature is needed"))?;
        let tag = STANDARD.decode(signature).map_err(|_| BadCallback::Forged("its signature is no base64"))?;
        let is_form = callback
            .header(CONTENT_TYPE.as_str())
            .is_none_or(|kind| kind.trim_start().to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
        let form = if is_form { callback.form() } else { Vec::new() };
        let key = hmac::Key::new(algorithm, secret.reveal().as_bytes());
        let is_signed =
            spellings(callback.url).iter().any(|url| hmac::verify(&key, &signed_text(url, &form), &tag).is_ok());
        if !is_signed {
            return Err(BadCallback::Forged("its signature is wrong"));
        }
        let fields = if is_form { Fields(form) } else { body(callback)? };
        Ok(Signed { fields, signature: signature.to_owned() })
    }

    /// The secret and the algorithm with which a request says that it is signed.
    fn used_for(&self, callback: &Callback<'_>) -> Result<(&SecretText, hmac::Algorithm), BadCallback> {
        let settings = match callback.header(SETTINGS) {
            Some(settings) => settings,
            None if callback.headers.contains_key(SETTINGS) => {
                return Err(BadCallback::Forged("it names several keys"));
            }
            None => "",
        };
        let setting = |wanted: &str| {
            let mut parts = settings.split(',').filter_map(|part| part.split_once('='));
            parts.find(|(name, value)| name.trim() == wanted && !value.trim().is_empty()).map(|(_, value)| value.trim())
        };
        let algorithm = match setting("algorithm") {
            None => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA1") => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Some(name) if name.eq_ignore_ascii_case("HMAC_SHA256") => hmac::HMAC_SHA256,
            Some(_) => return Err(BadCallback::Forged("it is signed in a way that is not known")),
        };
        let secret = if setting("key").is_some() { &self.shared } else { &self.token };
        secret.as_ref().map(|secret| (secret, algorithm)).ok_or(BadCallback::NoReceipts)
    }
}

/// What is signed: the address, and name and value of every field, sorted, each pair once.
pub(super) fn signed_text(url: &str, form: &[(String, String)]) -> Vec<u8> {
    let pairs: BTreeSet<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut text = url.as_bytes().to_vec();
    for (name, value) in pairs {
        text.extend_from_slice(name.as_bytes());
        text.extend_from_slice(value.as_bytes());
    }
    text
}

/// The address as it is, without its port, and with the port that its scheme stands for: which one Twilio signs depends
/// on the service that sends the request, and its own SDKs try all of them, too.
fn spellings(url: &str) -> Vec<Cow<'_, str>> {
    let mut all = vec![Cow::Borrowed(url)];
    let Some(start) = url.find("://").map(|at| at + 3) else { return all };
    let (before, rest) = url.split_at_checked(start).unwrap_or((url, ""));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    // The colons of an IPv6 address are within brackets.
    let port = authority.rfind(':').filter(|at| authority.rfind(']').is_none_or(|bracket| bracket < *at));
    match port {
        Some(at) => all.push(Cow::Owned(format!("{before}{}{after}", authority.get(..at).unwrap_or(authority)))),
        None => {
            let port = if before == "https://" { 443 } else { 80 };
            all.push(Cow::Owned(format!("{before}{authority}:{port}{after}")));
        }
    }
    all
}

/// The fields of a body that is no form, if it is the one whose digest the signed address carries.
fn body(callback: &Callback<'_>) -> Result<Fields, BadCallback> {
    let said = callback.parameter(BODY).ok_or(BadCallback::Forged("nothing binds its body"))?;
    let digest = digest::digest(&digest::SHA256, callback.body);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    if !bool::from(digest.as_bytes().ct_eq(said.as_bytes())) {
        return Err(BadCallback::Forged("its body is another one"));
    }
    let Ok(Value::Object(object)) = serde_json::from_slice(callback.body) else {
        return Err(BadCallback::Malformed("its body is neither a form nor JSON"));
    };
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Ok(Fields(object.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect()))
}
