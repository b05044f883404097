//! What a replica does by itself, about once a second: it asks the store whether it takes writes, compares
//! clocks, says which orgs it looks after, looks for those that nobody does, and unloads those that nobody
//! uses. One for all orgs, whatever they are many. Started by `facade`.

use std::sync::Arc;

use super::entropy::Randomness;
use super::look_out::look_out;
use super::policy::jitter;
use super::registry::Registry;
use super::store_clock::StoreClock;
use crate::domain::time::{Span, Timestamp};
use crate::journal::JournalError;

/// An answer to a probe that takes longer is none.
const PATIENCE: Span = Span::from_secs(3);
/// Between two probes that were asked for out of turn.
const BREATH: Span = Span::from_ms(50);

/// Goes on until the server goes away.
pub(super) async fn pulse(registry: Arc<Registry>) {
    let mut closing = registry.shared.closing.clone();
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = beat(&registry) => {}
    }
}

async fn beat(registry: &Arc<Registry>) {
    let shared = &registry.shared;
    let mut randomness = Randomness::from_system();
    // Whoever looks after an org may say so a moment later than the store is there again.
    let mut trust_from = shared.clock().now() + Span::from_ms(shared.options.away.as_ms() / 2);
    loop {
        let now = shared.clock().now();
        let probed = probe(registry).await;
        let well = probed.is_ok();
        match probed {
            Ok(Probed::Well) => {}
            Ok(Probed::Changed) => trust_from = shared.clock().now() + shared.options.away,
            Err(error) => shared.store.lost(now, &error, &shared.stats),
        }
        if well && let Err(error) = look_after(registry, &mut trust_from).await {
            tracing::debug!(%error, "orgs that are awake can't be looked after");
            shared.store.suspect(now);
        }
        registry.unload_idle(shared.clock().now());
        let every = shared.options.pulse.as_ms();
        if well {
            shared.clock().sleep(BREATH).await;
            let rest = Span::from_ms(every - BREATH.as_ms());
            tokio::select! {
                () = shared.clock().sleep(rest) => {}
                () = shared.store.suspicion() => {}
            }
        } else {
            let spread = jitter(Span::from_ms(every / 8), randomness.word());
            shared.clock().sleep(Span::from_ms(every / 4 + spread.as_ms())).await;
        }
    }
}

/// What came of a probe.
enum Probed {
    /// The store takes writes, as before.
    Well,
    /// It takes writes again, or its clock was set.
    Changed,
}

/// Does the store take writes?
async fn probe(registry: &Registry) -> Result<Probed, JournalError> {
    let shared = &registry.shared;
    let asked = shared.clock().now();
    let store_time = tokio::select! {
        biased;
        answer = shared.journal().probe() => answer?,
        () = shared.clock().sleep(PATIENCE) => {
            return Err(JournalError::Unavailable("no answer to a probe".to_owned()));
        }
    };
    let back = shared.store.found(shared.clock().now());
    let answered = shared.clock().now();
    let jumped = compare(registry, StoreClock { asked, answered, store_time });
    Ok(if back || jumped { Probed::Changed } else { Probed::Well })
}

/// Compares clocks by an answer of the store. `true`: its clock was set.
fn compare(registry: &Registry, reading: StoreClock) -> bool {
    let shared = &registry.shared;
    shared.store.compare(reading, shared.clock().wall(), &shared.stats)
}

/// Says which orgs are looked after here, and takes on those that nobody looks after.
async fn look_after(
    registry: &Arc<Registry>,
    trust_from: &mut Timestamp,
) -> Result<(), JournalError> {
    let shared = &registry.shared;
    let asked = shared.clock().now();
    let (names, desks): (Vec<_>, Vec<_>) = registry.awake(asked).into_iter().unzip();
    if !names.is_empty() {
        shared.journal().stay_awake(&names, shared.options.away).await?;
        for desk in desks {
            desk.said_awake(asked);
        }
    }
    if asked < *trust_from {
        return Ok(());
    }
    look_out(registry, |reading| {
        let jumped = compare(registry, reading);
        if jumped {
            *trust_from = reading.answered + shared.options.away;
        }
        !jumped
    })
    .await
}
