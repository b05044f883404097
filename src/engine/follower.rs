//! Follows what is committed elsewhere: one task for all orgs of a replica. What is heard is only a hint,
//! so that it also looks for itself, now and then, where each history ends. Started by `facade`.

use std::sync::Arc;

use tokio::sync::broadcast::error::RecvError;

use crate::domain::entry::Revision;
use crate::domain::id::OrgId;
use crate::domain::time::Span;
use crate::journal::{Epoch, Heard, StoredPlace};

use super::desk::{Desk, Phase};
use super::registry::Registry;

/// How often the ends of histories are looked at.
const LOOK: Span = Span::from_secs(2);
/// An org at rest has its turn in one of so many rounds, one in which something goes on in each.
const TURNS: u32 = 15;
/// The most orgs whose ends are asked for in one call.
const AT_ONCE: usize = 64;

/// Follows until the server goes away.
pub(super) async fn follow(registry: Arc<Registry>) {
    let mut closing = registry.shared.closing.clone();
    tokio::select! {
        _ = closing.wait_for(|closing| *closing) => {}
        () = hear(&registry) => {}
        () = look(&registry) => {}
    }
}

async fn hear(registry: &Registry) {
    let mut heard = registry.shared.journal().follow();
    loop {
        match heard.recv().await {
            Ok(Heard::Commit(org, revision)) => {
                if let Some(handle) = registry.if_loaded(&org) {
                    handle.desk.heard.send_replace(revision);
                }
            }
            Ok(Heard::Missed) | Err(RecvError::Lagged(_)) => {
                compare(registry, &registry.loaded(), false).await;
            }
            // Only a journal that is gone says nothing more.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

async fn look(registry: &Registry) {
    for round in 1_u32.. {
        registry.shared.clock().sleep(LOOK).await;
        let mut orgs = registry.loaded();
        let now = registry.shared.clock().now();
        orgs.retain(|(org, desk)| turn(org) == round % TURNS || desk.is_lively(now));
        compare(registry, &orgs, true).await;
    }
}

/// In which of the rounds it is an org's turn: spread, so that no round is larger than the others.
fn turn(org: &OrgId) -> u32 {
    org.as_str().bytes().fold(7, |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
        % TURNS
}

/// Has those look whose history ends elsewhere than they know.
async fn compare(registry: &Registry, orgs: &[(OrgId, Arc<Desk>)], count: bool) {
    for some in orgs.chunks(AT_ONCE) {
        compare_some(registry, some, count).await;
    }
}

async fn compare_some(registry: &Registry, orgs: &[(OrgId, Arc<Desk>)], count: bool) {
    let ready = orgs.iter().filter(|(_, desk)| *desk.phase.borrow() == Phase::Ready);
    let (names, desks): (Vec<_>, Vec<_>) = ready.cloned().unzip();
    let before: Vec<StoredPlace> = desks.iter().map(|desk| known(desk)).collect();
    // Whether the store is away is found out elsewhere.
    let Ok(places) = registry.shared.journal().heads(&names).await else { return };
    for ((desk, place), before) in desks.iter().zip(places).zip(before) {
        let known = known(desk);
        // What was committed here meanwhile may be newer than the answer.
        if normal(place) == known || known != before {
            continue;
        }
        if count {
            registry.shared.stats.unheard.add(1);
        }
        desk.look();
    }
}

fn known(desk: &Desk) -> StoredPlace {
    let view = desk.views.borrow();
    let head = view.state.head();
    normal(StoredPlace { epoch: view.epoch, revision: head.revision, entry: head.entry })
}

/// Where nothing was written yet it is all the same whether that is stored.
fn normal(place: StoredPlace) -> StoredPlace {
    let nothing = place.revision == Revision::ZERO && place.epoch <= Epoch(1);
    if nothing { StoredPlace::default() } else { place }
}
