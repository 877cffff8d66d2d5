//! Receipts of a provider that an operator describes: whose they are, and what they say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, header};
use ring::hmac;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use crate::config::SecretText;
use crate::delivery::spec::http::{HttpReceipts, Pointer, Signature, TokenPlace};
use crate::delivery::{BadCallback, Callback, Heard, Receipt, Whose};
use crate::words::{FailureClass, MessageId, Price, Progress};

/// How old a signed receipt may be, and how far ahead its clock, in seconds: what Standard Webhooks' libraries take.
const TOLERANCE: u64 = 300;

/// Reads a receipt, once it is known whose it is.
pub(super) fn read(receipts: &HttpReceipts, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
    let nonce = match &receipts.signature {
        Signature::StandardWebhooks(key) => Some(standard_webhook(key, callback)?),
        Signature::Token { secret, place } => {
            token(secret, place, callback)?;
            None
        }
    };
    let told = document(callback)?;
    let all = match &told {
        Value::Array(list) => list.as_slice(),
        one => std::slice::from_ref(one),
    };
    // An address is signed by its token, but not by Standard Webhooks.
    let named = if nonce.is_none() { callback.ours() } else { None };
    let receipts = all.iter().filter_map(|one| receipt(receipts, one, named.clone())).collect();
    Ok(Heard { receipts, nonce })
}

fn receipt(receipts: &HttpReceipts, told: &Value, named: Option<Whose>) -> Option<Receipt> {
    let text = |pointer: &Option<_>| pointer.as_ref().and_then(|pointer: &Pointer| pointer.text(told));
    let ours = text(&receipts.reference).and_then(|text| MessageId::parse(&text).ok()).map(Whose::Ours);
    let theirs = || text(&receipts.id).filter(|text| !text.is_empty()).map(Whose::Theirs);
    let whose = ours.or(named).or_else(theirs)?;
    let word = receipts.status.text(told)?;
    let (_, progress) = receipts.states.iter().find(|(known, _)| *known == word)?;
    let progress = match progress {
        Progress::Failed(_) => {
            let rule = receipts.errors.iter().find(|rule| rule.fits(None, told));
            Progress::Failed(rule.map_or(FailureClass::Unknown, |rule| rule.class))
        }
        progress => *progress,
    };
    let price = text(&receipts.price).and_then(|text| text.parse().ok());
    let price = price.map(|amount| Price { amount, currency: None });
    let parts = text(&receipts.parts).and_then(|text| text.parse().ok());
    Some(Receipt { whose, progress, price, parts })
}

/// What a receipt says: JSON, or the fields of a form or a query as one object.
fn document(callback: &Callback<'_>) -> Result<Value, BadCallback> {
    let object = |pairs: Vec<(String, String)>| {
        let mut object = Map::new();
        for (name, value) in pairs {
            // The first of several, as with parameters everywhere here.
            object.entry(name).or_insert(Value::String(value));
        }
        Value::Object(object)
    };
    if *callback.method == Method::GET {
        let pairs = url::form_urlencoded::parse(callback.query.as_bytes());
        return Ok(object(pairs.into_owned().collect()));
    }
    let kind = callback.header(header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Ok(object(callback.form()));
    }
    serde_json::from_slice(callback.body).map_err(|_| BadCallback::Malformed("neither JSON nor a form"))
}

fn token(secret: &SecretText, place: &TokenPlace, callback: &Callback<'_>) -> Result<(), BadCallback> {
    let given = match place {
        TokenPlace::Query(name) => callback.parameter(name),
        TokenPlace::Header(name) => callback.header(name.as_str()).map(str::to_owned),
    };
    let given = given.ok_or(BadCallback::Forged("its token is missing"))?;
    let bare = given.strip_prefix("Bearer ").unwrap_or(&given);
    let is_same = |text: &str| bool::from(text.as_bytes().ct_eq(secret.reveal().as_bytes()));
    // Both, whatever the first one is, so that neither is told by the time.
    if is_same(&given) | is_same(bare) { Ok(()) } else { Err(BadCallback::Forged("its token is wrong")) }
}

/// Checks a signature by <https://github.com/standard-webhooks/standard-webhooks>: gives what is used once only.
fn standard_webhook(key: &hmac::Key, callback: &Callback<'_>) -> Result<String, BadCallback> {
    let header = |name| callback.header(name).ok_or(BadCallback::Forged("a header of its signature is missing"));
    let (id, time, signatures) = (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    // A dot in the name would let the parts of what is signed be cut in another way.
    if id.is_empty() || id.contains('.') || time.is_empty() || !time.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadCallback::Forged("a header of its signature is malformed"));
    }
    let signed = [id.as_bytes(), b".", time.as_bytes(), b".", callback.body].concat();
    let is_good = |signature: &str| {
        let encoded = signature.strip_prefix("v1,").and_then(|text| STANDARD.decode(text).ok());
        encoded.is_some_and(|tag| hmac::verify(key, &signed, &tag).is_ok())
    };
    if !signatures.split(' ').any(is_good) {
        return Err(BadCallback::Forged("its signature is wrong"));
    }
    let at: u64 = time.parse().map_err(|_| BadCallback::Stale)?;
    if callback.now.as_secs().abs_diff(at) > TOLERANCE { Err(BadCallback::Stale) } else { Ok(id.to_owned()) }
}
