//! Beside the road: databases and lists are read again when they change, and lists are fetched when it is time.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;

use crate::audit::Audit;
use crate::risk::{Fetched, Remote, Renewed, Scoring, Web, WebLimits};
use crate::seal::Random;
use crate::stepup::Gateway;
use crate::words::Clock;

/// Keeps what makes a score up to date.
pub(super) struct Renewal {
    /// The gateway of the present config.
    gateway: Arc<ArcSwap<Gateway>>,
    audit: Arc<Audit>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// Made when a list is first to be fetched.
    web: OnceLock<Web>,
}

// === impl Renewal ===

impl Renewal {
    pub(super) fn new(
        gateway: Arc<ArcSwap<Gateway>>,
        audit: Arc<Audit>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Arc<Self> {
        Arc::new(Self { gateway, audit, clock, random, web: OnceLock::new() })
    }

    /// Says which databases and lists a config has, and how old they are.
    pub(super) fn introduce(&self) {
        self.audit.metrics.risk.clear();
        let scoring = Arc::clone(self.gateway.load().scoring());
        let now = self.clock.now();
        for database in scoring.databases() {
            let fields: Vec<&str> = database.fields.iter().map(|field| field.as_str()).collect();
            let (kind, days, file) = (&database.kind, database.days(now), database.from.display());
            tracing::info!(database = database.name, %kind, says = fields.join(", "), days, %file, "a GeoIP database");
        }
        for list in scoring.lists() {
            let days = list.updated.and_then(|at| now.since(at)).map(|age| age.as_secs() / (24 * 60 * 60));
            tracing::info!(list = &*list.name, entries = list.entries, days, from = list.from, "a list of `risk`");
        }
        self.count(&scoring);
    }

    /// Looks for what has changed, and asks for what it is time to ask for. Returns at once.
    pub(super) fn tick(self: &Arc<Self>) {
        let scoring = Arc::clone(self.gateway.load().scoring());
        let now = self.clock.now();
        for remote in scoring.remotes().filter(|remote| remote.is_due(now)) {
            let (this, remote) = (Arc::clone(self), Arc::clone(remote));
            tokio::spawn(async move { this.fetch(&remote).await });
        }
        let this = Arc::clone(self);
        tokio::task::spawn_blocking(move || this.read());
    }

    /// Each list by itself: one that is slow, or bad, keeps no other from being renewed.
    async fn fetch(self: &Arc<Self>, remote: &Arc<Remote>) {
        let (list, host) = (remote.name(), remote.host());
        let Some(web) = self.web() else {
            return self.audit.metrics.risk.list_failed(list);
        };
        let Some(fetched) = remote.renew(web, self.clock.now(), &*self.random).await else { return };
        match fetched {
            Ok(Fetched::Same) => tracing::debug!(%list, %host, "a list is the newest still"),
            Ok(Fetched::New { entries, is_kept }) => {
                tracing::info!(%list, %host, entries, "a list was fetched");
                if !is_kept {
                    let why = "a list could not be written to `risk.cache`: without a network, the next start will not have it";
                    tracing::warn!(%list, "{why}");
                }
                let this = Arc::clone(self);
                tokio::task::spawn_blocking(move || this.read());
            }
            Err(error) => {
                self.audit.metrics.risk.list_failed(list);
                match remote.checked() {
                    Some(_) => {
                        tracing::warn!(%list, %host, %error, "a list was not renewed; the last good one goes on")
                    }
                    None => tracing::warn!(%list, %host, %error, "a list has never been had: nothing is on it"),
                }
            }
        }
    }

    fn web(&self) -> Option<&Web> {
        if self.web.get().is_none() {
            match Web::new(WebLimits::default()) {
                Ok(web) => drop(self.web.set(web)),
                Err(error) => tracing::warn!(%error, "lists cannot be fetched: there is no telling whom to trust"),
            }
        }
        self.web.get()
    }

    fn read(&self) {
        let scoring = Arc::clone(self.gateway.load().scoring());
        let renewed = scoring.renew();
        for Renewed { from, result } in &renewed {
            match result {
                Ok(()) => tracing::info!(%from, "a file of `risk` has changed and was loaded"),
                Err(error) => {
                    tracing::warn!(%from, %error, "a file of `risk` has changed and is bad; the old one goes on")
                }
            }
        }
        self.count(&scoring);
        if renewed.iter().any(|renewed| renewed.result.is_ok()) {
            let now = self.clock.now();
            for database in scoring.databases().filter(|database| database.is_old(now)) {
                let (days, file) = (database.days(now), database.from.display());
                tracing::warn!(database = database.name, days, %file, "a GeoIP database is old: addresses move");
            }
        }
    }

    fn count(&self, scoring: &Scoring) {
        let metrics = &self.audit.metrics.risk;
        for database in scoring.databases() {
            metrics.database(database.name, database.built);
        }
        for list in scoring.lists() {
            metrics.list(&list.name, list.entries, list.updated);
        }
    }
}
