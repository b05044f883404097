//! How connections come in: accepted, counted, greeted over TLS if there is any, and handed to tonic once they have begun
//! to speak HTTP/2. Whoever is slow, silent or one too many is closed here and costs no more than a socket and a task. It
//! knows nothing of calls: who is at the other end is written into each request as a [`Peer`], and `grpc` does the rest.

pub(super) mod certificates;
mod connection;
mod figures;
pub(super) mod http2;
mod identified;
mod seats;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

use self::certificates::Certificates;
pub(super) use self::connection::Connection;
use self::connection::{Line, PREFACE};
pub(super) use self::figures::FrontFigures;
use self::identified::certificate_of;
use self::seats::Seat;
use crate::access::limits::Limits;
use crate::access::peer::Peer;

/// How many connections the system keeps for a server that has no time to accept them. The usual 128 overflow when all
/// clients of a server that has gone come at once, and then some wait for a second, or for ever.
const BACKLOG: u32 = 1024;
/// How many connections may be ready before tonic takes them.
const READY: usize = 64;
/// How long nothing is accepted after that failed: at first, and at most. What lacks (files, memory) others must free.
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));
/// How much is read, and thrown away, of who has to be told something before the connection closes.
const THROWN_AWAY: u64 = 64 * 1024;

/// What a client gets that doesn't know that this port speaks TLS: empty SETTINGS, as the first frame must be, and a
/// GOAWAY of the kind INADEQUATE_SECURITY with the reason in words.
const TELL_PLAIN_CALLERS: &[u8] = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00\
    \x00\x00\x2a\x07\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0c\
    this port speaks TLS: use https://";

/// Listens there.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The port of a server that has just gone can be had at once. (Windows would share it with one that runs.)
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A listener, and what holds for whoever comes.
pub(super) struct Front {
    listener: TcpListener,
    limits: watch::Receiver<Limits>,
    certificates: Option<Certificates>,
    figures: FrontFigures,
}

impl Front {
    pub(super) fn new(
        listener: TcpListener,
        limits: watch::Receiver<Limits>,
        certificates: Option<Certificates>,
    ) -> Self {
        let figures = FrontFigures::new(certificates.clone());
        Self { listener, limits, certificates, figures }
    }

    pub(super) fn figures(&self) -> FrontFigures {
        self.figures.clone()
    }

    /// Begins to accept, in `tasks`. It ends, and the port with it, when nobody wants connections any more.
    pub(super) fn open(self, tasks: &mut JoinSet<()>) -> impl Stream + use<> {
        let (ready, connections) = mpsc::channel(READY);
        tasks.spawn(self.accept(ready));
        tokio_stream::StreamExt::map(ReceiverStream::new(connections), Ok::<_, io::Error>)
    }

    async fn accept(self, ready: mpsc::Sender<Connection>) {
        // Dropped with this function: who is still being greeted then is cut.
        let mut arrivals = JoinSet::new();
        let mut pause = PAUSE.0;
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                Some(_) = arrivals.join_next() => continue,
                () = ready.closed() => return,
            };
            match accepted {
                Ok((stream, from)) => {
                    pause = PAUSE.0;
                    if let Some(arrival) = self.arrival(stream, from) {
                        let ready = ready.clone();
                        arrivals.spawn(async move {
                            if let Some(connection) = arrival.greet().await {
                                // Nobody wants it any more if that fails: the server goes away.
                                drop(ready.send(connection).await);
                            }
                        });
                    }
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    self.figures.accept_failed(&error);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
        }
    }

    /// Somebody who has a seat. Anybody else is closed at once.
    fn arrival(&self, stream: TcpStream, from: SocketAddr) -> Option<Arrival> {
        let limits = *self.limits.borrow();
        let seat = match self.figures.seats().take(from.ip(), &limits) {
            Ok(seat) => seat,
            Err(full) => {
                self.figures.refused(full);
                return None;
            }
        };
        // Without it a small answer may wait for the acknowledgement of the one before.
        stream.set_nodelay(true).ok()?;
        Some(Arrival {
            stream,
            from,
            seat,
            patience: Duration::from_secs(limits.handshake_seconds.into()),
            tls: self.certificates.as_ref().map(Certificates::accepting),
            figures: self.figures.clone(),
        })
    }
}

/// What tonic takes connections from.
pub(super) trait Stream: tokio_stream::Stream<Item = io::Result<Connection>> {}
impl<S: tokio_stream::Stream<Item = io::Result<Connection>>> Stream for S {}

/// A connection that has said nothing yet.
struct Arrival {
    stream: TcpStream,
    from: SocketAddr,
    seat: Seat,
    /// How long it may take to each of the two next steps.
    patience: Duration,
    tls: Option<Arc<rustls::ServerConfig>>,
    figures: FrontFigures,
}

impl Arrival {
    /// The connection once it speaks HTTP/2. `None`: it didn't, and is closed.
    async fn greet(mut self) -> Option<Connection> {
        let mut peer = Peer { address: Some(self.from.ip().to_canonical()), ..Peer::default() };
        let mut line = match self.tls.take() {
            None => Line::Plain(self.stream),
            Some(tls) => match in_time(self.patience, handshake(self.stream, tls)).await {
                Ok(stream) => {
                    let shown = stream.get_ref().1.peer_certificates();
                    let shown = shown.and_then(|shown| certificate_of(shown.first()?));
                    peer = Peer { certificate: shown.map(Arc::new), tls: true, ..peer };
                    Line::Tls(Box::new(stream))
                }
                Err(why) => {
                    self.figures.handshake_failed(&why);
                    return None;
                }
            },
        };
        if in_time(self.patience, preface(&mut line)).await.is_err() {
            self.figures.preface_missed();
            return None;
        }
        Some(Connection::new(line, peer, self.seat))
    }
}

async fn in_time<T>(
    patience: Duration,
    step: impl Future<Output = io::Result<T>>,
) -> io::Result<T> {
    timeout(patience, step).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn handshake(
    mut stream: TcpStream,
    tls: Arc<rustls::ServerConfig>,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    let mut first = [0];
    // No TLS record begins so, and every HTTP/2 connection does.
    if stream.peek(&mut first).await? == 1 && first[0] == PREFACE[0] {
        stream.write_all(TELL_PLAIN_CALLERS).await?;
        stream.shutdown().await?;
        // Closed with something unread, the system would take back what was just said.
        tokio::io::copy(&mut stream.take(THROWN_AWAY), &mut tokio::io::sink()).await?;
        return Err(io::Error::other("it came without TLS"));
    }
    TlsAcceptor::from(tls).accept(stream).await
}

/// Reads what HTTP/2 begins with. Anything else fails at the first byte that differs.
async fn preface(line: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut read = [0; PREFACE.len()];
    let mut length = 0;
    while length < PREFACE.len() {
        let more = line.read(&mut read[length..]).await?;
        length += more;
        if more == 0 || read[..length] != PREFACE[..length] {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    Ok(())
}

/// Did it fail before it was accepted, and says nothing about the next?
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

#[cfg(test)]
mod tests;
