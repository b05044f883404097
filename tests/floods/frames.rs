//! HTTP/2 frames by hand, for what no well-behaved library would send: a connection that writes what it is given and
//! reads what comes back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const CONTINUATION: u8 = 9;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;
/// The code of a GOAWAY for who asks too much.
pub const ENHANCE_YOUR_CALM: u32 = 0xb;

/// From where floods come, so that whoever else calls has another address.
const FLOODER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// The next port to come from. None is used twice: thousands of connections that the server has closed are remembered
/// by the system for a while, and one that looks like them may hang.
static PORT: AtomicU16 = AtomicU16::new(10_000);

/// A connection of a flooder.
pub async fn connect(to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = loop {
        let socket = TcpSocket::new_v4()?;
        let port = PORT.fetch_add(1, Ordering::Relaxed);
        assert!(port < 32_000, "so many connections aren't needed");
        if socket.bind((FLOODER, port).into()).is_ok() {
            break socket;
        }
    };
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame").to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header, literally.
pub fn header(name: &str, value: &str) -> Vec<u8> {
    let mut block = vec![0];
    for text in [name, value] {
        block.extend(length(text.len()));
        block.extend(text.as_bytes());
    }
    block
}

/// HPACK's integer with a prefix of seven bits.
fn length(mut number: usize) -> Vec<u8> {
    let Some(rest) = number.checked_sub(127) else {
        return vec![u8::try_from(number).expect("below 127")];
    };
    let mut bytes = vec![127];
    number = rest;
    while number >= 128 {
        bytes.push(u8::try_from(number % 128).expect("below 128") | 128);
        number /= 128;
    }
    bytes.push(u8::try_from(number).expect("below 128"));
    bytes
}

/// The headers of a call of an admin of the org `acme`.
pub fn call(path: &str) -> Vec<u8> {
    let headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "baton"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
        ("baton-org", "acme"),
        ("baton-role", "admin"),
        ("baton-actor", "flood"),
    ];
    headers.iter().flat_map(|(name, value)| header(name, value)).collect()
}

/// A connection that has said its preface and its settings.
pub struct Wire(pub TcpStream);

impl Wire {
    pub async fn open(to: SocketAddr) -> Self {
        let mut stream = connect(to).await.expect("it listens");
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("it reads");
        stream.write_all(&frame(SETTINGS, 0, 0, &[])).await.expect("it reads");
        Self(stream)
    }

    /// Writes. False: the server has had enough.
    pub async fn send(&mut self, bytes: &[u8]) -> bool {
        self.0.write_all(bytes).await.is_ok()
    }

    /// Reads a frame: its kind, its stream, its payload. `None`: the server has closed.
    pub async fn frame(&mut self) -> Option<(u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).ok()?];
        self.0.read_exact(&mut payload).await.ok()?;
        Some((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
    }

    /// Reads until the server closes; the code of its GOAWAY, if one still came through.
    pub async fn end(mut self, within: Duration) -> Option<u32> {
        let read = async {
            let mut code = None;
            while let Some((kind, _, payload)) = self.frame().await {
                if kind == GOAWAY {
                    code = payload
                        .get(4..8)
                        .map(|code| u32::from_be_bytes(code.try_into().expect("four bytes")));
                }
            }
            code
        };
        timeout(within, read).await.expect("the server ends such a connection")
    }
}
