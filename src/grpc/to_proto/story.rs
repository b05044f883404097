//! A session's story (S3): what its records tell of what happened to it, and why each rep was asked.

mod asks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::live::ended_by;
use super::{ObjectContext, actor, time};
use crate::domain::entry::Revision;
use crate::domain::live::{
    Authority, Candidate, HowFound, Provenance, Role, Session, SessionState, Transfer,
    TransferState, WhyNot, Work, WorkEnd, WorkState,
};
use crate::domain::reasons::named;
use crate::domain::rejection::Reason;
use crate::domain::time::Timestamp;
use crate::grpc::api::number;
use crate::pb;

/// What happened to a session, as far as its records tell, in order, with who did it, through which call, and as part of
/// which revision; to a reader who `may_audit` also by what right (S3).
#[must_use]
pub fn story(context: ObjectContext<'_>, s: &Session, may_audit: bool) -> Vec<pb::SessionEvent> {
    let mut opened = event(s.opened_at, "session_opened", "the session was opened");
    opened.actor = s.opened_by.as_ref().map(actor);
    comes_from(&mut opened, s.steps.opened.as_deref());
    let mut events = vec![(Phase::Opened, opened)];
    for transfer in context.state.transfers_of_session(s.id) {
        transfer_events(transfer, &mut events);
    }
    for work in context.state.work_of_session(s.id) {
        work_events(work, &mut events);
    }
    asks::add(context, s, &mut events);
    if let SessionState::Ended { at, by, actor, .. } = &s.state {
        let mut end = event(*at, "session_ended", "the session ended");
        end.actor = Some(ended_by(*by, actor.as_ref()));
        comes_from(&mut end, s.steps.ended.as_deref());
        events.push((Phase::Ended, end));
    }
    let mut events = in_order(events);
    if !may_audit {
        for event in &mut events {
            event.credential.clear();
            event.delegate.clear();
            event.on_behalf_of.clear();
        }
    }
    events
}

/// The events by time, then by revision. What partners have in them comes in order, but for most of it the revision isn't
/// known: such an event comes after what brought it about and before what followed from it, as far as that happened in the
/// same moment.
fn in_order(events: Events) -> Vec<pb::SessionEvent> {
    let moment = |e: &pb::SessionEvent| e.time.map(|t| (t.seconds, t.nanos));
    let mut known: BTreeMap<_, BTreeSet<i64>> = BTreeMap::new();
    for (_, e) in events.iter().filter(|(_, e)| e.revision > 0) {
        known.entry(moment(e)).or_default().insert(e.revision);
    }
    let mut last = None;
    let mut place = |phase: Phase, e: &pb::SessionEvent| {
        let then = known.get(&moment(e)).filter(|_| e.revision == 0);
        let found = match phase {
            Phase::PartnerAnswered => then.and_then(BTreeSet::first),
            _ => then.and_then(BTreeSet::last),
        };
        let place = (moment(e), found.copied().unwrap_or(e.revision));
        if !matches!(phase, Phase::PartnerAnswered | Phase::PartnerAsked) {
            return (place, phase);
        }
        last = last.max(Some(place));
        (last.unwrap_or(place), Phase::PartnerAsked)
    };
    let mut events: Vec<_> = events.into_iter().map(|(phase, e)| (place(phase, &e), e)).collect();
    events.sort_by_key(|(key, _)| *key);
    events.into_iter().map(|(_, event)| event).collect()
}

/// What comes before what when it happened in the same moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Opened,
    Requested,
    CameToNothing,
    PartnerAnswered,
    PartnerAsked,
    Offered,
    Removed,
    Completed,
    Accepted,
    PartEnded,
    Ended,
}

type Events = Vec<(Phase, pb::SessionEvent)>;

fn event(at: Timestamp, kind: &str, text: &str) -> pb::SessionEvent {
    pb::SessionEvent {
        time: Some(time(at)),
        kind: kind.to_owned(),
        text: text.to_owned(),
        ..Default::default()
    }
}

/// Who did it, through which call, as part of which revision, where that was kept.
fn comes_from(event: &mut pb::SessionEvent, provenance: Option<&Provenance>) {
    let Some(Provenance { revision, by, rpc, authority }) = provenance else { return };
    event.actor = Some(actor(by));
    event.revision = number(Revision::new(*revision));
    if by.role != Role::Server {
        event.rpc = format!("baton.v1.{rpc}");
    }
    if let Some(Authority { credential, delegate, on_behalf_of }) = authority.as_deref() {
        event.credential = credential.as_deref().unwrap_or_default().to_owned();
        event.delegate = delegate.as_deref().unwrap_or_default().to_owned();
        event.on_behalf_of = on_behalf_of.as_ref().map(ToString::to_string).unwrap_or_default();
    }
}

