//! A listener: accepts connections and hands them to the proxy, until it is told to stop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use pingora::apps::{HttpServerApp as _, HttpServerOptions, ServerApp as _};
use pingora::listeners::tls::Acceptor;
use pingora::protocols::l4::listener::Listener as Socket;
use pingora::protocols::l4::socket::SocketAddr as PeerAddress;
use pingora::protocols::l4::stream::Stream as Connection;
use pingora::protocols::{GetProxyDigest as _, GetSocketDigest as _, Ssl as _, Stream};
use pingora::proxy::HttpProxy;
use pingora::server::configuration::ServerConf;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{mpsc, watch};

use crate::proxy::{Adapter, Peer, Table};
use crate::server::ListenerPlan;
use crate::server::tls::{BadCertificate, Certificates, Loaded};

/// A socket that is bound and waits to be served.
pub struct Bound {
    plan: ListenerPlan,
    socket: Arc<std::net::TcpListener>,
    served: TcpListener,
    certificates: Option<Arc<Certificates>>,
}

/// A listener at work.
pub struct Listener {
    plan: ListenerPlan,
    /// For the listener that takes over after a reload: no connection is refused meanwhile.
    socket: Arc<std::net::TcpListener>,
    certificates: Option<Arc<Certificates>>,
    stop: watch::Sender<bool>,
    app: Arc<HttpProxy<Adapter>>,
    /// Ends when the last connection did: each holds a sender.
    connections: mpsc::Receiver<()>,
}

/// Why a listener cannot be.
#[derive(Debug, thiserror::Error)]
pub enum BadListener {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {why}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        why: io::Error,
    },
    /// Its certificates cannot be used.
    #[error("the certificates of {address} cannot be used: {why}")]
    Certificates {
        /// The address.
        address: SocketAddr,
        /// Why.
        why: BadCertificate,
    },
}

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);
/// How long an HTTP/2 connection without a request is kept.
const IDLE: Duration = Duration::from_secs(120);
/// Connections that the operating system holds until they are accepted.
const BACKLOG: u32 = 4096;
/// Idle connections to upstream servers that are kept, in all.
const UPSTREAM_POOL: usize = 512;

// === impl Bound ===

impl Bound {
    /// Binds the address of `plan` and loads its certificates; the socket of `old` is taken over where that is the same
    /// address.
    ///
    /// # Errors
    /// When either fails.
    pub fn new(plan: ListenerPlan, old: Option<&Listener>) -> Result<Self, BadListener> {
        let address = plan.address;
        let certificates = if plan.tls.is_empty() { None } else { Some(Certificates::new(read(&plan)?)) };
        let bind = |why| BadListener::Bind { address, why };
        let socket = match old.filter(|old| old.plan.address == address) {
            Some(old) => Arc::clone(&old.socket),
            None => Arc::new(listen(address).map_err(bind)?),
        };
        let served = socket.try_clone().and_then(TcpListener::from_std).map_err(bind)?;
        Ok(Self { plan, socket, served, certificates })
    }

    /// Serves by whatever `table` holds.
    pub fn serve(self, table: Arc<ArcSwap<Table>>) -> Listener {
        let Self { plan, socket, served, certificates } = self;
        let app = Arc::new(proxy(Adapter::new(table, plan.max_header)));
        let (stop, stopped) = watch::channel(false);
        let (alive, connections) = mpsc::channel(1);
        tokio::spawn(accept(Socket::from(served), certificates.clone(), Arc::clone(&app), stopped, alive));
        Listener { plan, socket, certificates, stop, app, connections }
    }
}

