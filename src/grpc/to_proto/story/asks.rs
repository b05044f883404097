//! The part of a session's story that partners have in it: what they were asked, what they answered, and returns from their
//! contacts.

use std::sync::Arc;

use super::{Events, Phase, comes_from, event};
use crate::domain::live::{
    ContactRef, Handoff, HandoffState, PartnerAsk, Provenance, Recipient, RoutingRequest,
    RoutingState, Session, SessionReturn,
};
use crate::domain::reasons::named;
use crate::domain::time::Timestamp;
use crate::grpc::to_proto::{ObjectContext, actor};
use crate::pb;

type From<'p> = &'p Option<Arc<Provenance>>;
type Step = (Phase, pb::SessionEvent);

/// When something of a session's at a partner began and ended, and what comes first of what did so in the same moment: a
/// session is given back by who has it, and may be asked about then; while it is asked about, nothing else is.
type Place = (Timestamp, Timestamp, u8);

/// Adds what partners were asked about a session, and its returns, in order.
pub(super) fn add(context: ObjectContext<'_>, s: &Session, events: &mut Events) {
    let mut all: Vec<(Place, Events)> = Vec::new();
    for ask in context.state.asks_of_session(s.id) {
        match ask {
            PartnerAsk::Handoff(id) => all.extend(context.records.handoff(&id).map(|h| {
                let rank = if h.state == HandoffState::Completed { 0 } else { 3 };
                let place = (h.asked_at, h.ended_at.unwrap_or(Timestamp::MAX), rank);
                (place, of_handoff(&h))
            })),
            PartnerAsk::Routing(id) => all.extend(context.records.routing_request(&id).map(|r| {
                let place = (r.asked_at, r.ended_at.unwrap_or(Timestamp::MAX), 2);
                (place, of_routing_request(&r))
            })),
        }
    }
    all.extend(s.returns.iter().map(|back| ((back.at, back.at, 1), vec![of_return(back)])));
    all.sort_by_key(|(place, _)| *place);
    events.extend(all.into_iter().flat_map(|(_, events)| events));
}

fn of_return(back: &SessionReturn) -> (Phase, pb::SessionEvent) {
    let ContactRef { partner, contact } = &back.from;
    let text = format!("contact {contact} of partner {partner} gave the session back");
    let mut returned = event(back.at, "session_returned", &text);
    returned.actor = Some(actor(&back.by));
    comes_from(&mut returned, back.step.as_deref());
    if let Some(to) = &back.to {
        goes_to(&mut returned, to);
    }
    (Phase::PartnerAnswered, returned)
}

fn goes_to(event: &mut pb::SessionEvent, to: &Recipient) {
    match to {
        Recipient::Rep(rep) => event.rep = rep.to_string(),
        Recipient::Queue(queue) => event.queue = queue.to_string(),
        Recipient::Flow(_) | Recipient::Contact(_) => {}
    }
}

/// What a partner was asked, as its steps are told.
struct Asked {
    transfer: String,
    queue: String,
}

impl Asked {
    fn step(
        &self,
        phase: Phase,
        at: Timestamp,
        (kind, text): (&str, &str),
        from: From<'_>,
    ) -> Step {
        let mut happened = event(at, kind, text);
        happened.transfer.clone_from(&self.transfer);
        happened.queue.clone_from(&self.queue);
        comes_from(&mut happened, from.as_deref());
        (phase, happened)
    }
}

fn of_handoff(h: &Handoff) -> Events {
    let transfer = h.transfer.map(|id| id.to_string()).unwrap_or_default();
    let asked = Asked { transfer, queue: String::new() };
    let (partner, contact) = (&h.contact.partner, &h.contact.contact);
    let text = format!("partner {partner} was asked to take the session to contact {contact}");
    let first = ("handoff_asked", text.as_str());
    let mut events = vec![asked.step(Phase::PartnerAsked, h.asked_at, first, &h.steps.asked)];
    if let Some(at) = h.acknowledged_at {
        let text = format!("partner {partner} is at work on it");
        let claimed = ("handoff_acknowledged", text.as_str());
        events.push(asked.step(Phase::PartnerAnswered, at, claimed, &h.steps.acknowledged));
    }
    let ended = match &h.state {
        HandoffState::Asked | HandoffState::Acknowledged => None,
        HandoffState::Completed => Some((
            "handoff_completed",
            format!("contact {contact} of partner {partner} has the session"),
        )),
        HandoffState::Failed(why) => {
            let reason = why.reason.name();
            Some(("handoff_failed", format!("partner {partner} didn't take the session: {reason}")))
        }
        HandoffState::Expired => {
            Some(("handoff_expired", format!("partner {partner} didn't answer in time")))
        }
        HandoffState::SessionEnded => {
            Some(("handoff_session_ended", "the session ended first".to_owned()))
        }
    };
    if let (Some((kind, text)), Some(at)) = (ended, h.ended_at) {
        events.push(asked.step(Phase::PartnerAnswered, at, (kind, &text), &h.steps.ended));
    }
    events
}

fn of_routing_request(r: &RoutingRequest) -> Events {
    let asked = Asked {
        transfer: r.transfer.map(|id| id.to_string()).unwrap_or_default(),
        queue: r.queue.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let partner = &r.partner;
    let text = format!("partner {partner} was asked where the session goes");
    let first = ("routing_asked", text.as_str());
    let mut events = vec![asked.step(Phase::PartnerAsked, r.asked_at, first, &r.steps.asked)];
    if let Some(at) = r.acknowledged_at {
        let text = format!("the session waits in the line of partner {partner}");
        let claimed = ("routing_acknowledged", text.as_str());
        events.push(asked.step(Phase::PartnerAnswered, at, claimed, &r.steps.acknowledged));
    }
    let Some(at) = r.ended_at else { return events };
    let (kind, text) = match &r.state {
        RoutingState::Asked | RoutingState::Acknowledged => return events,
        RoutingState::Routed { to, .. } => {
            let (kind, id) = named(to);
            ("routing_routed", format!("partner {partner} routed the session to {kind} {id}"))
        }
        RoutingState::Failed(why) => {
            let reason = why.reason.name();
            ("routing_failed", format!("partner {partner} couldn't route the session: {reason}"))
        }
        RoutingState::Expired => {
            ("routing_expired", format!("partner {partner} didn't answer, or renew, in time"))
        }
        RoutingState::Withdrawn => {
            ("routing_withdrawn", format!("partner {partner} isn't asked any more"))
        }
    };
    let (work, to) = match &r.state {
        RoutingState::Routed { to, work } => (*work, Some(to)),
        _ => (None, None),
    };
    let (phase, mut answer) = asked.step(Phase::PartnerAnswered, at, (kind, &text), &r.steps.ended);
    answer.work = work.map(|id| id.to_string()).unwrap_or_default();
    if let Some(to) = to {
        answer.queue = String::new();
        goes_to(&mut answer, to);
    }
    events.push((phase, answer));
    events
}
