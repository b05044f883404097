//! What simulated clients ask for: random commands, made from what is there so that most of them
//! can be done, by whoever might give them.

#[path = "org.rs"]
mod org;
#[path = "partners.rs"]
mod partners;

use std::collections::BTreeMap;
use std::sync::Arc;

use baton::domain::command::{
    Command, Directory, DirectoryKey, Opening, PresenceRef, Request, Skills, Target,
};
use baton::domain::decide::stated::Stated;
use baton::domain::directory::{ChannelType, Licence, PresenceConfiguration};
use baton::domain::draft::Entropy;
use baton::domain::entry::{Cause, Fingerprint};
use baton::domain::flow::{SkillsTarget, WishedSkill};
use baton::domain::id::{
    ActorId, ChannelId, ExternalReference, PresenceId, QueueId, StatusId, TxnId,
};
use baton::domain::limits::OrgLimits;
use baton::domain::live::{
    Actor, Recipient, RepPresence, Role, Session, Transfer, TransferState, Work, WorkState,
};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::time::Span;
use baton::domain::units::Units;
use baton::engine::entropy::Randomness;

pub use self::org::{REPS, org, rep};
use self::org::{id, spare_channel, spare_queue, spare_rep, spare_skill};
pub use self::partners::left_to_partners;

pub fn below(bits: &mut Randomness, bound: usize) -> usize {
    usize::try_from(bits.word() % bound.max(1) as u64).expect("it is below a usize")
}

pub fn chance(bits: &mut Randomness, percent: usize) -> bool {
    below(bits, 100) < percent
}

fn one_of<'a, T>(bits: &mut Randomness, of: &'a [T]) -> Option<&'a T> {
    if of.is_empty() { None } else { of.get(below(bits, of.len())) }
}

pub fn request(bits: &mut Randomness, actor: Actor, command: Command) -> Request {
    let txn = TxnId::from_u128(bits.bits() | 1);
    let fingerprint = Fingerprint(bits.bits());
    // Most clients give their requests ids; what leases lead to has none.
    let of_a_lease = matches!(command, Command::LeasesLapsed(_) | Command::Reconnect(_));
    let named = chance(bits, 75) && !of_a_lease;
    let request_id = named.then(|| Arc::from(txn.to_string()));
    let cause = Cause { request_id, ..Cause::new(actor, "Simulated") };
    let (presence, stated) = (None, Stated::default());
    let (narrowing, limits) = (None, OrgLimits::UNBOUNDED);
    Request { txn, fingerprint, cause, presence, stated, narrowing, limits, command }
}

/// A presence to ask on, current or not, now and then.
pub fn presence(bits: &mut Randomness, state: &State) -> Option<PresenceId> {
    if !chance(bits, 15) {
        return None;
    }
    let rep = *one_of(bits, &scene(state).presences)?;
    let last = rep.last.as_ref().map(|last| last.id).filter(|_| chance(bits, 30));
    last.or(rep.presence.as_ref().map(|current| current.id))
}

pub fn actor(role: Role, id: &str) -> Actor {
    Actor { role, id: ActorId::new(id).expect("a valid id") }
}

/// What there is to ask about.
struct Scene<'a> {
    presences: Vec<&'a RepPresence>,
    sessions: Vec<&'a Session>,
    works: Vec<&'a Work>,
    transfers: Vec<&'a Transfer>,
}

fn scene(state: &State) -> Scene<'_> {
    let mut scene = Scene {
        presences: Vec::new(),
        sessions: Vec::new(),
        works: Vec::new(),
        transfers: Vec::new(),
    };
    for (_, held) in state.records() {
        match &held.record {
            Record::RepPresence(rep) => scene.presences.push(rep),
            Record::Session(session) if !session.is_ended() => scene.sessions.push(session),
            Record::Work(work) if work.is_live() => scene.works.push(work),
            Record::Transfer(transfer) => scene.transfers.push(transfer),
            _ => {}
        }
    }
    scene
}

