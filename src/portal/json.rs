//! The JSON endpoints, for the site's own scripts and for API clients.
//!
//! `application/json` only and from the site's own origin only. Members that are not known are ignored; a known one of
//! another type than the table says is refused and counts nothing (O02). Errors never repeat what was sent: it may have
//! been a code.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Extension;
use axum::routing::{get, post};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::portal::handle::Call;
use crate::portal::html::{self, Answer, is_media_type};
use crate::portal::notice::{Notice, Telling};
use crate::portal::trouble::Trouble;
use crate::portal::{page, sentences, turn, view};
use crate::request::OwnOrigin;
use crate::seal::PublicKey;
use crate::stepup::{Arrival, Choice, Sending, SignIn, Standing, Verified};
use crate::store::{Lock, State};
use crate::words::{ChallengeId, Channel, FailureClass};

/// What `POST /.otpgate/api/send` takes.
#[derive(Deserialize)]
struct Send {
    id: Option<String>,
    /// Left out: where the code went last, else the first contact.
    channel: Option<Channel>,
    #[serde(default)]
    contact: u64,
    /// Whether a challenge whose time or tries are over is replaced by a new one.
    #[serde(default)]
    renew: bool,
}

/// What `POST /.otpgate/api/verify` takes.
#[derive(Deserialize)]
struct Verify {
    id: Option<String>,
    /// A string and nothing else: a number would lose its leading zeroes.
    code: String,
}

/// What `POST /.otpgate/api/finish` takes.
#[derive(Deserialize)]
struct Finish {
    id: Option<String>,
}

/// The endpoints' routes.
pub(super) fn router() -> Router {
    Router::new()
        .route("/.otpgate/api/challenge", get(challenge))
        .route("/.otpgate/api/send", post(send))
        .route("/.otpgate/api/verify", post(verify))
        .route("/.otpgate/api/finish", post(finish))
        .route("/.otpgate/jwks.json", get(keys))
        .method_not_allowed_fallback(html::wrong_method)
}

/// The keys by which the application checks assertions (RFC 7517, RFC 8037). They are no secret, and may be kept a while:
/// a new secret of the config is put in front of the old one, whose key stays.
async fn keys(Extension(call): Extension<Call>) -> Answer {
    let key = |key: PublicKey| json!({"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": key.id, "x": key.x});
    let keys: Vec<Value> = call.gateway.keys().public_keys().map(key).collect();
    let mut response = page::answer(StatusCode::OK, "application/jwk-set+json", json!({"keys": keys}).to_string());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response.into()
}

async fn challenge(Extension(call): Extension<Call>) -> Answer {
    if call.visit.origin() == OwnOrigin::Foreign {
        return call.tell(Notice::FOREIGN_ORIGIN).problem().into();
    }
    let Ok(id) = call.named() else { return call.tell(Notice::NO_CHALLENGE).problem().into() };
    match call.gateway.look(&call.site, &call.visit, id).await {
        Ok(Arrival::Standing(standing)) => found(&standing),
        Ok(arrival) => call.not(arrival),
        Err(error) => call.unavailable(&error).problem(),
    }
    .into()
}

async fn send(Extension(call): Extension<Call>, body: Bytes) -> Answer {
    let (id, asked) = match call.read::<Send>(&body, |asked| asked.id.as_deref()) {
        Ok(read) => read,
        Err(notice) => return call.tell(notice).problem().into(),
    };
    // Beyond what can be counted there is no contact either.
    let contact = u16::try_from(asked.contact).unwrap_or(u16::MAX);
    let choice = asked.channel.map(|channel| Choice { channel, contact });
    match call.gateway.send(&call.site, &call.visit, id, choice, asked.renew).await {
        Ok(sending) => call.sent(sending).into(),
        Err(error) => call.unavailable(&error).problem().into(),
    }
}

async fn verify(Extension(call): Extension<Call>, body: Bytes) -> Answer {
    let (id, asked) = match call.read::<Verify>(&body, |asked| asked.id.as_deref()) {
        Ok(read) => read,
        Err(notice) => return call.tell(notice).problem().into(),
    };
    match call.gateway.verify(&call.site, &call.visit, id, &asked.code).await {
        Ok(verified) => call.verified(verified).into(),
        Err(error) => call.unavailable(&error).problem().into(),
    }
}

