//! How many calls and streams are taken from whom: the limits of `access`, counted where calls come in. A refusal names the
//! limit and says when to come back. Sheds load before anything is done: renewals of presences (KeepAlive) are counted by
//! themselves, and so are health and reflection, so that nobody is signed out, or taken for dead, because others ask too much.
//!
//! Limits may change while the server runs: they are read with every call. On a server that trusts its callers the rates
//! don't hold, since there a credential is whatever somebody says.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use tokio::sync::watch;

use super::caller::Caller;
use super::status::Problem;
use super::table::Rpc;
use crate::access::{Limits, Origin};
use crate::domain::id::OrgId;
use crate::domain::limits::OrgLimits;

/// A credential, as it is counted, whichever of its orgs it names.
type Holder = Arc<str>;
type Rates<K> = RateLimiter<K, DashMapStateStore<K>, MonotonicClock>;

/// When to come back to a server that has enough to do.
const SOON: Duration = Duration::from_millis(250);
/// Over which refused credentials are counted.
const A_SECOND: Duration = Duration::from_secs(1);
/// When to come back with a stream that was too many.
const LATER: Duration = Duration::from_secs(5);

/// Counts calls and streams.
pub struct Quotas {
    limits: watch::Receiver<Limits>,
    rates: RwLock<CallRates>,
    calls: CallCounts,
    renewals: CallCounts,
    standard: AtomicU32,
    standard_from: Counts<IpAddr>,
    refused_from: Mutex<(Instant, HashMap<IpAddr, u32>)>,
    streams: AtomicU32,
    streams_of: Counts<Holder>,
    streams_in: Counts<OrgId>,
    refused: Mutex<HashMap<&'static str, u64>>,
    admitted: AtomicU64,
}

/// Calls that are being answered: in all, of each credential, in each org.
struct CallCounts {
    all: AtomicU32,
    of: Counts<Holder>,
    within: Counts<OrgId>,
}

impl CallCounts {
    fn new() -> Self {
        Self { all: AtomicU32::new(0), of: Counts::new(), within: Counts::new() }
    }
}

/// How many calls a second are taken: of each credential, and in each org.
struct CallRates {
    of: (u32, u32),
    credentials: Rates<Holder>,
    orgs: Rates<OrgId>,
}

impl CallRates {
    fn of(limits: &Limits) -> Self {
        let rate = |most: u32| {
            let most = NonZeroU32::new(most).unwrap_or(NonZeroU32::MIN);
            Quota::per_second(most).allow_burst(most.saturating_mul(TWICE))
        };
        Self {
            of: (limits.calls_per_credential, limits.calls_per_org),
            credentials: RateLimiter::new(
                rate(limits.calls_per_credential),
                DashMapStateStore::default(),
                MonotonicClock,
            ),
            orgs: RateLimiter::new(
                rate(limits.calls_per_org),
                DashMapStateStore::default(),
                MonotonicClock,
            ),
        }
    }
}

/// A credential that was quiet may do as much at once as it may in two seconds.
const TWICE: NonZeroU32 = NonZeroU32::new(2).expect("two");

/// How many there are of each; who has none isn't there.
struct Counts<K>(Mutex<HashMap<K, u32>>);

impl<K: Hash + Eq + Clone> Counts<K> {
    fn new() -> Self {
        Self(Mutex::default())
    }

    // Nothing can panic while it is held, so that a poisoned one is whole all the same.
    fn held(&self) -> MutexGuard<'_, HashMap<K, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, key: &K, most: u32) -> bool {
        let mut counts = self.held();
        match counts.get_mut(key) {
            Some(count) if *count >= most => return false,
            Some(count) => *count += 1,
            None => drop(counts.insert(key.clone(), 1)),
        }
        true
    }

    fn take_back(&self, key: &K) {
        let mut counts = self.held();
        match counts.get_mut(key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(key)),
        }
    }
}

/// A call that is being answered; until its answer was sent.
pub struct CallSlot {
    quotas: Arc<Quotas>,
    held: Held,
}

enum Held {
    Call { renewal: bool, holder: Holder, org: OrgId },
    Standard(Option<IpAddr>),
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        match &self.held {
            Held::Call { renewal, holder, org } => {
                let counts = self.quotas.counts(*renewal);
                counts.all.fetch_sub(1, Ordering::Relaxed);
                counts.of.take_back(holder);
                counts.within.take_back(org);
            }
            Held::Standard(from) => {
                self.quotas.standard.fetch_sub(1, Ordering::Relaxed);
                if let Some(from) = from {
                    self.quotas.standard_from.take_back(from);
                }
            }
        }
    }
}

