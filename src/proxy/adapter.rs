//! The table of contents: what happens to a request, phase by phase.

use std::net::{IpAddr, Ipv4Addr};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::Response;
use pingora::http::{RequestHeader, ResponseHeader};
use pingora::modules::http::HttpModules;
use pingora::prelude::{Error, ErrorType, HttpPeer};
use pingora::proxy::{FailToProxy, ProxyHttp, Session};

use crate::audit::{Event, Kind, Verdict};
use crate::portal::{self, Handled, Portal};
use crate::proxy::body::SessionBody;
use crate::proxy::trip::{Context, Trip};
use crate::proxy::trouble::Trouble;
use crate::proxy::{Peer, Servers, Table, answer, outbound};
use crate::request::canonical::{has_two_framings, target_on_the_wire};
use crate::request::{CanonicalRequest, Door, RawRequest, Refused, RequestKind};
use crate::stepup::{Gateway, Site, Visit};

/// Judges and carries the requests of one listener.
pub struct Adapter {
    table: Arc<ArcSwap<Table>>,
    portal: Portal,
    /// The most that a request's head may have, in bytes.
    max_header: usize,
}

/// How long an unread body is taken in after an answer, so that the client gets to read that answer.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a client may take to read a piece of an answer.
const WRITE: Duration = Duration::from_secs(60);

impl Adapter {
    /// Serves by whatever `table` holds at the moment a request comes in.
    #[must_use]
    pub fn new(table: Arc<ArcSwap<Table>>, max_header: usize) -> Self {
        Self { table, portal: Portal::default(), max_header }
    }

    /// Judges a request: an answer, or a trip to the upstream.
    async fn judge(&self, session: &mut Session) -> Result<Trip, Response<Bytes>> {
        let table = self.table.load_full();
        let gateway = Arc::clone(&table.gateway);
        if head_size(session) > self.max_header {
            return Err(turned_away(&gateway, session, Trouble::HeaderTooLarge));
        }
        let (site, request) =
            canonical(&gateway, session).map_err(|trouble| turned_away(&gateway, session, trouble))?;
        let certificate = Peer::names(session.digest(), gateway.shared().clock.now());
        let visit = Visit { request, headers: session.req_header().headers.clone(), certificate };
        if gateway.receives_at(visit.request.authority.host()) {
            // What providers send comes before any site, and goes no further.
            let mut body = SessionBody::new(session, false);
            let hearing = portal::hear(&gateway, &visit, &mut body);
            match AssertUnwindSafe(hearing).catch_unwind().await {
                Ok(None) => {}
                Ok(Some(answer)) => return Err(answer),
                Err(_) => return Err(Trouble::Internal.answer(session, gateway.reference())),
            }
        }
        let Some(site) = site else { return Err(turned_away(&gateway, session, Trouble::NoPage)) };
        // A navigation's body is parked; any other that is read belongs to a request that may go on as it is.
        let mut body = SessionBody::new(session, visit.request.kind != RequestKind::Navigation);
        let handling = self.portal.handle(&gateway, &site, visit, &mut body);
        let Ok((visit, handled)) = AssertUnwindSafe(handling).catch_unwind().await else {
            // The panic has been logged by its hook; the request is refused, and the process goes on (F04).
            site.metrics.count(Verdict::Unavailable);
            return Err(Trouble::Internal.answer(session, gateway.reference()));
        };
        let forward = match handled {
            Handled::Answer(answer) => return Err(answer),
            Handled::Forward(forward) => forward,
        };
        let Some(servers) = table.servers_of(&site.spec.key).cloned() else {
            return Err(Trouble::Internal.answer(session, gateway.reference()));
        };
        Ok(Trip { table, site, servers, visit, forward, tried: Vec::new() })
    }
}

