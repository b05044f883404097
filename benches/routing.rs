//! What routing costs in a large contact centre: 200 queues, 10,000 reps in four queues each, 500
//! distinct sets of skills, and 1,000 to 100,000 sessions waiting. A session that comes finds a rep,
//! or joins its line; a rep who has room finds the next session. `find` is the search alone; `decide`
//! the whole decision, with everything that it reads, writes and notes.
//!
//! `cargo bench --bench routing` prints the curve: each row is ten times as many sessions waiting.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton::domain::choose::{rep_for, session_for};
use baton::domain::command::{Command, Opening, Request, Skills, Target};
use baton::domain::decide::decide;
use baton::domain::decide::stated::Stated;
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, Permission, PresenceConfiguration,
    PresenceStatus, Profile, Queue, Recipients, Rep, RoutingModel, RoutingOwner, Settings, Skill,
};
use baton::domain::draft::Entropy;
use baton::domain::entry::{Cause, Fingerprint, Head, Revision};
use baton::domain::id::{EntryId, PresenceId, QueueId, RepId, SessionId, SkillId, TxnId, WorkId};
use baton::domain::limits::OrgLimits;
use baton::domain::live::{
    Actor, Connection, HowFound, Line, Presence, PresenceCause, RepPresence, RepReach, Role,
    Session, SessionState, SessionSteps, Work, WorkState, WorkSteps,
};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::{HeldRecord, State};
use baton::domain::time::{Span, Timestamp};
use baton::domain::units::{Units, Weight};
use divan::Bencher;

const QUEUES: usize = 200;
const REPS: usize = 10_000;
const QUEUES_OF_A_REP: usize = 4;
const SKILLS: usize = 30;
const SKILL_SETS: usize = 500;
const CAPACITY: u32 = 4;
const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

fn main() {
    divan::main();
}

struct Mix(u64);

impl Mix {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).expect("31 bits") % bound
    }
}

