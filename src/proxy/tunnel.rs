//! Connections to a server for an upgrade, such as a WebSocket.
//!
//! pingora's two halves of a request, to the server and to the client, pass each other the news that the request's body is
//! over. When the server has switched protocols before its half heard that (a server on the same machine that speaks first
//! does), the news is taken for the end of the tunnel, and the connection is cut (`send_body_to1` in `pingora-proxy`
//! 0.9.1). So what such a server says is read a moment later: after each write the first reads yield to the other half,
//! which by then has handed the news over.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_trait::async_trait;
use pingora::connectors::l4::Connect;
use pingora::prelude::{Error, ErrorType};
use pingora::protocols::l4::socket::SocketAddr;
use pingora::protocols::l4::stream::Stream;
use pingora::protocols::l4::virt::{VirtualSockOpt, VirtualSocket, VirtualSocketStream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Connects to a server for an upgrade.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tunnels;

/// A socket whose reads come after the other half's turn.
#[derive(Debug)]
struct Patient {
    socket: TcpStream,
    /// How many reads still yield.
    turns: u8,
}

/// How many reads yield after a write: one for the other half to hand over what it has, one for this half to take it.
const TURNS: u8 = 2;

#[async_trait]
impl Connect for Tunnels {
    async fn connect(&self, address: &SocketAddr) -> pingora::Result<Stream> {
        let wrong = |kind, why: io::Error| Error::because(kind, format!("connecting to {address}"), why);
        let address = address
            .as_inet()
            .ok_or_else(|| Error::explain(ErrorType::ConnectError, "a server has an internet address"))?;
        let socket = TcpStream::connect(address).await.map_err(|error| match error.kind() {
            io::ErrorKind::ConnectionRefused => wrong(ErrorType::ConnectRefused, error),
            io::ErrorKind::TimedOut => wrong(ErrorType::ConnectTimedout, error),
            io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
                wrong(ErrorType::ConnectNoRoute, error)
            }
            _ => wrong(ErrorType::ConnectError, error),
        })?;
        Ok(VirtualSocketStream::new(Box::new(Patient { socket, turns: TURNS })).into())
    }
}

impl VirtualSocket for Patient {
    fn set_socket_option(&self, option: VirtualSockOpt) -> io::Result<()> {
        match option {
            VirtualSockOpt::NoDelay => self.socket.set_nodelay(true),
            // A tunnel lives as long as its client wants; a dead server is found by the client's own pings.
            _ => Ok(()),
        }
    }
}

impl AsyncRead for Patient {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.turns > 0 {
            self.turns -= 1;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.turns = TURNS;
        Pin::new(&mut self.socket).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(context)
    }
}
