//! Looks out for orgs that nobody looks after: whoever did has died, or they have rested until now. Who
//! takes one on loads it, acts on what is due, and says whether it rests again. Called by `pulse`.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::actor::Cue;
use super::desk::Phase;
use super::registry::Registry;
use super::rest::{Rest, rest};
use super::store_clock::StoreClock;
use super::view::View;
use crate::domain::id::OrgId;
use crate::domain::time::Timestamp;
use crate::journal::{Awake, JournalError};

/// The most orgs taken on at once.
const AT_ONCE: usize = 64;

/// Looks once, unless the store's clock turns out to have been set: then nothing of what it says is due.
pub(super) async fn look_out(
    registry: &Arc<Registry>,
    trusted: impl FnOnce(StoreClock) -> bool,
) -> Result<(), JournalError> {
    let shared = &registry.shared;
    let asked = shared.clock().now();
    let unattended = shared.journal().unattended(AT_ONCE).await?;
    let (answered, store_time) = (shared.clock().now(), unattended.store_time);
    if !trusted(StoreClock { asked, answered, store_time }) {
        return Ok(());
    }
    let mut orgs = unattended.orgs;
    // Each is the home's first.
    orgs.retain(|awake| store_time >= awake.look_at + shared.patience(&awake.org));
    if orgs.is_empty() {
        return Ok(());
    }
    for awake in shared.journal().take_on(&orgs, shared.options.away).await? {
        shared.stats.taken_on.add(1);
        let registry_of_it = Arc::clone(registry);
        registry.spawn(async move {
            let mut closing = registry_of_it.shared.closing.clone();
            tokio::select! {
                _ = closing.wait_for(|closing| *closing) => {}
                () = attend(&registry_of_it, awake) => {}
            }
        });
    }
    Ok(())
}

/// Sees to an org that was taken on. If that can't be done it comes up again.
async fn attend(registry: &Registry, awake: Awake) {
    let Some((view, now)) = fresh(registry, &awake.org).await else {
        return;
    };
    let next = match rest(&view.state, now) {
        Rest::Awake => {
            if let Some(handle) = registry.if_loaded(&awake.org) {
                handle.desk.keep_awake();
            }
            return;
        }
        Rest::For(span) => Some(span),
        Rest::Asleep => None,
    };
    if let Err(error) = registry.shared.journal().rest(&awake, next).await {
        tracing::debug!(org = %awake.org, %error, "an org that rests comes up again");
    }
}

/// The org with everything that was committed before now, and what time it is in it.
async fn fresh(registry: &Registry, org: &OrgId) -> Option<(Arc<View>, Timestamp)> {
    let handle = registry.org(org).ok()?;
    let mut phase = handle.desk.phase.subscribe();
    let settled = phase.wait_for(|phase| *phase != Phase::Loading).await.ok()?.clone();
    if settled != Phase::Ready {
        return None;
    }
    let (answer, answered) = oneshot::channel();
    handle.mailbox.send(Cue::Barrier(answer)).await.ok()?;
    let view = answered.await.ok()?.ok()?;
    let now = view.clock.at(registry.shared.clock().now());
    Some((view, now))
}
