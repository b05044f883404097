//! What partners of every temper do on the simulation's random days: they claim, renew, answer, refuse, answer late, twice,
//! by another worker or to what another partner was asked, or never; they supply contacts, which give sessions back; and
//! the directory takes from them what they are asked about. The draws decide; what may come of it is the product's to see
//! to.

use std::collections::BTreeMap;
use std::sync::Arc;

use baton::domain::command::{
    Command, Directory, DirectoryKey, Opening, Returning, RouteAnswer, RouteTarget, Target,
};
use baton::domain::contacts::{ContactAvailability, ContactDetails};
use baton::domain::decide::contacts::given::{
    GivenContact, GivenContacts, GivenItem, GivenObservation, SyncMode,
};
use baton::domain::directory::Channel;
use baton::domain::entry::Fingerprint;
use baton::domain::id::{ContactId, ExternalReference, PartnerId, RoutingRequestId, SessionId};
use baton::domain::live::{
    Actor, AskFailure, ContactRef, FailureReason, Handoff, Recipient, Role, RoutingRequest,
    Session, SessionState, WorkRestrictions,
};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::time::Span;
use baton::domain::units::{CentiPercent, Units, Weight};
use baton::engine::entropy::Randomness;

use super::org::{CONTACTS, id, partners_queue};
use super::{REPS, actor, below, chance, one_of, queue, rep, skills};

/// What a partner can answer.
enum Asked<'a> {
    Handoff(&'a Handoff),
    Routing(&'a RoutingRequest),
}

impl Asked<'_> {
    const fn partner(&self) -> &PartnerId {
        match self {
            Self::Handoff(handoff) => &handoff.contact.partner,
            Self::Routing(request) => &request.partner,
        }
    }

    fn claimed_by(&self) -> Option<&str> {
        match self {
            Self::Handoff(handoff) => handoff.claimed_by.as_deref(),
            Self::Routing(request) => request.claimed_by.as_deref(),
        }
    }
}

/// What partners are being asked; or everything that they ever were.
fn asked(state: &State, open_only: bool) -> Vec<Asked<'_>> {
    let all = state.records().filter_map(|(_, held)| match &held.record {
        Record::Handoff(h) if h.is_open() || !open_only => Some(Asked::Handoff(h)),
        Record::RoutingRequest(r) if r.is_open() || !open_only => Some(Asked::Routing(r)),
        _ => None,
    });
    all.collect()
}

/// A step of a partner's day, or of somebody's for whom a partner is asked; `None` if nothing of the kind that came up is
/// there.
pub fn command(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    let admin = actor(Role::Admin, "admin");
    // Its first contacts a partner supplies soon.
    if has_none(state) && chance(bits, 30) {
        return sync(bits, state);
    }
    match below(bits, 20) {
        0..9 => answer(bits, state),
        9 => renew(bits, state),
        10..14 => Some((admin, open_session(bits))),
        14..17 => hand_on(bits, state),
        17 => come_back(bits, state),
        18 => sync(bits, state),
        _ => Some((admin, change(bits, state)?)),
    }
}

/// A partner answers something that it was asked, mostly.
fn answer(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    // Of what is over the answer comes late, or once more.
    let open_only = chance(bits, 90);
    let all = asked(state, open_only);
    let ask = one_of(bits, &all)?;
    let other = if ask.partner().as_str() == "vendor" { "umbra" } else { "vendor" };
    let by = if chance(bits, 95) { ask.partner().as_str() } else { other };
    let worker = ask.claimed_by().filter(|_| chance(bits, 90)).unwrap_or("w1");
    let reference = if chance(bits, 93) { worker } else { "w2" }.to_owned();
    let command = match ask {
        Asked::Handoff(handoff) => {
            let handoff = handoff.id;
            match below(bits, 10) {
                0..3 => Command::AcknowledgeHandoff { handoff, reference },
                3..7 => Command::CompleteHandoff { handoff, reference },
                _ => Command::FailHandoff { handoff, failure: failure(bits), reference },
            }
        }
        Asked::Routing(asked) => {
            let (request, partner) = (asked.id, &asked.partner);
            match below(bits, 10) {
                0..3 => {
                    let lease = chance(bits, 30).then(|| Span::from_secs(5));
                    Command::AcknowledgeRouting { request, reference, lease }
                }
                3..5 => Command::FailRouting { request, failure: failure(bits), reference },
                _ => route(bits, state, partner, (request, reference)),
            }
        }
    };
    Some((actor(Role::Partner, by), command))
}

