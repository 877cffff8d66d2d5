//! Vonage's SMS API: one form, and 200 whatever comes of it.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use crate::delivery::providers::vonage::signature::Pair;
use crate::delivery::providers::vonage::{REST, Vonage, digits, price, whose};
use crate::delivery::sentences::SmsText;
use crate::delivery::spec::vonage::SignatureMode;
use crate::delivery::token::{is_fresh, same};
use crate::delivery::web::Answer;
use crate::delivery::{BadCallback, Callback, Failure, Heard, Parcel, Receipt, Taken};
use crate::words::{FailureClass, Price, Progress};

/// The shortest time, in milliseconds, for which Vonage tries to deliver, and the longest.
const TTL: (u128, u128) = (20_000, 604_800_000);
/// The longest address of receipts: with a longer one the message is refused.
const CALLBACK: usize = 100;

impl Vonage {
    pub(super) async fn carry_by_sms(&self, parcel: &Parcel<'_>, text: &SmsText) -> Result<Taken, Failure> {
        let mut form = vec![
            ("from".to_owned(), self.spec.from.as_str().to_owned()),
            ("to".to_owned(), digits(parcel)?.to_owned()),
            ("text".to_owned(), text.text.clone()),
            ("type".to_owned(), if text.unicode { "unicode" } else { "text" }.to_owned()),
            ("ttl".to_owned(), parcel.message.expires_in.as_millis().clamp(TTL.0, TTL.1).to_string()),
            ("client-ref".to_owned(), Reference::write(parcel, text)),
        ];
        // A receipt finds its message without it: by the reference.
        if let Some(receipts) = self.receipts(parcel).filter(|url| url.len() <= CALLBACK) {
            form.push(("callback".to_owned(), receipts.to_owned()));
        }
        let request = self.post(REST, "/sms/json");
        let request = match (&self.spec.signature, &self.spec.api_key) {
            (Some((mode, secret)), Some(api_key)) if self.spec.sign_requests => {
                form.push(("api_key".to_owned(), api_key.clone()));
                form.push(("timestamp".to_owned(), self.clock.now().as_secs().to_string()));
                let signature = mode.sign(&form, secret.reveal());
                form.push(("sig".to_owned(), signature.ok_or(Failure::Unsendable("it cannot be signed"))?));
                request
            }
            _ => {
                let (api_key, secret) = self.account().ok_or(Failure::Unsendable("there are no credentials"))?;
                request.basic_auth(api_key, Some(secret))
            }
        };
        taken(&self.web.send(request.form(&form), self.limit).await?)
    }
}

/// What an answer says of a message that was sent in one request: it is taken when every part is.
fn taken(answer: &Answer) -> Result<Taken, Failure> {
    if !answer.status.is_success() {
        return Err(answer.refusal(answer.class_of_status(), None));
    }
    let json = answer.json();
    let parts = json.get("messages").and_then(Value::as_array).filter(|parts| !parts.is_empty());
    // It answered, and what became of the message nobody knows.
    let parts = parts.ok_or(Failure::Broken { written: true })?;
    let refused: Vec<&Value> = parts.iter().filter(|part| status(part) != "0").collect();
    match refused.first() {
        None => {}
        // Some of it is on its way.
        Some(_) if refused.len() < parts.len() => return Err(Failure::Broken { written: true }),
        Some(part) => {
            let status = status(part);
            let mut failure = answer.refusal(class_of_refusal(&status), Some(&status));
            if let Failure::Declined { retry_after, .. } = &mut failure {
                *retry_after = retry_after.or_else(|| asked_wait(&status, part));
            }
            return Err(failure);
        }
    }
    let first = parts.first().and_then(|part| part.get("message-id")).and_then(Value::as_str);
    let each = |part: &Value| price(part.get("message-price").and_then(Value::as_str), None);
    let prices: Option<Vec<Price>> = parts.iter().map(each).collect();
    let sum = |prices: Vec<Price>| {
        let currency = prices.first().and_then(|price| price.currency);
        Price { amount: prices.iter().map(|price| price.amount).sum(), currency }
    };
    Ok(Taken { price: prices.map(sum), ..Taken::accepted(first.map(str::to_owned)) })
}

/// The status of a part: a text in the answers of today, but a number would mean the same.
fn status(part: &Value) -> String {
    match part.get("status") {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}

/// The wait that a throttled answer asks for: `please wait [ 250 ] and retry`, in milliseconds.
fn asked_wait(status: &str, part: &Value) -> Option<Duration> {
    let text = part.get("error-text").filter(|_| status == "1")?.as_str()?;
    let (_, from) = text.split_once('[')?;
    let millis: u64 = from.split_once(']')?.0.trim().parse().ok()?;
    Some(Duration::from_millis(millis.min(60_000)))
}

/// Why the API did not take a message, by its `status`.
fn class_of_refusal(status: &str) -> FailureClass {
    match status {
        "3" | "6" => FailureClass::InvalidNumber,
        "7" => FailureClass::RegionBlocked,
        "17" => FailureClass::CarrierFiltered,
        "1" | "10" => FailureClass::RateLimited,
        "8" | "9" | "33" => FailureClass::InsufficientBalance,
        "4" | "14" | "32" => FailureClass::AuthConfig,
        "15" | "29" => FailureClass::SenderConfig,
        "5" => FailureClass::ProviderDown,
        _ => FailureClass::Unknown,
    }
}

/// Why a message did not arrive, by the `err-code` of its receipt.
fn class_of_receipt(code: &str) -> FailureClass {
    match code {
        "11" | "12" => FailureClass::InvalidNumber,
        "2" | "7" | "8" => FailureClass::UnreachableTemporarily,
        "3" => FailureClass::UnreachablePermanently,
        "50" | "51" | "52" | "53" | "54" => FailureClass::RegionBlocked,
        "4" | "9" => FailureClass::OptedOut,
        "6" | "14" => FailureClass::CarrierFiltered,
        _ => FailureClass::Unknown,
    }
}

/// What we call a message, and in how many parts it goes: each part has a receipt of its own, with the price of that part
/// alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reference<'a> {
    id: &'a str,
    parts: u8,
}

