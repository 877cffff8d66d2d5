//! What is known of one request while pingora carries it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::proxy::{Servers, Table};
use crate::stepup::{Forward, Site, Visit};

/// The context of one request.
#[derive(Default)]
pub struct Context {
    /// The request, once it was judged worth forwarding.
    pub(super) trip: Option<Trip>,
}

/// A request on its way.
pub(super) struct Trip {
    /// The config under which it was judged: it is answered under the same one, whatever is reloaded meanwhile.
    pub table: Arc<Table>,
    pub site: Arc<Site>,
    pub servers: Arc<Servers>,
    pub visit: Visit,
    pub forward: Box<Forward>,
    /// Servers that did not take the connection.
    pub tried: Vec<SocketAddr>,
}

impl Trip {
    /// The body to send instead of the client's.
    pub(super) fn body(&self) -> Option<&Bytes> {
        self.forward.instead.as_ref().map(|instead| &instead.body)
    }

    /// Whether the request may be sent again when a connection broke: by what is sent, not by what came in.
    pub(super) fn is_idempotent(&self) -> bool {
        let method = self.forward.instead.as_ref().map_or(&self.visit.request.method, |instead| &instead.method);
        method.is_idempotent()
    }
}
