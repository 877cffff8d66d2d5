//! E-mail over SMTP.
//!
//! The conversation is held here, command by command, and not by lettre's own transport: only so is it known whether a
//! message was on its way when something broke, and a connection whose conversation was cut off is never used again.

mod tls;

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::{Instant, timeout};

use crate::delivery::email::Email;
use crate::delivery::providers::Provider;
use crate::delivery::spec::{Security, SmtpSpec};
use crate::delivery::{BadSmtp, Failure, Parcel, Reply, Taken};
use crate::words::Channel;

/// The most connections that are kept for the next message. More may be open while messages are on their way.
const MOST_IDLE: usize = 8;
/// How long a connection is kept. Servers wait five minutes for a command (RFC 5321, 4.5.3.2.7); busy ones wait less.
const IDLE: Duration = Duration::from_secs(60);
/// How long a server is given to say good-bye.
const PARTING: Duration = Duration::from_secs(5);

/// An SMTP server, with the connections to it that are free just now.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    timeout: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

// === impl Smtp ===

impl Smtp {
    /// The provider of a spec; one attempt takes at most `timeout`.
    pub(super) fn new(spec: SmtpSpec, timeout: Duration) -> Result<Self, BadSmtp> {
        let tls = tls::parameters(&spec.host, spec.ca.as_deref(), spec.verify)?;
        let SmtpSpec { host, port, security, credentials, from, .. } = spec;
        let (hello, idle) = (ClientId::default(), Mutex::default());
        Ok(Self { host, port, security, tls, credentials, from, hello, timeout, idle })
    }

    /// One transaction. `written` turns true once the server may have the whole message.
    async fn transact(&self, email: &Email, written: &mut bool) -> Result<(), Failure> {
        let mut connection = self.begin().await?;
        let outcome = self.hand_over(&mut connection, email, written).await;
        match &outcome {
            Ok(()) => self.keep(connection),
            // After a refusal the server still listens; everything else has left the conversation in the middle.
            Err(Failure::Recipient(_) | Failure::Refused(_)) => part(connection),
            Err(_) => {}
        }
        outcome
    }

    /// A connection on which a transaction has begun. A kept one may have been closed by the server meanwhile, or been
    /// forgotten by some firewall: whatever goes wrong on it, a new one is made, and the others that were kept are not
    /// trusted either.
    async fn begin(&self) -> Result<AsyncSmtpConnection, Failure> {
        let begin = || Mail::new(Some(self.from.email.clone()), Vec::new());
        if let Some(mut kept) = self.take_kept() {
            if matches!(timeout(self.timeout / 4, kept.command(begin())).await, Ok(Ok(_))) {
                return Ok(kept);
            }
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        let mut connection = self.connect().await?;
        connection.command(begin()).await.map_err(|error| refused(&error, false))?;
        Ok(connection)
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        email: &Email,
        written: &mut bool,
    ) -> Result<(), Failure> {
        if let Err(error) = connection.command(Rcpt::new(email.to.clone(), Vec::new())).await {
            return Err(match reply(&error) {
                Some(reply) if error.is_permanent() => Failure::Recipient(reply),
                _ => refused(&error, false),
            });
        }
        connection.command(Data).await.map_err(|error| refused(&error, false))?;
        *written = true;
        connection.message(&email.bytes).await.map_err(|error| refused(&error, true))?;
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let mut connection = if self.host == "localhost" {
            // Whatever the resolver says, `localhost` is this machine: the connection may go without TLS.
            self.open(
                &[
                    SocketAddr::from((Ipv4Addr::LOCALHOST, self.port)),
                    SocketAddr::from((Ipv6Addr::LOCALHOST, self.port)),
                ][..],
            )
            .await?
        } else {
            self.open((self.host.as_str(), self.port)).await?
        };
        let starts = match self.security {
            Security::Implicit => false,
            Security::StartTls if !connection.can_starttls() => return Err(Failure::NoStartTls),
            Security::StartTls => true,
            Security::StartTlsIfOffered => connection.can_starttls(),
        };
        if starts {
            connection.starttls(self.tls.clone(), &self.hello).await.map_err(|error| unconnected(&error))?;
        }
        if let Some(credentials) = &self.credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, credentials).await.map_err(|error| match reply(&error) {
                Some(reply) => Failure::SignIn(reply),
                None if error.is_client() => Failure::NoSignIn,
                None => refused(&error, false),
            })?;
        }
        Ok(connection)
    }

    async fn open<A: tokio::net::ToSocketAddrs>(&self, server: A) -> Result<AsyncSmtpConnection, Failure> {
        let tls = (self.security == Security::Implicit).then(|| self.tls.clone());
        // A name can have several addresses: one that swallows packets must not use up all the time.
        let each = Some(self.timeout / 3);
        AsyncSmtpConnection::connect_tokio1(server, each, &self.hello, tls, None)
            .await
            .map_err(|error| unconnected(&error))
    }

    fn take_kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        if idle.len() < MOST_IDLE {
            idle.push((connection, Instant::now()));
        }
    }
}

#[async_trait]
impl Provider for Smtp {
    fn serves(&self, channel: Channel) -> bool {
        channel == Channel::Email
    }

    fn reports(&self) -> bool {
        false
    }

    async fn carry(&self, parcel: &Parcel<'_>) -> Result<Taken, Failure> {
        let email = Email::compose(parcel, &self.from)?;
        let mut written = false;
        match timeout(self.timeout, self.transact(&email, &mut written)).await {
            Ok(outcome) => outcome.map(|()| Taken::accepted(None)),
            Err(_) => Err(Failure::TimedOut { written }),
        }
    }
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Smtp({}:{})", self.host, self.port)
    }
}

/// Says good-bye beside the road: the visitor does not wait for it.
fn part(mut connection: AsyncSmtpConnection) {
    tokio::spawn(async move {
        let _ = timeout(PARTING, connection.abort()).await;
    });
}

/// The numbers of the server's answer, if there was one.
fn reply(error: &Error) -> Option<Reply> {
    let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    error.status().map(|code| Reply::new(code.into(), &text))
}

/// What went wrong with a command.
fn refused(error: &Error, written: bool) -> Failure {
    reply(error).map_or(Failure::Broken { written }, Failure::Refused)
}

/// What went wrong before there was a connection.
fn unconnected(error: &Error) -> Failure {
    if let Some(reply) = reply(error) {
        return Failure::Refused(reply);
    }
    let mut causes = std::iter::successors(std::error::Error::source(error), |error| error.source());
    let io = causes.find_map(|error| error.downcast_ref::<std::io::Error>());
    match io {
        Some(io) if io.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()) => Failure::Tls(io.to_string()),
        Some(io) => Failure::Unreachable(io.to_string()),
        None => Failure::Broken { written: false },
    }
}