fn work_events(w: &Work, events: &mut Events) {
    let mut add = |phase, at, kind: &str, text: &str, provenance: &Option<Arc<Provenance>>| {
        let mut happened = event(at, kind, text);
        happened.rep = w.rep.to_string();
        happened.work = w.id.to_string();
        happened.transfer = w.transfer.map(|id| id.to_string()).unwrap_or_default();
        happened.queue = w.queue.as_ref().map(ToString::to_string).unwrap_or_default();
        if kind == "work_offered" {
            happened.assignment = assignment(w);
        }
        comes_from(&mut happened, provenance.as_deref());
        events.push((phase, happened));
    };
    add(Phase::Offered, w.offered_at, "work_offered", offered_text(w.found), &w.steps.offered);
    if let Some(at) = w.accepted_at {
        add(Phase::Accepted, at, "work_accepted", "the rep took the session", &w.steps.accepted);
    }
    if let WorkState::Ended { at, why } = w.state {
        let phase = match why {
            WorkEnd::Transferred
            | WorkEnd::SessionEnded
            | WorkEnd::Completed
            | WorkEnd::SignedOut
            | WorkEnd::Orphaned => Phase::PartEnded,
            WorkEnd::Withdrawn | WorkEnd::Declined | WorkEnd::PushTimeout | WorkEnd::Rerouted => {
                Phase::CameToNothing
            }
        };
        add(phase, at, "work_ended", work_end_text(why), &w.steps.ended);
    }
}

const fn work_end_text(why: WorkEnd) -> &'static str {
    match why {
        WorkEnd::Transferred => "the rep's part ended: the session was transferred",
        WorkEnd::SessionEnded => "the rep's part ended with the session",
        WorkEnd::Withdrawn => "the offer was taken back: the rep went away",
        WorkEnd::Declined => "the rep declined",
        WorkEnd::PushTimeout => "the rep didn't accept in time, so the offer went on",
        WorkEnd::Completed => "the rep was done with it",
        WorkEnd::SignedOut => "the rep signed out, so the session went back to its line",
        WorkEnd::Orphaned => "the rep was gone for too long, so the session went back to its line",
        WorkEnd::Rerouted => "the customer came back and the session went elsewhere",
    }
}

fn transfer_events(t: &Transfer, events: &mut Events) {
    type From<'p> = &'p Option<Arc<Provenance>>;
    let mut add = |phase, at, kind: &str, text: &str, rep: String, provenance: From<'_>| {
        let mut happened = event(at, kind, text);
        happened.rep = rep;
        happened.transfer = t.id.to_string();
        happened.queue = t.line.queue().map(ToString::to_string).unwrap_or_default();
        if kind == "transfer_requested" {
            happened.actor = Some(actor(&t.asked_by));
        }
        comes_from(&mut happened, provenance.as_deref());
        events.push((phase, happened));
    };
    let (kind, to) = named(&t.recipient);
    let text = format!("a transfer to {kind} {to} was asked for");
    let rep = if kind == "rep" { to.to_owned() } else { String::new() };
    add(Phase::Requested, t.requested_at, "transfer_requested", &text, rep, &t.steps.requested);
    if let Some(at) = t.original_removed_at {
        add(
            Phase::Removed,
            at,
            "rep_removed",
            "the original rep was removed",
            t.from_rep.to_string(),
            &t.steps.removed,
        );
    }
    let (phase, at, kind, text, rep) = match &t.state {
        TransferState::Completed { rep, at } => {
            let text = "the transfer was accepted".to_owned();
            (Phase::Completed, *at, "transfer_completed", text, rep.to_string())
        }
        TransferState::HandedOver { contact, at } => {
            let text =
                format!("contact {} of partner {} took it", contact.contact, contact.partner);
            (Phase::Completed, *at, "transfer_completed", text, String::new())
        }
        TransferState::Failed { at, failure } => {
            let text = format!("the transfer failed at its partner: {}", failure.reason.name());
            (Phase::Completed, *at, "transfer_failed", text, t.from_rep.to_string())
        }
        TransferState::SessionEnded { at } => {
            let text = "the session ended first".to_owned();
            (Phase::Ended, *at, "transfer_session_ended", text, String::new())
        }
        TransferState::Offered { .. } | TransferState::Waiting { .. } | TransferState::Asked(_) => {
            return;
        }
    };
    add(phase, at, kind, &text, rep, &t.steps.ended);
}

const fn offered_text(found: HowFound) -> &'static str {
    match found {
        HowFound::Direct => "the rep was asked to take the session",
        HowFound::FirstInOrder => "the rep was asked: the first in the queue's order",
        HowFound::NextInLine => "the rep was asked: they had room, and it was the first in line",
    }
}

/// Why this rep (R3).
fn assignment(w: &Work) -> Option<pb::Assignment> {
    let cause = match w.found {
        HowFound::Direct => return None,
        HowFound::FirstInOrder => pb::AssignmentCause::FirstInOrder,
        HowFound::NextInLine => pb::AssignmentCause::NextInLine,
    };
    Some(pb::Assignment {
        cause: cause.into(),
        candidates: w.candidates.iter().map(candidate).collect(),
    })
}

fn candidate(c: &Candidate) -> pb::Candidate {
    let (rule, text) = match c.why {
        WhyNot::Out(Reason::RecipientFull) => ("C3", "has no room for it"),
        WhyNot::Out(Reason::MissingSkill) => ("R4", "lacks a skill that it asks for"),
        WhyNot::Out(_) => ("P1", "isn't online for the channel's type, or not entitled to it"),
        WhyNot::PassedBy => ("R6", "declined it or let the offer run out"),
        WhyNot::Original => ("T9", "gave it away"),
        WhyNot::Load => ("R3", "has more work, or less capacity free"),
        WhyNot::HasWork => ("R3", "has work, and the one who was asked had none"),
        WhyNot::SignedInLater => ("R3", "signed in later than the one who was asked"),
        WhyNot::AssignedLater => ("R3", "was assigned work later than the one who was asked"),
    };
    pb::Candidate {
        rep: c.rep.to_string(),
        rule: rule.to_owned(),
        text: format!("{} {text}", c.rep),
    }
}
