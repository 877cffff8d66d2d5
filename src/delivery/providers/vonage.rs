//! Vonage: text messages by its SMS API or its Messages API, calls by its Voice API.
//!
//! One account signs receipts in two ways: those of the SMS API carry `sig` among their parameters ([`signature`]), the
//! others a token ([`token`]). An unsigned one is refused, so that Vonage sends it again.

mod messages;
mod signature;
mod sms;
mod token;
mod voice;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::header;
use reqwest::RequestBuilder;
use serde_json::Value;

use self::token::ApplicationToken;
use crate::config::SecretText;
use crate::delivery::providers::{Bench, Provider, form};
use crate::delivery::spec::vonage::Api;
use crate::delivery::web::Web;
use crate::delivery::{BadCallback, Callback, Common, Failure, Heard, Parcel, Said, Taken, VonageSpec, Whose};
use crate::words::{Address, Channel, Clock, MessageId, Price};

/// Where the SMS API is.
const REST: &str = "https://rest.nexmo.com";
/// Where the Messages API and the Voice API are.
const API: &str = "https://api.nexmo.com";

/// A Vonage account that carries messages.
pub(super) struct Vonage {
    spec: VonageSpec,
    token: Option<ApplicationToken>,
    base_url: Option<String>,
    limit: Duration,
    web: Web,
    clock: Arc<dyn Clock>,
}

// === impl Vonage ===

impl Vonage {
    pub(super) fn new(spec: VonageSpec, common: &Common, bench: &Bench<'_>) -> Self {
        let make = |application| ApplicationToken::new(application, Arc::clone(bench.random));
        Self {
            token: spec.application.clone().map(make),
            spec,
            base_url: common.base_url.clone(),
            limit: common.timeout,
            web: bench.web.clone(),
            clock: Arc::clone(bench.clock),
        }
    }

    /// A request to this path of the API at `host`, or at `base_url` if there is one.
    fn post(&self, host: &str, path: &str) -> RequestBuilder {
        let base = self.base_url.as_deref().unwrap_or(host);
        self.web.post(&format!("{base}{path}")).header(header::ACCEPT, "application/json")
    }

    /// Where receipts are to be sent; nowhere if none could be believed.
    fn receipts<'a>(&self, parcel: &Parcel<'a>) -> Option<&'a str> {
        parcel.receipts.filter(|_| self.spec.signature.is_some())
    }

    /// The user name and password of the account, for APIs that take them.
    fn account(&self) -> Option<(&str, &str)> {
        self.spec.api_key.as_deref().zip(self.spec.api_secret.as_ref().map(SecretText::reveal))
    }
}

#[async_trait]
impl Provider for Vonage {
    fn serves(&self, channel: Channel) -> bool {
        self.spec.serves(channel)
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        match (parcel.said, self.spec.api) {
            (Said::Sms(text), Api::Sms) => self.carry_by_sms(parcel, text).await,
            (Said::Sms(text), Api::Messages) => self.carry_by_messages(parcel, text).await,
            (Said::Voice(speech), _) => self.call(parcel, speech).await,
            (Said::Email(_), _) => Err(Failure::Unsendable("it is an e-mail")),
        }
    }

    fn read(&self, callback: &Callback<'_>) -> Result<Heard, BadCallback> {
        let (mode, secret) = self.spec.signature.as_ref().ok_or(BadCallback::NoReceipts)?;
        if !callback.headers.contains_key(header::AUTHORIZATION) {
            return sms::read(callback, *mode, secret.reveal(), self.spec.api_key.as_deref());
        }
        let nonce = token::check(callback, secret.reveal(), &self.spec)?;
        let said: Value = serde_json::from_slice(callback.body).map_err(|_| BadCallback::Malformed("it is no JSON"))?;
        let receipt = if said.get("message_uuid").is_some() {
            messages::receipt(&said, callback)?
        } else {
            voice::receipt(&said, callback)?
        };
        Ok(Heard { receipts: receipt.into_iter().collect(), nonce: Some(nonce) })
    }
}

impl fmt::Debug for Vonage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vonage({:?})", self.spec.api)
    }
}

/// The recipient as Vonage writes it: digits only.
fn digits<'a>(parcel: &Parcel<'a>) -> Result<&'a str, Failure> {
    match parcel.message.to.address() {
        Address::Phone(number) => Ok(number.reveal().trim_start_matches('+')),
        Address::Email(_) => Err(Failure::Unsendable("its recipient is no number")),
    }
}

/// The message of a receipt: by the reference that we gave it, which the signature covers; else by the address that we
/// told; else by Vonage's own name.
fn whose(reference: Option<&str>, callback: &Callback<'_>, theirs: Option<&str>) -> Result<Whose, BadCallback> {
    let ours = reference.and_then(|text| MessageId::parse(text).ok()).map(Whose::Ours);
    let theirs = || theirs.filter(|name| !name.is_empty()).map(|name| Whose::Theirs(name.to_owned()));
    ours.or_else(|| callback.ours()).or_else(theirs).ok_or(BadCallback::Malformed("it names no message"))
}

/// A price of Vonage's, which is in euros unless it says otherwise.
fn price(amount: Option<&str>, currency: Option<&str>) -> Option<Price> {
    form::price(amount, currency.or(Some("EUR")))
}

#[cfg(test)]
mod tests;