async fn finish(Extension(call): Extension<Call>, body: Bytes) -> Answer {
    let (id, _) = match call.read::<Finish>(&body, |asked| asked.id.as_deref()) {
        Ok(read) => read,
        Err(notice) => return call.tell(notice).problem().into(),
    };
    match call.gateway.finish(&call.site, &call.visit, id).await {
        Ok(verified) => call.verified(verified).into(),
        Err(error) => call.unavailable(&error).problem().into(),
    }
}

/// Where a challenge stands.
fn found(standing: &Standing) -> Response<Bytes> {
    let mut members = view::json(standing);
    members.insert("state".to_owned(), view::state(standing.state).into());
    members.insert("reference".to_owned(), standing.reference.to_string().into());
    members.insert("tries_left".to_owned(), standing.tries_left.into());
    members.insert("sends_left".to_owned(), standing.sends_left.into());
    members.insert("resend_in".to_owned(), sentences::seconds(standing.resend_in).into());
    if let Some(last) = &standing.last {
        members.insert("to".to_owned(), last.to.as_str().into());
    }
    members.extend(view::delivery(standing).map(|told| ("delivery".to_owned(), told)));
    members.extend(view::hosted(standing).map(|page| ("hosted".to_owned(), page)));
    if let State::Locked(lock) = standing.state {
        members.insert("retry_after".to_owned(), lock.retry_after().into());
    }
    answer(StatusCode::OK, members)
}

fn answer(status: StatusCode, members: Map<String, Value>) -> Response<Bytes> {
    page::answer(status, "application/json", Value::Object(members).to_string())
}

// === impl Call ===

impl Call {
    /// Reads a body, and the challenge that it names.
    fn read<T: DeserializeOwned>(
        &self,
        body: &[u8],
        id: impl Fn(&T) -> Option<&str>,
    ) -> Result<(Option<ChallengeId>, T), Notice> {
        if self.visit.origin() == OwnOrigin::Foreign {
            return Err(Notice::FOREIGN_ORIGIN);
        }
        if !is_media_type(&self.visit, "application/json") {
            return Err(Notice::UNSUPPORTED_MEDIA_TYPE);
        }
        // serde would also read an array as the members in order.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let read = if is_object { serde_json::from_slice::<T>(body).ok() } else { None };
        let read = read.ok_or(Notice::BAD_JSON)?;
        match id(&read).map(ChallengeId::parse).transpose() {
            Ok(id) => Ok((id, read)),
            Err(_) => Err(Notice::NO_CHALLENGE),
        }
    }

    fn sent(&self, sending: Sending) -> Response<Bytes> {
        match sending {
            Sending::Sent(standing) | Sending::Renewed(standing) => {
                let mut members = Map::new();
                members.insert("id".to_owned(), standing.id.to_string().into());
                if let Some(last) = &standing.last {
                    members.insert("channel".to_owned(), last.channel.as_str().into());
                    members.insert("to".to_owned(), last.to.as_str().into());
                }
                members.insert("resend_in".to_owned(), sentences::seconds(standing.resend_in).into());
                members.insert("expires_in".to_owned(), sentences::seconds(standing.expires_in).into());
                members.insert("sends_left".to_owned(), standing.sends_left.into());
                members.extend(view::delivery(&standing).map(|told| ("delivery".to_owned(), told)));
                members.extend(view::hosted(&standing).map(|page| ("hosted".to_owned(), page)));
                answer(StatusCode::ACCEPTED, members)
            }
            Sending::TooMany(standing, wait) => self.of(Notice::TOO_MANY_SENDS, &standing).wait(wait, None).problem(),
            Sending::Locked(standing, lock) => self.of_lock(&standing, lock),
            Sending::Expired(standing) => self.of(Notice::EXPIRED, &standing).problem(),
            Sending::Passed(standing) => self.of(Notice::PASSED, &standing).problem(),
            Sending::NoSuchContact(standing) => self.of(Notice::NO_SUCH_CONTACT, &standing).problem(),
            Sending::Undelivered(standing, class) => self.undelivered_problem(&standing, class),
            Sending::OutOfMoney(standing, wait) => self.out_of_money_problem(&standing, wait),
            Sending::Paused(standing, wait) => self.paused_problem(&standing, wait),
            Sending::Crowded(reference) => turn::crowded(&self.site, reference).problem(),
            Sending::Not(arrival) => self.not(arrival),
        }
    }

