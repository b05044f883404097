//! What partners are asked, judged the slow way (N1, N6, N7, N9, T23, C3): on the records alone, without the index by which
//! asks are found and counted. In a partner's line R1 and R11 don't hold; this does instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use baton::domain::entry::{Entry, Fact, FactKind};
use baton::domain::id::{PartnerId, SessionId, WorkId};
use baton::domain::live::{
    Handoff, HandoffState, PartnerAsk, Role, RoutingRequest, RoutingState, Session, SessionState,
    TransferState, Work, WorkRestrictions,
};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::time::{Span, Timestamp};
use baton::domain::units::Weight;

use super::{With, load_then};

/// What is due by then may be on its way.
const SLACK: Span = Span::from_secs(5);

/// Something that a partner was asked, whichever it is.
struct Ask<'a> {
    id: PartnerAsk,
    partner: &'a PartnerId,
    session: SessionId,
    deadline: Timestamp,
    open: bool,
    claimed_by: Option<&'a str>,
    came_to_nothing: bool,
}

impl<'a> Ask<'a> {
    fn of(record: &'a Record) -> Option<Self> {
        match record {
            Record::Handoff(handoff) => Some(Self::of_handoff(handoff)),
            Record::RoutingRequest(request) => Some(Self::of_request(request)),
            _ => None,
        }
    }

    fn of_handoff(handoff: &'a Handoff) -> Self {
        Self {
            id: PartnerAsk::Handoff(handoff.id),
            partner: &handoff.contact.partner,
            session: handoff.session,
            deadline: handoff.deadline,
            open: handoff.is_open(),
            claimed_by: handoff.claimed_by.as_deref(),
            came_to_nothing: matches!(
                handoff.state,
                HandoffState::Failed(_) | HandoffState::Expired
            ),
        }
    }

    fn of_request(request: &'a RoutingRequest) -> Self {
        Self {
            id: PartnerAsk::Routing(request.id),
            partner: &request.partner,
            session: request.session,
            deadline: request.deadline,
            open: request.is_open(),
            claimed_by: request.claimed_by.as_deref(),
            came_to_nothing: matches!(
                request.state,
                RoutingState::Failed(_) | RoutingState::Expired
            ),
        }
    }
}

/// True when all is quiet: whatever waits for a partner is asked about, once, or will be, at a time or when the partner is
/// back; and nothing that it should have answered is still open.
pub fn nothing_is_forgotten(state: &State, now: Timestamp) -> Result<(), String> {
    let overdue = |at: Timestamp| at + SLACK < now;
    let mut open: BTreeMap<SessionId, Vec<PartnerAsk>> = BTreeMap::new();
    for ask in state.records().filter_map(|(_, held)| Ask::of(&held.record)) {
        if ask.open {
            open.entry(ask.session).or_default().push(ask.id);
            if overdue(ask.deadline) {
                return Err(format!("N6: {:?} was to be answered by {:?}", ask.id, ask.deadline));
            }
        }
    }
    for (_, held) in state.records() {
        let Record::Session(session) = &held.record else { continue };
        let asked = open.remove(&session.id).unwrap_or_default();
        if asked.len() > 1 || asked.first().copied() != session.open_ask() {
            return Err(format!("N6: about {} is asked {asked:?}", session.id));
        }
        if session.waits_for_an_offer() {
            is_seen_to(state, session, overdue)?;
        }
    }
    if open.is_empty() { Ok(()) } else { Err(format!("N6: about no session is asked {open:?}")) }
}

/// Somebody will see to a session that waits in a partner's line.
fn is_seen_to(
    state: &State,
    session: &Session,
    overdue: impl Fn(Timestamp) -> bool,
) -> Result<(), String> {
    let Some(partner) = state.partner_of(&session.line) else { return Ok(()) };
    let id = session.id;
    let stay = session.stay.as_ref().filter(|stay| stay.partner == partner);
    let Some(stay) = stay else {
        return Err(format!("N6: {id} stands in a line of {partner}, which doesn't know of it"));
    };
    let health = state.partner_health(&partner);
    let again = stay.again_at.or(health.probe_at.filter(|_| health.away_since.is_some()));
    match (stay.open, again) {
        (Some(_), _) => Ok(()),
        (None, Some(at)) if !overdue(at) => Ok(()),
        (None, again) => Err(format!("N7: nobody asks {partner} about {id}: {again:?}")),
    }
}

