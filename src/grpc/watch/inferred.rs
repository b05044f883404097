//! What was before a revision, told from what happened in it, where the images before it aren't at hand.

use std::sync::Arc;

use super::facts::{concerns, is_fact_of};
use super::records::RevisionContext;
use crate::domain::entry::FactKind;
use crate::domain::live::{PartnerAsk, RoutingRequest, Transfer, TransferState};
use crate::domain::record::{Record, RecordKey};
use crate::pb;

/// Did this entry make the object?
pub fn is_new(m: &RevisionContext<'_>, key: &RecordKey) -> bool {
    let has = |kind| m.entry.facts.iter().any(|fact| fact.kind == kind && concerns(fact, key));
    match (key, m.after.record(key)) {
        (RecordKey::Session(_), _) => has(FactKind::SessionOpened),
        (RecordKey::Transfer(_), _) => has(FactKind::TransferRequested),
        (RecordKey::Work(_), Some(Record::Work(work))) => work.offered_at == m.entry.time,
        (_, Some(record @ (Record::Handoff(_) | Record::RoutingRequest(_)))) => {
            let asked = [FactKind::HandoffAsked, FactKind::RoutingAsked];
            m.entry
                .facts
                .iter()
                .any(|fact| asked.contains(&fact.kind) && is_fact_of(fact, &record, m.entry.time))
        }
        _ => false,
    }
}

/// The state that a transfer was in.
pub fn state_before(m: &RevisionContext<'_>, t: &Transfer) -> pb::TransferState {
    if is_new(m, &RecordKey::Transfer(t.id)) {
        return pb::TransferState::Unspecified;
    }
    match &t.state {
        TransferState::Offered { .. } if was_only_asked(m, t) => pb::TransferState::Offered,
        TransferState::Offered { .. } => pb::TransferState::Waiting,
        // Asked anew, as the rep whom the partner named didn't take it, or out of the partner's line.
        TransferState::Asked(_) if came_back(m, t) => pb::TransferState::Offered,
        TransferState::Asked(_) => pb::TransferState::Waiting,
        TransferState::Waiting { .. } | TransferState::SessionEnded { .. } if was_in_line(m, t) => {
            pb::TransferState::Waiting
        }
        TransferState::Waiting { .. }
        | TransferState::Completed { .. }
        | TransferState::HandedOver { .. }
        | TransferState::Failed { .. } => pb::TransferState::Offered,
        TransferState::SessionEnded { .. } if t.offered_at.is_some() => pb::TransferState::Offered,
        TransferState::SessionEnded { .. } => pb::TransferState::Waiting,
    }
}

/// Was its partner asked, and hadn't acknowledged: was it OFFERED, to nobody yet (N6)?
fn was_only_asked(m: &RevisionContext<'_>, t: &Transfer) -> bool {
    request_until_now(m, t).is_some_and(|asked| asked.acknowledged_at.is_none())
}

/// Did it wait in its partner's line (N6)?
fn was_in_line(m: &RevisionContext<'_>, t: &Transfer) -> bool {
    request_until_now(m, t).is_some_and(|asked| asked.acknowledged_at.is_some())
}

/// The routing request of it that was open, and isn't from this revision on.
fn request_until_now(m: &RevisionContext<'_>, t: &Transfer) -> Option<Arc<RoutingRequest>> {
    let Some(PartnerAsk::Routing(id)) = t.asked else { return None };
    m.after.routing_request(&id).filter(|asked| asked.ended_at == Some(m.entry.time))
}

/// Did somebody who was asked to take it not do so?
fn came_back(m: &RevisionContext<'_>, t: &Transfer) -> bool {
    let kinds = [FactKind::WorkDeclined, FactKind::OfferTimedOut, FactKind::OfferWithdrawn];
    m.entry.facts.iter().any(|fact| kinds.contains(&fact.kind) && fact.session == Some(t.session))
}
