//! How many calls and streams are taken from whom: the limits of `access`, counted where calls come in. A refusal names the
//! limit and says when to come back. Sheds load before anything is done: health isn't counted, and renewals of presences
//! (KeepAlive) have room of their own, so that nobody is signed out because others ask too much.
//!
//! Limits may change while the server runs: they are read with every call. On a server that trusts its callers the rates
//! don't hold, since there a credential is whatever somebody says.

use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

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

/// A credential of an org, as it is counted.
type Holder = (OrgId, Arc<str>);
type Rates<K> = RateLimiter<K, DashMapStateStore<K>, MonotonicClock>;

/// Renewals go on when this many times as much is under way as is taken of other calls.
const RENEWALS_TIMES: u32 = 2;
/// When to come back to a server that has enough to do.
const SOON: Duration = Duration::from_millis(250);
/// When to come back with a stream that was too many.
const LATER: Duration = Duration::from_secs(5);

/// Counts calls and streams.
pub struct Quotas {
    limits: watch::Receiver<Limits>,
    rates: RwLock<CallRates>,
    calls: AtomicU32,
    streams: AtomicU32,
    calls_of: Counts<Holder>,
    streams_of: Counts<Holder>,
    streams_in: Counts<OrgId>,
    refused: Mutex<HashMap<&'static str, u64>>,
    admitted: AtomicU64,
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

/// A call that is being answered.
pub struct CallSlot {
    quotas: Arc<Quotas>,
    holder: Option<Holder>,
}

impl Drop for CallSlot {
    fn drop(&mut self) {
        self.quotas.calls.fetch_sub(1, Ordering::Relaxed);
        if let Some(holder) = &self.holder {
            self.quotas.calls_of.take_back(holder);
        }
    }
}

/// A stream that is open.
pub struct StreamSlot {
    quotas: Arc<Quotas>,
    holder: Holder,
}

impl Drop for StreamSlot {
    fn drop(&mut self) {
        self.quotas.streams.fetch_sub(1, Ordering::Relaxed);
        self.quotas.streams_of.take_back(&self.holder);
        self.quotas.streams_in.take_back(&self.holder.0);
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
            calls: AtomicU32::new(0),
            streams: AtomicU32::new(0),
            calls_of: Counts::new(),
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

    /// Takes a call, for as long as what is returned lives.
    ///
    /// # Errors
    /// LIMIT_EXCEEDED or OVERLOADED, with when to come back.
    pub fn call(self: &Arc<Self>, caller: &Caller, rpc: &Rpc) -> Result<CallSlot, Problem> {
        let limits = *self.limits.borrow();
        let holder = holder(caller);
        let renewal = rpc.name == "PresenceService/KeepAlive";
        self.within_rates(&limits, caller, &holder)?;
        let room = if renewal {
            limits.concurrent_calls.saturating_mul(RENEWALS_TIMES)
        } else {
            limits.concurrent_calls
        };
        if self.calls.fetch_add(1, Ordering::Relaxed) >= room {
            self.calls.fetch_sub(1, Ordering::Relaxed);
            return Err(self.refuse("concurrent_calls", room, SOON));
        }
        let mut slot = CallSlot { quotas: Arc::clone(self), holder: None };
        let most = limits.concurrent_calls_per_credential;
        if !trusted(caller) && !renewal {
            if !self.calls_of.add(&holder, most) {
                return Err(self.refuse("concurrent_calls_per_credential", most, SOON));
            }
            slot.holder = Some(holder);
        }
        self.admitted.fetch_add(1, Ordering::Relaxed);
        Ok(slot)
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
        Ok(StreamSlot { quotas: Arc::clone(self), holder })
    }

    fn refuse(&self, limit: &'static str, most: u32, wait: Duration) -> Problem {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        *refused.entry(limit).or_default() += 1;
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
        figures.push(("calls_now".to_owned(), self.calls.load(Ordering::Relaxed).into()));
        figures.push(("streams_now".to_owned(), self.streams.load(Ordering::Relaxed).into()));
        figures
    }
}

/// Whose calls are counted together. Where callers are trusted, whoever they say.
fn holder(caller: &Caller) -> Holder {
    let name = match caller.credential.origin {
        Origin::Claims => Arc::from(caller.actor.id.as_str()),
        Origin::ApiKey(_) | Origin::Token { .. } | Origin::Certificate(_) | Origin::Server => {
            Arc::clone(&caller.credential.name)
        }
    };
    (caller.org.clone(), name)
}

fn trusted(caller: &Caller) -> bool {
    caller.credential.origin == Origin::Claims
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Credential, Orgs, Scopes};
    use crate::domain::live::{Actor, Role};
    use crate::grpc::table::row;