/// True of every entry that was decided on `before`, and led to `after`.
pub fn asked_well(before: &State, after: &State, entry: &Entry) -> Result<(), String> {
    nobody_does_what_they_are_barred_from(before, entry)?;
    let mut probes: BTreeMap<PartnerId, u32> = BTreeMap::new();
    for (key, record) in &entry.changes {
        let Some(now) = record.as_ref().and_then(Ask::of) else { continue };
        let then = before.record(key);
        match then.as_ref().and_then(Ask::of) {
            None => is_asked_in_time(before, entry, &now, &mut probes)?,
            Some(then) => is_answered_by_its_own(after, entry, &then, &now)?,
        }
        if now.came_to_nothing && then.as_ref().and_then(Ask::of).is_none_or(|ask| ask.open) {
            owner_keeps_it(before, after, entry, now.session)?;
        }
        match record {
            Some(Record::RoutingRequest(request)) => is_routed_well(before, after, request)?,
            Some(Record::Handoff(handoff)) => is_handed_over(before, after, handoff)?,
            _ => {}
        }
    }
    for work in new_work(before, entry) {
        has_room(before, after, entry, work)?;
    }
    Ok(())
}

fn says(entry: &Entry, kind: FactKind) -> bool {
    entry.facts.iter().any(|fact| fact.kind == kind)
}

/// N7: a partner that is away is asked nothing but one thing now and then.
fn is_asked_in_time(
    before: &State,
    entry: &Entry,
    ask: &Ask<'_>,
    probes: &mut BTreeMap<PartnerId, u32>,
) -> Result<(), String> {
    let health = before.partner_health(ask.partner);
    if health.away_since.is_none() || says(entry, FactKind::PartnerBack) {
        return Ok(());
    }
    let probes = probes.entry(ask.partner.clone()).or_default();
    *probes += 1;
    if *probes > 1 || health.not_asked_for(entry.time).is_some() {
        return Err(format!("N7: {} is away, and asked {:?}", ask.partner, ask.id));
    }
    Ok(())
}

/// N3, N7, N9: only the partner that was asked answers, by one of its workers, and is there if it does.
fn is_answered_by_its_own(
    after: &State,
    entry: &Entry,
    then: &Ask<'_>,
    now: &Ask<'_>,
) -> Result<(), String> {
    let (id, by) = (now.id, &entry.cause.actor);
    if then.claimed_by == now.claimed_by {
        return Ok(());
    }
    if then.claimed_by.is_some() {
        return Err(format!(
            "N9: {id:?} was {:?}'s, and is {:?}'s",
            then.claimed_by, now.claimed_by
        ));
    }
    let health = after.partner_health(now.partner);
    if health.away_since.is_some() || health.last_progress != Some(entry.time) {
        return Err(format!("N7: {} answered, and is taken for away", now.partner));
    }
    let own = by.role != Role::Partner || by.id.as_str() == now.partner.as_str();
    if own && then.deadline > entry.time {
        return Ok(());
    }
    Err(format!("N3, N6: {id:?} of {} was answered by {by:?}, or late", now.partner))
}

/// T23: what comes to nothing while somebody has the session leaves it with them, and its transfer is over.
fn owner_keeps_it(
    before: &State,
    after: &State,
    entry: &Entry,
    id: SessionId,
) -> Result<(), String> {
    let (Some(was), Some(is)) = (before.session(&id), after.session(&id)) else { return Ok(()) };
    let Some((owner, _)) = was.owner() else { return Ok(()) };
    let over = was.transfer.and_then(|id| after.transfer(&id)).is_some_and(|t| t.is_final());
    let of_it = |fact: &&Fact| fact.session == Some(id);
    let left = entry.facts.iter().filter(of_it).any(|fact| {
        matches!(
            fact.kind,
            FactKind::SessionEnded | FactKind::SessionOrphaned | FactKind::RepRemoved
        )
    });
    if over && (left || is.owner().map(|(rep, _)| rep) == Some(owner)) {
        return Ok(());
    }
    Err(format!("T23: {owner} had {id}, which now is {:?} in {:?}", is.state, is.transfer))
}

