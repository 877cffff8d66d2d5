//! A running gateway: started from a config, reloaded by `SIGHUP`, drained by `SIGTERM`.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::JoinHandle;

use crate::admin;
use crate::audit::Audit;
use crate::config::ConfigError;
use crate::delivery::{BadDelivery, Delivery, Outbox, Tools};
use crate::identity::Application;
use crate::proxy::{Servers, Table};
use crate::seal::SystemRandom;
use crate::server::admin::{AdminListener, BoundAdmin};
use crate::server::listener::{self, BadListener, Bound, Listener};
use crate::server::log::Log;
use crate::server::renewal::Renewal;
use crate::server::tls::Loaded;
use crate::server::{Plan, plan};
use crate::stepup::{Gateway, Shared, Telling, follow};
use crate::store::memory::MemoryStore;
use crate::store::redis::RedisStore;
use crate::store::settings::StoreAddress;
use crate::store::{SiteKey, Store, StoreError};
use crate::words::{Clock, SystemClock};

/// A running gateway.
pub struct Server {
    config: PathBuf,
    signals: Signals,
    log: Log,
    memory: Memory,
    table: Arc<ArcSwap<Table>>,
    /// The same gateway, for the admin room.
    gateway: Arc<ArcSwap<Gateway>>,
    /// Tells of contacts that were proved.
    telling: Telling,
    renewal: Arc<Renewal>,
    listeners: Vec<Listener>,
    admin: Option<AdminListener>,
}

/// What outlives a reload.
struct Memory {
    audit: Arc<Audit>,
    clock: Arc<dyn Clock>,
    outbox: Arc<Outbox>,
    store: StoreAddress,
    shared: Arc<Shared>,
    /// Hears of what other gateways do.
    follower: JoinHandle<()>,
}

