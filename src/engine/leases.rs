//! Watches over presence leases (P4): asks the journal which ran out and turns each into a command.
//! Leases that nobody could renew, because the store or this server was away, get a fresh one
//! first (P9). Renewing itself is `facade`'s. Started by `registry`; one per org.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::command::Command;
use crate::domain::id::{OrgId, PresenceId, RepId};
use crate::domain::live::Connection;
use crate::domain::record::{Record, RecordKey};
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};
use crate::journal::JournalError;

use super::actor::{Cue, Phase, Shared};
use super::core::server_request;
use super::entropy::Randomness;
use super::policy::jitter;
use super::{Refusal, View};

/// The most lapsed presences handled at once.
const AT_ONCE: usize = 64;
/// Leases renewed in one call.
const CHUNK: usize = 512;

/// One org's leases.
pub(super) struct Leases {
    pub(super) org: OrgId,
    pub(super) shared: Shared,
    pub(super) mailbox: mpsc::Sender<Cue>,
    pub(super) views: watch::Receiver<Arc<View>>,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Leases {
    /// Watches until the server goes away.
    pub(super) async fn watch(mut self) {
        let mut closing = self.shared.closing.clone();
        tokio::select! {
            _ = closing.wait_for(|closing| *closing) => {}
            () = self.poll() => {}
        }
    }

    async fn poll(&mut self) {
        if self.phase.wait_for(|phase| *phase == Phase::Ready).await.is_err() {
            return;
        }
        let every = self.shared.options.lease_poll;
        let mut randomness = self.shared.randomness(&self.org);
        // A new replica can't know which renewals were missed before it came.
        let mut fresh = true;
        let mut last = self.shared.clock().now();
        loop {
            let spread = jitter(Span::from_ms(every.as_ms() / 4), randomness.word());
            self.shared.clock().sleep(Span::from_ms(every.as_ms() + spread.as_ms())).await;
            let now = self.shared.clock().now();
            fresh |= was_away(last, now, every);
            last = now;
            let polled = self.round(fresh, &mut randomness).await;
            fresh = polled.is_err();
        }
    }

    async fn round(&self, fresh: bool, randomness: &mut Randomness) -> Result<(), JournalError> {
        let (org, journal) = (&self.org, self.shared.journal());
        if fresh {
            let leases = connected(&self.views.borrow().state, None);
            self.renew(&leases).await?;
        }
        let lapsed = journal.lapsed(org, AT_ONCE).await?;
        if lapsed.is_empty() {
            return Ok(());
        }
        let over = self.disconnect(&lapsed, randomness).await;
        journal.release(org, &over).await?;
        // Whoever came back in between has renewed a lease that was just released.
        let leases = connected(&self.views.borrow().state, Some(&over));
        self.renew(&leases).await
    }

    async fn renew(&self, leases: &[(PresenceId, Span)]) -> Result<(), JournalError> {
        for chunk in leases.chunks(CHUNK) {
            self.shared.journal().renew(&self.org, chunk).await?;
        }
        Ok(())
    }

    /// Has the presences disconnected; gives those whose lease isn't needed any more.
    async fn disconnect(&self, lapsed: &[PresenceId], bits: &mut Randomness) -> Vec<PresenceId> {
        let mut asked = Vec::with_capacity(lapsed.len());
        for presence in lapsed {
            let command = Command::LeaseLapsed(*presence);
            let request = server_request("lease", command, bits.transaction());
            let (answer, answered) = oneshot::channel();
            if self.mailbox.send(Cue::Submit(request, answer)).await.is_err() {
                return Vec::new();
            }
            asked.push((*presence, answered));
        }
        let mut over = Vec::with_capacity(lapsed.len());
        for (presence, answered) in asked {
            if matches!(answered.await, Ok(Ok(_) | Err(Refusal::Rejected(_)))) {
                over.push(presence);
            }
        }
        over
    }
}

/// Did so much more time pass between two polls than should have that leases may have lapsed only
/// because nobody was there to renew them?
fn was_away(last: Timestamp, now: Timestamp, every: Span) -> bool {
    now.since(last) > Span::from_ms(every.as_ms().saturating_mul(3).saturating_add(2_000))
}

/// The presences whose client is there, with their lease; of all, or of these.
fn connected(state: &State, of: Option<&[PresenceId]>) -> Vec<(PresenceId, Span)> {
    let lease = |record: &Record| match record {
        Record::RepPresence(rep) => rep
            .presence
            .as_ref()
            .filter(|p| p.connection == Connection::Connected)
            .map(|p| (p.id, p.lease)),
        _ => None,
    };
    let key = |rep: &RepId| RecordKey::RepPresence(rep.clone());
    match of {
        None => state
            .range(key(&RepId::least())..)
            .take_while(|record| matches!(record, Record::RepPresence(_)))
            .filter_map(lease)
            .collect(),
        Some(presences) => presences
            .iter()
            .filter_map(|id| state.rep_of_presence(*id).map(|rep| (id, key(rep))))
            .filter_map(|(id, key)| {
                state.range(&key..=&key).find_map(lease).filter(|(current, _)| current == id)
            })
            .collect(),
    }
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
