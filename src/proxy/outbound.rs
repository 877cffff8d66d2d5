//! What the upstream gets: the judged request, free of what the client forged, with what the gateway vouches for; and
//! what the client gets back.

use std::net::IpAddr;

use http::header::{
    self, CONTENT_LENGTH, COOKIE, EXPECT, HOST, HeaderName, HeaderValue, SET_COOKIE, TRANSFER_ENCODING,
};
use pingora::http::{RequestHeader, ResponseHeader};

use crate::proxy::trip::Trip;
use crate::request::Scheme;
use crate::request::cookies::{self, UpstreamCookies};
use crate::request::headers::is_forged_in_response;
use crate::stepup::Replacement;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const X_REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Turns the request that pingora is about to send into the one that was judged (I5, I6).
pub(super) fn request(trip: &Trip, upstream: &mut RequestHeader) -> pingora::Result<()> {
    let canonical = &trip.visit.request;
    match &trip.forward.instead {
        Some(instead) => replace(instead, upstream)?,
        None => {
            let target = canonical.target();
            if upstream.raw_path() != &*target {
                upstream.set_raw_path(&target)?;
            }
        }
    }
    remove_forged(trip, upstream);
    match cookies::for_upstream(&upstream.headers) {
        UpstreamCookies::AsSent => {}
        UpstreamCookies::Line(line) => upstream.insert_header(COOKIE, line)?,
        UpstreamCookies::None => {
            upstream.remove_header(&COOKIE);
        }
    }
    let authority = canonical.authority.to_string();
    let host = trip.servers.spec().host_header.as_deref().unwrap_or(&authority);
    if upstream.headers.get(HOST).is_none_or(|sent| sent.as_bytes() != host.as_bytes()) {
        upstream.insert_header(HOST, host)?;
    }
    client(upstream, canonical.client.ip, canonical.scheme)?;
    upstream.insert_header(X_FORWARDED_PORT, canonical.authority.port_or_default(canonical.scheme).to_string())?;
    upstream.insert_header(X_FORWARDED_HOST, authority)?;
    for (name, value) in &trip.forward.add {
        upstream.insert_header(name, value)?;
    }
    Ok(())
}

/// Tells the upstream who its client is, and how that came.
pub(super) fn client(upstream: &mut RequestHeader, ip: IpAddr, scheme: Scheme) -> pingora::Result<()> {
    let client = ip.to_string();
    upstream.insert_header(X_REAL_IP, client.as_str())?;
    // The one address that is certain, and no trail: whichever end an application reads, it finds the client.
    upstream.insert_header(X_FORWARDED_FOR, client)?;
    upstream.insert_header(X_FORWARDED_PROTO, scheme.as_str())
}

/// Puts another request in the place of the one that came in: a resumed one, or this very one with a body that was read.
fn replace(instead: &Replacement, upstream: &mut RequestHeader) -> pingora::Result<()> {
    if let Some(headers) = &instead.headers {
        let mut fresh =
            RequestHeader::build(instead.method.clone(), instead.target.as_bytes(), Some(headers.len() + 12))?;
        for (name, value) in headers {
            fresh.append_header(name, value)?;
        }
        *upstream = fresh;
    } else {
        upstream.set_method(instead.method.clone());
        upstream.set_raw_path(instead.target.as_bytes())?;
    }
    // The body was read, so nobody waits for a 100 any more.
    upstream.remove_header(&EXPECT);
    upstream.remove_header(&TRANSFER_ENCODING);
    upstream.insert_header(CONTENT_LENGTH, instead.body.len())?;
    Ok(())
}

fn remove_forged(trip: &Trip, upstream: &mut RequestHeader) {
    let forged: Vec<HeaderName> =
        trip.site.spec.identity_headers.forged(&upstream.headers, trip.visit.request.peer).cloned().collect();
    for name in &forged {
        upstream.remove_header(name);
    }
}

/// Takes out of an answer what only the gateway may say to the client (H24), and adds the gateway's own cookies.
pub(super) fn response(trip: &Trip, answer: &mut ResponseHeader) -> pingora::Result<()> {
    let forged: Vec<HeaderName> =
        answer.headers.keys().filter(|name| is_forged_in_response(name.as_str())).cloned().collect();
    for name in &forged {
        answer.remove_header(name);
    }
    if let Some(kept) = cookies::set_cookies_for_client(&answer.headers) {
        answer.remove_header(&SET_COOKIE);
        for line in kept {
            answer.append_header(SET_COOKIE, line)?;
        }
    }
    for line in &trip.forward.set_cookies {
        answer.append_header(SET_COOKIE, line)?;
    }
    if !trip.forward.set_cookies.is_empty() {
        // A cookie that is one browser's must not be kept by a cache between.
        answer.append_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))?;
    }
    Ok(())
}
