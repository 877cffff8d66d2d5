//! A webhook that is told of each contact that was proved.
//!
//! Signed as Standard Webhooks 1.0 says (standardwebhooks.com): whoever gets it can tell who sent it and that it is no old one,
//! and by its id that it came before.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use reqwest::{Certificate, Client};
use ring::hmac;
use serde::Serialize;
use tokio::time::timeout;
use url::Url;

use crate::audit::rfc3339;
use crate::directory::http::{client, reason};
use crate::directory::{Mark, MarkError};
use crate::words::{MarkId, Timestamp};

/// Where a webhook is, and how it is spoken to.
pub struct WebhookSpec {
    /// Its address, which may hold a secret: `https`, or `http` to this machine.
    pub url: Url,
    /// What signs.
    pub key: hmac::Key,
    /// How long it may take, connection and all.
    pub timeout: Duration,
    /// Who may vouch for its certificate; empty: whom the system trusts.
    pub ca: Vec<Certificate>,
}

/// A webhook that is told of each contact that was proved.
pub struct Webhook {
    spec: WebhookSpec,
    client: Client,
}

/// What a webhook is told.
#[derive(Debug, Clone, Copy)]
pub struct Verified<'a> {
    /// The same each time that it is told.
    pub id: MarkId,
    /// The site: its first host name.
    pub site: &'a str,
    /// The directory's own name for whom the subject is, where it has one.
    pub account: Option<&'a str>,
    /// Whose contact was proved, which, and when.
    pub mark: &'a Mark,
}

/// What goes over the wire.
#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'static str,
    timestamp: &'a str,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    site: &'a str,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    contact: &'a str,
    channel: &'static str,
    verified_at: &'a str,
}

// === impl Webhook ===

impl Webhook {
    /// The webhook that `spec` describes. Connects to nobody.
    ///
    /// # Errors
    /// When there is no telling whom to trust: neither `ca` nor the system has a certificate.
    pub fn new(spec: WebhookSpec) -> Result<Self, reqwest::Error> {
        Ok(Self { client: client(&spec.ca)?, spec })
    }

    /// Tells it, `now`. Only the head of its answer is read.
    ///
    /// # Errors
    /// When it did not take it.
    pub async fn tell(&self, verified: &Verified<'_>, now: Timestamp) -> Result<(), MarkError> {
        let (id, body) = (verified.id.to_string(), verified.body());
        let at = now.as_secs().to_string();
        let request = self
            .client
            .post(self.spec.url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &at)
            .header("webhook-signature", self.signature(&id, &at, &body))
            .body(body);
        let answer = timeout(self.spec.timeout, request.send()).await;
        let answer = answer.map_err(|_| MarkError::Later("no answer in time".to_owned()))?;
        let status = answer.map_err(|error| MarkError::Later(reason(&error).to_owned()))?.status();
        match status {
            status if status.is_success() => Ok(()),
            StatusCode::GONE => Err(MarkError::Never("it answered 410 Gone".to_owned())),
            status if status.is_redirection() => {
                Err(MarkError::Later("it redirects, and no redirect is followed".to_owned()))
            }
            // An operator may put it right.
            status => Err(MarkError::Later(format!("it answered {status}"))),
        }
    }

    fn signature(&self, id: &str, at: &str, body: &str) -> String {
        let tag = hmac::sign(&self.spec.key, format!("{id}.{at}.{body}").as_bytes());
        format!("v1,{}", STANDARD.encode(tag.as_ref()))
    }
}

/// Shows the host alone: the rest may hold a secret.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.spec.url.host_str().unwrap_or_default())
    }
}

// === impl Verified ===

impl Verified<'_> {
    /// The same each time.
    fn body(&self) -> String {
        let (id, at) = (self.id.to_string(), rfc3339(self.mark.at));
        let data = Data {
            id: &id,
            site: self.site,
            subject: self.mark.subject.as_str(),
            account: self.account,
            contact: self.mark.contact.reveal(),
            channel: self.mark.contact.channel().as_str(),
            verified_at: &at,
        };
        let payload = Payload { r#type: "contact.verified", timestamp: &at, data };
        serde_json::to_string(&payload).unwrap_or_default()
    }
}
