//! Why a request is turned away at the door, before any rule is asked.

use thiserror::Error;

use super::host::BadHost;
use super::path::BadPath;
use super::query::BadQuery;

/// A request that could be read in two ways, or in none. The sentences may be shown: they repeat nothing that the
/// client sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// Not an upper-case token of at most 32 letters: `get` must not pass by a rule for `GET`.
    #[error("the method must be at most 32 upper-case letters")]
    Method,
    /// CONNECT, TRACE and TRACK have no place in front of an application.
    #[error("this method is not served here")]
    MethodNotAllowed,
    /// No `Host` and no `:authority`.
    #[error("the request names no host")]
    HostMissing,
    /// More than one `Host`.
    #[error("the request names more than one host")]
    HostRepeated,
    /// A host that is none.
    #[error(transparent)]
    Host(#[from] BadHost),
    /// `Host`, `:authority` and the request target do not name the same host and port.
    #[error("the request target and the Host header name different hosts")]
    HostsDiffer,
    /// Both a length and a transfer coding: where the body ends is then read in different ways (S01).
    #[error("the request tells the length of its body in two ways")]
    Framing,
    /// Neither a path nor a URL of this scheme: `*`, `host:port`, `ftp://…`.
    #[error("the request target must be a path")]
    Target,
    /// A path that could be read in two ways.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// A query that could be read in two ways.
    #[error(transparent)]
    Query(#[from] BadQuery),
}

impl Refused {
    /// The HTTP status that answers it: 400, 405 or 414.
    pub fn status(self) -> u16 {
        match self {
            Self::MethodNotAllowed => 405,
            Self::Path(path) => path.status(),
            _ => 400,
        }
    }
}
