//! The servers of an upstream at run time: which one a request goes to, and whether it is well.
//!
//! Names are looked up again every half minute, since containers move; a name that cannot be looked up keeps its last
//! addresses.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use pingora::connectors::http::Connector;
use pingora::lb::discovery::ServiceDiscovery;
use pingora::lb::health_check::{HttpHealthCheck, TcpHealthCheck};
use pingora::lb::selection::{BackendIter, BackendSelection, Consistent, Random, RoundRobin};
use pingora::lb::{Backend, Backends, LoadBalancer};
use pingora::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora::upstreams::peer::{HttpPeer, Peer as _};
use tokio::task::JoinHandle;

use crate::proxy::tunnel::Tunnels;
use crate::proxy::{Balance, HealthCheck, UpstreamSpec};

/// How often names are looked up again.
const LOOK_UP: Duration = Duration::from_secs(30);
/// How long an idle connection to a server is kept. Shorter than the keep-alive of common servers (nginx: 75 s).
const IDLE: Duration = Duration::from_secs(60);

/// What keeps connections for upgrades apart from all others.
const TUNNEL: u64 = 1;

/// The servers of an upstream.
pub struct Servers {
    spec: UpstreamSpec,
    choice: Choice,
    /// Looks up names and probes servers until this is dropped.
    keeper: JoinHandle<()>,
    /// For the gateway's own questions; made with the first one.
    connector: OnceLock<Connector>,
}

#[derive(Clone)]
enum Choice {
    RoundRobin(Arc<LoadBalancer<RoundRobin>>),
    Random(Arc<LoadBalancer<Random>>),
    ClientAddress(Arc<LoadBalancer<Consistent>>),
}

/// Looks up the names of an upstream's servers.
struct Names {
    servers: Vec<String>,
    last: Mutex<HashMap<String, Vec<SocketAddr>>>,
}

// === impl Servers ===

impl Servers {
    /// Looks the servers up and keeps watch over them. Servers that cannot be looked up yet are no error: their site
    /// answers 502 until they can.
    pub async fn start(spec: UpstreamSpec) -> Arc<Self> {
        let choice = match spec.balance {
            Balance::RoundRobin => Choice::RoundRobin(balancer(&spec)),
            Balance::Random => Choice::Random(balancer(&spec)),
            Balance::ClientAddress => Choice::ClientAddress(balancer(&spec)),
        };
        choice.look_up().await;
        let keeper = tokio::spawn(keep(choice.clone(), spec.health_check.as_ref().map(|check| check.interval)));
        Arc::new(Self { spec, choice, keeper, connector: OnceLock::new() })
    }

    /// What these servers are.
    #[must_use]
    pub const fn spec(&self) -> &UpstreamSpec {
        &self.spec
    }

    /// Makes the connections for the gateway's own questions.
    pub(super) fn connector(&self) -> &Connector {
        // With the roots that the system trusts, as for the visitors' requests.
        self.connector.get_or_init(|| Connector::new(None))
    }

    /// A server for a request from `client`, but for those that were `tried`. With `endless`, the server may be silent
    /// for as long as it likes, as on a WebSocket.
    pub(super) fn peer(&self, client: IpAddr, tried: &[SocketAddr], endless: bool) -> Option<Box<HttpPeer>> {
        let address = self.choice.select(client, tried)?;
        let (tls, sni) = match &self.spec.tls {
            Some(tls) => (true, tls.sni.clone()),
            None => (false, String::new()),
        };
        let mut peer = HttpPeer::new(address, tls, sni);
        let options = &mut peer.options;
        options.connection_timeout = Some(self.spec.connect_timeout);
        options.total_connection_timeout = Some(self.spec.connect_timeout);
        options.read_timeout = (!endless).then_some(self.spec.read_timeout);
        options.write_timeout = Some(self.spec.read_timeout);
        options.idle_timeout = Some(IDLE);
        if endless {
            // A connection of its own, which no other request is given after it.
            options.custom_l4 = Some(Arc::new(Tunnels));
            peer.group_key = TUNNEL;
        }
        let options = &mut peer.options;
        if let Some(tls) = &self.spec.tls {
            options.verify_cert = tls.verify;
            options.verify_hostname = tls.verify;
        }
        Some(Box::new(peer))
    }

    /// The address of a peer that [`Servers::peer`] gave.
    pub(super) fn address(peer: &HttpPeer) -> Option<SocketAddr> {
        peer.address().as_inet().copied()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl std::fmt::Debug for Servers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Servers({:?})", self.spec.servers)
    }
}