impl Entropy for Mix {
    fn bits(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("an id")
}

fn queue(n: usize) -> QueueId {
    id(&format!("q{n}"))
}

fn rep(n: usize) -> RepId {
    id(&format!("r{n}"))
}

fn skill(n: usize) -> SkillId {
    id(&format!("s{n}"))
}

fn at(seconds: usize) -> Timestamp {
    Timestamp::from_ms(1_700_000_000_000 + i64::try_from(seconds).expect("small") * 1_000)
}

/// The needs of the nth of 500 distinct sets: one to three skills.
fn needs(set: usize) -> BTreeMap<SkillId, u32> {
    let (a, b) = (set % SKILLS, set / SKILLS);
    let mut needs = BTreeMap::from([(skill(a), 10)]);
    if b > 0 {
        needs.insert(skill((a + b) % SKILLS), 10 + u32::try_from(b).expect("small"));
    }
    if b > 8 {
        needs.insert(skill((a + 2 * b + 1) % SKILLS), 5);
    }
    needs
}

struct Centre {
    state: State,
    /// A rep with room for one more.
    free: RepId,
    mix: Mix,
}

/// Every rep is full, but for one; `waiting` sessions wait. With `idle`, nobody waits and everyone
/// has room.
fn centre(waiting: usize, idle: bool) -> Centre {
    let mut mix = Mix(42);
    let mut records = directory();
    let mut members: Vec<BTreeSet<RepId>> = vec![BTreeSet::new(); QUEUES];
    for n in 0..REPS {
        let queues: Vec<usize> = (0..QUEUES_OF_A_REP).map(|_| mix.below(QUEUES)).collect();
        let skills: BTreeMap<SkillId, u32> =
            (0..SKILLS).filter(|_| mix.below(2) == 0).map(|s| (skill(s), 30)).collect();
        for q in &queues {
            members[*q].insert(rep(n));
        }
        let used = if idle {
            0
        } else if n == 0 {
            CAPACITY - 1
        } else {
            CAPACITY
        };
        records.extend(rep_records(n, &queues, skills, used));
    }
    for (n, reps) in members.into_iter().enumerate() {
        records.push(Record::Queue(Arc::new(queue_record(n, reps))));
    }
    for n in 0..waiting {
        let line = Line::Queue(queue(n % QUEUES));
        records.push(Record::Session(Arc::new(session(n, line, needs(mix.below(SKILL_SETS))))));
    }
    let revision = Revision::new(1);
    let held = records.into_iter().map(|record| (record.key(), HeldRecord { revision, record }));
    let head = Head { revision, entry: EntryId::from_u128(1), time: at(waiting) };
    Centre { state: State::restore(head, held), free: rep(0), mix }
}

fn directory() -> Vec<Record> {
    let mut records = vec![
        Record::Settings(Arc::new(Settings { direct_to_rep_routing: true, ..Settings::default() })),
        Record::Configuration(Arc::new(PresenceConfiguration {
            id: id("standard"),
            name: String::new(),
            capacity: Units::whole(CAPACITY),
            interruptible_capacity: Units::ZERO,
            allow_decline: false,
            auto_accept: false,
            recipients: Recipients::Any,
            status_after_decline: None,
            status_after_push_timeout: None,
            push_timeout: Some(Span::from_secs(30)),
        })),
        Record::Status(Arc::new(PresenceStatus {
            partner_ids: [].into(),
            id: id("online"),
            name: String::new(),
            online_for: [ChannelType::Whatsapp].into(),
        })),
        Record::Profile(Arc::new(Profile {
            id: id("all"),
            name: String::new(),
            statuses: [id("online")].into(),
            configuration: id("standard"),
        })),
        Record::Channel(Arc::new(Channel {
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
        })),
    ];
    records.extend(
        (0..SKILLS).map(|n| Record::Skill(Arc::new(Skill { id: skill(n), name: String::new() }))),
    );
    records
}

fn queue_record(n: usize, reps: BTreeSet<RepId>) -> Queue {
    Queue {
        partner: None,
        id: queue(n),
        name: String::new(),
        reps,
        channel_types: BTreeSet::new(),
        model: RoutingModel::LeastActive,
        weight: None,
        push_timeout: None,
        overflow: None,
        max_length: None,
        default_priority: 0,
    }
}

fn rep_records(
    n: usize,
    queues: &[usize],
    skills: BTreeMap<SkillId, u32>,
    used: u32,
) -> Vec<Record> {
    let reach = RepReach {
        capacity: Units::whole(CAPACITY),
        interruptible_capacity: Units::ZERO,
        takes: [ChannelType::Whatsapp].into(),
        skills: skills.clone(),
        queues: queues.iter().map(|q| (queue(*q), RoutingModel::LeastActive)).collect(),
    };
    let presence = Presence {
        id: PresenceId::from_u128(n as u128 + 1),
        status: id("online"),
        device: String::new(),
        opened_at: at(n),
        status_since: at(n),
        connection: Connection::Connected,
        lease: Span::from_secs(30),
        cause: PresenceCause::Rep,
        by: None,
        next: None,
        reach: Arc::new(reach),
    };
    let live = RepPresence {
        presence: Some(presence),
        used: Units::whole(used),
        work_count: used,
        ..RepPresence::absent(rep(n))
    };
    let configured = Rep {
        partners: [].into(),
        id: rep(n),
        name: String::new(),
        profile: id("all"),
        configuration: None,
        licences: [Licence::MessagingUser].into(),
        permissions: [Permission::MessagingAgent].into(),
        skills,
    };
    let mut records = vec![Record::Rep(Arc::new(configured)), Record::RepPresence(Arc::new(live))];
    if n == 0 && used > 0 {
        records.extend(one_piece_of_work(n));
    }
    records
}

/// A session that the rep has, to end.
fn one_piece_of_work(n: usize) -> [Record; 2] {
    let number = u128::MAX - 1;
    let (session_id, work_id) = (SessionId::from_u128(number), WorkId::from_u128(number));
    let state = SessionState::Active { rep: rep(n), work: work_id };
    let owned = Session {
        id: session_id,
        external_reference: id("owned"),
        state,
        ..session(0, Line::Queue(queue(0)), BTreeMap::new())
    };
    let work = Work {
        restrictions: Default::default(),
        routed_by: None,
        id: work_id,
        session: session_id,
        rep: rep(n),
        state: WorkState::Open,
        weight: Units::whole(1),
        holds: Units::whole(1),
        interruptible: false,
        check_skipped: false,
        transfer: None,
        tab_open: true,
        queue: None,
        queued_at: at(0),
        estimated: None,
        found: HowFound::Direct,
        candidates: Vec::new(),
        offered_at: at(0),
        offer_until: None,
        accepted_at: Some(at(0)),
        holds_since: at(0),
        steps: WorkSteps::default(),
    };
    [Record::Session(Arc::new(owned)), Record::Work(Arc::new(work))]
}

fn session(n: usize, line: Line, required: BTreeMap<SkillId, u32>) -> Session {
    Session {
        end_reason: None,
        returns: Vec::new(),
        stay: None,
        id: SessionId::at(at(n), n as u128),
        channel: id("wa"),
        external_reference: id(&format!("c{n}")),
        priority: 0,
        priority_given: true,
        opened_at: at(n),
        state: Session::WAITING,
        line,
        line_since: at(n),
        estimated: None,
        required,
        wished: BTreeMap::new(),
        passed_by: BTreeSet::new(),
        trace: None,
        transfer: None,
        transfers: 0,
        attributes: Arc::default(),
        previous: None,
        opened_in: None,
        opened_by: None,
        steps: SessionSteps::default(),
    }
}

impl Centre {
    fn request(&mut self, command: Command) -> Request {
        let actor = Actor { role: Role::Admin, id: id("admin") };
        Request {
            txn: TxnId::from_u128(self.mix.bits() | 1),
            fingerprint: Fingerprint::default(),
            cause: Cause::new(actor, "bench"),
            presence: None,
            stated: Stated::default(),
            narrowing: None,
            limits: OrgLimits::UNBOUNDED,
            command,
        }
    }

