//! Examples of what partners are asked, and of what they supply.

use std::sync::Arc;

use super::{SESSION, TRANSFER, WORK, actor, at, attributes, id};
use crate::domain::directory::Partner;
use crate::domain::entry::{Answer, RenewalFailure, Renewals};
use crate::domain::id::{HandoffId, RoutingRequestId};
use crate::domain::live::{
    AskFailure, AskSteps, ContactRef, FailureReason, Handoff, HandoffState, PartnerAsk,
    PartnerHealth, PartnerStay, Provenance, Recipient, ReturnReason, RoutingCause, RoutingRequest,
    RoutingState, SessionReturn,
};
use crate::domain::record::{Mark, MarkKey, Record};
use crate::domain::rejection::Reason;
use crate::domain::time::Span;

pub const HANDOFF: HandoffId = HandoffId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_805b);
pub const ROUTING: RoutingRequestId =
    RoutingRequestId::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_805c);

pub fn contact() -> ContactRef {
    ContactRef { partner: id("acme"), contact: id("42") }
}

pub fn failure() -> AskFailure {
    AskFailure {
        reason: FailureReason::NoAnswer,
        text: "nobody picks up".into(),
        retryable: true,
        retry_after: Some(Span::from_secs(30)),
    }
}

pub fn stay() -> PartnerStay {
    PartnerStay {
        cause: RoutingCause::Declined,
        attempts: 2,
        tried: vec![id("bo")],
        asked_for: Some(Recipient::Rep(id("ana"))),
        contact: Some(id("42")),
        open: Some(PartnerAsk::Handoff(HANDOFF)),
        failures: 1,
        again_at: Some(at(24)),
        note: "back from 42".into(),
        partner: id("acme"),
    }
}

pub fn returned() -> SessionReturn {
    SessionReturn {
        at: at(25),
        by: actor(),
        from: contact(),
        to: Some(Recipient::Contact(contact())),
        note: "done there".into(),
        reason: Some(ReturnReason::WrongContact),
        step: steps().ended,
    }
}

fn partner() -> Partner {
    Partner {
        id: id("acme"),
        name: "Acme".into(),
        handoff_deadline: Some(Span::from_secs(45)),
        routing_deadline: Some(Span::from_secs(20)),
        routing_lease: Span::from_secs(90),
        away_after: 3,
        deletion_guard_percent: 10,
    }
}

fn handoff(state: HandoffState) -> Handoff {
    Handoff {
        id: HANDOFF,
        session: SESSION,
        transfer: Some(TRANSFER),
        contact: contact(),
        contact_name: "Second line".into(),
        channel: id("wa"),
        external_reference: id("+49 170 1234567"),
        asked_by: actor(),
        from_rep: Some(id("ana")),
        note: "wants a refund".into(),
        attributes: Arc::new(attributes()),
        priority: 5,
        opened_at: at(10),
        required: [(id("es"), 3)].into(),
        wished: [(id("vip"), 1)].into(),
        state,
        asked_at: at(20),
        deadline: at(60_020),
        acknowledged_at: Some(at(21)),
        ended_at: Some(at(22)),
        claimed_by: Some("worker-1".into()),
        steps: steps(),
    }
}

fn routing_request(state: RoutingState) -> RoutingRequest {
    RoutingRequest {
        id: ROUTING,
        partner: id("acme"),
        session: SESSION,
        transfer: Some(TRANSFER),
        queue: Some(id("theirs")),
        channel: id("wa"),
        external_reference: id("+49 170 1234567"),
        cause: RoutingCause::RepGone,
        attempt: 2,
        tried: vec![id("bo")],
        asked_for: Some(Recipient::Queue(id("theirs"))),
        note: "wants a refund".into(),
        attributes: Arc::new(attributes()),
        priority: 5,
        opened_at: at(10),
        required: [(id("es"), 3)].into(),
        wished: [(id("vip"), 1)].into(),
        state,
        asked_at: at(20),
        deadline: at(60_020),
        acknowledged_at: Some(at(21)),
        ended_at: Some(at(22)),
        claimed_by: Some("worker-1".into()),
        steps: steps(),
    }
}

/// One record of each kind, with every field set.
pub fn full() -> Vec<Record> {
    let health = PartnerHealth {
        partner: id("acme"),
        expired_in_a_row: 5,
        away_since: Some(at(26)),
        last_progress: Some(at(27)),
        last_asked: Some(at(28)),
        recent: vec![true, false],
        probe_at: Some(at(29)),
    };
    let routed = RoutingState::Routed { to: Recipient::Rep(id("ana")), work: Some(WORK) };
    vec![
        Record::Partner(Arc::new(partner())),
        Record::Handoff(Arc::new(handoff(HandoffState::Failed(failure())))),
        Record::RoutingRequest(Arc::new(routing_request(routed))),
        Record::PartnerHealth(Arc::new(health)),
        Record::Mark(Mark { key: MarkKey::Contacts(id("acme"), 6), after: None }),
    ]
}

/// What [`full`] leaves out.
pub fn others() -> Vec<Record> {
    let handoffs = [
        HandoffState::Asked,
        HandoffState::Acknowledged,
        HandoffState::Completed,
        HandoffState::Expired,
        HandoffState::SessionEnded,
    ];
    let routings = [
        RoutingState::Asked,
        RoutingState::Acknowledged,
        RoutingState::Routed { to: Recipient::Contact(contact()), work: None },
        RoutingState::Failed(AskFailure::expired()),
        RoutingState::Expired,
        RoutingState::Withdrawn,
    ];
    let bare = Partner { handoff_deadline: None, routing_deadline: None, ..partner() };
    let mut records = vec![
        Record::Partner(Arc::new(bare)),
        Record::PartnerHealth(Arc::new(PartnerHealth::new(id("acme")))),
    ];
    let unasked =
        |state| Handoff { transfer: None, from_rep: None, claimed_by: None, ..handoff(state) };
    records.extend(handoffs.map(|state| Record::Handoff(Arc::new(unasked(state)))));
    let plain = |state| RoutingRequest { asked_for: None, queue: None, ..routing_request(state) };
    records.extend(routings.map(|state| Record::RoutingRequest(Arc::new(plain(state)))));
    records
}

/// Leases that were renewed, and one that wasn't.
pub fn renewed() -> Answer {
    let failure = RenewalFailure {
        index: 1,
        id: ROUTING,
        reason: Reason::ClaimedByAnother,
        text: "another worker has it".into(),
    };
    Answer::Renewed(Arc::new(Renewals {
        renewed: 1,
        until: Some(at(60_030)),
        failures: vec![failure],
    }))
}

fn steps() -> AskSteps {
    let step = |revision| {
        Some(Arc::new(Provenance { revision, by: actor(), rpc: "x/Y".into(), authority: None }))
    };
    AskSteps { asked: step(1), acknowledged: step(2), ended: step(3) }
}
