//! MessageBird, the classic API: text messages and calls. Its successor is in [`super::bird`].

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::header;
use serde_json::{Value, json};

use crate::delivery::providers::form::price;
use crate::delivery::providers::{Bench, Provider};
use crate::delivery::sentences::{SmsText, Speech};
use crate::delivery::token::{self, Algorithm, Claims};
use crate::delivery::web::{Answer, Web};
use crate::delivery::{
    BadCallback, Callback, Common, Failure, Heard, MessageBirdSpec, Parcel, Receipt, Said, Taken, Whose,
};
use crate::words::{Address, Channel, FailureClass, MessageId, Progress};

/// Where the API is.
const REST: &str = "https://rest.messagebird.com";
/// The longest text of a call, in characters.
const SPEECH: usize = 1000;
/// How often a call says everything. The words hold the code twice already, but begin before an ear is at the telephone.
const REPEAT: u8 = 2;
/// How far the vendor's clock may be ahead or behind, in seconds: as its own SDKs have it.
const LEEWAY: u64 = 1;
/// How receipts are signed: the key says by how many bits.
const SIGNED: &[Algorithm] = &[Algorithm::Hs256, Algorithm::Hs384, Algorithm::Hs512];

/// A MessageBird account that carries messages.
pub(super) struct MessageBird {
    spec: MessageBirdSpec,
    base_url: String,
    limit: Duration,
    web: Web,
}

// === impl MessageBird ===

impl MessageBird {
    pub(super) fn new(spec: MessageBirdSpec, common: &Common, bench: &Bench<'_>) -> Self {
        let base_url = common.base_url.clone().unwrap_or_else(|| REST.to_owned());
        Self { spec, base_url, limit: common.timeout, web: bench.web.clone() }
    }

    fn text_message(&self, parcel: &Parcel<'_>, text: &SmsText) -> Value {
        json!({
            "type": "sms",
            "originator": self.spec.from.as_str(),
            "body": text.text,
            "datacoding": if text.unicode { "unicode" } else { "plain" },
            "validity": parcel.message.expires_in.as_secs().max(1),
        })
    }

    fn voice_message(&self, speech: &Speech) -> Result<Value, Failure> {
        let body = speech.to_string();
        if body.chars().count() > SPEECH {
            return Err(Failure::Unsendable("its text is too long for a call"));
        }
        let mut message = json!({
            "body": body,
            "language": speech.locale().to_ascii_lowercase(),
            "repeat": REPEAT,
            // A code must not lie in a mailbox that others can listen to.
            "ifMachine": "hangup",
        });
        if let Some(number) = self.spec.from.caller() {
            message["originator"] = number.into();
        }
        Ok(message)
    }
}

#[async_trait]
impl Provider for MessageBird {
    fn serves(&self, channel: Channel) -> bool {
        self.spec.serves(channel)
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        let (path, mut message) = match parcel.said {
            Said::Sms(text) => ("messages", self.text_message(parcel, text)),
            Said::Voice(speech) => ("voicemessages", self.voice_message(speech)?),
            Said::Email(_) => return Err(Failure::Unsendable("it is an e-mail")),
        };
        let Address::Phone(number) = parcel.message.to.address() else {
            return Err(Failure::Unsendable("its recipient is no number"));
        };
        message["recipients"] = json!([number.reveal().trim_start_matches('+')]);
        // Without a reference there is no receipt.
        message["reference"] = parcel.id.to_string().into();
        if let Some(receipts) = parcel.receipts.filter(|_| self.spec.signing_key.is_some()) {
            message["reportUrl"] = receipts.into();
        }
        let request = self
            .web
            .post(&format!("{}/{path}", self.base_url))
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, format!("AccessKey {}", self.spec.access_key.reveal()))
            .json(&message);
        taken(&self.web.send(request, self.limit).await?)
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        let key = self.spec.signing_key.as_ref().ok_or(BadCallback::NoReceipts)?;
        let nonce = check(callback, key.reveal())?;
        let receipt = receipt(callback)?;
        Ok(Heard { receipts: receipt.into_iter().collect(), nonce: Some(nonce) })
    }
}

impl fmt::Debug for MessageBird {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MessageBird")
    }
}

fn taken(answer: &Answer) -> Result<Taken, Failure> {
    let json = answer.json();
    if !answer.status.is_success() {
        return Err(refused(answer, &json));
    }
    let theirs = json.get("id").and_then(Value::as_str);
    // It answered, and what became of the message nobody knows.
    theirs.map(|name| Taken::accepted(Some(name.to_owned()))).ok_or(Failure::Broken { written: true })
}