/// A stream that is open.
pub struct StreamSlot {
    quotas: Arc<Quotas>,
    holder: Holder,
    org: OrgId,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.quotas.streams.fetch_sub(1, Ordering::Relaxed);
        self.quotas.streams_of.take_back(&self.holder);
        self.quotas.streams_in.take_back(&self.org);
    }
}

impl Quotas {
    /// Counts against these limits.
    #[must_use]
    pub fn new(limits: watch::Receiver<Limits>) -> Arc<Self> {
        let rates = RwLock::new(CallRates::of(&limits.borrow()));
        Arc::new(Self {
            limits,
            rates,
            calls: CallCounts::new(),
            renewals: CallCounts::new(),
            standard: AtomicU32::new(0),
            standard_from: Counts::new(),
            refused_from: Mutex::new((Instant::now(), HashMap::new())),
            streams: AtomicU32::new(0),
            streams_of: Counts::new(),
            streams_in: Counts::new(),
            refused: Mutex::default(),
            admitted: AtomicU64::new(0),
        })
    }

    /// How much an org may have.
    #[must_use]
    pub fn org_limits(&self) -> OrgLimits {
        self.limits.borrow().of_an_org()
    }

    fn counts(&self, renewal: bool) -> &CallCounts {
        if renewal { &self.renewals } else { &self.calls }
    }

    /// Takes a call, for as long as what is returned lives.
    ///
    /// # Errors
    /// LIMIT_EXCEEDED, with when to come back.
    pub fn call(self: &Arc<Self>, caller: &Caller, rpc: &Rpc) -> Result<CallSlot, Problem> {
        let limits = *self.limits.borrow();
        let (holder, org) = (holder(caller), caller.org.clone());
        self.within_rates(&limits, caller, &holder)?;
        let renewal = rpc.name == "PresenceService/KeepAlive";
        let counts = self.counts(renewal);
        let most = limits.concurrent_calls_per_credential;
        if !counts.of.add(&holder, most) {
            return Err(self.refuse("concurrent_calls_per_credential", most, SOON));
        }
        let most = limits.concurrent_calls_per_org;
        if !counts.within.add(&org, most) {
            counts.of.take_back(&holder);
            return Err(self.refuse("concurrent_calls_per_org", most, SOON));
        }
        counts.all.fetch_add(1, Ordering::Relaxed);
        // From here on it is given back by itself.
        let held = Held::Call { renewal, holder, org };
        let slot = CallSlot { quotas: Arc::clone(self), held };
        if counts.all.load(Ordering::Relaxed) > limits.concurrent_calls {
            return Err(self.refuse("concurrent_calls", limits.concurrent_calls, SOON));
        }
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Ok(slot)
    }

    /// Takes a call to what needs no credential: health and reflection.
    ///
    /// # Errors
    /// LIMIT_EXCEEDED, with when to come back.
    pub fn standard_call(self: &Arc<Self>, from: Option<IpAddr>) -> Result<CallSlot, Problem> {
        let limits = *self.limits.borrow();
        let most = limits.standard_calls_per_address;
        if from.is_some_and(|from| !self.standard_from.add(&from, most)) {
            return Err(self.refuse("standard_calls_per_address", most, SOON));
        }
        self.standard.fetch_add(1, Ordering::Relaxed);
        let slot = CallSlot { quotas: Arc::clone(self), held: Held::Standard(from) };
        if self.standard.load(Ordering::Relaxed) > limits.standard_calls {
            return Err(self.refuse("standard_calls", limits.standard_calls, SOON));
        }
        Ok(slot)
    }

    /// Whether a credential from there is looked at: not after too many that weren't accepted within this second.
    ///
    /// # Errors
    /// LIMIT_EXCEEDED, with when to come back.
    pub fn may_show(&self, from: Option<IpAddr>) -> Result<(), Problem> {
        let most = self.limits.borrow().refused_per_address;
        let Some(from) = from else { return Ok(()) };
        let (since, refused) = &*self.refused_from.lock().unwrap_or_else(PoisonError::into_inner);
        let met = refused.get(&from).is_some_and(|count| *count >= most);
        if met && since.elapsed() < A_SECOND {
            return Err(self.refuse("refused_per_address", most, A_SECOND));
        }
        Ok(())
    }