/// Reads a receipt. It is a GET with a query, or a POST with a form or JSON.
pub(super) fn read(
    callback: &Callback<'_>,
    mode: SignatureMode,
    secret: &str,
    api_key: Option<&str>,
) -> Result<Heard, BadCallback> {
    let pairs = parameters(callback)?;
    let get = |name: &str| pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let signature = get("sig").ok_or(BadCallback::Forged("there is no signature"))?;
    // In a GET the parameters stand behind those of the address that we told. It is not written whether these are signed
    // with them: what is not signed is not used.
    let told: Vec<Pair> = pairs.iter().filter(|(name, _)| name != "m").cloned().collect();
    let whole = mode.is_signature(signature, &pairs, secret);
    if !whole && !mode.is_signature(signature, &told, secret) {
        return Err(BadCallback::Forged("the signature is wrong"));
    }
    let signed_at = get("timestamp").and_then(|text| text.parse().ok());
    if !is_fresh(signed_at.ok_or(BadCallback::Forged("the time of the signature is missing"))?, callback.now) {
        return Err(BadCallback::Stale);
    }
    if let (Some(theirs), Some(ours)) = (get("api-key"), api_key)
        && !same(theirs, ours)
    {
        return Err(BadCallback::Forged("it is of another account"));
    }
    // The signature itself, if there is no nonce: a replay has the same.
    let nonce = Some(get("nonce").unwrap_or(signature).to_owned());
    let Some(progress) = get("status").and_then(|status| progress(status, get("err-code").unwrap_or_default())) else {
        return Ok(Heard { receipts: Vec::new(), nonce });
    };
    let reference = get("client-ref").map(Reference::parse);
    let believed =
        Callback { query: if whole || callback.method != Method::GET { callback.query } else { "" }, ..*callback };
    let parts = reference.map_or(1, |reference| reference.parts);
    let of_all = |of_one: Price| Price { amount: of_one.amount.times(parts.into()), ..of_one };
    let receipt = Receipt {
        whose: whose(reference.map(|reference| reference.id), &believed, get("messageId"))?,
        progress,
        price: price(get("price"), None).map(of_all),
        parts: reference.map(|_| parts),
    };
    Ok(Heard { receipts: vec![receipt], nonce })
}

/// How far a message came, by the `status` of its receipt; `None` for one that says nothing.
fn progress(status: &str, code: &str) -> Option<Progress> {
    Some(match status {
        "accepted" | "buffered" => Progress::Sent,
        "delivered" => Progress::Delivered,
        "expired" => Progress::Failed(FailureClass::Expired),
        "failed" | "rejected" => Progress::Failed(class_of_receipt(code)),
        _ => return None,
    })
}

fn parameters(callback: &Callback<'_>) -> Result<Vec<Pair>, BadCallback> {
    if callback.method == Method::GET {
        return Ok(url::form_urlencoded::parse(callback.query.as_bytes()).into_owned().collect());
    }
    let kind = callback.header("content-type").unwrap_or_default().to_ascii_lowercase();
    if !kind.starts_with("application/json") {
        return Ok(callback.form());
    }
    let json: Value = serde_json::from_slice(callback.body).map_err(|_| BadCallback::Malformed("it is no JSON"))?;
    let fields = json.as_object().ok_or(BadCallback::Malformed("it is no JSON object"))?;
    let pair = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Some((name.clone(), text.clone())),
        Value::Number(number) => Some((name.clone(), number.to_string())),
        _ => None,
    };
    fields.iter().map(pair).collect::<Option<_>>().ok_or(BadCallback::Malformed("a parameter is no text"))
}

// === impl Reference ===

impl<'a> Reference<'a> {
    /// Our name of a message, and behind a dot the number of its parts if it has several.
    fn write(parcel: &Parcel<'_>, text: &SmsText) -> String {
        if text.parts > 1 { format!("{}.{}", parcel.id, text.parts) } else { parcel.id.to_string() }
    }

    /// Reads what [`Reference::write`] wrote.
    fn parse(text: &'a str) -> Self {
        let several = text.split_once('.').and_then(|(id, parts)| Some(Self { id, parts: parts.parse().ok()? }));
        several.unwrap_or(Self { id: text, parts: 1 })
    }
}

#[cfg(test)]
mod tests;
