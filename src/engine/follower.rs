//! Follows an org's journal: waits until somebody may have committed, then has the actor catch up.
//! A wake-up is only a hint, and one comes every so often without a reason: that is also how an
//! org whose store was out of reach finds it again. Started by `registry`; one per org.

use tokio::sync::{mpsc, oneshot, watch};

use std::sync::Arc;

use crate::domain::id::OrgId;

use super::View;
use super::actor::{Cue, Shared};
use super::policy::Backoff;

/// Follows until the server goes away.
pub(super) async fn follow(
    org: OrgId,
    shared: Shared,
    mailbox: mpsc::Sender<Cue>,
    views: watch::Receiver<Arc<View>>,
) {
    let mut closing = shared.closing.clone();
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = wake_by_wake(&org, &shared, &mailbox, &views) => {}
    }
}

async fn wake_by_wake(
    org: &OrgId,
    shared: &Shared,
    mailbox: &mpsc::Sender<Cue>,
    views: &watch::Receiver<Arc<View>>,
) {
    let mut failures = 0;
    let mut randomness = shared.randomness(org);
    loop {
        let after = views.borrow().state.head().revision;
        let woken = shared.journal().wake(org, after).await.is_ok();
        if woken && views.borrow().state.head().revision > after {
            // It was our own commit.
            failures = 0;
            continue;
        }
        let (done, caught_up) = oneshot::channel();
        if mailbox.send(Cue::Follow { after, done }).await.is_err() {
            return;
        }
        if woken && caught_up.await == Ok(true) {
            failures = 0;
        } else {
            failures += 1;
            shared.clock().sleep(Backoff::PROBE.pause(failures, randomness.word())).await;
        }
    }
}