    /// A credential from there wasn't accepted.
    pub fn not_accepted(&self, from: Option<IpAddr>) {
        let Some(from) = from else { return };
        let mut refused = self.refused_from.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.0.elapsed() >= A_SECOND {
            *refused = (Instant::now(), HashMap::new());
        }
        // Connections bound how many addresses there can be.
        *refused.1.entry(from).or_default() += 1;
    }

    /// A limit of an org was met, and the domain refused for it.
    pub fn met(&self, limit: &'static str) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(limit).or_default() += 1;
    }

    fn within_rates(
        &self,
        limits: &Limits,
        caller: &Caller,
        holder: &Holder,
    ) -> Result<(), Problem> {
        if trusted(caller) {
            return Ok(());
        }
        let of = (limits.calls_per_credential, limits.calls_per_org);
        let mut rates = self.rates.read().unwrap_or_else(PoisonError::into_inner);
        if rates.of != of {
            drop(rates);
            *self.rates.write().unwrap_or_else(PoisonError::into_inner) = CallRates::of(limits);
            rates = self.rates.read().unwrap_or_else(PoisonError::into_inner);
        }
        let now = MonotonicClock.now();
        if let Err(not_until) = rates.credentials.check_key(holder) {
            let wait = not_until.wait_time_from(now);
            return Err(self.refuse("calls_per_credential", of.0, wait));
        }
        if let Err(not_until) = rates.orgs.check_key(&caller.org) {
            let wait = not_until.wait_time_from(now);
            return Err(self.refuse("calls_per_org", of.1, wait));
        }
        Ok(())
    }

    /// Takes a stream, for as long as what is returned lives.
    ///
    /// # Errors
    /// LIMIT_EXCEEDED, with when to come back.
    pub fn stream(self: &Arc<Self>, caller: &Caller) -> Result<StreamSlot, Problem> {
        let limits = *self.limits.borrow();
        if self.streams.fetch_add(1, Ordering::Relaxed) >= limits.streams {
            self.streams.fetch_sub(1, Ordering::Relaxed);
            return Err(self.refuse("streams", limits.streams, LATER));
        }
        let holder = holder(caller);
        if !self.streams_of.add(&holder, limits.streams_per_credential) {
            self.streams.fetch_sub(1, Ordering::Relaxed);
            let most = limits.streams_per_credential;
            return Err(self.refuse("streams_per_credential", most, LATER));
        }
        if !self.streams_in.add(&caller.org, limits.streams_per_org) {
            self.streams.fetch_sub(1, Ordering::Relaxed);
            self.streams_of.take_back(&holder);
            return Err(self.refuse("streams_per_org", limits.streams_per_org, LATER));
        }
        let org = caller.org.clone();
        Ok(StreamSlot { quotas: Arc::clone(self), holder, org })
    }

    fn refuse(&self, limit: &'static str, most: u32, wait: Duration) -> Problem {
        self.met(limit);
        Problem::Limit { limit, most, wait: wait.max(Duration::from_millis(10)) }
    }

    /// Forgets the rates of those who were quiet for a while.
    pub fn forget_quiet(&self) {
        let rates = self.rates.read().unwrap_or_else(PoisonError::into_inner);
        rates.credentials.retain_recent();
        rates.orgs.retain_recent();
    }

    /// What was counted, and how things are now.
    #[must_use]
    pub fn figures(&self) -> Vec<(String, i64)> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let mut figures: Vec<(String, i64)> = Limits::ALL
            .iter()
            .filter_map(|limit| {
                let refused = refused.get(limit.name)?;
                Some((format!("limit_{}_refused", limit.name), count(*refused)))
            })
            .collect();
        figures.push(("calls_admitted".to_owned(), count(self.admitted.load(Ordering::Relaxed))));
        let now = |counts: &CallCounts| i64::from(counts.all.load(Ordering::Relaxed));
        figures.push(("calls_now".to_owned(), now(&self.calls)));
        figures.push(("renewals_now".to_owned(), now(&self.renewals)));
        figures.push(("streams_now".to_owned(), self.streams.load(Ordering::Relaxed).into()));
        figures
    }
}

/// Whose calls are counted together. Where callers are trusted, whoever they say.
fn holder(caller: &Caller) -> Holder {
    match &caller.credential.origin {
        Origin::Claims => format!("{}/{}", caller.org, caller.actor.id).into(),
        Origin::ApiKey(id) => Arc::clone(id),
        Origin::Token { .. } | Origin::Certificate(_) | Origin::Server => {
            Arc::clone(&caller.credential.name)
        }
    }
}

fn trusted(caller: &Caller) -> bool {
    caller.credential.origin == Origin::Claims
}

#[cfg(test)]
mod tests;
