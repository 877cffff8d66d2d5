//! Twilio: text messages (Messages) and calls (Calls) of its API 2010-04-01.
//!
//! **A call never tells its code to a machine (O33).** The markup that goes with a call asks for a key and holds no code;
//! only when a key is pressed does Twilio fetch what is to be said, in a signed request to a signed address, and nobody
//! presses keys in a mailbox. Detection of machines alone could not do this: its outcome reaches markup that Twilio
//! fetches, but not markup that goes with the call; detection that runs beside the call needs a second request to end it,
//! and comes when part of the code has been said. It is switched on all the same, because its outcome stands in the
//! receipts: a visitor whose mailbox answered is told so. It may take [`DETECTION`] at most, since a person hears nothing
//! until then. So a call needs a `public_url`; without one there is none.
//!
//! Receipts are ordered by the store: a state never goes back, so that one that is late or comes twice changes nothing.
//! Twilio signs no time into them and repeats them when an answer is lost; the signature itself is what is used once.

mod codes;
mod signature;

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use self::signature::{Keys, Signed};
use crate::config::SecretText;
use crate::delivery::providers::form::{Fields, price};
use crate::delivery::providers::{Bench, Provider, markup};
use crate::delivery::sender::Origin;
use crate::delivery::sentences::{SmsText, Speech};
use crate::delivery::spec::TwilioSpec;
use crate::delivery::web::{Answer, Web};
use crate::delivery::{BadCallback, Callback, Common, Failure, Heard, Parcel, Receipt, Said, Taken, Whose};
use crate::words::{Channel, FailureClass, Progress};

/// Where Twilio is.
const BASE: &str = "https://api.twilio.com";
/// The longest life of a message in Twilio's queue, in seconds.
const LONGEST_LIFE: u64 = 36_000;
/// How long a telephone rings at most: Twilio's own default.
const RINGING: u64 = 60;
/// The longest call, in seconds: three times what one takes that says everything. Every minute costs.
const LONGEST_CALL: u64 = 120;
/// How long detection of machines may keep a person waiting, in seconds (3 to 59).
const DETECTION: u64 = 5;
/// The longest markup that can go with a call, in characters.
const LONGEST_MARKUP: usize = 4000;
/// Those of our languages that the voices of every account speak.
const SPOKEN: &[&str] = &["en-US", "de-DE", "fr-FR", "es-ES", "ja-JP"];

/// An account at Twilio.
#[derive(Debug)]
pub(super) struct Twilio {
    base: String,
    account: String,
    user: String,
    password: SecretText,
    keys: Keys,
    origin: Origin,
    calls: bool,
    timeout: Duration,
    web: Web,
}