/// A refusal: the first error that says why.
fn refused(answer: &Answer, json: &Value) -> Failure {
    let errors = json.get("errors").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let read = |error: &Value| {
        let code = error.get("code")?.as_u64()?;
        Some((code, class(code, error.get("parameter").and_then(Value::as_str).unwrap_or_default())))
    };
    let known = errors.iter().filter_map(read).find(|(_, class)| *class != FailureClass::Unknown);
    match known.or_else(|| errors.iter().find_map(read)) {
        Some((code, FailureClass::Unknown)) => answer.refusal(answer.class_of_status(), Some(&code.to_string())),
        Some((code, class)) => answer.refusal(class, Some(&code.to_string())),
        None => answer.refusal(answer.class_of_status(), None),
    }
}

/// Why a message was not taken, by the number of the error and the parameter that it names.
fn class(code: u64, parameter: &str) -> FailureClass {
    match (code, parameter) {
        (2, _) => FailureClass::AuthConfig,
        (9 | 10 | 21, "recipient" | "recipients") => FailureClass::InvalidNumber,
        (9 | 10 | 21, "originator") => FailureClass::SenderConfig,
        (25, _) => FailureClass::InsufficientBalance,
        (98 | 99, _) => FailureClass::ProviderDown,
        _ => FailureClass::Unknown,
    }
}

/// Checks the token of a receipt; what it uses once only.
fn check(callback: &Callback<'_>, key: &str) -> Result<String, BadCallback> {
    let signature = callback.header("messagebird-signature-jwt");
    let claims = token::open(signature.ok_or(BadCallback::Forged("there is no token"))?, key, SIGNED)?;
    if claims.text("iss") != Some("MessageBird") {
        return Err(BadCallback::Forged("its token is not of MessageBird"));
    }
    let moment = |name| claims.moment(name).ok_or(BadCallback::Forged("the time of its token is missing"));
    let (now, from, until) = (callback.now.as_secs(), moment("nbf")?, moment("exp")?);
    if now.saturating_add(LEEWAY) < from || until.saturating_add(LEEWAY) <= now {
        return Err(BadCallback::Stale);
    }
    if !claims.is_hash_of("url_hash", callback.url.as_bytes()) {
        return Err(BadCallback::Forged("its token is of another address"));
    }
    if !is_of_body(&claims, callback.body) {
        return Err(BadCallback::Forged("its token is of another body"));
    }
    let nonce = claims.text("jti").filter(|jti| !jti.is_empty());
    nonce.map(str::to_owned).ok_or(BadCallback::Forged("its token can be used twice"))
}

/// Whether the token names the hash of the body if there is one, and none if there is none.
fn is_of_body(claims: &Claims, body: &[u8]) -> bool {
    if body.is_empty() { !claims.has("payload_hash") } else { claims.is_hash_of("payload_hash", body) }
}

/// What a receipt says, its token checked. `None` when it says nothing that matters.
fn receipt(callback: &Callback<'_>) -> Result<Option<Receipt>, BadCallback> {
    let get = |name: &str| callback.parameter(name);
    let progress = match get("status").as_deref() {
        Some("scheduled") => Progress::Accepted,
        Some("sent" | "buffered" | "calling") => Progress::Sent,
        Some("delivered" | "answered") => Progress::Delivered,
        Some("expired") => Progress::Failed(FailureClass::Expired),
        Some("busy" | "machine") => Progress::Failed(FailureClass::UnreachableTemporarily),
        Some("delivery_failed" | "failed") => {
            Progress::Failed(class_of_receipt(&get("statusErrorCode").unwrap_or_default()))
        }
        _ => return Ok(None),
    };
    let by_reference = || get("reference").and_then(|text| MessageId::parse(&text).ok()).map(Whose::Ours);
    let theirs = || get("id").filter(|id| !id.is_empty()).map(Whose::Theirs);
    let whose = callback.ours().or_else(by_reference).or_else(theirs);
    Ok(Some(Receipt {
        whose: whose.ok_or(BadCallback::Malformed("it names no message"))?,
        progress,
        price: price(get("price[amount]").as_deref(), get("price[currency]").as_deref()),
        parts: get("messagePartCount").and_then(|count| count.parse().ok()),
    }))
}

/// Why a message did not arrive, by the `statusErrorCode` of its receipt.
fn class_of_receipt(code: &str) -> FailureClass {
    match code {
        "1" => FailureClass::InvalidNumber,
        "27" | "34" => FailureClass::UnreachableTemporarily,
        "103" => FailureClass::OptedOut,
        _ => FailureClass::Unknown,
    }
}

#[cfg(test)]
mod tests;