/// Why a gateway cannot run, or go on under a new config.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The config is bad.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system does not let the process hear its signals.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// A listener cannot be.
    #[error(transparent)]
    Listener(#[from] BadListener),
    /// The admin listener cannot be.
    #[error("cannot listen on {address} for the admin: {why}")]
    Admin {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        why: io::Error,
    },
    /// A provider cannot be set up.
    #[error("a provider cannot be set up: {0}")]
    Delivery(#[from] BadDelivery),
    /// The store's address is of no use.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task that read the config ended early.
    #[error("the config could not be read: {0}")]
    Reading(#[from] tokio::task::JoinError),
}

/// How often certificates, databases and lists are looked at for a change.
const FILES: Duration = Duration::from_secs(5);

/// How long whoever is just being told of a proved contact has at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What a reload does to a listener, once nothing can fail any more.
enum Step {
    Keep(usize, Option<Loaded>),
    Serve(Bound),
}

// === impl Memory ===

impl Memory {
    fn new(address: StoreAddress) -> Result<Self, StoreError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let audit = Arc::new(Audit::new(Arc::clone(&clock)));
        let shared = shared(&address, &audit, &clock)?;
        let follower = tokio::spawn(follow(Arc::clone(&shared)));
        let outbox = Arc::new(Outbox::default());
        Ok(Self { audit, clock, outbox, store: address, shared, follower })
    }

    /// Goes on with another store. What this gateway holds of revocations and bans goes along.
    async fn change_store(&mut self, address: StoreAddress, shared: Arc<Shared>) {
        let now = self.clock.now();
        for (revocation, ttl) in self.shared.revoked.all(now) {
            shared.revoked.add(&revocation, ttl, now);
            if let Err(error) = shared.store.revoke(&revocation, ttl).await {
                tracing::warn!(%error, "a revocation could not be told to the new store; it holds here");
            }
        }
        shared.take_over(&self.shared).await;
        self.follower.abort();
        self.follower = tokio::spawn(follow(Arc::clone(&shared)));
        (self.store, self.shared) = (address, shared);
    }
}

fn shared(address: &StoreAddress, audit: &Arc<Audit>, clock: &Arc<dyn Clock>) -> Result<Arc<Shared>, StoreError> {
    let store: Arc<dyn Store> = match address {
        StoreAddress::Memory => Arc::new(MemoryStore::new(Arc::clone(clock))),
        StoreAddress::Redis(url) => Arc::new(RedisStore::new(url, Arc::clone(audit))?),
    };
    let random = Arc::new(SystemRandom::new());
    Ok(Arc::new(Shared::new(store, Arc::clone(clock), random, Arc::clone(audit))))
}

// === impl Server ===

impl Server {
    /// Starts the gateway of a config. It serves when this returns.
    ///
    /// # Errors
    /// When the config is bad or an address cannot be listened on.
    pub async fn start(config: PathBuf) -> Result<Self, ServerError> {
        // Before anybody can see that it runs: a SIGHUP that nobody listens for ends the process.
        let signals = Signals::listen().map_err(ServerError::Signals)?;
        let plan = read(config.clone()).await?;
        let log = Log::start(&plan.log);
        let memory = Memory::new(plan.store.clone())?;
        for warning in &plan.warnings {
            tracing::warn!("{warning}");
        }
        let bound: Vec<_> =
            plan.listeners.iter().map(|plan| Bound::new(plan.clone(), None)).collect::<Result<_, _>>()?;
        let bound_admin = bind_admin(&plan, None)?;
        let token = plan.admin.as_ref().and_then(|admin| admin.token.clone());
        let table = make_table(plan, &memory.shared, &memory.outbox, None).await?;
        let gateway = Arc::new(ArcSwap::new(Arc::clone(&table.gateway)));
        let table = Arc::new(ArcSwap::from_pointee(table));
        let listeners: Vec<_> = bound.into_iter().map(|bound| bound.serve(Arc::clone(&table))).collect();
        for listener in &listeners {
            let scheme = if listener.certificates().is_some() { "https" } else { "http" };
            tracing::info!(address = %listener.address(), scheme, "listening");
        }
        let admin = bound_admin
            .map(|bound| bound.serve(admin::router(Arc::clone(&gateway), Arc::clone(&memory.outbox), token)));
        if let Some(admin) = &admin {
            tracing::info!(address = %admin.address(), "the admin listens");
        }
        memory.audit.metrics.loaded(memory.clock.now());
        let telling = Telling::start(Arc::clone(&gateway));
        let (audit, clock) = (Arc::clone(&memory.audit), Arc::clone(&memory.clock));
        let renewal = Renewal::new(Arc::clone(&gateway), audit, clock, Arc::clone(&memory.shared.random));
        renewal.introduce();
        Ok(Self { config, signals, log, memory, table, gateway, telling, renewal, listeners, admin })
    }

    /// The addresses that are listened on.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.listeners.iter().map(Listener::address)
    }

    /// The address of the admin listener, where there is one.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(AdminListener::address)
    }

    /// Reads the config again and goes on under it; under the old one when it is bad in any way (I11).
    pub async fn reload(&mut self) {
        match self.try_reload().await {
            Ok(()) => {
                self.memory.audit.metrics.reloaded(self.memory.clock.now());
                tracing::info!(config = %self.config.display(), "the config was reloaded");
            }
            Err(error) => {
                self.memory.audit.metrics.reload_failed();
                tracing::error!(%error, "the new config is bad; the last good one goes on");
            }
        }
    }

    async fn try_reload(&mut self) -> Result<(), ServerError> {
        let plan = read(self.config.clone()).await?;
        let steps: Vec<_> = plan.listeners.iter().map(|plan| self.step(plan)).collect::<Result<_, _>>()?;
        let keeps_admin = self.admin.as_ref().map(AdminListener::plan) == plan.admin.as_ref();
        let bound_admin = if keeps_admin { None } else { bind_admin(&plan, self.admin.as_ref())? };
        let token = plan.admin.as_ref().and_then(|admin| admin.token.clone());
        let other_store = if plan.store == self.memory.store {
            None
        } else {
            Some((plan.store.clone(), shared(&plan.store, &self.memory.audit, &self.memory.clock)?))
        };
        let shared = other_store.as_ref().map_or(&self.memory.shared, |(_, shared)| shared);
        let (log, warnings) = (plan.log.clone(), plan.warnings.clone());
        let table = make_table(plan, shared, &self.memory.outbox, Some(&self.table.load())).await?;

        // Nothing can fail from here on.
        if let Some((address, shared)) = other_store {
            self.memory.change_store(address, shared).await;
        }
        self.log.change(&log);
        for warning in &warnings {
            tracing::warn!("{warning}");
        }
        self.gateway.store(Arc::clone(&table.gateway));
        self.table.store(Arc::new(table));
        self.renewal.introduce();
        self.change_listeners(steps);
        if !keeps_admin {
            if let Some(admin) = self.admin.take() {
                tokio::spawn(admin.stop());
            }
            let router = || admin::router(Arc::clone(&self.gateway), Arc::clone(&self.memory.outbox), token);
            self.admin = bound_admin.map(|bound| bound.serve(router()));
        }
        Ok(())
    }

    fn step(&self, plan: &crate::server::ListenerPlan) -> Result<Step, BadListener> {
        let old = self.listeners.iter().position(|listener| listener.plan().address == plan.address);
        if let Some(index) = old.filter(|&index| self.listeners[index].plan() == plan) {
            let certificates = if plan.tls.is_empty() { None } else { Some(listener::read(plan)?) };
            return Ok(Step::Keep(index, certificates));
        }
        Bound::new(plan.clone(), old.map(|index| &self.listeners[index])).map(Step::Serve)
    }

    /// Listeners that are no more are drained beside the new ones.
    fn change_listeners(&mut self, steps: Vec<Step>) {
        let mut old: Vec<Option<Listener>> = std::mem::take(&mut self.listeners).into_iter().map(Some).collect();
        for step in steps {
            match step {
                Step::Keep(index, certificates) => {
                    let Some(listener) = old.get_mut(index).and_then(Option::take) else { continue };
                    if let (Some(held), Some(loaded)) = (listener.certificates(), certificates) {
                        held.replace(loaded);
                    }
                    self.listeners.push(listener);
                }
                Step::Serve(bound) => {
                    let listener = bound.serve(Arc::clone(&self.table));
                    tracing::info!(address = %listener.address(), "listening");
                    self.listeners.push(listener);
                }
            }
        }
        for listener in old.into_iter().flatten() {
            tokio::spawn(listener.stop());
        }
    }

    /// Puts certificates in the place of those whose files have changed. Bad ones are left, and said again the next
    /// time.
    fn renew_certificates(&self) {
        for certificates in self.listeners.iter().filter_map(Listener::certificates) {
            match certificates.read_changed() {
                Ok(None) => {}
                Ok(Some(loaded)) => {
                    certificates.replace(loaded);
                    tracing::info!("certificates have changed and were loaded");
                }
                Err(error) => tracing::warn!(%error, "certificates have changed and are bad; the old ones go on"),
            }
        }
    }

    /// Serves until `events` says to stop, and returns how long open requests have then.
    async fn serve(&mut self) -> Duration {
        let mut files = tokio::time::interval(FILES);
        loop {
            tokio::select! {
                signal = self.signals.next() => match signal {
                    Signal::Reload => self.reload().await,
                    Signal::Stop(grace) => return grace,
                },
                _ = files.tick() => {
                    self.renew_certificates();
                    self.renewal.tick();
                }
            }
        }
    }

    /// Serves until a signal ends it: `SIGTERM` gives open requests half a minute, `SIGINT` a few seconds, and a second
    /// one of either no time at all.
    pub async fn run(mut self) {
        let grace = self.serve().await;
        tracing::info!(?grace, "stopping: no new connections, open requests are finished");
        let Self { mut signals, listeners, admin, memory, telling, .. } = self;
        let drained = futures_util::future::join_all(listeners.into_iter().map(Listener::stop));
        let is_hurried = tokio::select! {
            _ = drained => {
                tracing::info!("every request is through");
                false
            }
            () = tokio::time::sleep(grace) => {
                tracing::warn!("some connections were still open");
                false
            }
            () = signals.stopped() => {
                tracing::warn!("told twice: ending at once");
                true
            }
        };
        // After the requests: the last of them may have proved a contact.
        telling.stop(if is_hurried { Duration::ZERO } else { LAST_WORDS.min(grace) }).await;
        memory.follower.abort();
        if let Some(admin) = admin {
            let _ = tokio::time::timeout(Duration::from_secs(1), admin.stop()).await;
        }
    }
}

