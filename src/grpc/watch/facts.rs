//! What facts are about. What happened to hand-offs and routing requests. A fact names the session, not what a partner was asked about it, and one
//! revision may end one ask of a session and begin another: which of them a fact is of tells the record.

use crate::domain::entry::{Fact, FactKind};
use crate::domain::live::{Handoff, HandoffState, RoutingRequest, RoutingState};
use crate::domain::record::{Record, RecordKey};
use crate::domain::time::Timestamp;

/// Does this fact name what is kept under this key?
pub fn concerns(fact: &Fact, key: &RecordKey) -> bool {
    match key {
        // Which of a session's these are of says their records.
        RecordKey::Handoff(_) | RecordKey::RoutingRequest(_) => false,
        RecordKey::Session(id) => fact.session == Some(*id),
        RecordKey::Transfer(id) => fact.transfer == Some(*id),
        RecordKey::Work(id) => fact.work == Some(*id),
        RecordKey::RepPresence(id) | RecordKey::Rep(id) => fact.rep.as_ref() == Some(id),
        RecordKey::Settings
        | RecordKey::Configuration(_)
        | RecordKey::Status(_)
        | RecordKey::Profile(_)
        | RecordKey::Channel(_)
        | RecordKey::Skill(_)
        | RecordKey::Queue(_)
        | RecordKey::Flow(_)
        | RecordKey::Reference(..)
        | RecordKey::Partner(_)
        | RecordKey::PartnerHealth(_)
        | RecordKey::ContactBook(_)
        | RecordKey::ContactBlock(..)
        | RecordKey::QueueReport(_)
        | RecordKey::Mark(_) => fact.kind == FactKind::DirectoryChanged,
    }
}

/// Is this fact of a revision of then one of the hand-off or routing request that this record is?
pub fn is_fact_of(fact: &Fact, record: &Record, then: Timestamp) -> bool {
    match record {
        Record::Handoff(h) => fact.session == Some(h.session) && of_handoff(fact.kind, h, then),
        Record::RoutingRequest(r) => {
            fact.session == Some(r.session) && of_routing_request(fact.kind, r, then)
        }
        _ => false,
    }
}

fn of_handoff(kind: FactKind, h: &Handoff, then: Timestamp) -> bool {
    match kind {
        FactKind::HandoffAsked => h.asked_at == then,
        FactKind::HandoffAcknowledged => h.acknowledged_at == Some(then),
        FactKind::HandoffCompleted => h.state == HandoffState::Completed,
        FactKind::HandoffFailed => matches!(h.state, HandoffState::Failed(_)),
        FactKind::HandoffExpired => h.state == HandoffState::Expired,
        FactKind::HandoffSessionEnded => h.state == HandoffState::SessionEnded,
        _ => false,
    }
}

fn of_routing_request(kind: FactKind, r: &RoutingRequest, then: Timestamp) -> bool {
    match kind {
        FactKind::RoutingAsked => r.asked_at == then,
        FactKind::RoutingAcknowledged => r.acknowledged_at == Some(then),
        FactKind::RoutingRenewed => r.state == RoutingState::Acknowledged,
        FactKind::RoutingRouted => matches!(r.state, RoutingState::Routed { .. }),
        FactKind::RoutingFailed => matches!(r.state, RoutingState::Failed(_)),
        FactKind::RoutingExpired => r.state == RoutingState::Expired,
        FactKind::RoutingWithdrawn => r.state == RoutingState::Withdrawn,
        _ => false,
    }
}