/// The site and the canonical form of a request. A host that is there for providers may be no site's.
fn canonical(gateway: &Gateway, session: &Session) -> Result<(Option<Arc<Site>>, CanonicalRequest), Trouble> {
    let head = session.req_header();
    let wire = session.as_http1().map(|http1| http1.get_headers_raw_bytes());
    let target = match &wire {
        Some(wire) if has_two_framings(wire) => return Err(Refused::Framing.into()),
        Some(wire) => target_on_the_wire(wire).ok_or(Refused::Target)?,
        None => head.uri.path_and_query().map_or(&b""[..], |target| target.as_str().as_bytes()),
    };
    let authority = if wire.is_none() { head.uri.authority().map(http::uri::Authority::as_str) } else { None };
    let raw = RawRequest {
        method: &head.method,
        target,
        headers: &head.headers,
        authority,
        peer: peer(session),
        tls: session.digest().is_some_and(|digest| digest.ssl_digest.is_some()),
    };
    let door = Door::enter(raw, gateway.trusted_proxies())?;
    let host = door.authority.host();
    let site = gateway.site(host).cloned();
    if site.is_none() && !gateway.receives_at(host) {
        return Err(Trouble::UnknownHost);
    }
    let rules = site.as_ref().map(|site| site.path_rules).unwrap_or_default();
    let mut request = door.path(rules)?;
    if let Some(site) = &site {
        gateway.locate(site, &mut request);
    }
    Ok((site, request))
}

/// The peer of the connection. One without an address is nobody that any rule could name.
fn peer(session: &Session) -> IpAddr {
    let address = session.client_addr().and_then(|address| address.as_inet());
    address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |address| address.ip())
}

/// The size of a request's head in bytes: as it came, or as HTTP/2 counts a header list (RFC 9113, section 6.5.2).
fn head_size(session: &Session) -> usize {
    match session.as_http1() {
        Some(http1) => http1.get_headers_raw_bytes().len(),
        None => {
            let head = session.req_header();
            let target = head.uri.path_and_query().map_or(0, |target| target.as_str().len());
            head.headers.iter().fold(target, |sum, (name, value)| sum + name.as_str().len() + value.len() + 32)
        }
    }
}

/// The answer to a request that belongs to no site, and its event.
fn turned_away(gateway: &Gateway, session: &Session, trouble: Trouble) -> Response<Bytes> {
    let shared = gateway.shared();
    shared.audit.metrics.outside().count(Verdict::Invalid);
    let reference = gateway.reference();
    let happened = match trouble {
        Trouble::UnknownHost | Trouble::NoPage => Kind::UnknownHost,
        _ => Kind::Ambiguous,
    };
    let head = session.req_header();
    let event = Event::new(happened, reference)
        .client(peer(session))
        .request(head.method.as_str(), head.uri.path())
        .reason(trouble);
    shared.audit.record(event);
    trouble.answer(session, reference)
}