    fn opening(&mut self) -> Request {
        let (set, to) = (self.mix.below(SKILL_SETS), queue(self.mix.below(QUEUES)));
        self.request(Command::OpenSession(Box::new(Opening {
            channel: id("wa"),
            external_reference: id("new"),
            target: Some(Target::Queue(to)),
            priority: None,
            attributes: Arc::default(),
            skills: Skills { required: needs(set), additional: BTreeMap::new() },
            reopen: false,
        })))
    }
}

/// A rep has room again: which session is theirs?
#[divan::bench(args = SIZES)]
fn a_freed_rep_finds(bencher: Bencher<'_, '_>, waiting: usize) {
    let centre = centre(waiting, false);
    assert!(session_for(&centre.state, &centre.free).is_some());
    bencher.bench(|| session_for(&centre.state, &centre.free));
}

/// The same with all that goes with it: a session ends, and the rep is offered the next.
#[divan::bench(args = SIZES)]
fn a_freed_rep_decide(bencher: Bencher<'_, '_>, waiting: usize) {
    let mut centre = centre(waiting, false);
    let session = SessionId::from_u128(u128::MAX - 1);
    let ending = centre.request(Command::EndSession { session, reason: None });
    let now = at(waiting + 1);
    let mut state = centre.state.clone();
    let offered = decide(&mut state, &ending, now, &mut centre.mix).expect("it ends");
    assert!(offered.entry.is_some_and(|entry| entry.facts.len() > 1), "somebody is offered");
    bencher.bench_local(|| {
        let mut state = centre.state.clone();
        decide(&mut state, &ending, now, &mut centre.mix)
    });
}

/// A session comes while everybody is full: it joins its line.
#[divan::bench(args = SIZES)]
fn a_session_joins_decide(bencher: Bencher<'_, '_>, waiting: usize) {
    let mut centre = centre(waiting, false);
    let openings: Vec<Request> = (0..64).map(|_| centre.opening()).collect();
    let (now, mut next) = (at(waiting + 1), 0);
    bencher.bench_local(|| {
        next = (next + 1) % openings.len();
        let mut state = centre.state.clone();
        decide(&mut state, &openings[next], now, &mut centre.mix)
    });
}

/// A session comes while everybody has room: who takes it?
#[divan::bench]
fn a_session_finds(bencher: Bencher<'_, '_>) {
    let centre = centre(0, true);
    let sessions: Vec<Session> =
        (0..64).map(|n| session(n, Line::Queue(queue(n)), needs(n * 7))).collect();
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % sessions.len();
        let session = &sessions[next];
        rep_for(&centre.state, session, session.line.queue().expect("a queue"))
    });
}

/// The same with all that goes with it.
#[divan::bench]
fn a_session_decide(bencher: Bencher<'_, '_>) {
    let mut centre = centre(0, true);
    assert!(centre.state.rep(&centre.free).is_some());
    let openings: Vec<Request> = (0..64).map(|_| centre.opening()).collect();
    let (now, mut next) = (at(1), 0);
    bencher.bench_local(|| {
        next = (next + 1) % openings.len();
        let mut state = centre.state.clone();
        decide(&mut state, &openings[next], now, &mut centre.mix)
    });
}
