//! The part of a session's story that partners have in it: what they were asked, what they answered, and returns from their
//! contacts. Their records don't say through which call and as part of which revision, so that this is told from what
//! happened with it, where something did.

use std::sync::Arc;

use super::{Events, Phase, comes_from, event};
use crate::domain::id::WorkId;
use crate::domain::live::{
    Actor, ContactRef, Handoff, HandoffState, PartnerAsk, Provenance, Recipient, RoutingRequest,
    RoutingState, Session, SessionReturn, SessionState, Transfer, TransferState,
};
use crate::domain::reasons::named;
use crate::domain::time::Timestamp;
use crate::grpc::to_proto::{ObjectContext, actor};
use crate::pb;

type From<'p> = Option<&'p Arc<Provenance>>;

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
                (place, of_handoff(context, s, &h))
            })),
            PartnerAsk::Routing(id) => all.extend(context.records.routing_request(&id).map(|r| {
                let place = (r.asked_at, r.ended_at.unwrap_or(Timestamp::MAX), 2);
                (place, of_routing_request(context, s, &r))
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

/// When a partner was asked, when it answered, and the transfer that it is about.
struct Asked<'a> {
    at: Timestamp,
    by: Option<&'a Actor>,
    session: &'a Session,
    transfer: Option<Arc<Transfer>>,
    queue: String,
}

impl Asked<'_> {
    fn event(&self, at: Timestamp, kind: &str, text: &str, from: From<'_>) -> pb::SessionEvent {
        let mut happened = event(at, kind, text);
        happened.transfer = self.transfer.as_ref().map(|t| t.id.to_string()).unwrap_or_default();
        happened.queue.clone_from(&self.queue);
        comes_from(&mut happened, from.map(Arc::as_ref));
        happened
    }

    fn asked(&self, kind: &str, text: &str) -> (Phase, pb::SessionEvent) {
        let requested = self.transfer.as_ref().filter(|t| t.requested_at == self.at);
        let opened = Some(self.session).filter(|s| s.opened_at == self.at);
        let from = requested
            .and_then(|t| t.steps.requested.as_ref())
            .or_else(|| opened.and_then(|s| s.steps.opened.as_ref()));
        let mut asked = self.event(self.at, kind, text, from);
        if let Some(by) = self.by {
            asked.actor = Some(actor(by));
        }
        (Phase::PartnerAsked, asked)
    }

    /// An answer, or that there was none in time: part of what ended, or removed the original rep of, the transfer then.
    fn answer(
        &self,
        at: Timestamp,
        kind: &str,
        text: &str,
        work: From<'_>,
    ) -> (Phase, pb::SessionEvent) {
        let of_transfer = self.transfer.as_ref().and_then(|t| match ended(t) {
            Some(then) if then == at => t.steps.ended.as_ref(),
            _ => t.steps.removed.as_ref().filter(|_| t.original_removed_at == Some(at)),
        });
        let of_session = self.session.steps.ended.as_ref().filter(|_| is_end(self.session, at));
        let from = work.or(of_transfer).or(of_session);
        (Phase::PartnerAnswered, self.event(at, kind, text, from))
    }
}

fn is_end(s: &Session, then: Timestamp) -> bool {
    matches!(s.state, SessionState::Ended { at, .. } if at == then)
}

fn ended(t: &Transfer) -> Option<Timestamp> {
    match t.state {
        TransferState::Completed { at, .. }
        | TransferState::HandedOver { at, .. }
        | TransferState::Failed { at, .. }
        | TransferState::SessionEnded { at } => Some(at),
        TransferState::Offered { .. } | TransferState::Waiting { .. } | TransferState::Asked(_) => {
            None
        }
    }
}

fn of_handoff(context: ObjectContext<'_>, s: &Session, h: &Handoff) -> Events {
    let asked = Asked {
        at: h.asked_at,
        by: Some(&h.asked_by),
        session: s,
        transfer: h.transfer.and_then(|id| context.records.transfer(&id)),
        queue: String::new(),
    };
    let (partner, contact) = (&h.contact.partner, &h.contact.contact);
    let text = format!("partner {partner} was asked to take the session to contact {contact}");
    let mut events = vec![asked.asked("handoff_asked", &text)];
    if let Some(at) = h.acknowledged_at {
        let text = format!("partner {partner} is at work on it");
        events.push(asked.answer(at, "handoff_acknowledged", &text, None));
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
        events.push(asked.answer(at, kind, &text, None));
    }
    events
}

fn of_routing_request(context: ObjectContext<'_>, s: &Session, r: &RoutingRequest) -> Events {
    let asked = Asked {
        at: r.asked_at,
        by: None,
        session: s,
        transfer: r.transfer.and_then(|id| context.records.transfer(&id)),
        queue: r.queue.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    let partner = &r.partner;
    let text = format!("partner {partner} was asked where the session goes");
    let mut events = vec![asked.asked("routing_asked", &text)];
    if let Some(at) = r.acknowledged_at {
        let text = format!("the session waits in the line of partner {partner}");
        events.push(asked.answer(at, "routing_acknowledged", &text, None));
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
    let offered = work.and_then(|id: WorkId| context.records.work(&id));
    let from = offered.as_ref().and_then(|work| work.steps.offered.as_ref());
    let (phase, mut answer) = asked.answer(at, kind, &text, from);
    answer.work = work.map(|id| id.to_string()).unwrap_or_default();
    if let Some(to) = to {
        answer.queue = String::new();
        goes_to(&mut answer, to);
    }
    events.push((phase, answer));
    events
}
