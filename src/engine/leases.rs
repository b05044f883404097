//! Watches over presence leases (P4): asks the journal which ran out and turns them into commands.
//! Leases that nobody could renew, because the store, this server or another one was away, get a
//! fresh one first (P9). Renewing itself is `facade`'s. Started by `registry`; one per org.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::domain::command::Command;
use crate::domain::entry::{FactKind, Head};
use crate::domain::id::{OrgId, PresenceId, RepId};
use crate::domain::live::{Connection, RepPresence};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};
use crate::journal::{JournalError, Lapsed, LeaseReport, ServerId};

use super::actor::Cue;
use super::desk::{Desk, Phase};
use super::entropy::Randomness;
use super::health::Concern;
use super::own_request::server_request;
use super::policy::jitter;
use super::refusal::Refusal;
use super::rest::anybody_there;
use super::round::Remember;
use super::shared::Shared;
use super::store_clock::StoreClock;
use super::view::View;

/// The most lapsed presences asked for at once.
const AT_ONCE: usize = 256;
/// How many of them become one transaction.
const TOGETHER: usize = 16;
/// So many rounds in a row may fail before that is said.
const FAILURES: u32 = 2;
/// Leases renewed in one call.
const CHUNK: usize = 512;

/// One org's leases.
pub(super) struct Leases {
    pub(super) org: OrgId,
    pub(super) shared: Shared,
    /// Weak: whoever watches over leases doesn't keep an org loaded.
    pub(super) mailbox: mpsc::WeakSender<Cue>,
    pub(super) desk: Arc<Desk>,
}

/// What a watcher remembers from one round to the next.
struct Watch {
    server: ServerId,
    randomness: Randomness,
    /// Leases may have run out because nobody was there to renew them: all get a fresh one first.
    fresh: bool,
    /// Up to here it is certain that who came has a lease.
    seen: Head,
    /// When leases were last asked for.
    asked: Timestamp,
    /// What the store's clock said to that.
    store_clock: Option<StoreClock>,
    /// How many rounds in a row have failed.
    failed: u32,
}

