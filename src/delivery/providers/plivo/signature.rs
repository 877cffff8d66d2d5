//! Plivo's signatures of its requests.
//!
//! Version 3 is the HMAC-SHA256, under the token of the account or of its main account, of the address, the decoded and
//! sorted fields, and a number that is used once; several may be listed. Version 2 covers the address without its query,
//! and that number, and nothing else. `https://www.plivo.com/docs/messaging/concepts/signature-validation`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use http::header::CONTENT_TYPE;
use ring::hmac;

use crate::delivery::providers::form::Fields;
use crate::delivery::{BadCallback, Callback};

const V3: [&str; 2] = ["x-plivo-signature-v3", "x-plivo-signature-ma-v3"];
const V3_NONCE: &str = "x-plivo-signature-v3-nonce";
const V2: [&str; 2] = ["x-plivo-signature-v2", "x-plivo-signature-ma-v2"];
const V2_NONCE: &str = "x-plivo-signature-v2-nonce";
/// The longest number that is used once: Plivo's have 20 digits, and they are remembered.
const LONGEST_NONCE: usize = 64;

/// A request whose signature is right.
pub(super) struct Signed {
    pub fields: Fields,
    /// What Plivo uses once only.
    pub nonce: String,
}

/// The fields of a request that is signed with `token` as it should be; `v2` says whether version 2 will do.
pub(super) fn check(token: &str, v2: bool, callback: &Callback<'_>) -> Result<Signed, BadCallback> {
    let fields = fields(callback)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
    let has = |names: &[&str]| names.iter().any(|name| callback.headers.contains_key(*name));
    // Whoever can take a header away must not choose the weaker version.
    let (names, nonce_name, is_v2) =
        if v2 && !has(&V3) && !has(&[V3_NONCE]) { (V2, V2_NONCE, true) } else { (V3, V3_NONCE, false) };
    if !has(&names) {
        return Err(BadCallback::Forged("one X-Plivo-Signature-V3 is needed"));
    }
    let nonce = callback.header(nonce_name).filter(|nonce| (1..=LONGEST_NONCE).contains(&nonce.len()));
    let nonce = nonce.ok_or(BadCallback::Forged("one nonce is needed"))?;
    let text = if is_v2 {
        format!("{}{nonce}", split(callback.url).0)
    } else {
        format!("{}.{nonce}", signed_text(callback.method, callback.url, &fields))
    };
    let values = names.iter().flat_map(|name| callback.headers.get_all(*name));
    let mut listed = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let is_signed = listed.any(|signature| {
        STANDARD.decode(signature.trim()).is_ok_and(|tag| hmac::verify(&key, text.as_bytes(), &tag).is_ok())
    });
    if is_signed {
        Ok(Signed { fields: Fields(fields), nonce: nonce.to_owned() })
    } else {
        Err(BadCallback::Forged("its signature is wrong"))
    }
}

/// What a request says: in its query or, posted, in its form. The signature covers no body that is none.
fn fields(callback: &Callback<'_>) -> Result<Vec<(String, String)>, BadCallback> {
    match *callback.method {
        Method::GET => Ok(pairs(callback.query)),
        Method::POST if callback.body.is_empty() => Ok(Vec::new()),
        Method::POST => {
            let kind = callback.header(CONTENT_TYPE.as_str()).unwrap_or_default().trim_start().to_ascii_lowercase();
            if kind.starts_with("application/x-www-form-urlencoded") {
                Ok(callback.form())
            } else {
                Err(BadCallback::Malformed("its body is no form"))
            }
        }
        _ => Err(BadCallback::Malformed("it is neither GET nor POST")),
    }
}

/// What version 3 signs of a request, up to the number that is used once.
pub(super) fn signed_text(method: &Method, url: &str, fields: &[(String, String)]) -> String {
    let (base, query) = split(url);
    let query = joined(&pairs(query), "=", "&");
    if *method == Method::GET || fields.is_empty() {
        return if query.is_empty() { base.to_owned() } else { format!("{base}?{query}") };
    }
    let dot = if query.is_empty() { "" } else { "." };
    format!("{base}?{query}{dot}{}", joined(fields, "", ""))
}

/// An address up to its query, and its query.
fn split(url: &str) -> (&str, &str) {
    let url = url.split('#').next().unwrap_or(url);
    url.split_once('?').unwrap_or((url, ""))
}

fn pairs(query: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Pairs in the order of their names, and of their values where those are the same.
fn joined(pairs: &[(String, String)], inside: &str, between: &str) -> String {
    let mut sorted: Vec<_> = pairs.iter().collect();
    sorted.sort();
    let texts: Vec<String> = sorted.into_iter().map(|(name, value)| format!("{name}{inside}{value}")).collect();
    texts.join(between)
}