fn route(
    bits: &mut Randomness,
    state: &State,
    partner: &PartnerId,
    (request, reference): (RoutingRequestId, String),
) -> Command {
    let to = match below(bits, 12) {
        0..8 => RouteTarget::Rep(named(bits, state, partner)),
        8 => RouteTarget::Queue(queue(bits)),
        9 => RouteTarget::Flow(id(["f0", "f1", "f2"][below(bits, 3)])),
        10 => RouteTarget::Contact(contact(bits)),
        _ => RouteTarget::Queue(id("line")),
    };
    let weight = match below(bits, 6) {
        0 => Some(Weight::Units(Units::whole(2))),
        1 => Some(Weight::Percent(CentiPercent::new(10_000))),
        _ => None,
    };
    Command::RouteSession(Box::new(RouteAnswer {
        request,
        to,
        skip_capacity_check: chance(bits, 30),
        weight,
        restrictions: WorkRestrictions {
            decline: chance(bits, 25),
            transfer: chance(bits, 25),
            end: chance(bits, 25),
        },
        reference,
    }))
}

/// A rep who is there and whom the partner drives; or anybody.
fn named(bits: &mut Randomness, state: &State, partner: &PartnerId) -> baton::domain::id::RepId {
    let own = |number: &usize| {
        let id = rep(*number);
        let drives = state.rep(&id).is_some_and(|rep| rep.partners.contains_key(partner));
        drives && state.rep_presence(&id).is_connected()
    };
    let own: Vec<usize> = (0..REPS).filter(own).collect();
    let one = one_of(bits, &own).copied();
    let anybody = below(bits, REPS);
    rep(one.filter(|_| chance(bits, 85)).unwrap_or(anybody))
}

fn failure(bits: &mut Randomness) -> AskFailure {
    let reason = if chance(bits, 50) { FailureReason::Busy } else { FailureReason::Error };
    AskFailure { reason, text: String::new(), retryable: chance(bits, 50), retry_after: None }
}

fn contact(bits: &mut Randomness) -> ContactId {
    id(CONTACTS[below(bits, CONTACTS.len())])
}

/// A worker renews what waits in its partner's line, and what doesn't.
fn renew(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    let name = if chance(bits, 75) { "vendor" } else { "umbra" };
    let of: PartnerId = id(name);
    let mine = |ask: &Asked<'_>| match ask {
        Asked::Routing(request) if request.partner == of => Some(request.id),
        _ => None,
    };
    let open_only = chance(bits, 80);
    let mut requests: Vec<_> = asked(state, open_only).iter().filter_map(mine).collect();
    requests.retain(|_| chance(bits, 70));
    if requests.is_empty() {
        return None;
    }
    let partner = chance(bits, 30).then_some(of);
    let reference = if chance(bits, 93) { "w1" } else { "w2" }.to_owned();
    let command = Command::RenewRoutings { partner, requests, reference, lease: None };
    Some((actor(Role::Partner, name), command))
}

/// Somebody comes whom a partner is to route, or to take to a contact.
fn open_session(bits: &mut Randomness) -> Command {
    let channel = ["theirs", "theirs", "alone", "alone", "hers"][below(bits, 5)];
    let target = match below(bits, 10) {
        0..5 => None,
        5..7 => Some(Target::Queue(id(if channel == "hers" { "shade" } else { "line" }))),
        7..9 => Some(Target::Rep(rep(below(bits, REPS)))),
        _ => Some(Target::Flow(id("f2"))),
    };
    let priority = chance(bits, 50).then_some(0);
    let reference = format!("p{}", below(bits, 40));
    Command::OpenSession(Box::new(Opening {
        channel: id(channel),
        external_reference: ExternalReference::new(&reference).expect("a valid id"),
        target,
        priority,
        attributes: Arc::new(BTreeMap::new()),
        skills: skills(bits),
        reopen: chance(bits, 30),
    }))
}

fn sessions(state: &State, of: impl Fn(&Session) -> bool) -> Vec<&Session> {
    let all = state.records().filter_map(|(_, held)| match &held.record {
        Record::Session(session) if of(session) => Some(&**session),
        _ => None,
    });
    all.collect()
}

/// An owner hands a session on to a partner's line, or to a contact.
fn hand_on(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    let of_a_partner = |session: &Session| {
        let channel = state.channel(&session.channel);
        session.owner().is_some() && channel.is_some_and(|channel| channel.partner().is_some())
    };
    let owned = sessions(state, of_a_partner);
    let session = *one_of(bits, &owned)?;
    let recipient = match below(bits, 10) {
        0..5 => Recipient::Contact(ContactRef { partner: id("vendor"), contact: contact(bits) }),
        5..8 => {
            let own = if session.channel.as_str() == "hers" { "shade" } else { "line" };
            Recipient::Queue(id(own))
        }
        8 => Recipient::Flow(id("f2")),
        _ => Recipient::Rep(rep(below(bits, REPS))),
    };
    let (owner, _) = session.owner()?;
    let note = "please".to_owned();
    let command = Command::TransferSession { session: session.id, recipient, note };
    let supervisor = actor(Role::Supervisor, "sup");
    let by = if chance(bits, 70) { actor(Role::Rep, owner.as_str()) } else { supervisor };
    Some((by, command))
}

