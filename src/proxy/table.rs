//! What one config makes of the proxy: swapped in whole by a reload (I11).

use std::collections::HashMap;
use std::sync::Arc;

use crate::proxy::Servers;
use crate::stepup::Gateway;
use crate::store::SiteKey;

/// The gateway of one config, and the servers of each of its sites.
#[derive(Debug)]
pub struct Table {
    /// Decides.
    pub gateway: Arc<Gateway>,
    servers: HashMap<SiteKey, Arc<Servers>>,
}

impl Table {
    /// The table of a gateway whose sites have these servers.
    #[must_use]
    pub const fn new(gateway: Arc<Gateway>, servers: HashMap<SiteKey, Arc<Servers>>) -> Self {
        Self { gateway, servers }
    }

    /// The servers of a site.
    #[must_use]
    pub fn servers_of(&self, site: &SiteKey) -> Option<&Arc<Servers>> {
        self.servers.get(site)
    }
}
