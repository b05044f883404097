//! Somebody who has nothing to do with a flood and calls on, and what they notice of it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

use super::world::{Caller, connect};

/// How long all may take to be as before.
const BACK_WITHIN: Duration = Duration::from_secs(5);
/// For how long calls are timed before, and after.
const WINDOW: Duration = Duration::from_millis(300);
/// How much later calls may be answered during a flood: three times as late as before, and what two cores that also
/// make the flood owe to nobody but each other.
const LATER: (u32, Duration) = (3, Duration::from_millis(150));

static ONE_FLOOD: Mutex<()> = Mutex::const_new(());

/// Waits for its turn: floods are measured alone.
pub async fn turn() -> MutexGuard<'static, ()> {
    ONE_FLOOD.lock().await
}

/// Reads memory, in KiB.
pub type Memory<'a> = &'a dyn Fn() -> u64;

/// Lets a flood run while somebody calls, and says what that did to their calls and to the server's memory, which may
/// grow by `room_mib`.
pub async fn withstands<F>(name: &str, to: SocketAddr, memory: Memory<'_>, room_mib: u64, flood: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut caller = Caller::new(connect(&format!("http://{to}")), "acme", "admin", "root");
    caller.apply().await;
    timed(&mut caller, WINDOW).await;
    let before = timed(&mut caller, WINDOW).await;
    let most = before * LATER.0 + LATER.1;
    let (at_first, began) = (memory(), Instant::now());
    let flood = tokio::spawn(flood);
    let (mut waits, mut peak) = (Vec::new(), at_first);
    while !flood.is_finished() {
        waits.push(one(&mut caller).await);
        peak = peak.max(memory());
    }
    flood.await.expect("the flood went as it should");
    let (lasted, ended) = (began.elapsed(), Instant::now());
    let during = p99(waits);
    loop {
        // Also somebody who comes only now.
        let mut fresh = Caller::new(connect(&format!("http://{to}")), "acme", "admin", "root");
        one(&mut fresh).await;
        if timed(&mut caller, WINDOW).await <= before * LATER.0 {
            break;
        }
        assert!(ended.elapsed() < BACK_WITHIN, "{name}: not as before after {BACK_WITHIN:?}");
    }
    let (back, at_last) = (ended.elapsed(), memory());
    println!(
        "{name}: {lasted:.1?}; others' p99 {before:.1?} before, {during:.1?} during, as before after {back:.1?}; \
         memory {} MiB before, {} at most, {} after",
        at_first / 1024,
        peak / 1024,
        at_last / 1024
    );
    assert!(during <= most, "{name}: others waited {during:?}, and {before:?} before");
    let grown = peak.max(at_last).saturating_sub(at_first) / 1024;
    assert!(grown <= room_mib, "{name}: {grown} MiB more");
}

async fn timed(caller: &mut Caller, window: Duration) -> Duration {
    let (began, mut waits) = (Instant::now(), Vec::new());
    while began.elapsed() < window {
        waits.push(one(caller).await);
    }
    p99(waits)
}

/// Makes a call; how long it took.
async fn one(caller: &mut Caller) -> Duration {
    let began = Instant::now();
    caller.rep_presence("ana").await;
    began.elapsed()
}

fn p99(mut waits: Vec<Duration>) -> Duration {
    waits.sort_unstable();
    waits.get(waits.len() * 99 / 100).copied().unwrap_or_default()
}
