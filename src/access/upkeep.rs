//! Opening an access, and keeping what is in force current: looking at the files, fetching key sets, letting previous keys lapse. All of it happens
//! in one loop, so that nothing is fetched twice at the same time and no two changes meet.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rand::RngExt;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{info, warn};

use super::document::BadAccess;
use super::fetch::fetch;
use super::figures::Figures;
use super::gate::{Access, Clock, Files, Pace, Sights};
use super::jwks::KeySet;
use super::policy::{Policy, Remote, Seen, load, look, none_emptied};

/// The largest file, in bytes.
const FILE_MAX: u64 = 16 * 1024 * 1024;

/// What came of a fetch: whose keys, from where, and what.
type Fetched = (Arc<str>, Remote, Result<KeySet, String>);

/// When an issuer's keys are fetched.
struct Schedule {
    remote: Remote,
    due: Instant,
    last: Option<Instant>,
    failures: u32,
    in_flight: bool,
}

impl Schedule {
    const fn new(remote: Remote, due: Instant, last: Option<Instant>) -> Self {
        Self { remote, due, last, failures: 0, in_flight: false }
    }
}

impl Access {
    /// Reads the access file and everything it names, and fetches key sets once; those that don't come are fetched later.
    ///
    /// # Errors
    /// Every fault of the files.
    pub async fn open(path: &Path) -> Result<Arc<Self>, BadAccess> {
        Self::open_at(path, Arc::new(SystemTime::now), Pace::default()).await
    }

    /// The same by another clock and at another pace.
    ///
    /// # Errors
    /// Every fault of the files.
    pub async fn open_at(path: &Path, clock: Clock, pace: Pace) -> Result<Arc<Self>, BadAccess> {
        let (policy, seen) = read_files(path).await;
        let sights = Mutex::new(Sights { last: seen.clone(), right: seen });
        let files = Files { path: path.to_owned(), sights };
        let access = Arc::new(Self::of(policy?, Some(files), clock, pace));
        fetch_all(&access).await;
        Ok(access)
    }

    /// Keeps it current: looks at its files every second (by content) and refreshes key sets. Never ends; it is dropped or
    /// aborted. A file that has become wrong is logged, once for each change, and what was in force stays so.
    pub async fn keep_current(self: Arc<Self>) {
        let access = &self;
        let mut fetches = JoinSet::new();
        let mut schedules = HashMap::new();
        let mut looks = interval(access.pace.look);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        begin(access, &mut schedules);
        loop {
            tokio::select! {
                _ = looks.tick() => {
                    look_at_files(access).await;
                    let_keys_lapse(access);
                }
                () = access.wanting.notified() => {}
                Some(Ok(fetched)) = fetches.join_next() => done(access, &mut schedules, fetched),
            }
            fetch_due(access, &mut schedules, &mut fetches);
        }
    }
}

/// Reads the access file and what it names.
async fn read_files(path: &Path) -> (Result<Policy, BadAccess>, Seen) {
    let path = path.to_owned();
    off_the_runtime(move || load(&path, &read_file)).await
}

/// Does what may wait for a disk.
async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(why) => match why.try_into_panic() {
            // A fault of ours, which is to be seen as such.
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and with it whoever waits for this.
            Err(_) => std::future::pending().await,
        },
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "is larger than 16 MiB"));
    }
    Ok(bytes)
}

/// Fetches every key set once, all at the same time.
async fn fetch_all(access: &Arc<Access>) {
    let mut fetches = JoinSet::new();
    for (name, remote) in &access.in_force().policy.remotes {
        start(access, &mut fetches, name, remote);
    }
    while let Some(fetched) = fetches.join_next().await {
        if let Ok(fetched) = fetched {
            take_over(access, fetched);
        }
    }
}

/// What `fetch_all` has got isn't fetched again at once.
fn begin(access: &Access, schedules: &mut HashMap<Arc<str>, Schedule>) {
    let in_force = access.in_force();
    let now = Instant::now();
    for (name, remote) in &in_force.policy.remotes {
        let fetched = in_force.rings.get(name).is_some_and(|ring| !ring.is_empty());
        let due = now + if fetched { jittered(access.pace.refresh) } else { access.pace.retry };
        schedules.insert(Arc::clone(name), Schedule::new(remote.clone(), due, Some(now)));
    }
}

async fn look_at_files(access: &Arc<Access>) {
    let Some(Files { path, sights }) = &access.files else { return };
    let before = sights.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let known = before.last.clone();
    let now = off_the_runtime(move || look(&known, &read_file)).await;
    if now == before.last {
        return;
    }
    // Somebody may be writing a file in place, or exchanging several: what changes on is looked at again at the next look.
    let (_, first) = read_files(path).await;
    sleep(access.pace.settle).await;
    let (policy, now) = read_files(path).await;
    if now != first {
        return;
    }
    let policy = policy.and_then(|policy| none_emptied(&before.right, &now).map(|()| policy));
    let right = if policy.is_ok() { now.clone() } else { before.right };
    *sights.lock().unwrap_or_else(PoisonError::into_inner) = Sights { last: now, right };
    match policy {
        Ok(policy) => {
            Figures::count(&access.figures.reloads);
            let at = (access.clock)();
            access.exchange(|in_force| Some(in_force.followed_by(policy, at)));
            info!(file = %path.display(), "credentials: what the files say now is in force");
        }
        Err(bad) => {
            Figures::count(&access.figures.failed_reloads);
            warn!(file = %path.display(), faults = %bad, "credentials: the files are wrong; what was in force stays so");
        }
    }
}

