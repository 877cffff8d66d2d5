//! GetOTP's hosted page: <https://otp.dev/en/docs/multi-otp/> opens one, its callback reports of it, and
//! <https://otp.dev/en/docs/verifying-otp/> tells what became of it.
//!
//! The page lets a visitor change the address. The callback says which one was proved, so that is compared; the answer to a
//! question does not, so asking is for operators who say so.

use std::time::Duration;

use http::Method;
use moka::sync::Cache;
use reqwest::RequestBuilder;
use serde_json::Value;

use crate::delivery::page::{Page, PageOrder, PageReport, checked_link};
use crate::delivery::spec::getotp::GetOtpAccount;
use crate::delivery::web::{Answer, Web};
use crate::delivery::{BadCallback, Callback, Common, Failure, Whose};
use crate::words::{Channel, FailureClass};

/// Where pages are opened.
const SITE: &str = "https://otp.dev";
/// How often it is asked what became of one page.
const PAUSE: Duration = Duration::from_secs(3);
/// How many pages are remembered for that.
const REMEMBERED: u64 = 10_000;
/// The languages in which it speaks besides English, for accounts that pay for that.
const LANGUAGES: [&str; 4] = ["ja", "ko", "es", "fr"];

/// What opens pages.
pub(super) struct Pages {
    account: GetOtpAccount,
    url: String,
    timeout: Duration,
    web: Web,
    /// The pages that were asked after just now.
    asked: Cache<String, ()>,
}

// === impl Pages ===

impl Pages {
    pub(super) fn new(account: GetOtpAccount, common: &Common, web: Web) -> Self {
        let url = format!("{}/api/verify/", common.base_url.as_deref().unwrap_or(SITE));
        let asked = Cache::builder().max_capacity(REMEMBERED).time_to_live(PAUSE).build();
        Self { account, url, timeout: common.timeout, web, asked }
    }

    pub(super) async fn open(&self, order: &PageOrder<'_>) -> Result<Page, Failure> {
        if order.receipts.is_none() && !self.account.polls {
            return Err(Failure::Unsendable("GetOTP could not tell us: add `public_url`"));
        }
        let to = order.message.to.reveal();
        let (channel, prefilled) = match order.by {
            Channel::Email => ("email", "email"),
            Channel::Voice => ("voice", "phone_voice"),
            Channel::Sms | Channel::Hosted => ("sms", "phone_sms"),
        };
        let id = order.id.to_string();
        // `hide` masks the address: whoever took over a session does not read it there (O24).
        let mut form = vec![
            ("channel", channel),
            (prefilled, to),
            ("success_redirect_url", order.back),
            ("fail_redirect_url", order.back),
            ("metadata", &id),
            ("hide", "true"),
        ];
        form.extend(order.receipts.map(|receipts| ("callback_url", receipts)));
        let language = order.message.language.as_ref().map_or("en", |language| language.primary());
        form.extend(LANGUAGES.contains(&language).then_some(("lang", language)));
        let answer = self.web.send(self.sign(self.web.post(&self.url)).form(&form), self.timeout).await?;
        opened(&answer, to)
    }

    /// Asks what became of a page, at most once in [`PAUSE`].
    pub(super) async fn ask(&self, page: &Page) -> Option<bool> {
        if !self.account.polls || !self.asked.entry(page.id.clone()).or_insert(()).is_fresh() {
            return None;
        }
        let request = self.sign(self.web.request(Method::GET, &format!("{}{}/", self.url, page.id)));
        let answer = match self.web.send(request, self.timeout).await {
            Ok(answer) if answer.status.is_success() => answer.json(),
            Ok(answer) => {
                tracing::warn!(status = answer.status.as_u16(), "GetOTP does not tell what became of a page");
                return None;
            }
            Err(error) => {
                tracing::warn!(%error, "GetOTP cannot be asked what became of a page");
                return None;
            }
        };
        let is_this = text(&answer, "otp_id") == page.id;
        let told = answer.get("status").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is_proved = !told.is_empty() && told.iter().all(|one| text(one, "auth_status") == "verified");
        Some(is_this && is_proved && page.is_to_all(&addresses(&answer)))
    }

    fn sign(&self, request: RequestBuilder) -> RequestBuilder {
        request.basic_auth(self.account.key.reveal(), Some(self.account.token.reveal()))
    }
}

/// What its answer means: `{otp_id, link, otp_secret}`, or what is wrong with each field.
fn opened(answer: &Answer, to: &str) -> Result<Page, Failure> {
    let said = answer.json();
    if !answer.status.is_success() {
        let is_of_address = ["email", "phone_sms", "phone_voice"].iter().any(|field| said.get(field).is_some());
        let class = match answer.status.as_u16() {
            400 if is_of_address => FailureClass::InvalidNumber,
            403 => FailureClass::AuthConfig,
            _ => answer.class_of_status(),
        };
        return Err(answer.refusal(class, None));
    }
    let [id, secret] = ["otp_id", "otp_secret"].map(|name| text(&said, name).to_owned());
    // It stands in an address when it is asked after.
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(1..=64).contains(&id.len()) || !id.bytes().all(is_plain) || secret.len() < 8 {
        return Err(Failure::Unsendable("its page has no name or no secret"));
    }
    Ok(Page { id, link: checked_link(text(&said, "link"))?, secret, to: to.to_owned() })
}

/// Reads its callback. The secret in it is compared where the page is known.
pub(super) fn read(callback: &Callback<'_>) -> Result<PageReport, BadCallback> {
    let Some(Whose::Ours(message)) = callback.ours() else {
        return Err(BadCallback::Malformed("its address names no message"));
    };
    let said: Value = serde_json::from_slice(callback.body).map_err(|_| BadCallback::Malformed("no JSON"))?;
    let [id, secret] = ["otp_id", "otp_secret"].map(|name| text(&said, name).to_owned());
    let is_proved = text(&said, "auth_status") == "verified";
    Ok(PageReport { message, id, secret, is_proved, addresses: addresses(&said) })
}

fn addresses(said: &Value) -> Vec<String> {
    let all = ["email", "phone_sms", "phone_voice", "phone"].map(|name| text(said, name));
    all.into_iter().filter(|address| !address.is_empty()).map(str::to_owned).collect()
}

fn text<'a>(said: &'a Value, name: &str) -> &'a str {
    said.get(name).and_then(Value::as_str).unwrap_or_default()
}