/// A contact gives a session back (O6).
fn come_back(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    let with = |s: &Session| matches!(s.state, SessionState::External { .. });
    // Now and then one that isn't away.
    let away = if chance(bits, 90) { sessions(state, with) } else { sessions(state, |_| true) };
    let session: SessionId = one_of(bits, &away)?.id;
    let to = match below(bits, 10) {
        0..3 => None,
        3..6 => Some(Target::Rep(rep(below(bits, REPS)))),
        6..8 => Some(Target::Queue(queue(bits))),
        8 => Some(Target::Queue(id("line"))),
        _ => Some(Target::Flow(id(["f0", "f2"][below(bits, 2)]))),
    };
    let (note, reason) = ("seen to".to_owned(), None);
    let by = match below(bits, 10) {
        0..8 => actor(Role::Partner, "vendor"),
        8 => actor(Role::Supervisor, "sup"),
        _ => actor(Role::Partner, "umbra"),
    };
    Some((by, Command::ReturnSession(Box::new(Returning { session, to, note, reason }))))
}

fn has_none(state: &State) -> bool {
    let of = |name: &&str| ContactRef { partner: id("vendor"), contact: id(name) };
    !CONTACTS.iter().any(|name| state.contact(&of(name)).is_some())
}

/// The vendor supplies a contact, or takes one away (N2).
fn sync(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    let (partner, which) = (id::<PartnerId>("vendor"), contact(bits));
    let of = ContactRef { partner: partner.clone(), contact: which.clone() };
    let goes = state.contact(&of).is_some() && chance(bits, 20);
    let details = ContactDetails {
        id: which.clone(),
        kind: "desk".to_owned(),
        channels: chance(bits, 20).then(|| id("theirs")).into_iter().collect(),
        name: format!("Desk {}", below(bits, 3)),
        description: String::new(),
        fields: BTreeMap::new(),
    };
    let availability = chance(bits, 30).then_some(Some(ContactAvailability::Available));
    let observed = GivenObservation { availability, ..GivenObservation::default() };
    let said = GivenContact { details, observed };
    let (mut contacts, mut deleted) = (Vec::new(), Vec::new());
    match goes {
        true => deleted.push(GivenItem { id: Ok(which), said: Ok(()) }),
        false => contacts.push(GivenItem { id: Ok(which), said: Ok(said) }),
    }
    let (mode, content) = (SyncMode::Incremental { deleted }, Fingerprint(0));
    let given = GivenContacts { partner, mode, contacts, content };
    Some((actor(Role::Partner, "vendor"), Command::SyncContacts(Box::new(given))))
}

/// The directory changes under what partners are asked: their queue goes, or is another's; a rep isn't driven any more; a
/// channel falls back, or doesn't.
fn change(bits: &mut Randomness, state: &State) -> Option<Command> {
    let mut changed = Directory::default();
    match below(bits, 5) {
        0 | 1 => match state.queue(&id("line")) {
            Some(_) if chance(bits, 70) => {
                let move_to = chance(bits, 60).then(|| id("q1"));
                return Some(Command::Delete { key: DirectoryKey::Queue(id("line")), move_to });
            }
            Some(queue) => {
                let of = queue.partner.as_ref().map(|of| of.partner.as_str());
                let next = if of == Some("vendor") { "umbra" } else { "vendor" };
                changed.queues.push(partners_queue("line", next));
            }
            None => changed.queues.push(partners_queue("line", "vendor")),
        },
        2 => {
            let mut who = (*state.rep(&rep(below(bits, REPS)))?).clone();
            if who.partners.remove(&id::<PartnerId>("vendor")).is_none() {
                who.partners.insert(id("vendor"), None);
            }
            changed.reps.push(who);
        }
        3 => {
            let known = state.channel(&id("theirs"))?;
            let fallback_queue = known.fallback_queue.is_none().then(|| id("q1"));
            changed.channels.push(Channel { fallback_queue, ..(*known).clone() });
        }
        _ => {
            let known = state.channel(&id(["theirs", "alone"][below(bits, 2)]))?;
            let partner_routes_reps = !known.partner_routes_reps;
            changed.channels.push(Channel { partner_routes_reps, ..(*known).clone() });
        }
    }
    Some(Command::Upsert(changed))
}

/// What is left to partners when everybody has gone: they would be asked about it for ever.
pub fn left_to_partners(state: &State) -> Vec<SessionId> {
    let waits = |session: &Session| {
        let line = state.partner_of(&session.line).is_some();
        !session.is_ended() && session.owner().is_none() && (line || session.stay.is_some())
    };
    sessions(state, waits).into_iter().map(|session| session.id).collect()
}