    fn caller(name: &str) -> Caller {
        let org: OrgId = "acme".parse().unwrap();
        let credential = Credential {
            name: Arc::from(name),
            orgs: Orgs::Any,
            actor: Actor { role: Role::Admin, id: "a".parse().unwrap() },
            delegate: None,
            scopes: Scopes::EVERYTHING,
            narrowing: None,
            expires: None,
            origin: Origin::ApiKey(Arc::from(name)),
        };
        Caller::known(org, Arc::new(credential))
    }

    fn limit_of<T>(result: Result<T, Problem>) -> &'static str {
        match result.map(drop) {
            Err(Problem::Limit { limit, wait, .. }) if wait > Duration::ZERO => limit,
            other => panic!("{other:?}"),
        }
    }

    fn quotas(limits: Limits) -> Arc<Quotas> {
        Quotas::new(watch::Sender::new(limits).subscribe())
    }

    fn get() -> &'static Rpc {
        row("/baton.v1.SessionService/GetSession").expect("a row")
    }

    #[test]
    fn d1_each_limit_refuses_by_its_name_and_takes_again_what_was_given_back() {
        let few = quotas(Limits { concurrent_calls_per_credential: 2, ..Limits::default() });
        let held: Vec<_> = (0..2).map(|_| few.call(&caller("a"), get()).unwrap()).collect();
        let refused = few.call(&caller("a"), get());
        assert_eq!(limit_of(refused), "concurrent_calls_per_credential");
        assert!(few.call(&caller("b"), get()).is_ok(), "another credential has its own");
        drop(held);
        assert!(few.call(&caller("a"), get()).is_ok());

        let slow = quotas(Limits { calls_per_credential: 2, ..Limits::default() });
        assert!(
            (0..4).all(|_| slow.call(&caller("a"), get()).is_ok()),
            "two seconds' worth at once"
        );
        assert_eq!(limit_of(slow.call(&caller("a"), get())), "calls_per_credential");
        let slow = quotas(Limits { calls_per_org: 2, ..Limits::default() });
        assert!((0..4).all(|n| slow.call(&caller(&n.to_string()), get()).is_ok()));
        assert_eq!(limit_of(slow.call(&caller("e"), get())), "calls_per_org");

        let limits = Limits { streams_per_credential: 1, streams_per_org: 2, ..Limits::default() };
        let streams = quotas(limits);
        let first = streams.stream(&caller("a")).unwrap();
        assert_eq!(limit_of(streams.stream(&caller("a"))), "streams_per_credential");
        let _second = streams.stream(&caller("b")).unwrap();
        assert_eq!(limit_of(streams.stream(&caller("c"))), "streams_per_org");
        drop(first);
        assert!(streams.stream(&caller("a")).is_ok());
        let figures = streams.figures();
        assert!(figures.contains(&("limit_streams_per_org_refused".to_owned(), 1)), "{figures:?}");
    }

    #[test]
    fn renewals_go_on_while_other_calls_are_shed() {
        let busy = quotas(Limits { concurrent_calls: 16, ..Limits::default() });
        let _held: Vec<_> = (0..16).map(|_| busy.call(&caller("a"), get()).unwrap()).collect();
        assert_eq!(limit_of(busy.call(&caller("b"), get())), "concurrent_calls");
        let renew = row("/baton.v1.PresenceService/KeepAlive").expect("a row");
        assert!(busy.call(&caller("b"), renew).is_ok());
    }

    #[test]
    fn limits_that_change_hold_from_then_on() {
        let limits = |most| Limits { calls_per_credential: most, ..Limits::default() };
        let told = watch::Sender::new(limits(1));
        let quotas = Quotas::new(told.subscribe());
        assert!((0..2).all(|_| quotas.call(&caller("a"), get()).is_ok()));
        assert_eq!(limit_of(quotas.call(&caller("a"), get())), "calls_per_credential");
        told.send_replace(limits(1_000));
        assert!((0..100).all(|_| quotas.call(&caller("a"), get()).is_ok()));
    }
}
