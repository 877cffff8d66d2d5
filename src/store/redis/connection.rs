//! One connection, shared by all operations, made when it is first needed and again after it failed.
//!
//! The crate's own connection manager is not used: a connection that Redis refuses to set up while it loads its data,
//! or for a wrong password, would stay refused until the process ends, and one whose peer vanished would be used until
//! TCP gives up on it. Here a connection is left after the first failure that is not a script's own, and the next
//! operation makes a new one.

use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, RedisError, RedisResult, ScriptInvocation,
    ServerErrorKind,
};
use tokio::time::timeout;

use crate::audit::printable;
use crate::store::StoreError;

/// How long an operation may take, the making of a connection included (the design's second).
const LIMIT: Duration = Duration::from_secs(1);

/// Requests that wait for their turn on the connection before callers have to.
const WAITING: usize = 1024;

pub(super) struct Connection {
    client: Client,
    live: Mutex<Option<Live>>,
    /// Held while a connection is made: one at a time.
    making: tokio::sync::Mutex<u64>,
}

#[derive(Clone)]
struct Live {
    number: u64,
    connection: MultiplexedConnection,
}

// === impl Connection ===

impl Connection {
    /// A connection to `url`, not made yet.
    pub(super) fn new(url: &str) -> Result<Self, StoreError> {
        let wrong = |_| StoreError::Wrong("its address is none of Redis'".to_owned());
        Ok(Self {
            client: Client::open(url).map_err(wrong)?,
            live: Mutex::new(None),
            making: tokio::sync::Mutex::new(0),
        })
    }

    /// Runs an operation within [`LIMIT`]. A connection on which it took longer is left: the peer may be gone for good.
    pub(super) async fn within_limit<T>(
        &self,
        run: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let before = self.live();
        match timeout(LIMIT, run).await {
            Ok(outcome) => outcome,
            Err(_) => {
                if let Some(live) = before {
                    self.leave(live.number);
                }
                Err(timed_out())
            }
        }
    }

    /// Calls a script.
    pub(super) async fn script<T: FromRedisValue>(&self, call: &ScriptInvocation<'_>) -> Result<T, StoreError> {
        let mut live = self.made().await.map_err(|error| store_error(&error))?;
        let answer = call.invoke_async(&mut live.connection).await;
        self.judged(live.number, answer)
    }

    /// Calls a command.
    pub(super) async fn command<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let mut live = self.made().await.map_err(|error| store_error(&error))?;
        let answer = command.query_async(&mut live.connection).await;
        self.judged(live.number, answer)
    }

    fn judged<T>(&self, number: u64, answer: RedisResult<T>) -> Result<T, StoreError> {
        answer.map_err(|error| {
            if is_the_connections(&error) {
                self.leave(number);
            }
            store_error(&error)
        })
    }

    fn live(&self) -> Option<Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The live connection, or a new one.
    async fn made(&self) -> RedisResult<Live> {
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let mut last = self.making.lock().await;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(LIMIT))
            .set_response_timeout(None)
            .set_pipeline_buffer_size(WAITING);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        *last += 1;
        let live = Live { number: *last, connection };
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(live.clone());
        Ok(live)
    }

    /// Leaves a connection, unless another one is in its place by now. Operations under way on it may still end well.
    fn leave(&self, number: u64) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.as_ref().is_some_and(|live| live.number == number) {
            *live = None;
        }
    }
}

/// Whether an error is about the connection or the server behind it rather than about one request. A read-only server
/// lost its place: the address may lead to another one by now.
fn is_the_connections(error: &RedisError) -> bool {
    match error.kind() {
        ErrorKind::Server(kind) => matches!(kind, ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown),
        ErrorKind::Extension => false,
        _ => true,
    }
}

fn store_error(error: &RedisError) -> StoreError {
    if error.is_timeout() {
        return timed_out();
    }
    match error.kind() {
        ErrorKind::Io => StoreError::Unreachable(reason(error).unwrap_or_else(|| "no connection".to_owned())),
        ErrorKind::Server(_) | ErrorKind::Extension => {
            let text = format!("{} {}", error.code().unwrap_or_default(), error.detail().unwrap_or_default());
            StoreError::Wrong(printable(text.trim(), 200))
        }
        _ => StoreError::Wrong(error.category().to_owned()),
    }
}

/// Why there is no connection. Of an error of the network only its kind: the rest may name addresses.
fn reason(error: &RedisError) -> Option<String> {
    let inner = error.source()?.downcast_ref::<Arc<dyn std::error::Error + Send + Sync>>()?;
    let io = inner.downcast_ref::<io::Error>()?;
    match io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(_)) => Some("its certificate is not to be trusted".to_owned()),
        Some(_) => Some("TLS cannot be agreed on".to_owned()),
        None => Some(io.kind().to_string()),
    }
}

fn timed_out() -> StoreError {
    StoreError::Unreachable("no answer within a second".to_owned())
}