async fn read(config: PathBuf) -> Result<Plan, ServerError> {
    Ok(tokio::task::spawn_blocking(move || plan(&config)).await??)
}

fn bind_admin(plan: &Plan, old: Option<&AdminListener>) -> Result<Option<BoundAdmin>, ServerError> {
    let Some(plan) = &plan.admin else { return Ok(None) };
    let address = plan.address;
    BoundAdmin::new(plan.clone(), old).map(Some).map_err(|why| ServerError::Admin { address, why })
}

/// The table of a plan. Servers that stay the same are kept, with what is known of their health.
async fn make_table(
    mut plan: Plan,
    shared: &Arc<Shared>,
    outbox: &Arc<Outbox>,
    old: Option<&Table>,
) -> Result<Table, ServerError> {
    if old.is_some_and(|old| plan.scoring.take_over(old.gateway.scoring())) {
        // Before it takes the old one's place: what could not be kept on disk must not be gone for a moment.
        plan.scoring = tokio::task::spawn_blocking(move || {
            drop(plan.scoring.renew());
            plan.scoring
        })
        .await?;
    }
    plan.scoring.start(&shared.audit.metrics.risk);
    let keys = Arc::new(plan.keys);
    let tools = Tools {
        outbox: Arc::clone(outbox),
        store: Arc::clone(&shared.store),
        clock: Arc::clone(&shared.clock),
        random: Arc::clone(&shared.random),
        keys: Arc::clone(&keys),
        audit: Arc::clone(&shared.audit),
    };
    let delivery = Arc::new(Delivery::new(plan.delivery, tools)?);
    // Beside the road: without an answer of the store it starts knowing nothing.
    let learning = Arc::clone(&delivery);
    tokio::spawn(async move { learning.learn().await });
    let mut servers = HashMap::new();
    let mut sites = Vec::new();
    for site in plan.sites {
        let kept = old.and_then(|old| old.servers_of(&site.spec.key)).filter(|kept| *kept.spec() == site.upstream);
        let started = match kept {
            Some(kept) => Arc::clone(kept),
            None => Servers::start(site.upstream).await,
        };
        servers.insert(site.spec.key.clone(), started);
        sites.push(site.spec);
    }
    let application = |(site, servers): (&SiteKey, &Arc<Servers>)| {
        let application: Arc<dyn Application> = Arc::clone(servers) as _;
        (site.clone(), application)
    };
    let applications = servers.iter().map(application).collect();
    let gateway = Gateway::new(Arc::clone(shared), keys, delivery, plan.rules, sites, plan.trusted)
        .scored(plan.scoring)
        .asking(applications);
    Ok(Table::new(Arc::new(gateway), servers))
}

/// What the operating system tells the process.
struct Signals {
    hang_up: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

enum Signal {
    Reload,
    /// Stop, and give open requests this long.
    Stop(Duration),
}

impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            hang_up: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hang_up.recv() => Signal::Reload,
            _ = self.terminate.recv() => Signal::Stop(Duration::from_secs(30)),
            _ = self.interrupt.recv() => Signal::Stop(Duration::from_secs(3)),
        }
    }

    async fn stopped(&mut self) {
        while matches!(self.next().await, Signal::Reload) {}
    }
}
