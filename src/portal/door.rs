//! Answers to requests that reach no site, or get no answer from its application: what the adapter needs when there is
//! nothing to hand to [`crate::portal::Portal`]. None of them needs a site.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};

use crate::portal::notice::{Notice, Telling};
use crate::request::{Refused, RequestKind};
use crate::words::Reference;

/// What is known of a request that is answered at the door.
#[derive(Debug, Clone, Copy)]
pub struct Asker<'a> {
    /// Its method: an answer to HEAD has no body.
    pub method: &'a Method,
    /// Its headers, which tell whether a page or a problem is wanted.
    pub headers: &'a HeaderMap,
    /// The code that the visitor can read out.
    pub reference: Reference,
}

/// How long to wait for an application that does not answer.
const PAUSE: Duration = Duration::from_secs(10);

// === impl Asker ===

impl Asker<'_> {
    /// The request could be read in two ways, or in none: 400, 405 or 414.
    #[must_use]
    pub fn refused(self, refused: Refused) -> Response<Bytes> {
        let telling = match refused.status() {
            405 => {
                let allow = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
                self.tell(Notice::METHOD_NOT_ALLOWED).header(header::ALLOW, allow)
            }
            414 => self.tell(Notice::URI_TOO_LONG),
            _ => self.tell(Notice::BAD_REQUEST),
        };
        // The sentence repeats nothing that the client sent.
        self.give(telling.detail(refused.to_string()))
    }

    /// No site has the host: 421.
    #[must_use]
    pub fn unknown_host(self) -> Response<Bytes> {
        self.give(self.tell(Notice::UNKNOWN_HOST))
    }

    /// The host is there for providers alone, and this is nothing of theirs: 404.
    #[must_use]
    pub fn no_page(self) -> Response<Bytes> {
        self.give(self.tell(Notice::NO_PAGE))
    }

    /// The head of the request is larger than the listener takes: 431.
    #[must_use]
    pub fn header_too_large(self) -> Response<Bytes> {
        self.give(self.tell(Notice::HEADER_TOO_LARGE))
    }

    /// The request breaks the protocol: 400.
    #[must_use]
    pub fn bad_request(self) -> Response<Bytes> {
        self.give(self.tell(Notice::BAD_REQUEST))
    }

    /// The body broke off, or took too long: 400.
    #[must_use]
    pub fn broken_body(self) -> Response<Bytes> {
        self.give(self.tell(Notice::BROKEN_BODY))
    }

    /// The application gave no answer, or none that can be read (502), or none in time (504); any other status is told
    /// like 502.
    #[must_use]
    pub fn upstream_trouble(self, status: StatusCode) -> Response<Bytes> {
        let notice = if status == StatusCode::GATEWAY_TIMEOUT { Notice::SLOW_ANSWER } else { Notice::NO_ANSWER };
        self.give(self.tell(notice).wait(PAUSE, None))
    }

    /// A fault of the gateway itself: 500.
    #[must_use]
    pub fn internal_error(self) -> Response<Bytes> {
        self.give(self.tell(Notice::INTERNAL_ERROR))
    }

    fn tell(self, notice: Notice) -> Telling<'static> {
        notice.tell(None, self.reference)
    }

    fn give(self, telling: Telling<'_>) -> Response<Bytes> {
        without_body(self.method, telling.to(RequestKind::of(self.headers)))
    }
}

/// The answer as the method wants it: one to HEAD has no body.
pub(super) fn without_body(method: &Method, mut response: Response<Bytes>) -> Response<Bytes> {
    if method == Method::HEAD {
        response.body_mut().clear();
    }
    response
}