/// A form: what is asked of Twilio.
type Form = Vec<(&'static str, String)>;

// === impl Twilio ===

impl Twilio {
    pub(super) fn new(spec: TwilioSpec, common: Common, bench: &Bench<'_>) -> Self {
        let calls = spec.serves(Channel::Voice);
        let TwilioSpec { account, user, password, auth_token, webhook_secret, origin } = spec;
        Self {
            base: common.base_url.unwrap_or_else(|| BASE.to_owned()),
            account,
            user,
            password,
            keys: Keys { token: auth_token, shared: webhook_secret },
            origin,
            calls,
            timeout: common.timeout,
            web: bench.web.clone(),
        }
    }

    fn message(&self, parcel: &Parcel<'_>, text: &SmsText) -> Form {
        let (key, sender) = match &self.origin {
            Origin::Sender(sender) => ("From", sender.caller().map_or_else(|| sender.as_str().to_owned(), e164)),
            Origin::Pool(service) => ("MessagingServiceSid", service.clone()),
        };
        let life = parcel.message.expires_in.as_secs().clamp(1, LONGEST_LIFE);
        let mut form = vec![
            ("To", parcel.message.to.reveal().to_owned()),
            (key, sender),
            ("Body", text.text.clone()),
            ("ValidityPeriod", life.to_string()),
        ];
        form.extend(self.receipts(parcel).map(|url| ("StatusCallback", url)));
        form
    }

    fn call(&self, parcel: &Parcel<'_>, speech: &Speech) -> Result<Form, Failure> {
        let from = self.origin.caller().ok_or(Failure::Unsendable("a call needs a number as `from`"))?;
        let Some(answer) = parcel.answer.filter(|_| self.calls) else {
            return Err(Failure::Unsendable(
                "a call needs a `public_url`, where its code is fetched, and an `auth_token`",
            ));
        };
        let markup = markup::ask(markup::TWILIO_ASKS, speech, SPOKEN, answer);
        if markup.chars().count() > LONGEST_MARKUP {
            return Err(Failure::Unsendable("its markup is too long"));
        }
        let ringing = parcel.message.expires_in.as_secs().clamp(1, RINGING);
        let mut form = vec![
            ("To", parcel.message.to.reveal().to_owned()),
            ("From", e164(from)),
            ("Twiml", markup),
            ("MachineDetection", "Enable".to_owned()),
            ("MachineDetectionTimeout", DETECTION.to_string()),
            ("Timeout", ringing.to_string()),
            ("TimeLimit", LONGEST_CALL.to_string()),
        ];
        if let Some(url) = self.receipts(parcel) {
            form.extend([("StatusCallback", url), ("StatusCallbackMethod", "POST".to_owned())]);
            form.extend(["ringing", "answered", "completed"].map(|event| ("StatusCallbackEvent", event.to_owned())));
        }
        Ok(form)
    }

    /// Where receipts go: nowhere when they could not be believed.
    fn receipts(&self, parcel: &Parcel<'_>) -> Option<String> {
        let is_heard = self.keys.token.is_some() || self.keys.shared.is_some();
        parcel.receipts.filter(|_| is_heard).map(str::to_owned)
    }

    /// The fields of a request that Twilio sends for this account.
    fn signed(&self, callback: &Callback<'_>) -> Result<Signed, BadCallback> {
        let signed = self.keys.check(callback)?;
        if signed.fields.one("AccountSid")? == Some(self.account.as_str()) {
            Ok(signed)
        } else {
            Err(BadCallback::Forged("it is of another account"))
        }
    }
}

#[async_trait]
impl Provider for Twilio {
    fn serves(&self, channel: Channel) -> bool {
        match channel {
            Channel::Email | Channel::Hosted => false,
            Channel::Sms => true,
            Channel::Voice => self.calls,
        }
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        let (resource, form) = match parcel.said {
            Said::Sms(text) => ("Messages", self.message(parcel, text)),
            Said::Voice(speech) => ("Calls", self.call(parcel, speech)?),
            Said::Email(_) => return Err(Failure::Unsendable("it carries no e-mail")),
        };
        let url = format!("{}/2010-04-01/Accounts/{}/{resource}.json", self.base, self.account);
        let request = self.web.post(&url).basic_auth(&self.user, Some(self.password.reveal())).form(&form);
        taken(&self.web.send(request, self.timeout).await?)
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        let Signed { fields, signature } = self.signed(callback)?;
        Ok(Heard { receipts: receipt(callback, &fields)?.into_iter().collect(), nonce: Some(signature) })
    }

    fn fetches_words(&self, channel: Channel) -> bool {
        channel == Channel::Voice
    }

    fn asks_for_words(&self, callback: &Callback<'_>) -> Result<(), BadCallback> {
        match self.signed(callback)?.fields.one("Digits")? {
            Some(_) => Ok(()),
            None => Err(BadCallback::Malformed("no key was pressed")),
        }
    }

    fn words(&self, parcel: &Parcel<'_>) -> String {
        match parcel.said {
            Said::Voice(speech) => markup::tell(markup::TWILIO_SAYS, speech, SPOKEN),
            Said::Email(_) | Said::Sms(_) => String::new(),
        }
    }
}

/// A number as Twilio writes it.
fn e164(digits: &str) -> String {
    format!("+{digits}")
}

/// What an answer says.
fn taken(answer: &Answer) -> Result<Taken, Failure> {
    let said = answer.json();
    let number = |key: &str| said.get(key).and_then(Value::as_u64);
    let text = |key: &str| said.get(key).and_then(Value::as_str);
    if !answer.status.is_success() {
        let code = number("code");
        let class = code.and_then(codes::class).unwrap_or_else(|| answer.class_of_status());
        return Err(answer.refusal(class, code.map(|code| code.to_string()).as_deref()));
    }
    // An answer that is none: something took the message, and nobody knows what.
    let sid = text("sid").ok_or(Failure::Broken { written: true })?;
    if matches!(text("status"), Some("failed" | "undelivered" | "canceled")) {
        let code = number("error_code");
        let class = code.and_then(codes::class).unwrap_or(FailureClass::Unknown);
        return Err(answer.refusal(class, code.map(|code| code.to_string()).as_deref()));
    }
    let price = price(text("price"), text("price_unit"));
    Ok(Taken { theirs: Some(sid.to_owned()), progress: Progress::Accepted, price })
}

/// What a receipt says; nothing for states that do not matter.
fn receipt(callback: &Callback<'_>, fields: &Fields) -> Result<Option<Receipt>, BadCallback> {
    let code = fields.one("ErrorCode")?;
    let (theirs, progress) = if let Some(status) = fields.one("CallStatus")? {
        (fields.one("CallSid")?, codes::of_call(status, fields.one("AnsweredBy")?, code))
    } else if let Some(status) = fields.first(&["MessageStatus", "SmsStatus"])? {
        (fields.first(&["MessageSid", "SmsSid"])?, codes::of_message(status, code))
    } else {
        return Ok(None);
    };
    let theirs = theirs.ok_or(BadCallback::Malformed("it names no message"))?;
    let Some(progress) = progress else { return Ok(None) };
    let whose = callback.ours().unwrap_or_else(|| Whose::Theirs(theirs.to_owned()));
    let price = price(fields.one("Price")?, fields.one("PriceUnit")?);
    let parts = fields.one("NumSegments")?.and_then(|count| count.parse().ok());
    Ok(Some(Receipt { whose, progress, price, parts }))
}

#[cfg(test)]
mod tests;
