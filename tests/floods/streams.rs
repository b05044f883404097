//! Floods of frames on connections that are up: headers, resets, pings, settings.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::bystander::{turn, withstands};
use super::frames::{
    CONTINUATION, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, RST_STREAM, SETTINGS,
    Wire, call, frame, header,
};
use super::process::Process;

/// How long a flood goes on that the server doesn't end.
const FOR: Duration = Duration::from_millis(1_500);
/// How soon a connection is to be ended that floods.
const END: Duration = Duration::from_secs(5);
/// A call that costs little.
const PATH: &str = "/baton.v1.ServerService/ListServers";

/// Headers of 64 KiB, in as many frames as that takes.
fn large_headers(stream: u32) -> Vec<u8> {
    let block = [call(PATH), header("x-large", &"x".repeat(64 * 1024))].concat();
    let mut parts = block.chunks(16 * 1024).peekable();
    let first = parts.next().expect("there is something");
    let mut bytes = frame(HEADERS, END_STREAM, stream, first);
    while let Some(part) = parts.next() {
        let last = if parts.peek().is_none() { END_HEADERS } else { 0 };
        bytes.extend(frame(CONTINUATION, last, stream, part));
    }
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_header_lists_that_are_too_large_end_their_connection_and_nothing_else() {
    let (_turn, server) = (turn().await, Process::serve());
    let to = server.address;
    let flood = async move {
        let until = Instant::now() + FOR;
        while Instant::now() < until {
            let mut wire = Wire::open(to).await;
            for stream in (1..).step_by(2).take(50) {
                if !wire.send(&large_headers(stream)).await {
                    break;
                }
            }
            wire.end(END).await;
        }
    };
    withstands("large header lists", to, &|| server.memory_kib(), 48, flood).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_headers_that_never_end_are_cut_off() {
    let (_turn, server) = (turn().await, Process::serve());
    let to = server.address;
    let flood = async move {
        let until = Instant::now() + FOR;
        while Instant::now() < until {
            for part in [Vec::new(), header("x", &"y".repeat(1_000))] {
                let mut wire = Wire::open(to).await;
                let mut goes_on = wire.send(&frame(HEADERS, END_STREAM, 1, &call(PATH))).await;
                let (begun, mut sent) = (Instant::now(), 0_u32);
                while goes_on && begun.elapsed() < END {
                    goes_on = wire.send(&frame(CONTINUATION, 0, 1, &part)).await;
                    sent += 1;
                }
                assert!(begun.elapsed() < END, "it takes {sent} CONTINUATION frames and more");
            }
        }
    };
    withstands("endless headers", to, &|| server.memory_kib(), 48, flood).await;
}

/// Calls that are taken back as soon as they are made, as many at once as `burst`, until the server has had enough.
async fn resets(to: SocketAddr, burst: usize, until: Instant) -> (usize, Option<u32>) {
    let mut wire = Wire::open(to).await;
    let mut stream = 1;
    let mut sent = 0;
    while Instant::now() < until {
        let mut bytes = Vec::new();
        for _ in 0..burst {
            bytes.extend(frame(HEADERS, END_HEADERS, stream, &call(PATH)));
            bytes.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
            stream += 2;
        }
        sent += burst;
        // What comes back is read, or the server would stop reading by itself.
        let mut thrown_away = [0; 4096];
        if !wire.send(&bytes).await || matches!(wire.0.try_read(&mut thrown_away), Ok(0)) {
            return (sent, wire.end(END).await);
        }
    }
    (sent, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_calls_that_are_taken_back_at_once_end_their_connection() {
    let (_turn, server) = (turn().await, Process::serve());
    let to = server.address;
    let flood = async move {
        let until = Instant::now() + FOR;
        let mut ended = 0;
        while Instant::now() < until {
            let (sent, code) = resets(to, 1_000, until + END).await;
            assert!(sent <= 100_000, "{sent} resets, and it goes on");
            // The GOAWAY may be lost when the connection is closed under what was still being written.
            assert!(code.is_none_or(|code| code == ENHANCE_YOUR_CALM), "{code:?}");
            ended += 1;
        }
        assert!(ended > 0);
    };
    withstands("rapid resets", to, &|| server.memory_kib(), 48, flood).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_calls_that_are_taken_back_one_by_one_cost_others_little() {
    let (_turn, server) = (turn().await, Process::serve());
    let to = server.address;
    let flood = async move {
        resets(to, 1, Instant::now() + FOR).await;
    };
    withstands("single resets", to, &|| server.memory_kib(), 48, flood).await;
}

/// Sends the same frames for a while, and reads nothing. A server that answers each stops reading when nobody takes
/// the answers, so that most of the time nothing moves.
async fn repeat(to: SocketAddr, frames: Vec<u8>) {
    let mut wire = Wire::open(to).await;
    // That it ran into the time-out, or was cut, is one as good as the other.
    let _ = timeout(FOR, async { while wire.send(&frames).await {} }).await;
}

/// The same, and reads what comes back.
async fn repeat_and_read(to: SocketAddr, frames: Vec<u8>) {
    let wire = Wire::open(to).await;
    let (mut from, mut into) = wire.0.into_split();
    let read = async { tokio::io::copy(&mut from, &mut tokio::io::sink()).await };
    let write =
        async { while tokio::io::AsyncWriteExt::write_all(&mut into, &frames).await.is_ok() {} };
    let _ = timeout(FOR, async { tokio::join!(read, write) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn d4_pings_and_settings_cost_others_little() {
    let (_turn, server) = (turn().await, Process::serve());
    let to = server.address;
    for (what, one) in [
        ("pings", frame(PING, 0, 0, &[7; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0])),
    ] {
        let many = one.repeat(1_000);
        let flood = {
            let many = many.clone();
            async move {
                tokio::join!(repeat(to, many.clone()), repeat(to, many.clone()), repeat(to, many));
            }
        };
        withstands(&format!("{what}, unread"), to, &|| server.memory_kib(), 48, flood).await;
        let flood = repeat_and_read(to, many);
        withstands(&format!("{what}, read"), to, &|| server.memory_kib(), 48, flood).await;
    }
}