fn let_keys_lapse(access: &Access) {
    let now = (access.clock)();
    // Looked at without a lock on what is in force first: nearly always there is nothing to do.
    if !access.in_force().rings.values().any(|ring| ring.has_lapsed(now)) {
        return;
    }
    access.exchange(|in_force| {
        let mut rings = in_force.rings.clone();
        rings.values_mut().for_each(|ring| ring.drop_lapsed(now));
        Some(in_force.with_rings(rings))
    });
}

fn fetch_due(
    access: &Arc<Access>,
    schedules: &mut HashMap<Arc<str>, Schedule>,
    fetches: &mut JoinSet<Fetched>,
) {
    let now = Instant::now();
    let remotes = &access.in_force().policy.remotes;
    schedules.retain(|name, schedule| remotes.get(name) == Some(&schedule.remote));
    let wanted = std::mem::take(&mut *access.wanted.lock().unwrap_or_else(PoisonError::into_inner));
    for (name, remote) in remotes {
        let schedule = schedules
            .entry(Arc::clone(name))
            .or_insert_with(|| Schedule::new(remote.clone(), now, None));
        if wanted.contains(name) {
            let soon = schedule.last.map_or(now, |last| now.max(last + access.pace.apart));
            schedule.due = schedule.due.min(soon);
        }
        if !schedule.in_flight && schedule.due <= now {
            (schedule.in_flight, schedule.last) = (true, Some(now));
            start(access, fetches, name, remote);
        }
    }
}

fn start(access: &Arc<Access>, fetches: &mut JoinSet<Fetched>, name: &Arc<str>, remote: &Remote) {
    Figures::count(&access.figures.jwks_fetches);
    let (name, remote, give_up) = (Arc::clone(name), remote.clone(), access.pace.give_up);
    fetches.spawn(async move {
        let asked = remote.clone();
        let set = outcome(async move { fetch(&asked, give_up).await }).await;
        (name, remote, set)
    });
}

/// What comes of a fetch. One that breaks down by a fault of ours has failed like any other, so that the next one comes.
async fn outcome(
    fetch: impl Future<Output = Result<KeySet, String>> + Send + 'static,
) -> Result<KeySet, String> {
    let mut alone = JoinSet::new();
    alone.spawn(fetch);
    match alone.join_next().await {
        Some(Ok(set)) => set,
        Some(Err(why)) => Err(format!("the fetch broke down: {why}")),
        None => Err("the fetch didn't begin".to_owned()),
    }
}

fn done(access: &Access, schedules: &mut HashMap<Arc<str>, Schedule>, fetched: Fetched) {
    let (name, remote) = (Arc::clone(&fetched.0), fetched.1.clone());
    let good = take_over(access, fetched);
    let Some(schedule) = schedules.get_mut(&name).filter(|schedule| schedule.remote == remote)
    else {
        return;
    };
    schedule.in_flight = false;
    schedule.failures = if good { 0 } else { schedule.failures.saturating_add(1) };
    schedule.due = Instant::now() + until_next(&access.pace, schedule.failures);
}

/// How long until the next fetch, after so many failures in a row.
fn until_next(pace: &Pace, failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => jittered(pace.refresh),
        Some(before) => {
            jittered(pace.retry.saturating_mul(1 << before.min(16)).min(pace.retry_most))
        }
    }
}

/// Give or take a tenth, so that servers that started together don't fetch together.
fn jittered(span: Duration) -> Duration {
    span.mul_f64(rand::rng().random_range(0.9..1.1))
}

/// Puts a set that was fetched in force. Was it one?
fn take_over(access: &Access, (name, remote, set): Fetched) -> bool {
    let set = match set {
        Ok(set) => set,
        Err(why) => {
            Figures::count(&access.figures.failed_jwks_fetches);
            warn!(issuer = %name, url = remote.url, why, "credentials: an issuer's keys can't be fetched; those that are known stay good");
            return false;
        }
    };
    if !set.refused.is_empty() {
        warn!(issuer = %name, refused = ?set.refused, "credentials: some of an issuer's keys can't be used");
    }
    let now = (access.clock)();
    let changed = access.exchange(|in_force| {
        // The files may have changed meanwhile; then this is from somewhere that isn't asked any more.
        let current = in_force.policy.remotes.get(&name) == Some(&remote);
        let issuer = in_force.policy.issuers.get(&name).filter(|_| current)?;
        let ring = in_force.rings.get(&name).cloned().unwrap_or_default();
        let ring = ring.replaced(&set.keys, now, issuer.previous_keys)?;
        let mut rings = in_force.rings.clone();
        rings.insert(Arc::clone(&name), ring);
        Some(in_force.with_rings(rings))
    });
    if changed {
        info!(issuer = %name, keys = set.keys.len(), "credentials: an issuer has other keys");
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_fetch_that_breaks_down_has_failed_like_any_other() {
        let broken = outcome(async { panic!("a fault of ours") }).await;
        assert!(broken.is_err_and(|why| why.contains("broke down")));
        assert_eq!(outcome(async { Err("away".to_owned()) }).await.err(), Some("away".to_owned()));
    }
}
