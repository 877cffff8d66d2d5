//! Plivo: text messages (Message) and calls (Call) of its API v1.
//!
//! What a call says is no part of Plivo's API: Plivo fetches it, in a signed request to a signed address, so that a call
//! needs a `public_url`. **A call does not tell its code to a machine (O33)**: with `machine_detection: hangup` Plivo
//! listens before it does anything that it fetched, and hangs up on a machine. It may be mistaken, as every detection may.
//!
//! Receipts are ordered by the store; their `Sequence` adds nothing to that.

mod codes;
mod signature;

use std::time::Duration;

use async_trait::async_trait;
use http::StatusCode;
use serde_json::{Value, json};

use self::signature::Signed;
use crate::config::SecretText;
use crate::delivery::providers::form::{Fields, price};
use crate::delivery::providers::{Bench, Provider, markup};
use crate::delivery::sender::Origin;
use crate::delivery::sentences::SmsText;
use crate::delivery::spec::PlivoSpec;
use crate::delivery::web::{Answer, Web};
use crate::delivery::{BadCallback, Callback, Common, Failure, Heard, Parcel, Receipt, Said, Taken, Whose};
use crate::words::{Channel, FailureClass, Progress};

/// Where Plivo is.
const BASE: &str = "https://api.plivo.com";
/// The shortest and the longest life of a message in Plivo's queue, in seconds.
const LIFE: (u64, u64) = (5, 10_799);
/// How long a telephone rings at most, in seconds.
const RINGING: u64 = 60;
/// The longest call, in seconds: three times what one takes that says everything. Every minute costs.
const LONGEST_CALL: u64 = 120;
/// How long Plivo listens for a machine, in milliseconds: its own default (2000 to 10000).
const DETECTION: u64 = 5000;
/// Those of our languages that the voices of every account speak.
const SPOKEN: &[&str] = &["en-US", "de-DE", "fr-FR", "es-ES"];

/// An account at Plivo.
#[derive(Debug)]
pub(super) struct Plivo {
    base: String,
    auth_id: String,
    auth_token: SecretText,
    origin: Origin,
    signature_v2: bool,
    timeout: Duration,
    web: Web,
}

// === impl Plivo ===

impl Plivo {
    pub(super) fn new(spec: PlivoSpec, common: Common, bench: &Bench<'_>) -> Self {
        let PlivoSpec { auth_id, auth_token, origin, signature_v2 } = spec;
        let base = common.base_url.unwrap_or_else(|| BASE.to_owned());
        Self { base, auth_id, auth_token, origin, signature_v2, timeout: common.timeout, web: bench.web.clone() }
    }

    fn message(&self, parcel: &Parcel<'_>, text: &SmsText) -> Value {
        let (key, sender) = match &self.origin {
            Origin::Sender(sender) => ("src", sender.as_str()),
            Origin::Pool(powerpack) => ("powerpack_uuid", powerpack.as_str()),
        };
        let mut body = json!({
            key: sender,
            "dst": digits(parcel.message.to.reveal()),
            "text": text.text,
            "type": "sms",
            // The message holds a code: Plivo keeps neither its text nor the whole number.
            "log": "false",
            "message_expiry": parcel.message.expires_in.as_secs().clamp(LIFE.0, LIFE.1),
        });
        if let Some(url) = parcel.receipts {
            body["url"] = json!(url);
            body["method"] = json!("POST");
        }
        body
    }

    fn call(&self, parcel: &Parcel<'_>) -> Result<Value, Failure> {
        let from = self.origin.caller().ok_or(Failure::Unsendable("a call needs a number as `from`"))?;
        let answer = parcel.answer;
        let answer = answer.ok_or(Failure::Unsendable("a call needs a `public_url`, where its words are fetched"))?;
        let mut body = json!({
            "from": from,
            "to": digits(parcel.message.to.reveal()),
            "answer_url": answer,
            "answer_method": "POST",
            "machine_detection": "hangup",
            "machine_detection_time": DETECTION,
            "ring_timeout": parcel.message.expires_in.as_secs().clamp(1, RINGING),
            "time_limit": LONGEST_CALL,
        });
        if let Some(url) = parcel.receipts {
            body["hangup_url"] = json!(url);
            body["hangup_method"] = json!("POST");
        }
        Ok(body)
    }
}