impl Leases {
    /// Watches until the org is unloaded or the server goes away.
    pub(super) async fn watch(self) {
        let mut closing = self.shared.closing.clone();
        let mut phase = self.desk.phase.subscribe();
        let mut randomness = self.shared.randomness(&self.org);
        let server = ServerId(randomness.transaction().to_u128());
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            _ = phase.wait_for(|phase| *phase == Phase::Gone) => {}
            () = self.poll(server, randomness) => return,
        }
        self.leave(server).await;
    }

    async fn leave(&self, server: ServerId) {
        if let Err(error) = self.shared.journal().leave(&self.org, server).await {
            tracing::info!(org = %self.org, %error, "the others will have to miss this server");
        }
    }

    async fn poll(&self, server: ServerId, randomness: Randomness) {
        let mut phase = self.desk.phase.subscribe();
        if phase.wait_for(|phase| *phase == Phase::Ready).await.is_err() {
            return;
        }
        let every = self.shared.options.lease_poll;
        // A new replica can't know which renewals were missed before it came.
        let asked = self.shared.clock().now();
        let (seen, store_clock) = (Head::default(), None);
        let mut watch =
            Watch { server, randomness, fresh: true, seen, asked, store_clock, failed: 0 };
        // At once, so that the others know of this server before anybody depends on it.
        loop {
            if self.nobody_there().await {
                watch.asked = self.shared.clock().now();
                watch.store_clock = None;
            }
            let result = self.round(&mut watch).await;
            watch.failed = if result.is_ok() { 0 } else { watch.failed.saturating_add(1) };
            watch.fresh |= result.is_err();
            // While the store as a whole is away that is said once for all.
            let lasts = watch.failed >= FAILURES && !self.shared.store.is_lost();
            self.report(result.err().filter(|_| lasts).as_ref());
            let spread = jitter(Span::from_ms(every.as_ms() / 4), watch.randomness.word());
            self.shared.clock().sleep(Span::from_ms(every.as_ms() + spread.as_ms())).await;
        }
    }

    /// While nobody is signed in there are no leases, and nothing is asked for. `true`: that was so.
    async fn nobody_there(&self) -> bool {
        let mut views = self.desk.views.subscribe();
        let nobody = |view: &Arc<View>| !anybody_there(&view.state);
        let mut so = false;
        loop {
            let rests = nobody(&views.borrow_and_update());
            if !rests {
                return so;
            }
            so = true;
            // The sender is the desk's, which is held here.
            let _ = views.changed().await;
        }
    }

    async fn round(&self, watch: &mut Watch) -> Result<(), JournalError> {
        let (org, journal) = (&self.org, self.shared.journal());
        let every = self.shared.options.lease_poll;
        self.provide(watch).await?;
        loop {
            let now = self.shared.clock().now();
            if was_away(watch.asked, now, every) {
                tracing::info!(%org, "leases weren't looked after for a while: every presence gets a fresh one");
                watch.fresh = true;
                self.provide(watch).await?;
            }
            watch.asked = now;
            let LeaseReport { lapsed, store_time } =
                journal.overdue(org, watch.server, AT_ONCE, self.shared.patience(org)).await?;
            let reading =
                StoreClock { asked: now, answered: self.shared.clock().now(), store_time };
            let earlier = watch.store_clock.replace(reading);
            match lapsed {
                // This server was stopped while it asked: nobody could renew here. What was claimed passes by itself.
                _ if was_away(reading.asked, reading.answered, every) => continue,
                // Whoever was claimed may have run out by the jump alone. The claims pass by themselves.
                _ if earlier.is_some_and(|earlier| reading.jumped_since(earlier)) => {
                    tracing::warn!(%org, "the store's clock was set: every presence gets a fresh lease");
                    watch.fresh = true;
                    self.provide(watch).await?;
                }
                Lapsed::ServerLost => {
                    tracing::warn!(%org, "a server is lost: every presence gets a fresh lease");
                    watch.fresh = true;
                    self.provide(watch).await?;
                }
                Lapsed::Claimed(presences) if presences.is_empty() => return Ok(()),
                Lapsed::Claimed(presences) => {
                    let over = self.disconnect(&presences, &mut watch.randomness).await;
                    // Whoever was renewed while they were being disconnected is there after all.
                    let back = journal.forget(org, &over).await?;
                    self.reconnect(&back, &mut watch.randomness).await;
                    if presences.len() < AT_ONCE || over.len() < presences.len() {
                        return Ok(());
                    }
                }
            }
        }
    }

    fn report(&self, error: Option<&JournalError>) {
        if !self.shared.health.report(&self.org, Concern::Leases, error.is_none()) {
            return;
        }
        match error {
            Some(error) => tracing::error!(org = %self.org, %error, "leases can't be looked after"),
            None => tracing::info!(org = %self.org, "leases are looked after again"),
        }
    }

    /// Sees to it that everybody who is there has a lease: a fresh one where that is due (P9), else
    /// at least one, should whoever signed them in have gone before it gave them theirs.
    async fn provide(&self, watch: &mut Watch) -> Result<(), JournalError> {
        let (org, journal) = (&self.org, self.shared.journal());
        // Another history, if it has gone back: whom it knows nobody here has looked at.
        watch.fresh |= self.desk.views.borrow().state.head().revision < watch.seen.revision;
        let view = match watch.fresh {
            // Whoever was disconnected meanwhile must come back by themselves.
            true => self.caught_up().await?,
            false => Arc::clone(&self.desk.views.borrow()),
        };
        if watch.fresh {
            for chunk in connected(&view.state).chunks(CHUNK) {
                journal.renew(org, chunk).await?;
            }
        } else {
            for chunk in came_since(&view, watch.seen).chunks(CHUNK) {
                journal.start(org, chunk).await?;
            }
        }
        watch.fresh = false;
        watch.seen = view.state.head();
        Ok(())
    }

    /// The org with everything that was committed anywhere before now.
    async fn caught_up(&self) -> Result<Arc<View>, JournalError> {
        let (answer, answered) = oneshot::channel();
        let missed = |why: String| JournalError::Unavailable(why);
        if !self.post(Cue::Barrier(answer)).await {
            return Err(missed("the server is going away".to_owned()));
        }
        match answered.await {
            Ok(Ok(view)) => Ok(view),
            Ok(Err(refusal)) => Err(missed(refusal.to_string())),
            Err(_) => Err(missed("the server is going away".to_owned())),
        }
    }

    /// Has the presences disconnected; gives those of which that is done.
    async fn disconnect(&self, lapsed: &[PresenceId], bits: &mut Randomness) -> Vec<PresenceId> {
        let mut over = Vec::with_capacity(lapsed.len());
        for some in lapsed.chunks(TOGETHER) {
            match self.submit(Command::LeasesLapsed(some.to_vec()), bits).await {
                Ok(()) => over.extend_from_slice(some),
                Err(refusal) => {
                    tracing::info!(org = %self.org, %refusal, "lapsed leases have to wait");
                    break;
                }
            }
        }
        over
    }

    async fn reconnect(&self, back: &[PresenceId], bits: &mut Randomness) {
        for presence in back {
            if let Err(refusal) = self.submit(Command::Reconnect(*presence), bits).await {
                tracing::info!(org = %self.org, %refusal, "a presence stays disconnected");
            }
        }
    }

    /// Puts something into the org's mailbox. `false`: nobody empties it any more.
    async fn post(&self, cue: Cue) -> bool {
        match self.mailbox.upgrade() {
            Some(mailbox) => mailbox.send(cue).await.is_ok(),
            None => false,
        }
    }

    /// `Ok` also if the domain says that there is nothing to do.
    async fn submit(&self, command: Command, bits: &mut Randomness) -> Result<(), Refusal> {
        let request = server_request("lease", command, bits.transaction());
        let (answer, answered) = oneshot::channel();
        if !self.post(Cue::Submit(request, Remember::Nothing, answer, Arc::default())).await {
            return Err(Refusal::Closing);
        }
        match answered.await {
            Ok(Ok(_) | Err(Refusal::Rejected(_))) => Ok(()),
            Ok(Err(refusal)) => Err(refusal),
            Err(_) => Err(Refusal::Closing),
        }
    }
}

