//! Changes that concern very many (C8): each decision does a bounded part of what follows, whoever
//! hasn't been reached is offered nothing and says so, and in the end it is as if all had been done at
//! once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton::domain::command::{Command, Directory, Opening, Request, Skills, Target};
use baton::domain::decide::decide;
use baton::domain::decide::settle::unsettled;
use baton::domain::decide::stated::Stated;
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, Permission, PresenceConfiguration,
    PresenceStatus, Profile, Queue, Recipients, Rep, RoutingModel, RoutingOwner,
};
use baton::domain::draft::Entropy;
use baton::domain::entry::{Cause, Entry, Fingerprint};
use baton::domain::id::{RepId, TxnId};
use baton::domain::invariants;
use baton::domain::limits::OrgLimits;
use baton::domain::live::{Actor, Recipient, Role, SessionState};
use baton::domain::recipients::RecipientQuestion;
use baton::domain::recipients::explain::explain;
use baton::domain::record::{Record, RecordKey};
use baton::domain::record_lookup::RecordLookup;
use baton::domain::rejection::Reason;
use baton::domain::state::State;
use baton::domain::time::Timestamp;
use baton::domain::units::{Units, Weight};

const REPS: usize = 300;

/// The time of everything here.
const NOW: Timestamp = Timestamp::from_ms(1_700_000_000_000);

struct Counting(u128);

