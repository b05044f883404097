//! What simulated clients ask for: random commands, made from what is there so that most of them
//! can be done, by whoever might give them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton::domain::command::{Command, Directory, Opening, PresenceRef, Request, Skills, Target};
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, Overflow, Permission, PresenceConfiguration,
    PresenceStatus, Profile, Queue, Recipients, Rep, RoutingModel, RoutingOwner, Settings, Skill,
    WrapUp,
};
use baton::domain::draft::Entropy;
use baton::domain::entry::{Cause, Fingerprint};
use baton::domain::flow::{
    Condition, Flow, FlowDecision, FlowRule, FlowTarget, SkillsTarget, WishedSkill,
};
use baton::domain::id::{
    ActorId, ChannelId, ConfigurationId, ExternalReference, PresenceId, ProfileId, QueueId, RepId,
    StatusId, TxnId,
};
use baton::domain::live::{
    Actor, Recipient, RepPresence, Role, Session, Transfer, TransferState, Work, WorkState,
};
use baton::domain::look::Look;
use baton::domain::record::Record;
use baton::domain::state::State;
use baton::domain::time::Span;
use baton::domain::units::{CentiPercent, Units, Weight};
use baton::engine::entropy::Randomness;

pub const REPS: usize = 6;

pub fn below(bits: &mut Randomness, bound: usize) -> usize {
    usize::try_from(bits.word() % bound.max(1) as u64).expect("it is below a usize")
}

pub fn chance(bits: &mut Randomness, percent: usize) -> bool {
    below(bits, 100) < percent
}

fn one_of<'a, T>(bits: &mut Randomness, of: &'a [T]) -> Option<&'a T> {
    if of.is_empty() { None } else { of.get(below(bits, of.len())) }
}

pub fn rep(number: usize) -> RepId {
    RepId::new(&format!("r{number}")).expect("a valid id")
}