/// Did so much more time pass since leases were last asked for than should have that they may have
/// lapsed only because nobody was there to renew them?
fn was_away(last: Timestamp, now: Timestamp, every: Span) -> bool {
    now.since(last) > Span::from_ms(every.as_ms().saturating_mul(3).saturating_add(2_000))
}

/// The presences whose client is there, with the lease that each is to have.
fn connected(state: &State) -> Vec<(PresenceId, Span)> {
    let org = state.settings().presence_lease;
    everybody(state).filter_map(|rep| lease_of(rep, org)).collect()
}

fn everybody(state: &State) -> impl Iterator<Item = &Arc<RepPresence>> {
    state.range(RecordKey::RepPresence(RepId::least())..).map_while(|record| match record {
        Record::RepPresence(rep) => Some(rep),
        _ => None,
    })
}

/// The same of those who signed in, or came back, after that.
fn came_since(view: &View, seen: Head) -> Vec<(PresenceId, Span)> {
    let oldest = view.recent.front().map(|applied| applied.entry.revision);
    let behind = view.state.head().revision > seen.revision;
    let org = view.state.settings().presence_lease;
    if behind && oldest.is_none_or(|oldest| oldest > seen.revision.next()) {
        // More came than is remembered. Whoever came back has renewed a lease to do so.
        return everybody(&view.state)
            .filter(|rep| rep.presence.as_ref().is_some_and(|p| p.opened_at >= seen.time))
            .filter_map(|rep| lease_of(rep, org))
            .collect();
    }
    let new = view.recent.iter().rev();
    let new = new.take_while(|applied| applied.entry.revision > seen.revision);
    let came = new.flat_map(|applied| &applied.entry.facts).filter(|fact| {
        matches!(fact.kind, FactKind::PresenceOpened | FactKind::PresenceReconnected)
    });
    let reps: BTreeSet<&RepId> = came.filter_map(|fact| fact.rep.as_ref()).collect();
    reps.into_iter().filter_map(|rep| lease_of(&view.state.rep_presence(rep), org)).collect()
}

/// Until a client renews it knows the lease that it was told when it signed in.
fn lease_of(rep: &RepPresence, org: Span) -> Option<(PresenceId, Span)> {
    let presence = rep.presence.as_ref()?;
    (presence.connection == Connection::Connected).then(|| (presence.id, presence.lease.max(org)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p9_a_long_gap_between_polls_means_that_the_server_was_away() {
        let (start, every) = (Timestamp::from_ms(10_000), Span::from_secs(1));
        assert!(!was_away(start, start + Span::from_ms(5_000), every));
        assert!(was_away(start, start + Span::from_ms(5_001), every));
        assert!(!was_away(start, start - Span::from_secs(60), every));
    }
}