    fn verified(&self, verified: Verified) -> Response<Bytes> {
        match verified {
            Verified::Passed { cookies, return_to } => {
                let Value::Object(members) = json!({ "passed": true, "return_to": return_to }) else {
                    return self.tell(Notice::INTERNAL_ERROR).problem();
                };
                let mut response = answer(StatusCode::OK, members);
                page::set_cookies(response.headers_mut(), cookies);
                response
            }
            Verified::Malformed(standing, _) => {
                let digits = self.gateway.rules().shape.digits().to_string();
                self.of(Notice::MALFORMED_CODE, &standing).place("n", digits).problem()
            }
            Verified::Wrong(standing, tries_left) => {
                self.of(Notice::WRONG_CODE, &standing).member("tries_left", tries_left).problem()
            }
            Verified::Locked(standing, lock) => self.of_lock(&standing, lock),
            Verified::Expired(standing) => self.of(Notice::EXPIRED, &standing).problem(),
            Verified::Spent(standing) => self.of(Notice::PASSED, &standing).problem(),
            Verified::NotSent(standing) => self.of(Notice::NOT_SENT, &standing).problem(),
            Verified::Unfinished(standing) => self.of(Notice::UNFINISHED, &standing).problem(),
            Verified::Not(arrival) => self.not(arrival),
        }
    }

    fn not(&self, arrival: Arrival) -> Response<Bytes> {
        match arrival {
            Arrival::Nothing => self.tell(Notice::NO_CHALLENGE).problem(),
            Arrival::Several => self.tell(Notice::SEVERAL).problem(),
            Arrival::NotSignedIn => {
                turn::sign_in(&self.site, self.site.spec.sign_in.as_ref().map(SignIn::start), self.gateway.reference())
                    .problem()
            }
            Arrival::SomebodyElse => self.tell(Notice::SOMEBODY_ELSE).problem(),
            Arrival::Standing(standing) => found(&standing),
            Arrival::Undelivered(standing, class) => self.undelivered_problem(&standing, class),
            Arrival::TooMany(standing, wait) => self.of(Notice::TOO_MANY_SENDS, &standing).wait(wait, None).problem(),
            Arrival::OutOfMoney(standing, wait) => self.out_of_money_problem(&standing, wait),
            Arrival::Paused(standing, wait) => self.paused_problem(&standing, wait),
        }
    }

    fn undelivered_problem(&self, standing: &Standing, class: FailureClass) -> Response<Bytes> {
        let trouble = Trouble::not_taken(standing, class);
        let telling = if trouble.is_final() {
            self.of(Notice::UNDELIVERABLE, standing)
        } else {
            self.of(Notice::UNDELIVERED, standing).wait(turn::PAUSE, None)
        };
        telling.member("reason", class.as_str()).member("try", trouble.json_ways(standing)).problem()
    }

    fn out_of_money_problem(&self, standing: &Standing, wait: Duration) -> Response<Bytes> {
        let ways = Trouble::out_of_money(standing, wait).json_ways(standing);
        self.of(Notice::OUT_OF_MONEY, standing).wait(wait, None).member("try", ways).problem()
    }

    fn paused_problem(&self, standing: &Standing, wait: Duration) -> Response<Bytes> {
        let ways = Trouble::paused(standing, wait).json_ways(standing);
        self.of(Notice::PAUSED, standing).wait(wait, None).member("try", ways).problem()
    }

    fn of_lock(&self, standing: &Standing, lock: Lock) -> Response<Bytes> {
        let notice = match lock {
            Lock::Challenge => Notice::CHALLENGE_LOCKED,
            Lock::For(_) => Notice::LOCKED,
            Lock::UntilUnlocked => Notice::UNTIL_UNLOCKED,
        };
        self.of(notice, standing).wait(view::wait(lock), None).problem()
    }

    fn of(&self, notice: Notice, standing: &Standing) -> Telling<'_> {
        notice.tell(Some(&self.site), standing.reference)
    }
}