/// One step of somebody's day; `None` if nothing of the kind that came up is there.
pub fn command(bits: &mut Randomness, state: &State) -> Option<(Actor, Command)> {
    if chance(bits, 22)
        && let Some(of_a_partner) = partners::command(bits, state)
    {
        return Some(of_a_partner);
    }
    let scene = scene(state);
    let admin = || actor(Role::Admin, "admin");
    let command = match below(bits, 100) {
        0..12 => return open_presence(bits),
        12..22 => {
            let presence = one_of(bits, &scene.presences)?.presence.as_ref()?.id;
            let status = if chance(bits, 65) { "online" } else { "busy" };
            let status = StatusId::new(status).expect("a valid id");
            let when_done = chance(bits, 25);
            Command::SetStatus { presence: PresenceRef::Presence(presence), status, when_done }
        }
        22..25 => {
            let rep = one_of(bits, &scene.presences)?.rep.clone();
            Command::ClosePresence { presence: PresenceRef::Rep(rep), when_done: chance(bits, 25) }
        }
        25..29 => lapse(bits, &scene)?,
        29..33 => Command::Reconnect(one_of(bits, &scene.presences)?.presence.as_ref()?.id),
        33..48 => open_session(bits),
        48..50 => come_or_go(bits, state),
        50..66 => {
            let offered: Vec<_> =
                scene.works.iter().filter(|w| w.state == WorkState::Offered).collect();
            Command::AcceptWork(one_of(bits, &offered)?.id)
        }
        66..71 => accept_transfer(bits, &scene.transfers)?,
        71..73 => Command::DeclineWork(one_of(bits, &scene.works)?.id),
        73..82 => desk_work(bits, &scene)?,
        82..95 => return hand_on(bits, &scene),
        95..98 => {
            let session = one_of(bits, &scene.sessions)?.id;
            Command::EndSession { session, reason: None }
        }
        98 if chance(bits, 50) => raise_capacity(bits, state)?,
        98 => change_members(bits, state)?,
        _ => {
            let session = one_of(bits, &scene.sessions)?.id;
            let skills = chance(bits, 50).then(|| skills(bits));
            Command::UpdateSession { session, attributes: None, priority: Some(1), skills }
        }
    };
    Some((admin(), command))
}

/// The leases of one client, or of several at once.
fn lapse(bits: &mut Randomness, scene: &Scene<'_>) -> Option<Command> {
    let first = one_of(bits, &scene.presences)?.presence.as_ref()?.id;
    let others = scene.presences.iter().filter_map(|rep| rep.presence.as_ref());
    let others = others.filter(|p| p.id != first && chance(bits, 20)).map(|p| p.id);
    let mut all: Vec<PresenceId> = others.collect();
    all.push(first);
    Some(Command::LeasesLapsed(all))
}

fn open_presence(bits: &mut Randomness) -> Option<(Actor, Command)> {
    let rep = rep(below(bits, REPS));
    let name = rep.to_string();
    let status = if chance(bits, 85) { "online" } else { "busy" };
    let command = Command::OpenPresence {
        rep,
        status: StatusId::new(status).expect("a valid id"),
        device: "desk".to_owned(),
    };
    Some((actor(Role::Rep, &name), command))
}

fn open_session(bits: &mut Randomness) -> Command {
    let channels = ["tabs", "tabs", "states", "states", "notes", "theirs", "spare"];
    let channel = channels[below(bits, channels.len())];
    let reference = format!("c{}", below(bits, 60));
    let target = match below(bits, 10) {
        0..4 => Target::Rep(rep(below(bits, REPS + 1))),
        4..8 => Target::Queue(queue(bits)),
        8 => Target::Flow(id("f0")),
        _ => Target::Skills(SkillsTarget {
            required: [(id("es"), 2)].into(),
            additional: BTreeMap::new(),
            queue: chance(bits, 50).then(|| queue(bits)),
        }),
    };
    let priority = chance(bits, 70).then(|| u32::try_from(below(bits, 3)).expect("it is small"));
    Command::OpenSession(Box::new(Opening {
        channel: ChannelId::new(channel).expect("a valid id"),
        external_reference: ExternalReference::new(&reference).expect("a valid id"),
        target: Some(target),
        priority,
        attributes: Arc::new(BTreeMap::new()),
        skills: skills(bits),
        reopen: false,
    }))
}

fn queue(bits: &mut Randomness) -> QueueId {
    id(["q0", "q1", "q2", "q3"][below(bits, 4)])
}

fn skills(bits: &mut Randomness) -> Skills {
    let level = |bits: &mut Randomness| u32::try_from(below(bits, REPS)).expect("it is small");
    let mut skills = Skills::default();
    if chance(bits, 15) {
        skills.required.insert(id("es"), level(bits));
    }
    if chance(bits, 4) {
        skills.required.insert(id("fr"), 0);
    }
    if chance(bits, 15) {
        let wished = WishedSkill { level: level(bits), timeout: Span::from_secs(5) };
        skills.additional.insert(id("es"), wished);
    }
    skills
}

