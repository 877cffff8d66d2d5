//! GetOTP (otp.dev).
//!
//! `POST /v1/verifications` of api.otp.dev carries a code of ours: GetOTP writes the words by a template of its own, and
//! never checks a code. It reports nothing of a message afterwards that could be believed: nothing says how a report
//! would be signed. Its hosted page, which is another service, is in `getotp/page.rs`.

mod page;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use self::page::Pages;
use crate::delivery::page::{Page, PageOrder, PageReport};
use crate::delivery::providers::Provider;
use crate::delivery::web::{Answer, Web};
use crate::delivery::{BadCallback, Callback, Common, Failure, GetOtpSpec, Parcel, Taken};
use crate::words::{Address, Channel, FailureClass};

/// Where it takes codes.
const API: &str = "https://api.otp.dev";
/// The digits of a code that it takes.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=8;

/// GetOTP.
pub(super) struct GetOtp {
    spec: GetOtpSpec,
    api: String,
    timeout: Duration,
    web: Web,
    pages: Option<Pages>,
}

// === impl GetOtp ===

impl GetOtp {
    pub(super) fn new(spec: GetOtpSpec, common: Common, web: Web) -> Self {
        let pages = spec.page.clone().map(|account| Pages::new(account, &common, web.clone()));
        let api = common.base_url.unwrap_or_else(|| API.to_owned());
        Self { spec, api, timeout: common.timeout, web, pages }
    }
}

#[async_trait]
impl Provider for GetOtp {
    fn serves(&self, channel: Channel) -> bool {
        self.spec.serves(channel)
    }

    fn reports(&self) -> bool {
        false
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        let Some(code) = &parcel.message.code else {
            return Err(Failure::Unsendable("GetOTP carries codes only, and this is a notice"));
        };
        let (to, code) = (&parcel.message.to, code.reveal());
        let channel = match (to.channel(), to.address()) {
            (channel @ (Channel::Sms | Channel::Voice), Address::Phone(_)) => channel.as_str(),
            _ => return Err(Failure::Unsendable("GetOTP carries text messages and calls only")),
        };
        if !DIGITS.contains(&code.len()) {
            return Err(Failure::Unsendable("GetOTP takes codes of at most 8 digits: lower `challenge.digits`"));
        }
        let codes = self.spec.codes.as_ref().ok_or(Failure::Unsendable("GetOTP has no `api_key` here"))?;
        let body = json!({ "data": {
            "channel": channel,
            "sender": codes.sender,
            "phone": to.reveal().trim_start_matches('+'),
            "template": codes.template,
            "code": code,
        }});
        let request = self.web.post(&format!("{}/v1/verifications", self.api)).header("X-OTP-Key", codes.key.reveal());
        let answer = self.web.send(request.json(&body), self.timeout).await?;
        taken(&answer)
    }

    async fn open_page(&self, order: &PageOrder<'_>) -> Result<Page, Failure> {
        let pages = self.pages.as_ref().ok_or(Failure::Unsendable("GetOTP has no `account_key` here"))?;
        pages.open(order).await
    }

    fn read_page(&self, callback: &Callback<'_>) -> Option<Result<PageReport, BadCallback>> {
        self.pages.as_ref().map(|_| page::read(callback))
    }

    async fn ask_page(&self, page: &Page) -> Option<bool> {
        self.pages.as_ref()?.ask(page).await
    }
}

impl fmt::Debug for GetOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GetOtp({})", self.api)
    }
}

/// What its answer means: `{message_id, …}`, perhaps within `data`, or `{errors: [{status, message}]}`.
fn taken(answer: &Answer) -> Result<Taken, Failure> {
    let said = answer.json();
    let errors = said.get("errors").and_then(Value::as_array).filter(|errors| !errors.is_empty());
    if answer.status.is_success() && errors.is_none() {
        let id = said.get("message_id").or_else(|| said.pointer("/data/message_id")).and_then(Value::as_str);
        return Ok(Taken::accepted(id.map(str::to_owned)));
    }
    let error = errors.and_then(|errors| errors.first());
    let status = error.and_then(|error| error.get("status")).and_then(|status| match status {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    });
    let status = status.filter(|status| (400..=599).contains(status)).unwrap_or_else(|| answer.status.as_u16().into());
    let message = error.and_then(|error| error.get("message")).and_then(Value::as_str).unwrap_or_default();
    Err(answer.refusal(class(status, message), Some(&status.to_string())))
}

/// The class of an error. It has no number of its own, so beyond the status its sentence decides: only by words that
/// leave no doubt.
fn class(status: u64, message: &str) -> FailureClass {
    let message = message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match status {
        401 | 403 => FailureClass::AuthConfig,
        402 => FailureClass::InsufficientBalance,
        429 => FailureClass::RateLimited,
        500..=599 => FailureClass::ProviderDown,
        _ if says(&["balance", "credit", "insufficient fund"]) => FailureClass::InsufficientBalance,
        _ if says(&["sender", "template"]) => FailureClass::SenderConfig,
        _ if says(&["invalid", "not valid", "malformed"]) && says(&["phone", "number"]) => FailureClass::InvalidNumber,
        _ => FailureClass::Unknown,
    }
}
