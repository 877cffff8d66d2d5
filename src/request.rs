//! The canonical request: what a client sent, read once, in the only way that the gateway and an upstream agree on.
//!
//! Most published bypasses of gateways are a disagreement about an address: the gateway judged one path and the
//! application served another. So nothing above this room looks at raw bytes. [`canonical::Door`] reads them, refuses
//! whatever could be read in two ways, and hands out values that are judged and forwarded alike (invariants I5, I6).
//!
//! Pure: no I/O, no clock, no pingora. It may use nothing of the crate but [`crate::words`].
//!
//! Start reading at [`canonical`]; then [`path`], where most of the trouble is.

pub mod canonical;
pub mod client;
pub mod cookies;
pub mod glob;
pub mod headers;
pub mod host;
pub mod kind;
pub mod language;
pub mod networks;
pub mod path;
pub mod query;
pub mod refused;

pub use canonical::{CanonicalRequest, Door, RawRequest};
pub use client::{ClientAddress, client_address};
pub use cookies::OwnCookie;
pub use glob::{BadGlob, Glob};
pub use headers::IdentityHeaders;
pub use host::{Authority, Origin, Scheme};
pub use kind::{OwnOrigin, RequestKind, is_prefetch, own_origin};
pub use language::preferred_language;
pub use networks::{Networks, TrustedProxies, network_of, unmapped};
pub use path::{CanonicalPath, PathRules, fold};
pub use query::Query;
pub use refused::Refused;
