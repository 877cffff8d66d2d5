//! Who is let in: the host name that was asked for, the token, and whose hand sent an order.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};

use crate::admin::problem::Problem;
use crate::admin::{Admin, AdminToken, OUTBOX};
use crate::request::{Authority, OwnOrigin, Scheme, own_origin};

/// What stands on every answer that does not say otherwise.
const GUARDING_HEADERS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers by which no browser keeps, frames or hands on what it reads here.
pub(super) async fn guarding_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in GUARDING_HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Lets pass, where no token guards the listener, what was asked for by an IP address or as `localhost` alone: names that
/// no foreign web page can make its own by pointing its own DNS here (F11). A page does not know the token, so with one
/// any name will do, such as that of a container.
pub(super) async fn host(State(admin): State<Arc<Admin>>, mut request: Request, next: Next) -> Response {
    match authority(&request) {
        Ok(Some(authority)) if admin.token.is_none() && !is_address_or_localhost(authority.host()) => Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "wrong-host",
            "ask for the admin listener by its IP address or as localhost, or set a token: other host names could be \
             pointed here by a foreign web page",
        )
        .into_response(),
        Ok(authority) => {
            request.extensions_mut().insert(Asked(authority));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// The authority that was asked for; `None` for HTTP/1.0, which needs none and which no browser speaks.
#[derive(Debug, Clone)]
struct Asked(Option<Authority>);

fn authority(request: &Request) -> Result<Option<Authority>, Problem> {
    let bad = |detail| Problem::new(StatusCode::BAD_REQUEST, "bad-request", detail);
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Authority::parse(host.as_bytes()).map_err(|error| bad(error.to_string()))?,
        (None, _) if request.version() <= Version::HTTP_10 && request.uri().authority().is_none() => return Ok(None),
        _ => return Err(bad("exactly one Host header is needed".to_owned())),
    };
    // An absolute target names the host a second time.
    if let Some(target) = request.uri().authority() {
        let same = Authority::parse(target.as_str().as_bytes()).is_ok_and(|target| target.is_same(&host, Scheme::Http));
        if !same {
            return Err(bad("the target and the Host header name different hosts".to_owned()));
        }
    }
    Ok(Some(host))
}

fn is_address_or_localhost(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok()
        || v6.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

/// Lets pass who brings the token, or everybody where none is configured.
pub(super) async fn token(State(admin): State<Arc<Admin>>, request: Request, next: Next) -> Response {
    let Some(token) = &admin.token else { return next.run(request).await };
    // A browser can show the outbox only by a scheme that it has a prompt for. Nothing else takes that scheme, so a
    // browser that remembers the password can be made to do nothing.
    let in_browser = request.uri().path() == OUTBOX;
    match presented(request.headers(), token, in_browser) {
        Presented::Right => return next.run(request).await,
        Presented::Wrong => tracing::warn!("the admin listener was asked with a wrong token"),
        Presented::Nothing => {}
    }
    let problem = Problem::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "send the config's `admin.token` as `Authorization: Bearer TOKEN`",
    );
    let mut response = problem.into_response();
    let challenges = response.headers_mut();
    challenges.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"otpgate\""));
    if in_browser {
        let basic =
            HeaderValue::from_static("Basic realm=\"otpgate: the admin token is the password\", charset=\"UTF-8\"");
        challenges.append(header::WWW_AUTHENTICATE, basic);
    }
    response
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Presented {
    Right,
    Wrong,
    Nothing,
}

/// What the `Authorization` header holds; `basic` says whether a password will do.
fn presented(headers: &HeaderMap, token: &AdminToken, basic: bool) -> Presented {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let (line, another) = (lines.next(), lines.next());
    let Some(line) = line.and_then(|line| line.to_str().ok()) else { return Presented::Nothing };
    let (scheme, value) = line.split_once(' ').unwrap_or((line, ""));
    let value = value.trim();
    let is_right = if scheme.eq_ignore_ascii_case("bearer") {
        token.is(value.as_bytes())
    } else if basic && scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(value).unwrap_or_default();
        let password = pair.iter().position(|&byte| byte == b':').and_then(|colon| pair.get(colon + 1..));
        password.is_some_and(|password| token.is(password))
    } else {
        return Presented::Nothing;
    };
    if is_right && another.is_none() { Presented::Right } else { Presented::Wrong }
}

/// Lets pass a request that changes something only with a JSON body, which no form of a foreign page can send, and from
/// no foreign origin (F11).
pub(super) async fn changes_by_own_hand(request: Request, next: Next) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let asked = request.extensions().get::<Asked>().and_then(|asked| asked.0.as_ref());
    let foreign = match asked {
        Some(authority) => own_origin(request.headers(), Scheme::Http, authority) == OwnOrigin::Foreign,
        None => request.headers().contains_key(header::ORIGIN),
    };
    if foreign {
        let detail = "a page of another origin sent this";
        return Problem::new(StatusCode::FORBIDDEN, "foreign-origin", detail).into_response();
    }
    if !is_json(request.headers()) {
        let detail = "the body must be JSON, with `Content-Type: application/json`";
        return Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "bad-request", detail).into_response();
    }
    next.run(request).await
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.and_then(|value| value.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests;