#[async_trait]
impl Provider for Plivo {
    fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email | Channel::Hosted => false,
            Channel::Sms => true,
            Channel::Voice => self.origin.caller().is_some(),
        }
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        let (resource, name, body) = match parcel.said {
            Said::Sms(text) => ("Message", "message_uuid", self.message(parcel, text)),
            Said::Voice(_) => ("Call", "request_uuid", self.call(parcel)?),
            Said::Email(_) => return Err(Failure::Unsendable("it carries no e-mail")),
        };
        let url = format!("{}/v1/Account/{}/{resource}/", self.base, self.auth_id);
        let request = self.web.post(&url).basic_auth(&self.auth_id, Some(self.auth_token.reveal())).json(&body);
        taken(&self.web.send(request, self.timeout).await?, name)
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        let Signed { fields, nonce } = signature::check(self.auth_token.reveal(), self.signature_v2, callback)?;
        Ok(Heard { receipts: receipt(callback, &fields)?.into_iter().collect(), nonce: Some(nonce) })
    }

    fn fetches_words(&self, channel: Channel) -> bool {
        channel == Channel::Voice
    }

    fn asks_for_words(&self, callback: &Callback<'_>) -> Result<(), BadCallback> {
        let Signed { fields, .. } = signature::check(self.auth_token.reveal(), false, callback)?;
        if is_machine(&fields)? { Err(BadCallback::Malformed("a machine answered")) } else { Ok(()) }
    }

    fn words(&self, parcel: &Parcel<'_>) -> String {
        match parcel.said {
            Said::Voice(speech) => markup::tell(markup::PLIVO_SAYS, speech, SPOKEN),
            Said::Email(_) | Said::Sms(_) => String::new(),
        }
    }
}

/// A number as Plivo writes it.
fn digits(number: &str) -> &str {
    number.trim_start_matches('+')
}

/// What an answer says; `name` is the field with Plivo's name for the message or the call.
fn taken(answer: &Answer, name: &str) -> Result<Taken, Failure> {
    let said = answer.json();
    if !answer.status.is_success() {
        let text = said.get("error").map(|error| error.as_str().map_or_else(|| error.to_string(), str::to_owned));
        return Err(answer.refusal(class(answer, &text.unwrap_or_default().to_ascii_lowercase()), None));
    }
    let first = |key: &str| match said.get(key) {
        Some(Value::Array(all)) => all.first().and_then(Value::as_str),
        Some(Value::String(one)) => Some(one.as_str()),
        _ => None,
    };
    match (first(name), first("invalid_number")) {
        (Some(theirs), _) => Ok(Taken::accepted(Some(theirs.to_owned()))),
        (None, Some(_)) => Err(answer.refusal(FailureClass::InvalidNumber, None)),
        // An answer that is none: something took the message, and nobody knows what.
        (None, None) => Err(Failure::Broken { written: true }),
    }
}

/// The class of a refusal. Plivo has no numbers for them: its text, in small letters, names what it does not like.
fn class(answer: &Answer, text: &str) -> FailureClass {
    match answer.status {
        _ if text.contains("insufficient credit") => FailureClass::InsufficientBalance,
        StatusCode::BAD_REQUEST if text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "dst") => {
            FailureClass::InvalidNumber
        }
        StatusCode::FORBIDDEN => FailureClass::RegionBlocked,
        _ => answer.class_of_status(),
    }
}

/// What a receipt says; nothing for states that do not matter.
fn receipt(callback: &Callback<'_>, fields: &Fields) -> Result<Option<Receipt>, BadCallback> {
    let (theirs, progress) = if let Some(status) = fields.one("CallStatus")? {
        let cause = fields.first(&["HangupCauseCode", "HangupCause"])?;
        (fields.first(&["RequestUUID", "CallUUID"])?, codes::of_call(status, is_machine(fields)?, cause))
    } else if let Some(status) = fields.one("Status")? {
        // Of a message in several parts each has a name of its own.
        let theirs = fields.first(&["ParentMessageUUID", "MessageUUID"])?;
        (theirs, codes::of_message(status, fields.one("ErrorCode")?))
    } else {
        return Ok(None);
    };
    let theirs = theirs.ok_or(BadCallback::Malformed("it names no message"))?;
    let Some(progress) = progress else { return Ok(None) };
    let whose = callback.ours().unwrap_or_else(|| Whose::Theirs(theirs.to_owned()));
    // Before the end there is a price of nothing in it.
    let is_final = matches!(progress, Progress::Delivered | Progress::Failed(_));
    let price = price(fields.first(&["TotalAmount", "TotalCost"])?, None).filter(|_| is_final);
    let parts = fields.one("Units")?.and_then(|count| count.parse().ok());
    Ok(Some(Receipt { whose, progress, price, parts }))
}

/// Whether a machine answered a call.
fn is_machine(fields: &Fields) -> Result<bool, BadCallback> {
    let told = fields.one("Machine")?.is_some_and(|told| told.eq_ignore_ascii_case("true"));
    let cause = fields.one("HangupCauseName")?.is_some_and(|cause| cause.to_ascii_lowercase().contains("machine"));
    Ok(told || cause)
}

#[cfg(test)]
mod tests;
