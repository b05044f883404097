//! A connection that speaks HTTP/2, plain or over TLS, as tonic gets it: bytes in, bytes out, and who is at the other end.
//! Its preface was read by `front` already, and is handed on before anything else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;
use tonic::transport::server::Connected;

use super::seats::Seat;
use crate::access::peer::Peer;

/// What each HTTP/2 connection begins with.
pub(super) const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The bytes of a connection.
pub(super) enum Line {
    /// As they are.
    Plain(TcpStream),
    /// Encrypted.
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection whose preface has come.
pub(in crate::server) struct Connection {
    line: Line,
    peer: Peer,
    /// How much of the preface was handed on.
    handed_on: usize,
    _seat: Seat,
}

impl Connection {
    pub(super) fn new(line: Line, peer: Peer, seat: Seat) -> Self {
        Self { line, peer, handed_on: 0, _seat: seat }
    }
}

impl Connected for Connection {
    /// Found in the extensions of each request.
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let rest = &PREFACE[this.handed_on..];
        if rest.is_empty() {
            return Pin::new(&mut this.line).poll_read(context, buffer);
        }
        let part = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..part]);
        this.handed_on += part;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(line) => Pin::new(line).poll_read(context, buffer),
            Self::Tls(line) => Pin::new(line.as_mut()).poll_read(context, buffer),
        }
    }
}

/// Hands each call on to the stream behind.
macro_rules! write_to_line {
    ($self:ident, $line:ident => $call:expr) => {
        match &mut $self.get_mut().line {
            Line::Plain(line) => {
                let $line = Pin::new(line);
                $call
            }
            Line::Tls(line) => {
                let $line = Pin::new(line.as_mut());
                $call
            }
        }
    };
}

impl AsyncWrite for Connection {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        write_to_line!(self, line => line.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        write_to_line!(self, line => line.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        write_to_line!(self, line => line.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        write_to_line!(self, line => line.poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.line {
            Line::Plain(line) => line.is_write_vectored(),
            Line::Tls(line) => line.is_write_vectored(),
        }
    }
}