/// Reads the certificates of a TLS listener.
///
/// # Errors
/// When they cannot be used.
pub fn read(plan: &ListenerPlan) -> Result<Loaded, BadListener> {
    Loaded::read(&plan.tls, plan.clients.as_ref())
        .map_err(|why| BadListener::Certificates { address: plan.address, why })
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A port is free again at once after a restart; two processes still cannot listen on it.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

fn proxy(adapter: Adapter) -> HttpProxy<Adapter> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let conf = ServerConf { threads, upstream_keepalive_pool_size: UPSTREAM_POOL, ..ServerConf::default() };
    let mut proxy = HttpProxy::new(adapter, Arc::new(conf));
    let mut options = HttpServerOptions::default();
    options.h2_idle_timeout = Some(IDLE);
    proxy.server_options = Some(options);
    proxy.handle_init_modules();
    proxy
}

async fn accept(
    socket: Socket,
    certificates: Option<Arc<Certificates>>,
    app: Arc<HttpProxy<Adapter>>,
    mut stopped: watch::Receiver<bool>,
    alive: mpsc::Sender<()>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok(connection) => {
                let (certificates, app, stopped, alive) =
                    (certificates.clone(), Arc::clone(&app), stopped.clone(), alive.clone());
                tokio::spawn(async move {
                    serve(connection, certificates.as_ref(), &app, &stopped).await;
                    drop(alive);
                });
            }
            Err(error) => {
                // Mostly "too many open files": nothing is won by asking again at once.
                tracing::error!(%error, "a connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(
    mut connection: Connection,
    certificates: Option<&Arc<Certificates>>,
    app: &Arc<HttpProxy<Adapter>>,
    stopped: &watch::Receiver<bool>,
) {
    if let Err(error) = connection.set_nodelay() {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let digest = connection.get_socket_digest();
    let mut next: Option<Stream> = match certificates {
        None => Some(Box::new(connection)),
        Some(certificates) => match tokio::time::timeout(HANDSHAKE, handshake(connection, certificates)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                // Why a certificate is not taken can be seen nowhere else.
                if certificates.loaded().asks() {
                    let client = digest.as_deref().and_then(|digest| digest.peer_addr()).and_then(PeerAddress::as_inet);
                    tracing::info!(client = client.map(|client| client.ip().to_string()), %error, "a TLS handshake failed");
                } else {
                    tracing::debug!(%error, "a TLS handshake failed");
                }
                None
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                None
            }
        },
    };
    while let Some(stream) = next {
        next = app.process_new(stream, stopped).await;
    }
}

/// Speaks TLS on a connection. Whoever shows a certificate that is not good gets none (CVE-2026-27586).
async fn handshake(mut connection: Connection, certificates: &Arc<Certificates>) -> pingora::Result<Stream> {
    let loaded = certificates.loaded();
    let peer = Peer::default();
    if loaded.asks() {
        connection.set_proxy_digest(peer.digest()?);
    }
    let stream = Acceptor::from_server_config(loaded.config()).tls_handshake(connection).await?;
    // Not before the handshake has succeeded: only then it is known that the certificate is the client's own.
    let chain = stream.get_ssl().and_then(|tls| tls.peer_cert_chain_der()).unwrap_or_default();
    if let Some(shown) = certificates.shown(chain, &loaded) {
        peer.shows(shown);
    }
    Ok(Box::new(stream))
}

// === impl Listener ===

impl Listener {
    /// The address that is listened on, with the port that the operating system chose.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or(self.plan.address)
    }

    /// What it was made of.
    #[must_use]
    pub const fn plan(&self) -> &ListenerPlan {
        &self.plan
    }

    /// Its certificates, where it speaks TLS.
    #[must_use]
    pub const fn certificates(&self) -> Option<&Arc<Certificates>> {
        self.certificates.as_ref()
    }

    /// Accepts no more connections, ends idle ones, and waits until the last request is through.
    pub async fn stop(self) {
        let Self { socket, stop, app, mut connections, .. } = self;
        stop.send_replace(true);
        // Unless a successor holds it too: else new connections would wait in its queue for nobody.
        drop(socket);
        app.http_cleanup().await;
        // Nothing is ever sent: this returns when the last sender is dropped.
        let _ = connections.recv().await;
    }
}