impl Entropy for Counting {
    fn bits(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

struct World {
    state: State,
    bits: Counting,
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid id")
}

fn rep(number: usize) -> RepId {
    id(&format!("r{number:03}"))
}

fn admin() -> Actor {
    Actor { role: Role::Admin, id: id("admin") }
}

fn configuration(capacity: u32) -> PresenceConfiguration {
    PresenceConfiguration {
        id: id("standard"),
        name: String::new(),
        capacity: Units::whole(capacity),
        interruptible_capacity: Units::whole(capacity),
        allow_decline: false,
        auto_accept: false,
        recipients: Recipients::Any,
        status_after_decline: None,
        status_after_push_timeout: None,
        push_timeout: None,
    }
}

/// Everybody is a member of one queue.
fn org() -> Directory {
    let reps = (0..REPS).map(|number| Rep {
        partners: [].into(),
        id: rep(number),
        name: String::new(),
        profile: id("agents"),
        configuration: None,
        licences: [Licence::MessagingUser].into(),
        permissions: [Permission::MessagingAgent].into(),
        skills: BTreeMap::new(),
    });
    Directory {
        configurations: vec![configuration(1)],
        statuses: vec![PresenceStatus {
            partner_ids: [].into(),
            id: id("online"),
            name: String::new(),
            online_for: [ChannelType::Whatsapp].into(),
        }],
        profiles: vec![Profile {
            id: id("agents"),
            name: String::new(),
            statuses: [id("online")].into(),
            configuration: id("standard"),
        }],
        channels: vec![Channel {
            adapters: [].into(),
            default_target: None,
            partner_routes_reps: false,
            recipient_types: [].into(),
            id: id("wa"),
            name: String::new(),
            channel_type: ChannelType::Whatsapp,
            routing_owner: RoutingOwner::Baton,
            capacity_model: CapacityModel::TabBased,
            weight: Weight::Units(Units::whole(1)),
            paused_weight: None,
            fallback_queue: None,
            wrap_up: None,
            interruptible: false,
        }],
        queues: vec![Queue {
            partner: None,
            id: id("all"),
            name: String::new(),
            reps: (0..REPS).map(rep).collect(),
            channel_types: BTreeSet::new(),
            model: RoutingModel::LeastActive,
            weight: None,
            push_timeout: None,
            overflow: None,
            max_length: None,
            default_priority: 1,
        }],
        reps: reps.collect(),
        ..Directory::default()
    }
}

impl World {
    fn request(&mut self, command: Command) -> Request {
        Request {
            txn: TxnId::from_u128(self.bits.bits()),
            fingerprint: Fingerprint::default(),
            cause: Cause::new(admin(), "test"),
            presence: None,
            stated: Stated::default(),
            narrowing: None,
            limits: OrgLimits::UNBOUNDED,
            command,
        }
    }

    fn run(&mut self, command: Command) -> Option<Entry> {
        let request = self.request(command);
        decide(&mut self.state, &request, NOW, &mut self.bits).expect("it is allowed").entry
    }

    fn refused(&mut self, command: Command) -> Option<Reason> {
        let request = self.request(command);
        decide(&mut self.state, &request, NOW, &mut self.bits).err().map(|refused| refused.reason)
    }

    fn open(&mut self, number: usize) {
        self.open_into("all", number);
    }

    fn open_into(&mut self, queue: &str, number: usize) {
        self.run(Command::OpenSession(Box::new(Opening {
            channel: id("wa"),
            external_reference: id(&format!("c{number}")),
            target: Some(Target::Queue(id(queue))),
            priority: None,
            attributes: Arc::default(),
            skills: Skills::default(),
            reopen: false,
        })));
    }

    /// Everybody is signed in and full, and so many sessions wait.
    fn full(waiting: usize) -> Self {
        let mut world = Self { state: State::default(), bits: Counting(0) };
        world.run(Command::ApplyDirectory { directory: org(), prune: false });
        for number in 0..REPS {
            let (rep, status) = (rep(number), id("online"));
            world.run(Command::OpenPresence { rep, status, device: String::new() });
        }
        for number in 0..REPS + waiting {
            world.open(number);
        }
        assert!(!world.state.has_marks(), "single calls leave nothing to others");
        world
    }
}

fn offers(entry: &Entry) -> Vec<&RepId> {
    let new = |record: &Option<Record>| matches!(record, Some(Record::Work(_)));
    let work = entry.changes.iter().filter(|(_, record)| new(record));
    work.filter_map(|(_, record)| match record {
        Some(Record::Work(work)) => Some(&work.rep),
        _ => None,
    })
    .collect()
}

fn raise() -> Command {
    let configurations = vec![configuration(2)];
    Command::Upsert(Directory { configurations, ..Directory::default() })
}

#[test]
fn c8_what_follows_from_a_change_for_very_many_is_worked_off_in_bounded_decisions() {
    let mut world = World::full(200);
    let mut entry = world.run(raise()).expect("capacity has changed");
    let mut decisions = 1;
    loop {
        assert!(offers(&entry).len() <= 64, "{} offers", offers(&entry).len());
        assert!(entry.changes.len() <= 256 + 64, "{} records", entry.changes.len());
        invariants::check(&world.state).expect("it holds after each decision");
        let marked: Vec<_> =
            offers(&entry).into_iter().filter(|r| world.state.is_marked(r)).collect();
        assert!(marked.is_empty(), "{marked:?} haven't been reached and are offered something");
        if !world.state.has_marks() {
            break;
        }
        entry = world.run(Command::WorkOff).expect("there is something to work off");
        decisions += 1;
        assert!(decisions < 50, "it doesn't come to an end");
    }
    assert!(decisions > 3, "it was too small to show anything");
    assert!(unsettled(&world.state).is_empty());
    let waiting = baton::domain::wait::size(&world.state, &id("all")).length;
    assert_eq!(waiting, 0, "all 200 have been offered");
}

#[test]
fn c8_whoever_has_not_been_reached_says_so_and_others_come_in_between() {
    let mut world = World::full(0);
    world.run(raise());
    let (first, last) = (rep(0), rep(REPS - 1));
    assert!(!world.state.is_marked(&first) && world.state.is_marked(&last));
    let last = Recipient::Rep(last);
    let about = RecipientQuestion::Channel(id("wa"));
    let told = explain(&world.state, &admin(), &about, &last, NOW).expect("she is known");
    let pending = told.verdicts.iter().find(|v| v.reason == Reason::DirectoryChangePending);
    assert!(pending.is_some_and(|v| !v.passed && v.text.contains("hasn't reached")), "{told:?}");
    // A session that comes meanwhile goes to somebody who has been reached.
    world.open(10_000);
    let session = world.state.records().filter_map(|(key, held)| match (key, &held.record) {
        (RecordKey::Session(_), Record::Session(s)) => Some(s.clone()),
        _ => None,
    });
    let newest = session.last().expect("it is there");
    let asked = match &newest.state {
        SessionState::Offered { rep, .. } => rep.clone(),
        other => panic!("it is {other:?}"),
    };
    assert!(asked <= rep(63), "{asked} has been reached");
    while world.state.has_marks() {
        world.run(Command::WorkOff);
    }
    let told = explain(&world.state, &admin(), &about, &last, NOW).expect("she is known");
    assert!(told.verdicts.iter().all(|v| v.reason != Reason::DirectoryChangePending || v.passed));
}

#[test]
fn c8_a_change_of_one_rep_or_of_a_name_nobody_carries_concerns_nobody_else() {
    let mut world = World::full(0);
    let renamed =
        Rep { name: "Robin".into(), ..(*world.state.rep(&rep(7)).expect("he is there")).clone() };
    let entry =
        world.run(Command::Upsert(Directory { reps: vec![renamed], ..Directory::default() }));
    assert_eq!(entry.expect("a new name").changes.len(), 1);
    assert!(!world.state.has_marks());
    let skill = baton::domain::directory::Skill { id: id("es"), name: String::new() };
    let entry =
        world.run(Command::Upsert(Directory { skills: vec![skill], ..Directory::default() }));
    assert_eq!(entry.expect("a new skill").changes.len(), 1);
    assert!(!world.state.has_marks());
}

/// Sessions that count as stranded.
fn stranded(state: &State) -> usize {
    let all = state.records().filter(|(_, held)| match &held.record {
        Record::Session(session) => session.state.is_stranded(),
        _ => false,
    });
    all.count()
}

fn put(queue: &Queue) -> Command {
    let queues = vec![queue.clone()];
    Command::Upsert(Directory { queues, ..Directory::default() })
}

impl World {
    /// So many sessions are stranded in each of these queues, of which nobody is a member.
    fn with_stranded(queues: &[&str], each: usize) -> (Self, Vec<Queue>) {
        let mut world = Self::full(0);
        let all = (*world.state.queue(&id("all")).expect("it is there")).clone();
        let empty =
            queues.iter().map(|name| Queue { id: id(name), reps: BTreeSet::new(), ..all.clone() });
        let empty: Vec<Queue> = empty.collect();
        for (at, queue) in empty.iter().enumerate() {
            world.run(put(queue));
            for number in 0..each {
                world.open_into(queue.id.as_str(), 1_000 * (at + 1) + number);
            }
        }
        assert_eq!(stranded(&world.state), each * queues.len());
        (world, empty)
    }

    /// Works off all that is left, each decision bounded, after this one; gives how many there were.
    fn work_off(&mut self, first: &Entry, most: usize) -> usize {
        assert!(first.changes.len() <= most, "{} records", first.changes.len());
        let mut decisions = 1;
        loop {
            invariants::check(&self.state).expect("it holds after each decision");
            if !self.state.has_marks() {
                return decisions;
            }
            let entry = self.run(Command::WorkOff).expect("there is something to work off");
            assert!(entry.changes.len() <= most, "{} records", entry.changes.len());
            decisions += 1;
            assert!(decisions < 100, "it doesn't come to an end");
        }
    }
}

#[test]
fn r11_whatever_somebody_can_take_again_is_told_so_in_bounded_decisions() {
    let (mut world, mut queues) = World::with_stranded(&["nobodys"], 300);
    let mut nobodys = queues.remove(0);
    // Somebody who is full, so that nothing is offered.
    nobodys.reps.insert(rep(0));
    let entry = world.run(put(&nobodys)).expect("a member more");
    // What comes meanwhile isn't stranded, whatever the others still say.
    world.open_into("nobodys", 2_000);
    assert_eq!(stranded(&world.state), 300 - 64);
    assert_eq!(world.work_off(&entry, 64 + 3), 5);
    assert_eq!(stranded(&world.state), 0);
    let back = Queue { reps: BTreeSet::new(), ..nobodys };
    assert_eq!(world.refused(put(&back)), Some(Reason::InUse), "three hundred wait for her");
}

#[test]
fn r11_whom_nobody_can_take_any_more_before_all_are_told_hinders_the_change() {
    let (mut world, mut queues) = World::with_stranded(&["nobodys"], 100);
    let nobodys = queues.remove(0);
    let manned = Queue { reps: [rep(0)].into(), ..nobodys.clone() };
    world.run(put(&manned)).expect("a member more");
    assert!(world.state.has_marks(), "some are told later");
    assert_eq!(world.refused(put(&nobodys)), Some(Reason::InUse), "64 wait for her");
    world.run(Command::WorkOff);
    assert_eq!(stranded(&world.state), 0);
}

#[test]
fn r11_many_queues_are_told_in_bounded_decisions_and_the_first_of_them_are_offered() {
    let names: Vec<String> = (0..10).map(|n| format!("q{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (mut world, queues) = World::with_stranded(&names, 50);
    let manned = queues.into_iter().map(|queue| Queue { reps: [rep(0)].into(), ..queue });
    let directory = Directory {
        queues: manned.collect(),
        // Room for two more.
        configurations: vec![configuration(3)],
        ..Directory::default()
    };
    let entry = world.run(Command::Upsert(directory)).expect("a member for each");
    world.work_off(&entry, 256 + 128);
    assert_eq!(stranded(&world.state), 0);
    assert!(unsettled(&world.state).is_empty());
}
