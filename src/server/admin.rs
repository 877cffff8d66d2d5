//! The admin listener at work.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::AdminPlan;

/// The admin's socket, bound and waiting to be served.
pub struct BoundAdmin {
    plan: AdminPlan,
    socket: Arc<std::net::TcpListener>,
    served: TcpListener,
}

/// The admin listener at work.
pub struct AdminListener {
    plan: AdminPlan,
    socket: Arc<std::net::TcpListener>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

// === impl BoundAdmin ===

impl BoundAdmin {
    /// Binds the address of `plan`; the socket of `old` is taken over where that is the same address.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn new(plan: AdminPlan, old: Option<&AdminListener>) -> io::Result<Self> {
        let socket = match old.filter(|old| old.plan.address == plan.address) {
            Some(old) => Arc::clone(&old.socket),
            None => {
                let socket = std::net::TcpListener::bind(plan.address)?;
                socket.set_nonblocking(true)?;
                Arc::new(socket)
            }
        };
        let served = TcpListener::from_std(socket.try_clone()?)?;
        Ok(Self { plan, socket, served })
    }

    /// Serves `router`.
    #[must_use]
    pub fn serve(self, router: axum::Router) -> AdminListener {
        let (stop, mut stopped) = watch::channel(false);
        let Self { plan, socket, served } = self;
        let serving = tokio::spawn(async move {
            let until = async move { drop(stopped.wait_for(|stopped| *stopped).await) };
            if let Err(error) = axum::serve(served, router).with_graceful_shutdown(until).await {
                tracing::error!(%error, "the admin listener ended");
            }
        });
        AdminListener { plan, socket, stop, serving }
    }
}

// === impl AdminListener ===

impl AdminListener {
    /// What it is by the config.
    #[must_use]
    pub const fn plan(&self) -> &AdminPlan {
        &self.plan
    }

    /// The address that is listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.socket.local_addr().unwrap_or(self.plan.address)
    }

    /// Ends it; requests that are under way are through first.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.serving.await;
    }
}
