//! Why a request got no answer from its application: turned away at the door, or failed on its way.

use bytes::Bytes;
use http::{Response, StatusCode};
use pingora::prelude::{Error, ErrorSource, ErrorType};
use pingora::proxy::Session;

use crate::audit::UpstreamError;
use crate::portal::Asker;
use crate::request::Refused;
use crate::words::Reference;

/// Why a request got no answer from its application. Shown, it is the reason in its event: nothing of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    /// It could be read in two ways, or in none.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// No site has its host.
    #[error("no site has this host")]
    UnknownHost,
    /// Its host is there for providers alone, and it is nothing of theirs.
    #[error("this host serves nothing but receipts")]
    NoPage,
    /// Its head is larger than the listener takes.
    #[error("the head of the request is too large")]
    HeaderTooLarge,
    /// It broke the protocol on the way.
    #[error("the request breaks the protocol")]
    Broken,
    /// The application did not answer, or not in HTTP.
    #[error("the application did not answer")]
    NoAnswer(UpstreamError),
    /// The application did not answer in time.
    #[error("the application did not answer in time")]
    Slow,
    /// A fault of the gateway.
    #[error("a fault of the gateway")]
    Internal,
}

impl Trouble {
    /// What to tell the client of an error of pingora's; `None` when the client is gone.
    pub(super) fn of(error: &Error) -> Option<Self> {
        use ErrorType as T;
        match error.esource() {
            ErrorSource::Upstream => Some(match error.etype() {
                T::ConnectTimedout | T::ReadTimedout | T::WriteTimedout | T::TLSHandshakeTimedout => Self::Slow,
                T::ConnectNoRoute => Self::NoAnswer(UpstreamError::NoServer),
                T::TLSHandshakeFailure | T::InvalidCert => Self::NoAnswer(UpstreamError::Tls),
                T::ConnectRefused | T::ConnectError | T::SocketError => Self::NoAnswer(UpstreamError::Connect),
                _ => Self::NoAnswer(UpstreamError::Broken),
            }),
            ErrorSource::Downstream => match error.etype() {
                T::ReadError | T::WriteError | T::ConnectionClosed | T::ReadTimedout | T::WriteTimedout => None,
                _ => Some(Self::Broken),
            },
            ErrorSource::Internal | ErrorSource::Unset => Some(Self::Internal),
        }
    }

    /// What is counted of it, where it is the upstream's.
    pub(super) const fn of_upstream(self) -> Option<UpstreamError> {
        match self {
            Self::NoAnswer(error) => Some(error),
            Self::Slow => Some(UpstreamError::Timeout),
            _ => None,
        }
    }

    /// The answer to the request that is in it.
    pub(super) fn answer(self, session: &Session, reference: Reference) -> Response<Bytes> {
        let head = session.req_header();
        let asker = Asker { method: &head.method, headers: &head.headers, reference };
        match self {
            Self::Refused(refused) => asker.refused(refused),
            Self::UnknownHost => asker.unknown_host(),
            Self::NoPage => asker.no_page(),
            Self::HeaderTooLarge => asker.header_too_large(),
            Self::Broken => asker.bad_request(),
            Self::NoAnswer(_) => asker.upstream_trouble(StatusCode::BAD_GATEWAY),
            Self::Slow => asker.upstream_trouble(StatusCode::GATEWAY_TIMEOUT),
            Self::Internal => asker.internal_error(),
        }
    }
}
