//! Bird, the Channels API: MessageBird's second generation. Text messages through a channel of a workspace.
//!
//! Receipts come to the address that is set for the workspace, not for a message: they name it by its reference.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header;
use ring::digest::{SHA256, digest};
use ring::hmac;
use serde_json::{Value, json};

use crate::delivery::providers::{Bench, Provider};
use crate::delivery::token::is_fresh;
use crate::delivery::web::{Answer, Web};
use crate::delivery::{BadCallback, BirdSpec, Callback, Common, Failure, Heard, Parcel, Receipt, Said, Taken, Whose};
use crate::words::{Address, Channel, FailureClass, MessageId, Progress};

/// Where the API is.
const API: &str = "https://api.bird.com";

/// A channel of a Bird workspace that carries messages.
pub(super) struct Bird {
    spec: BirdSpec,
    url: String,
    limit: Duration,
    web: Web,
}

// === impl Bird ===

impl Bird {
    pub(super) fn new(spec: BirdSpec, common: &Common, bench: &Bench<'_>) -> Self {
        let base = common.base_url.as_deref().unwrap_or(API);
        let url = format!("{base}/workspaces/{}/channels/{}/messages", spec.workspace, spec.channel);
        Self { spec, url, limit: common.timeout, web: bench.web.clone() }
    }
}

#[async_trait]
impl Provider for Bird {
    fn serves(&self, channel: Channel) -> bool {
        self.spec.serves(channel)
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        let (Said::Sms(text), Address::Phone(number)) = (parcel.said, parcel.message.to.address()) else {
            return Err(Failure::Unsendable("it is no text message"));
        };
        let message = json!({
            "receiver": {"contacts": [{"identifierKey": "phonenumber", "identifierValue": number.reveal()}]},
            "body": {"type": "text", "text": {"text": text.text}},
            "reference": parcel.id.to_string(),
        });
        let request = self
            .web
            .post(&self.url)
            .header(header::ACCEPT, "application/json")
            .header(header::AUTHORIZATION, format!("AccessKey {}", self.spec.access_key.reveal()))
            .json(&message);
        taken(&self.web.send(request, self.limit).await?)
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        let key = self.spec.signing_key.as_ref().ok_or(BadCallback::NoReceipts)?;
        let nonce = check(callback, key.reveal())?;
        let said: Value = serde_json::from_slice(callback.body).map_err(|_| BadCallback::Malformed("it is no JSON"))?;
        let receipt = receipt(said.get("payload").unwrap_or(&said), callback)?;
        Ok(Heard { receipts: receipt.into_iter().collect(), nonce: Some(nonce) })
    }
}

impl fmt::Debug for Bird {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bird({}/{})", self.spec.workspace, self.spec.channel)
    }
}

fn taken(answer: &Answer) -> Result<Taken, Failure> {
    if !answer.status.is_success() {
        let class = match answer.status.as_u16() {
            403 => FailureClass::AuthConfig,
            // No such workspace or channel.
            404 => FailureClass::SenderConfig,
            _ => answer.class_of_status(),
        };
        return Err(answer.refusal(class, None));
    }
    let json = answer.json();
    let theirs = json.get("id").and_then(Value::as_str);
    // It answered, and what became of the message nobody knows.
    let theirs = theirs.ok_or(Failure::Broken { written: true })?.to_owned();
    match progress(&json) {
        Some(Progress::Failed(class)) => Err(answer.refusal(class, failure_code(&json).as_deref())),
        Some(progress) => Ok(Taken { progress, ..Taken::accepted(Some(theirs)) }),
        None => Ok(Taken::accepted(Some(theirs))),
    }
}

/// Checks the signature of a receipt; what it uses once only: the signature itself, since a replay has the same.
fn check(callback: &Callback<'_>, key: &str) -> Result<String, BadCallback> {
    let (signature, signed_at) = callback
        .header("messagebird-signature")
        .zip(callback.header("messagebird-request-timestamp"))
        .ok_or(BadCallback::Forged("there is no signature, or it has no time"))?;
    let given = STANDARD.decode(signature).map_err(|_| BadCallback::Forged("its signature is none"))?;
    let body = digest(&SHA256, callback.body);
    let text = [signed_at.as_bytes(), b"\n", callback.url.as_bytes(), b"\n", body.as_ref()];
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), &text.concat(), &given)
        .map_err(|_| BadCallback::Forged("the signature is wrong"))?;
    let signed_at = signed_at.parse().map_err(|_| BadCallback::Forged("the time of the signature is none"))?;
    if is_fresh(signed_at, callback.now) { Ok(signature.to_owned()) } else { Err(BadCallback::Stale) }
}

/// What a receipt says, its signature checked. `None` when it says nothing that matters.
fn receipt(said: &Value, callback: &Callback<'_>) -> Result<Option<Receipt>, BadCallback> {
    let Some(progress) = progress(said) else { return Ok(None) };
    let text = |name: &str| said.get(name).and_then(Value::as_str);
    let by_reference = || text("reference").and_then(|text| MessageId::parse(text).ok()).map(Whose::Ours);
    let theirs = || text("id").filter(|id| !id.is_empty()).map(|id| Whose::Theirs(id.to_owned()));
    let whose = callback.ours().or_else(by_reference).or_else(theirs);
    let whose = whose.ok_or(BadCallback::Malformed("it names no message"))?;
    Ok(Some(Receipt { whose, progress, price: None, parts: None }))
}

/// How far a message came, by its `status`; `None` for one that says nothing that matters.
fn progress(message: &Value) -> Option<Progress> {
    Some(match message.get("status").and_then(Value::as_str)? {
        "accepted" | "processing" => Progress::Accepted,
        "sent" => Progress::Sent,
        "delivered" => Progress::Delivered,
        "sending_failed" | "delivery_failed" => {
            Progress::Failed(failure_code(message).as_deref().map_or(FailureClass::Unknown, class))
        }
        _ => return None,
    })
}

fn failure_code(message: &Value) -> Option<String> {
    let code = message.get("failure")?.get("code")?;
    Some(code.as_str().map_or_else(|| code.to_string(), str::to_owned))
}

/// Why a message did not arrive, by the number of the failure: five digits, the first two of which say whose it is.
fn class(code: &str) -> FailureClass {
    match code {
        "15005" => FailureClass::InvalidNumber,
        "15001" => FailureClass::UnreachableTemporarily,
        service if service.len() == 5 && service.starts_with("12") => FailureClass::ProviderDown,
        _ => FailureClass::Unknown,
    }
}

#[cfg(test)]
mod tests;
