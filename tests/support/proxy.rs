//! A way to a server that takes its time: each byte arrives a while after it was sent, in both
//! directions, however much is on its way. It can swallow what its connections carry, as a network does
//! that has forgotten them.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

/// A proxy; gone when it is dropped.
pub struct SlowProxy {
    port: u16,
    /// How often it was told to swallow: connections from before the last time carry nothing.
    swallowed: Arc<AtomicUsize>,
    /// Whether nothing is carried at all.
    cut: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Drop for SlowProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl SlowProxy {
    /// A proxy before the server at `port` of this machine: a round trip takes `trip` longer.
    pub async fn before(port: u16, trip: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("its address").port();
        let swallowed = Arc::new(AtomicUsize::new(0));
        let cut = Arc::new(AtomicBool::new(false));
        let (count, is_cut) = (Arc::clone(&swallowed), Arc::clone(&cut));
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                for stream in [&near, &far] {
                    stream.set_nodelay(true).expect("a live stream");
                }
                let ((near_read, near_write), (far_read, far_write)) =
                    (near.into_split(), far.into_split());
                let now = count.load(Ordering::SeqCst);
                let carries = || {
                    let (count, is_cut) = (Arc::clone(&count), Arc::clone(&is_cut));
                    move || !is_cut.load(Ordering::SeqCst) && count.load(Ordering::SeqCst) == now
                };
                let (there, back) = (carries(), carries());
                tokio::spawn(carry(near_read, far_write, trip / 2, there));
                tokio::spawn(carry(far_read, near_write, trip / 2, back));
            }
        });
        Self { port: own, swallowed, cut, task }
    }

    /// From now on the connections that there are carry nothing, and stay.
    pub fn swallow(&self) {
        self.swallowed.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on nothing comes through, on new connections neither, and nobody is told.
    pub fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// New connections carry again. Those from before have lost something, and stay dead.
    pub fn mend(&self) {
        self.swallow();
        self.cut.store(false, Ordering::SeqCst);
    }

    /// Where it listens: host and port.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What to connect to, if the server is a Redis.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin,
    delay: Duration,
    carries: impl Fn() -> bool,
) {
    let (send, mut sent) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            if send.send((Instant::now() + delay, buffer[..length].to_vec())).is_err() {
                return;
            }
        }
    });
    while let Some((due, bytes)) = sent.recv().await {
        sleep_until(due).await;
        if carries() && to.write_all(&bytes).await.is_err() {
            return;
        }
    }
}
