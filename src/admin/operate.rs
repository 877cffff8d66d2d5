//! What an operator does: revoke, unlock, trust contacts, look at bans and end them, look up.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::admin::Admin;
use crate::admin::problem::Problem;
use crate::admin::wanted::wants_second;
use crate::audit::{printable, timeline};
use crate::request::Authority;
use crate::stepup::{Gateway, Operated};
use crate::words::{Reference, Subject};

/// Whom an order is about, and where; on every site when none is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Order {
    subject: String,
    site: Option<String>,
}

/// Whose ban is ended, and where; on every site when none is named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BanOrder {
    address: String,
    site: Option<String>,
}

/// The most sites that an error names.
const NAMED: usize = 20;

/// Makes every proof of a subject void.
pub(super) async fn revoke(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<Order>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let gateway = admin.gateway();
    let (subject, host) = read(&gateway, body?.0)?;
    Ok(done(gateway.revoke(host.as_deref(), &subject).await?))
}

/// Unlocks a subject.
pub(super) async fn unlock(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<Order>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let gateway = admin.gateway();
    let (subject, host) = read(&gateway, body?.0)?;
    Ok(done(gateway.unlock(host.as_deref(), &subject).await?))
}

/// Takes the contacts that a subject has now for old ones.
pub(super) async fn trust_contacts(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<Order>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let gateway = admin.gateway();
    let (subject, host) = read(&gateway, body?.0)?;
    Ok(done(gateway.trust_contacts(host.as_deref(), &subject).await?))
}

/// The bans in force.
pub(super) async fn bans(State(admin): State<Arc<Admin>>) -> Result<Json<Value>, Problem> {
    let bans: Vec<Value> = admin
        .gateway()
        .bans()
        .await?
        .into_iter()
        .map(|ban| {
            json!({
                "site": ban.site,
                "address": ban.address,
                "reason": ban.reason,
                "count": ban.count,
                "within_seconds": ban.span.as_secs(),
                "ends_in_seconds": ban.left.as_secs(),
            })
        })
        .collect();
    Ok(Json(json!({"bans": bans})))
}

/// Ends the ban of an address.
pub(super) async fn lift_ban(
    State(admin): State<Arc<Admin>>,
    body: Result<Json<BanOrder>, JsonRejection>,
) -> Result<Json<Value>, Problem> {
    let gateway = admin.gateway();
    let BanOrder { address, site } = body?.0;
    let Ok(address) = address.trim().parse::<IpAddr>() else {
        let detail = "this is no address: write one such as 203.0.113.9 or 2001:db8::1";
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-address", detail));
    };
    let host = site.map(|named| host_of(&gateway, &named)).transpose()?;
    Ok(done(gateway.lift_ban(host.as_deref(), address).await?))
}

/// What happened under a reference: JSON, or a story for people when text is what the client would rather have.
pub(super) async fn lookup(
    State(admin): State<Arc<Admin>>,
    headers: HeaderMap,
    reference: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let given = reference.map_or_else(|_| String::new(), |Path(given)| given);
    let Ok(reference) = Reference::parse(&given) else {
        let detail = "this is no reference: one has eight letters and digits, such as K7QF-2M9X";
        return Err(Problem::not_found("unknown-reference", detail));
    };
    let gateway = admin.gateway();
    let (lines, missing) = match gateway.lookup(reference).await {
        Ok(lines) => (lines, None),
        // Most references of an outage are of refusals, which this process remembers without the store.
        Err(error) => match gateway.shared().audit.lookup(reference, Vec::new()) {
            lines if lines.is_empty() => return Err(error.into()),
            lines => (lines, Some(format!("{error}; what it keeps of this reference is missing here"))),
        },
    };
    if lines.is_empty() {
        let detail = format!(
            "nothing is known of {reference}: check it with the visitor; events are kept for a limited time, and \
             refusals only by the gateway that answered"
        );
        return Err(Problem::not_found("unknown-reference", detail));
    }
    if wants_second(&headers, "application/json", "text/plain") {
        let mut story = timeline::tell(&reference.to_string(), &lines);
        if let Some(missing) = missing {
            story = format!("{story}\nNote: {missing}\n");
        }
        return Ok(story.into_response());
    }
    let events: Vec<Value> =
        lines.into_iter().map(|line| serde_json::from_str(&line).unwrap_or(Value::String(line))).collect();
    let mut body = json!({"reference": reference.to_string(), "events": events});
    if let (Some(missing), Some(body)) = (missing, body.as_object_mut()) {
        body.insert("incomplete".to_owned(), Value::String(missing));
    }
    Ok(Json(body).into_response())
}

/// The subject of an order, and a host of the site that it names.
fn read(gateway: &Gateway, order: Order) -> Result<(Subject, Option<String>), Problem> {
    let unprocessable = |error| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-subject", error);
    let subject = Subject::parse(&order.subject).map_err(|error| unprocessable(error.to_string()))?;
    let host = order.site.map(|named| host_of(gateway, &named)).transpose()?;
    Ok((subject, host))
}

/// A host of the site that is named.
fn host_of(gateway: &Gateway, named: &str) -> Result<String, Problem> {
    // A site may be called by its first host, and that may be a wildcard.
    let host = match Authority::parse(named.as_bytes()) {
        Ok(authority) => authority.host().to_owned(),
        Err(_) => named.to_ascii_lowercase(),
    };
    if gateway.site(&host).is_some() { Ok(host) } else { Err(unknown_site(gateway, named)) }
}

fn unknown_site(gateway: &Gateway, named: &str) -> Problem {
    let mut known: Vec<&str> = gateway.sites().map(|site| site.spec.key.as_str()).collect();
    known.sort_unstable();
    let more = known.len().saturating_sub(NAMED);
    known.truncate(NAMED);
    let mut detail = format!("no site has the host `{}`; the sites are {}", printable(named, 64), known.join(", "));
    if more > 0 {
        detail.push_str(&format!(" and {more} more"));
    }
    Problem::not_found("unknown-site", detail)
}

fn done(mut done: Vec<Operated>) -> Json<Value> {
    done.sort_by(|one, other| one.site.cmp(&other.site));
    let sites: Vec<Value> = done
        .into_iter()
        .map(|done| json!({"site": done.site, "changed": done.changed, "reference": done.reference.to_string()}))
        .collect();
    Json(json!({"done": sites}))
}
