//! A server among the others: it joins when it has loaded what it will be home of, keeps warm what it is second
//! for, says when it isn't alone in being home, and leaves before it goes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use crate::domain::id::OrgId;
use crate::engine::Engine;
use crate::grpc::passing::Passer;
use crate::home::{Heart, Home, Place, Presence};
use crate::journal::{Heard, MemberCounts, MemberState};

/// How long a server that joins others listens for orgs that are in use.
const LISTEN: Duration = Duration::from_secs(1);
/// How long it may take to load those; what isn't loaded then is loaded when it is asked for.
const LOADING: Duration = Duration::from_secs(10);
/// How long a first list of the servers is waited for.
const FIRST_LIST: Duration = Duration::from_secs(2);
/// How soon the others know that a server leaves: they read the list about three times a second.
const HANDOVER: Duration = Duration::from_millis(600);
/// How often a server says that it isn't alone in being home.
const SAID_EVERY: Duration = Duration::from_secs(30);

/// A server's part among the others. A clone is the same.
#[derive(Clone)]
pub(super) struct Membership {
    engine: Engine,
    home: Home,
    /// Taken out at the end. Dropped with the server, it stops at once, as in a crash.
    heart: Arc<Mutex<Option<Arc<Heart>>>>,
}

impl Membership {
    /// Shows the server to the others, JOINING.
    pub(super) fn begin(
        engine: &Engine,
        advertise: Option<&str>,
        listens: SocketAddr,
    ) -> anyhow::Result<(Self, Home)> {
        let address = advertise.map_or_else(|| listens.to_string(), str::to_owned);
        let counted = engine.clone();
        let counts = Box::new(move || counts(&counted));
        let started = Heart::start(engine.journal(), Presence { address, counts });
        let (heart, home) = started.context("there is no thread for heartbeats")?;
        engine.settle_in(home.clone());
        let heart = Arc::new(Mutex::new(Some(Arc::new(heart))));
        Ok((Self { engine: engine.clone(), home: home.clone(), heart }, home))
    }

    /// Joins, and follows what there is to follow. Never ends by itself.
    pub(super) async fn take_part(self, passer: Arc<Passer>) {
        self.join().await;
        tokio::join!(self.keep_warm(), self.tell_of_two_homes(), self.forget_absent(&passer));
    }

    async fn join(&self) {
        let mut readings = self.home.readings();
        let read = timeout(FIRST_LIST, readings.wait_for(|read| read.read_at.is_some())).await;
        drop(read);
        if self.is_with_others() {
            let until = Instant::now() + LISTEN;
            let mut loading = JoinSet::new();
            let mut heard = self.engine.journal().follow();
            let mut known = BTreeSet::new();
            while let Ok(Ok(news)) = timeout_at(until, heard.recv()).await {
                if let Heard::Commit(org, _) = news
                    && self.home.would_be_home(&org)
                    && known.insert(org.clone())
                {
                    let engine = self.engine.clone();
                    loading.spawn(async move { drop(engine.warm(&org).await) });
                }
            }
            let loaded = timeout(LOADING, loading.join_all()).await;
            if loaded.is_err() {
                tracing::warn!(
                    "some orgs aren't loaded yet; this server begins to serve all the same"
                );
            }
        }
        self.be(MemberState::Serving, MemberState::Joining).await;
    }

    /// Becomes this, if it still is that.
    async fn be(&self, state: MemberState, from: MemberState) {
        let heart = self.heart.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(heart) = heart.filter(|_| self.home.state() == from) {
            heart.be(state).await;
        }
    }

    /// Whether there are others that serve.
    fn is_with_others(&self) -> bool {
        let (me, read) = (self.home.id(), self.home.members());
        let other = |id, state| id != me && state == MemberState::Serving;
        read.list.alive().any(|member| other(member.id, member.state))
    }

    /// Loads orgs that are in use elsewhere, if this server is to follow them.
    async fn keep_warm(&self) {
        let mut heard = self.engine.journal().follow();
        loop {
            match heard.recv().await {
                Ok(Heard::Commit(org, _)) if self.follows(&org) => {
                    let engine = self.engine.clone();
                    // If it can't be loaded now it is heard of again.
                    tokio::spawn(async move { drop(engine.warm(&org).await) });
                }
                // Whatever was missed is heard of again, too.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn follows(&self, org: &OrgId) -> bool {
        let place = || self.home.place(org);
        !self.engine.is_loaded(org) && matches!(place(), Some(Place::Home | Place::Second))
    }

    async fn tell_of_two_homes(&self) {
        let mut said = 0;
        loop {
            let times = self.engine.stats().two_homes.get();
            if times > said {
                let more = times - said;
                tracing::warn!(
                    times = more,
                    "others commit to orgs whose home this server is: do the servers see each other?"
                );
                said = times;
                tokio::time::sleep(SAID_EVERY).await;
            } else {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    async fn forget_absent(&self, passer: &Passer) {
        loop {
            tokio::time::sleep(SAID_EVERY).await;
            passer.forget_absent();
        }
    }

    /// Tells the others that this server goes; gives how long they take to know it.
    pub(super) async fn leave(&self) -> Duration {
        let heart = self.heart.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(heart) = heart {
            heart.be(MemberState::Leaving).await;
        }
        if self.is_with_others() { HANDOVER } else { Duration::ZERO }
    }

    /// Takes the server off the list.
    pub(super) async fn end(&self) {
        let heart = self.heart.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(heart) = heart {
            heart.stop().await;
        }
    }
}

fn counts(engine: &Engine) -> MemberCounts {
    let stats = engine.stats();
    MemberCounts {
        passed_on: stats.passed_on.get(),
        passed_in_vain: stats.passed_in_vain.get(),
        done_for_others: stats.done_for_others.get(),
        two_homes: stats.two_homes.get(),
    }
}