/// N1: the work that a partner routes is for one of its reps, who is asked, whatever room they have.
fn is_routed_well(before: &State, after: &State, request: &RoutingRequest) -> Result<(), String> {
    let RoutingState::Routed { work, .. } = &request.state else { return Ok(()) };
    let fresh = before.routing_request(&request.id).is_none_or(|request| request.is_open());
    let Some(work) = work.filter(|_| fresh) else { return Ok(()) };
    let work = after.work(&work).ok_or_else(|| format!("N1: no work {work}"))?;
    let drives = |state: &State| {
        state.rep(&work.rep).is_some_and(|rep| rep.partners.contains_key(&request.partner))
    };
    let of_it = work.routed_by == Some(request.id) && work.session == request.session;
    if of_it && (drives(before) || drives(after)) {
        return Ok(());
    }
    Err(format!("N1: {} routed {:?} to {}", request.partner, work.session, work.rep))
}

/// T23: completed, the session is the contact's, and nobody else's.
fn is_handed_over(before: &State, after: &State, handoff: &Handoff) -> Result<(), String> {
    let fresh = before.handoff(&handoff.id).is_some_and(|handoff| handoff.is_open());
    if handoff.state != HandoffState::Completed || !fresh {
        return Ok(());
    }
    let session = after.session(&handoff.session).ok_or("T23: the session is gone")?;
    let with = matches!(&session.state, SessionState::External { contact, .. } if *contact == handoff.contact);
    let transfer = handoff.transfer.and_then(|id| after.transfer(&id));
    let over = transfer.is_none_or(|t| matches!(t.state, TransferState::HandedOver { .. }));
    if with && over {
        return Ok(());
    }
    Err(format!("T23: handed over, and it is {:?}", session.state))
}

fn new_work<'e>(before: &State, entry: &'e Entry) -> Vec<&'e Arc<Work>> {
    let written = entry.changes.iter().filter_map(|(_, record)| match record {
        Some(Record::Work(work)) => Some(work),
        _ => None,
    });
    written.filter(|work| before.work(&work.id).is_none()).collect()
}

/// C3: nobody is offered what they have no room for, unless their partner assigns it past the check.
fn has_room(before: &State, after: &State, entry: &Entry, work: &Work) -> Result<(), String> {
    if work.check_skipped {
        let routed = work.routed_by.is_some();
        return if routed { Ok(()) } else { Err(format!("C3: {} skips the check", work.id)) };
    }
    let live = load_then(before, after, entry, work);
    let load = With { state: after, live }.load_of(&work.rep);
    if load.fits(Weight::Units(work.weight), work.interruptible) {
        return Ok(());
    }
    Err(format!("C3: {} carries {load:?}, and is offered {}", work.rep, work.weight))
}

/// N1: a partner bars its reps from declining, transferring or ending what it routes to them.
fn nobody_does_what_they_are_barred_from(before: &State, entry: &Entry) -> Result<(), String> {
    if entry.cause.actor.role != Role::Rep {
        return Ok(());
    }
    let bars = |work: Option<WorkId>| -> WorkRestrictions {
        work.and_then(|id| before.work(&id)).map(|work| work.restrictions).unwrap_or_default()
    };
    let owners = |fact: &Fact| {
        let session = fact.session.and_then(|id| before.session(&id));
        session.and_then(|session| session.owner().map(|(_, work)| work))
    };
    for fact in &entry.facts {
        let barred = match fact.kind {
            FactKind::WorkDeclined => bars(fact.work).decline,
            FactKind::TransferRequested => bars(owners(fact)).transfer,
            FactKind::SessionEnded => bars(owners(fact)).end,
            _ => false,
        };
        if barred {
            return Err(format!("N1: {:?} by a rep who is barred from it", fact.kind));
        }
    }
    Ok(())
}