#[async_trait]
impl ProxyHttp for Adapter {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        Context::default()
    }

    fn init_downstream_modules(&self, _modules: &mut HttpModules) {
        // None: compressing a page with a form's secret token would tell it by its length (BREACH).
    }

    async fn request_filter(&self, session: &mut Session, context: &mut Context) -> pingora::Result<bool> {
        session.set_total_drain_timeout(Some(DRAIN));
        session.set_write_timeout(Some(WRITE));
        match self.judge(session).await {
            Ok(trip) => {
                context.trip = Some(trip);
                Ok(false)
            }
            Err(refusal) => {
                answer::write(session, refusal).await?;
                Ok(true)
            }
        }
    }

    async fn upstream_peer(&self, _session: &mut Session, context: &mut Context) -> pingora::Result<Box<HttpPeer>> {
        let trip = trip(context)?;
        let endless = trip.visit.request.kind == RequestKind::Upgrade;
        trip.servers
            .peer(trip.visit.request.client.ip, &trip.tried, endless)
            .ok_or_else(|| Error::explain(ErrorType::ConnectNoRoute, "no server is well").into_up())
    }

    fn fail_to_connect(
        &self,
        _session: &mut Session,
        peer: &HttpPeer,
        context: &mut Context,
        mut error: Box<Error>,
    ) -> Box<Error> {
        // Nothing was sent yet, so another server may be tried whatever the method is.
        if let (Some(trip), Some(address)) = (&mut context.trip, Servers::address(peer)) {
            trip.tried.push(address);
            error.set_retry(true);
        }
        error
    }

    async fn upstream_request_filter(
        &self,
        _session: &mut Session,
        request: &mut RequestHeader,
        context: &mut Context,
    ) -> pingora::Result<()> {
        let trip = trip(context)?;
        if let Some(watch) = &mut trip.forward.watch {
            watch.starts();
        }
        outbound::request(trip, request)
    }

    async fn request_body_filter(
        &self,
        _session: &mut Session,
        body: &mut Option<Bytes>,
        end_of_stream: bool,
        context: &mut Context,
    ) -> pingora::Result<()> {
        let Some(trip) = &mut context.trip else { return Ok(()) };
        if let Some(instead) = trip.body() {
            // Nothing of what comes from the client goes on; the whole body takes the place of its last piece.
            *body = Some(if end_of_stream { instead.clone() } else { Bytes::new() });
        }
        if let Some(watch) = &mut trip.forward.watch {
            watch.request_body(body.as_deref().unwrap_or_default(), end_of_stream);
        }
        Ok(())
    }

    async fn response_filter(
        &self,
        _session: &mut Session,
        answer: &mut ResponseHeader,
        context: &mut Context,
    ) -> pingora::Result<()> {
        if answer.status.is_informational() && answer.status != http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(());
        }
        let trip = trip(context)?;
        if let Some(watch) = &mut trip.forward.watch {
            watch.response(&trip.table.gateway, &trip.visit, answer.status, &answer.headers).await;
        }
        if let Some(changing) = &mut trip.forward.changing {
            changing.response(&trip.table.gateway, &trip.visit, answer.status, &answer.headers).await;
        }
        outbound::response(trip, answer)
    }

    fn error_while_proxy(
        &self,
        _peer: &HttpPeer,
        session: &mut Session,
        mut error: Box<Error>,
        context: &mut Context,
        client_reused: bool,
    ) -> Box<Error> {
        // By the method that is sent: a resumed form comes in as a GET, and must not be sent twice (I8).
        let repeatable = context.trip.as_ref().is_some_and(Trip::is_idempotent);
        if repeatable && !session.as_ref().retry_buffer_truncated() {
            error.retry.decide_reuse(client_reused);
        } else {
            error.set_retry(false);
        }
        error
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, context: &mut Context) -> FailToProxy {
        let over = FailToProxy { error_code: 0, can_reuse_downstream: false };
        let Some(trouble) = Trouble::of(error) else { return over };
        let gateway = match &context.trip {
            Some(trip) => {
                if let Some(failed) = trouble.of_upstream() {
                    trip.site.metrics.upstream_failed(failed);
                }
                Arc::clone(&trip.table.gateway)
            }
            None => Arc::clone(&self.table.load().gateway),
        };
        let answer = trouble.answer(session, gateway.reference());
        let error_code = answer.status().as_u16();
        if session.response_written().is_none() && answer::write(session, answer).await.is_err() {
            return over;
        }
        FailToProxy { error_code, can_reuse_downstream: false }
    }

    fn request_summary(&self, session: &Session, _context: &Context) -> String {
        // Without the query: one-time links and tokens are no log's business (I9).
        let head = session.req_header();
        format!("{} {}", head.method, crate::audit::printable(head.uri.path(), 256))
    }
}

fn trip(context: &mut Context) -> pingora::Result<&mut Trip> {
    context.trip.as_mut().ok_or_else(|| Error::explain(ErrorType::InternalError, "a request was not judged"))
}