fn balancer<S>(spec: &UpstreamSpec) -> Arc<LoadBalancer<S>>
where
    S: BackendSelection + 'static,
    S::Iter: BackendIter,
{
    let names = Names { servers: spec.servers.clone(), last: Mutex::default() };
    let mut balancer = LoadBalancer::from_backends(Backends::new(Box::new(names)));
    if let Some(check) = &spec.health_check {
        balancer.set_health_check(probe(spec, check));
    }
    Arc::new(balancer)
}

/// The probe of a health check: a GET that must answer 200, or a connection.
fn probe(
    spec: &UpstreamSpec,
    check: &HealthCheck,
) -> Box<dyn pingora::lb::health_check::HealthCheck + Send + Sync + 'static> {
    let sni = spec.tls.as_ref().map(|tls| tls.sni.as_str());
    let Some(path) = &check.path else {
        let mut probe = match sni {
            Some(sni) => TcpHealthCheck::new_tls(sni),
            None => TcpHealthCheck::new(),
        };
        probe.peer_template.options.connection_timeout = Some(spec.connect_timeout);
        return probe;
    };
    let named = spec.servers.first().and_then(|server| server.rsplit_once(':')).map_or("localhost", |(host, _)| host);
    let host = spec.host_header.as_deref().or(sni).unwrap_or(named);
    let mut probe = HttpHealthCheck::<()>::new(host, sni.is_some());
    if let Ok(uri) = path.parse() {
        probe.req.set_uri(uri);
    }
    let options = &mut probe.peer_template.options;
    options.connection_timeout = Some(spec.connect_timeout);
    options.read_timeout = Some(spec.connect_timeout);
    if let Some(tls) = &spec.tls {
        options.verify_cert = tls.verify;
        options.verify_hostname = tls.verify;
    }
    Box::new(probe)
}

async fn keep(choice: Choice, probing: Option<Duration>) {
    let mut look_up = tokio::time::interval_at(tokio::time::Instant::now() + LOOK_UP, LOOK_UP);
    let mut probe = tokio::time::interval(probing.unwrap_or(LOOK_UP));
    loop {
        tokio::select! {
            _ = look_up.tick() => choice.look_up().await,
            _ = probe.tick(), if probing.is_some() => choice.probe().await,
        }
    }
}

// === impl Choice ===

impl Choice {
    async fn look_up(&self) {
        let outcome = match self {
            Self::RoundRobin(balancer) => balancer.update().await,
            Self::Random(balancer) => balancer.update().await,
            Self::ClientAddress(balancer) => balancer.update().await,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "the servers of an upstream cannot be looked up");
        }
    }

    async fn probe(&self) {
        match self {
            Self::RoundRobin(balancer) => balancer.backends().run_health_check(true).await,
            Self::Random(balancer) => balancer.backends().run_health_check(true).await,
            Self::ClientAddress(balancer) => balancer.backends().run_health_check(true).await,
        }
    }

    fn select(&self, client: IpAddr, tried: &[SocketAddr]) -> Option<SocketAddr> {
        /// Far above any number of servers; a bound for a ring on which all are unwell.
        const STEPS: usize = 256;
        let fresh = |backend: &Backend, well: bool| {
            well && backend.addr.as_inet().is_some_and(|address| !tried.contains(address))
        };
        let chosen = match (self, client) {
            (Self::RoundRobin(balancer), _) => balancer.select_with(b"", STEPS, fresh),
            (Self::Random(balancer), _) => balancer.select_with(b"", STEPS, fresh),
            (Self::ClientAddress(balancer), IpAddr::V4(ip)) => balancer.select_with(&ip.octets(), STEPS, fresh),
            (Self::ClientAddress(balancer), IpAddr::V6(ip)) => balancer.select_with(&ip.octets(), STEPS, fresh),
        };
        match chosen?.addr {
            PeerAddress::Inet(address) => Some(address),
            PeerAddress::Unix(_) => None,
        }
    }
}

// === impl Names ===

#[async_trait]
impl ServiceDiscovery for Names {
    async fn discover(&self) -> pingora::Result<(BTreeSet<Backend>, HashMap<u64, bool>)> {
        let mut backends = BTreeSet::new();
        for server in &self.servers {
            for address in self.look_up(server).await {
                if let Ok(backend) = Backend::new(&address.to_string()) {
                    backends.insert(backend);
                }
            }
        }
        Ok((backends, HashMap::new()))
    }
}

impl Names {
    async fn look_up(&self, server: &str) -> Vec<SocketAddr> {
        let found = match tokio::net::lookup_host(server).await {
            Ok(found) => found.collect(),
            Err(error) => {
                tracing::warn!(server, %error, "the name of a server cannot be looked up");
                Vec::new()
            }
        };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_empty() {
            return last.get(server).cloned().unwrap_or_default();
        }
        last.insert(server.to_owned(), found.clone());
        found
    }
}