fn configuration(name: &str, capacity: u32) -> PresenceConfiguration {
    PresenceConfiguration {
        id: ConfigurationId::new(name).expect("a valid id"),
        name: name.to_owned(),
        capacity: Units::whole(capacity),
        interruptible_capacity: Units::whole(capacity),
        allow_decline: name == "choosy",
        auto_accept: name == "eager",
        recipients: Recipients::Any,
        status_after_decline: None,
        status_after_push_timeout: (name == "eager").then(|| id("busy")),
        push_timeout: (name == "plain").then(|| Span::from_secs(20)),
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid id")
}

/// Three queues: one that overflows into the second, which every flow ends in.
fn queues() -> Vec<Queue> {
    let queue = |name: &str, reps: &[usize]| Queue {
        id: id(name),
        name: name.to_owned(),
        reps: reps.iter().map(|number| rep(*number)).collect(),
        channel_types: BTreeSet::new(),
        model: RoutingModel::LeastActive,
        weight: None,
        push_timeout: None,
        overflow: None,
        max_length: None,
        default_priority: 1,
    };
    let overflow = Overflow { max_length: Some(3), max_wait: None, queue: id("q1") };
    vec![
        Queue { overflow: Some(overflow), ..queue("q0", &[0, 1, 2]) },
        Queue { model: RoutingModel::MostAvailable, ..queue("q1", &[1, 2, 3, 4]) },
        Queue { push_timeout: Some(Span::from_secs(15)), ..queue("q2", &[0, 3, 5]) },
    ]
}

fn flows() -> Vec<Flow> {
    let to = |target| FlowDecision { target, set_attributes: BTreeMap::new(), set_priority: None };
    let rule = |condition: &str, target| FlowRule {
        name: String::new(),
        condition: Condition::new(condition),
        decision: to(target),
    };
    let flow = |name: &str, rules, fallback| Flow {
        id: id(name),
        name: name.to_owned(),
        rules,
        fallback: to(fallback),
    };
    let skilled = SkillsTarget {
        required: [(id("es"), 3)].into(),
        additional: BTreeMap::new(),
        queue: Some(id("q1")),
    };
    vec![
        flow(
            "f0",
            vec![
                rule("queues[\"q0\"].length > 2", FlowTarget::Flow(id("f1"))),
                rule("session.priority == 0", FlowTarget::Queue(id("q0"))),
            ],
            FlowTarget::Queue(id("q2")),
        ),
        flow(
            "f1",
            vec![rule("session.transferred", FlowTarget::Skills(skilled))],
            FlowTarget::Queue(id("q1")),
        ),
    ]
}

fn channel(name: &str, model: CapacityModel, weight: Weight) -> Channel {
    Channel {
        id: ChannelId::new(name).expect("a valid id"),
        name: name.to_owned(),
        channel_type: ChannelType::Whatsapp,
        routing_owner: RoutingOwner::Baton,
        capacity_model: model,
        weight,
        paused_weight: (model == CapacityModel::StatusBased)
            .then_some(Weight::Percent(CentiPercent::new(2_500))),
        fallback_queue: Some(id("q1")),
        wrap_up: None,
        interruptible: false,
    }
}

/// The org that everything happens in.
pub fn org() -> Directory {
    let status = |name: &str, online_for: BTreeSet<ChannelType>| PresenceStatus {
        id: StatusId::new(name).expect("a valid id"),
        name: name.to_owned(),
        online_for,
    };
    let configurations = ["plain", "choosy", "eager"];
    let profile = |name: &str| Profile {
        id: ProfileId::new(name).expect("a valid id"),
        name: name.to_owned(),
        statuses: ["online", "busy"].map(|s| StatusId::new(s).expect("a valid id")).into(),
        configuration: ConfigurationId::new(name).expect("a valid id"),
    };
    let reps = (0..REPS).map(|number| Rep {
        id: rep(number),
        name: format!("Rep {number}"),
        profile: ProfileId::new(configurations[[0, 0, 0, 1, 1, 2][number]]).expect("a valid id"),
        configuration: None,
        licences: [Licence::MessagingUser].into(),
        permissions: [Permission::MessagingAgent, Permission::RunFlows].into(),
        skills: [(id("es"), u32::try_from(number).expect("it is small"))].into(),
    });
    Directory {
        settings: Some(Settings { direct_to_rep_routing: true, ..Settings::default() }),
        configurations: configurations.iter().map(|name| configuration(name, 2)).collect(),
        statuses: vec![
            status("online", [ChannelType::Whatsapp].into()),
            status("busy", BTreeSet::new()),
        ],
        profiles: configurations.iter().map(|name| profile(name)).collect(),
        channels: vec![
            channel("tabs", CapacityModel::TabBased, Weight::Units(Units::whole(1))),
            Channel {
                wrap_up: Some(WrapUp {
                    duration: Span::from_secs(20),
                    max_extensions: 2,
                    extension: Span::from_secs(10),
                }),
                ..channel(
                    "states",
                    CapacityModel::StatusBased,
                    Weight::Percent(CentiPercent::new(5_000)),
                )
            },
            Channel {
                interruptible: true,
                ..channel("notes", CapacityModel::TabBased, Weight::Units(Units::whole(1)))
            },
            Channel {
                routing_owner: RoutingOwner::Partner(id("vendor")),
                ..channel("theirs", CapacityModel::TabBased, Weight::Units(Units::whole(1)))
            },
        ],
        reps: reps.collect(),
        skills: vec![Skill { id: id("es"), name: String::new() }],
        queues: queues(),
        flows: flows(),
    }
}

pub fn request(bits: &mut Randomness, actor: Actor, command: Command) -> Request {
    let txn = TxnId::from_u128(bits.bits() | 1);
    let fingerprint = Fingerprint(bits.bits());
    // Most clients give their requests ids; what leases lead to has none.
    let of_a_lease = matches!(command, Command::LeasesLapsed(_) | Command::Reconnect(_));
    let named = chance(bits, 75) && !of_a_lease;
    let request_id = named.then(|| Arc::from(txn.to_string()));
    let cause = Cause { actor, rpc: Arc::from("Simulated"), request_id };
    Request { txn, fingerprint, cause, presence: None, command }
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
        33..50 => open_session(bits),
        50..66 => {
            let offered: Vec<_> =
                scene.works.iter().filter(|w| w.state == WorkState::Offered).collect();
            Command::AcceptWork(one_of(bits, &offered)?.id)
        }
        66..71 => accept_transfer(bits, &scene.transfers)?,
        71..73 => Command::DeclineWork(one_of(bits, &scene.works)?.id),
        73..82 => desk_work(bits, &scene)?,
        82..95 => return hand_on(bits, &scene),
        95..97 => Command::EndSession(one_of(bits, &scene.sessions)?.id),
        97 => Command::AssignSession {
            session: one_of(bits, &scene.sessions)?.id,
            rep: one_of(bits, &scene.presences)?.rep.clone(),
            skip_capacity_check: chance(bits, 50),
        },
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
    let channel = ["tabs", "tabs", "states", "states", "notes", "theirs"][below(bits, 6)];
    let reference = format!("c{}", below(bits, 60));
    let target = match below(bits, 10) {
        0..4 => Target::Rep(rep(below(bits, REPS))),
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
        target,
        priority,
        attributes: Arc::new(BTreeMap::new()),
        skills: skills(bits),
    }))
}

fn queue(bits: &mut Randomness) -> QueueId {
    id(["q0", "q1", "q2"][below(bits, 3)])
}

fn skills(bits: &mut Randomness) -> Skills {
    let level = |bits: &mut Randomness| u32::try_from(below(bits, REPS)).expect("it is small");
    let mut skills = Skills::default();
    if chance(bits, 15) {
        skills.required.insert(id("es"), level(bits));
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

/// Lets somebody into a queue, or takes them out.
fn change_members(bits: &mut Randomness, state: &State) -> Option<Command> {
    let mut queue = (*state.queue(&queue(bits))?).clone();
    let rep = rep(below(bits, REPS));
    if !queue.reps.remove(&rep) {
        queue.reps.insert(rep);
    }
    Some(Command::Upsert(Directory { queues: vec![queue], ..Directory::default() }))
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
