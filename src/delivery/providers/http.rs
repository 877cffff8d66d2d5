//! Any provider that takes a request over HTTP, as an operator describes it.
//!
//! What is filled in is escaped by [`Template`](crate::delivery::spec::http::Template); what comes back is read by JSON
//! pointers. Receipts are in `http/receipts.rs`.

mod receipts;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::delivery::providers::Provider;
use crate::delivery::spec::http::{HttpSpec, Signature, TokenPlace, Values};
use crate::delivery::web::{Answer, Web};
use crate::delivery::{BadCallback, Callback, Common, Failure, Heard, Parcel, Said, Taken};
use crate::words::{Address, Channel, FailureClass};

/// A provider that an operator describes.
pub(super) struct Http {
    spec: HttpSpec,
    timeout: Duration,
    web: Web,
}

// === impl Http ===

impl Http {
    pub(super) fn new(spec: HttpSpec, common: Common, web: Web) -> Self {
        Self { spec, timeout: common.timeout, web }
    }

    /// What templates are filled with.
    fn values(&self, parcel: &Parcel<'_>) -> Values {
        let message = parcel.message;
        let digits = match message.to.address() {
            Address::Phone(number) => number.reveal().trim_start_matches('+'),
            Address::Email(_) => "",
        };
        let (text, subject, html) = match parcel.said {
            Said::Email(email) => (email.text.clone(), email.subject.as_str(), email.html.as_str()),
            Said::Sms(sms) => (sms.text.clone(), "", ""),
            Said::Voice(speech) => (speech.to_string(), "", ""),
        };
        vec![
            ("channel", message.to.channel().as_str().into()),
            ("to", message.to.reveal().into()),
            ("digits", digits.into()),
            ("text", text.into()),
            ("subject", subject.into()),
            ("html", html.into()),
            ("code", message.code.as_ref().map_or("", |code| code.reveal()).into()),
            ("id", parcel.id.to_string().into()),
            ("receipts", self.receipts(parcel.receipts).into()),
            ("from", self.spec.from.as_deref().unwrap_or_default().into()),
            ("ttl_seconds", minijinja::Value::from(message.expires_in.as_secs())),
            ("language", message.language.as_ref().map_or("en", |language| language.as_str()).into()),
            ("site", message.site.name().into()),
            ("host", message.site.host().into()),
        ]
    }

    /// Whether the whole text of a message goes along, and not just its code.
    fn says_all(&self) -> bool {
        let spec = &self.spec;
        let mut templates = std::iter::once(&spec.target).chain(spec.body.iter().map(|(_, body)| body));
        templates.any(|template| template.uses("text") || template.uses("html"))
    }

    /// Where receipts are to be sent; empty when none are read. It has the token, if the address is where that stands.
    fn receipts(&self, address: Option<&str>) -> String {
        let (Some(address), Some(receipts)) = (address, &self.spec.receipts) else { return String::new() };
        match &receipts.signature {
            Signature::Token { secret, place: TokenPlace::Query(name) } => {
                let [name, secret] = [name, secret.reveal()].map(|text| utf8_percent_encode(text, NON_ALPHANUMERIC));
                format!("{address}&{name}={secret}")
            }
            Signature::Token { .. } | Signature::StandardWebhooks(_) => address.to_owned(),
        }
    }

    /// What an answer means.
    fn taken(&self, answer: &Answer) -> Result<Taken, Failure> {
        let spec = &self.spec;
        let said = document(&answer.body);
        let status = answer.status.as_u16();
        if let Some(rule) = spec.errors.iter().find(|rule| rule.fits(Some(status), &said)) {
            let code = rule.says.as_ref().and_then(|(pointer, _)| pointer.text(&said));
            return Err(answer.refusal(rule.class, code.as_deref()));
        }
        let accepted = match spec.accepted.as_slice() {
            [] => answer.status.is_success(),
            list => list.contains(&status),
        };
        if accepted {
            return Ok(Taken::accepted(spec.id.as_ref().and_then(|pointer| pointer.text(&said))));
        }
        let class = match status {
            403 => FailureClass::AuthConfig,
            429 => FailureClass::RateLimited,
            _ if spec.retry.contains(&status) => FailureClass::ProviderDown,
            _ => answer.class_of_status(),
        };
        Err(answer.refusal(class, None))
    }
}

#[async_trait]
impl Provider for Http {
    fn serves(&self, channel: Channel) -> bool {
        self.spec.serves(channel)
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        let spec = &self.spec;
        if parcel.message.code.is_none() && !self.says_all() {
            return Err(Failure::Unsendable("its templates have a place for the code alone"));
        }
        let values = self.values(parcel);
        let target = spec.target.fill(&values).map_err(|_| Failure::Unsendable("its address cannot be filled in"))?;
        let url = format!("{}{target}", spec.origin.reveal());
        let mut request = self.web.request(spec.method.clone(), &url);
        for (name, template) in &spec.headers {
            let value = template.fill(&values).ok().and_then(|value| HeaderValue::try_from(value).ok());
            let mut value = value.ok_or(Failure::Unsendable("a header cannot be filled in"))?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        if let Some((kind, template)) = &spec.body {
            let body = template.fill(&values).map_err(|_| Failure::Unsendable("its body cannot be filled in"))?;
            if template.is_json() && serde_json::from_str::<serde::de::IgnoredAny>(&body).is_err() {
                return Err(Failure::Unsendable("its body, filled in, is no JSON"));
            }
            request = request.header(header::CONTENT_TYPE, kind).body(body);
        }
        self.taken(&self.web.send(request, self.timeout).await?)
    }

    fn reports(&self) -> bool {
        self.spec.receipts.is_some()
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        receipts::read(self.spec.receipts.as_ref().ok_or(BadCallback::NoReceipts)?, callback)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Http({:?})", self.spec)
    }
}

/// A text as JSON: what is none is one text, so that pointers can look at an answer such as `OK 12345`.
fn document(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).trim().into())
}