/// What is done with tabs and sessions in between.
fn desk_work(bits: &mut Randomness, scene: &Scene<'_>) -> Option<Command> {
    let which = below(bits, 11);
    if which > 8 {
        let over: Vec<_> = scene
            .works
            .iter()
            .filter(|w| matches!(w.state, WorkState::WrappingUp { .. }))
            .collect();
        let work = one_of(bits, &over)?.id;
        return Some(match which {
            9 => Command::ExtendWrapUp(work),
            _ => Command::EndWrapUp(work),
        });
    }
    if which < 4 {
        let work = one_of(bits, &scene.works)?.id;
        return Some(Command::CloseWork { work, end_session: chance(bits, 40) });
    }
    let session = one_of(bits, &scene.sessions)?.id;
    Some(match which {
        4 => Command::PauseSession(session),
        5 => Command::InactivateSession(session),
        _ => Command::ResumeSession(session),
    })
}

/// An owner hands a session on, to anybody.
fn hand_on(bits: &mut Randomness, scene: &Scene<'_>) -> Option<(Actor, Command)> {
    let owned: Vec<_> = scene.sessions.iter().filter(|s| s.owner().is_some()).collect();
    let session = one_of(bits, &owned)?;
    let recipient = match below(bits, 10) {
        0..5 => Recipient::Rep(rep(below(bits, REPS))),
        5..9 => Recipient::Queue(queue(bits)),
        _ => Recipient::Flow(id(["f0", "f1"][below(bits, 2)])),
    };
    let (owner, _) = session.owner()?;
    let note = "please".to_owned();
    let command = Command::TransferSession { session: session.id, recipient, note };
    Some((actor(Role::Rep, owner.as_str()), command))
}

fn accept_transfer(bits: &mut Randomness, transfers: &[&Transfer]) -> Option<Command> {
    let offered: Vec<_> = transfers
        .iter()
        .filter(|t| matches!(t.state, TransferState::Offered { .. }) || chance(bits, 10))
        .collect();
    Some(Command::AcceptTransfer(one_of(bits, &offered)?.id))
}

/// Deletes something that sessions may use just then, or brings it back (D3).
fn come_or_go(bits: &mut Randomness, state: &State) -> Command {
    let nothing = Directory::default();
    let (there, key, again) = match below(bits, 5) {
        0 => (
            state.channel(&id("spare")).is_some(),
            DirectoryKey::Channel(id("spare")),
            Directory { channels: vec![spare_channel()], ..nothing },
        ),
        1 => (
            state.skill(&id("fr")).is_some(),
            DirectoryKey::Skill(id("fr")),
            Directory { skills: vec![spare_skill()], ..nothing },
        ),
        2 => (
            state.rep(&rep(REPS)).is_some(),
            DirectoryKey::Rep(rep(REPS)),
            Directory { reps: vec![spare_rep()], ..nothing },
        ),
        _ => (
            state.queue(&id("q3")).is_some(),
            DirectoryKey::Queue(id("q3")),
            Directory { queues: vec![spare_queue()], ..nothing },
        ),
    };
    let of_a_queue = matches!(key, DirectoryKey::Queue(_));
    let move_to = (of_a_queue && chance(bits, 40)).then(|| id("q1"));
    if there { Command::Delete { key, move_to } } else { Command::Upsert(again) }
}

/// Lets somebody into a queue, or takes them out; makes it serve less, or a rep know less: or the other way round (R11).
fn change_members(bits: &mut Randomness, state: &State) -> Option<Command> {
    let mut known = (*state.queue(&queue(bits))?).clone();
    let mut who = (*state.rep(&rep(below(bits, REPS)))?).clone();
    let move_to = chance(bits, 30).then(|| queue(bits));
    let mut changed = Directory { move_to, ..Directory::default() };
    match below(bits, 6) {
        0 => {
            let none = known.channel_types.is_empty();
            known.channel_types = if none { [ChannelType::WebChatV2].into() } else { [].into() };
        }
        1 => {
            let none = who.skills.is_empty();
            who.skills = if none { [(id("es"), 80)].into() } else { [].into() };
        }
        2 => {
            let none = who.licences.is_empty() || chance(bits, 75);
            who.licences = if none { [Licence::MessagingUser].into() } else { [].into() };
        }
        _ => {
            if !known.reps.remove(&who.id) {
                known.reps.insert(who.id.clone());
            }
        }
    }
    changed.queues.push(known);
    changed.reps.push(who);
    Some(Command::Upsert(changed))
}

/// Makes room for reps whose presences nobody touches.
fn raise_capacity(bits: &mut Randomness, state: &State) -> Option<Command> {
    let configurations: Vec<_> = state
        .records()
        .filter_map(|(_, held)| match &held.record {
            Record::Configuration(c) if c.capacity < Units::whole(5) => Some(c),
            _ => None,
        })
        .collect();
    let mut raised = PresenceConfiguration::clone(one_of(bits, &configurations)?);
    raised.capacity = raised.capacity + Units::whole(1);
    Some(Command::Upsert(Directory { configurations: vec![raised], ..Directory::default() }))
}
