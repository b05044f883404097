//! What a decision costs on the pure domain: whole lives of sessions (open, accept, transfer,
//! accept, end), decided and applied, among few and many other sessions.
//! `cargo bench --bench decisions`.

use std::collections::BTreeMap;
use std::sync::Arc;

use baton::domain::command::{Command, Directory, Opening, Request, Skills, Target};
use baton::domain::decide::decide;
use baton::domain::decide::stated::Stated;
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, Permission, PresenceConfiguration,
    PresenceStatus, Profile, Recipients, Rep, RoutingOwner, Settings,
};
use baton::domain::draft::Entropy;
use baton::domain::entry::{Answer, Cause, Fingerprint};
use baton::domain::id::{BadId, ExternalReference, RepId, SessionId, TransferId, TxnId};
use baton::domain::limits::OrgLimits;
use baton::domain::live::{Actor, Recipient, Role};
use baton::domain::record::{Record, RecordKey};
use baton::domain::state::State;
use baton::domain::time::Timestamp;
use baton::domain::units::{Units, Weight};

const REPS: usize = 1_000;

struct Counter(u128);

impl Entropy for Counter {
    fn bits(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

fn id<T: std::str::FromStr<Err = BadId>>(text: &str) -> T {
    text.parse().expect("names of the benchmark are ids")
}

struct World {
    state: State,
    entropy: Counter,
    lives: usize,
    cause: Cause,
}

impl World {
    /// An org with a thousand reps online and so many sessions under way.
    fn with_sessions(open: usize) -> Self {
        let actor = Actor { role: Role::Admin, id: id("bench") };
        let cause = Cause::new(actor, "bench");
        let mut world = Self { state: State::default(), entropy: Counter(0), lives: 0, cause };
        world.run(Command::ApplyDirectory { directory: directory(), prune: false });
        for n in 0..REPS {
            world.run(Command::OpenPresence {
                rep: rep(n),
                status: id("available"),
                device: String::new(),
            });
        }
        for _ in 0..open {
            world.open();
        }
        world
    }

    fn run(&mut self, command: Command) -> Answer {
        let txn = TxnId::from_u128(self.entropy.bits() << 1);
        let cause = self.cause.clone();
        let request = Request {
            txn,
            fingerprint: Fingerprint(0),
            cause,
            presence: None,
            stated: Stated::default(),
            narrowing: None,
            limits: OrgLimits::UNBOUNDED,
            command,
        };
        let now = Timestamp::from_ms(1_700_000_000_000);
        decide(&mut self.state, &request, now, &mut self.entropy).expect("valid").answer
    }

    fn open(&mut self) -> SessionId {
        self.lives += 1;
        let external_reference: ExternalReference = id(&format!("c{}", self.lives));
        match self.run(Command::OpenSession(Box::new(Opening {
            channel: id("web"),
            external_reference,
            target: Some(Target::Rep(rep(self.lives % REPS))),
            priority: Some(10),
            attributes: Arc::default(),
            skills: Skills::default(),
            reopen: false,
        }))) {
            Answer::Record(Record::Session(session)) => session.id,
            other => panic!("no session: {other:?}"),
        }
    }

    fn life(&mut self) {
        let session = self.open();
        let work = self.state.work_of_session(session).next().expect("it is offered").id;
        self.run(Command::AcceptWork(work));
        let to = Recipient::Rep(rep((self.lives + 1) % REPS));
        let transfer: TransferId = match self.run(Command::TransferSession {
            session,
            recipient: to,
            note: String::new(),
        }) {
            Answer::Record(Record::Transfer(transfer)) => transfer.id,
            other => panic!("no transfer: {other:?}"),
        };
        self.run(Command::AcceptTransfer(transfer));
        self.run(Command::EndSession { session, reason: None });
    }
}

fn rep(n: usize) -> RepId {
    id(&format!("rep-{n}"))
}

fn directory() -> Directory {
    Directory {
        settings: Some(Settings { direct_to_rep_routing: true, ..Settings::default() }),
        configurations: vec![PresenceConfiguration {
            id: id("standard"),
            name: String::new(),
            capacity: Units::MAX,
            interruptible_capacity: Units::ZERO,
            allow_decline: false,
            auto_accept: false,
            recipients: Recipients::Any,
            status_after_decline: None,
            status_after_push_timeout: None,
            push_timeout: None,
        }],
        statuses: vec![PresenceStatus {
            partner_ids: [].into(),
            id: id("available"),
            name: String::new(),
            online_for: [ChannelType::WebChatV2].into(),
        }],
        profiles: vec![Profile {
            id: id("agents"),
            name: String::new(),
            statuses: [id("available")].into(),
            configuration: id("standard"),
        }],
        channels: vec![Channel {
            adapters: [].into(),
            default_target: None,
            partner_routes_reps: false,
            recipient_types: [].into(),
            id: id("web"),
            name: String::new(),
            channel_type: ChannelType::WebChatV2,
            routing_owner: RoutingOwner::Baton,
            capacity_model: CapacityModel::TabBased,
            weight: Weight::Units(Units::whole(1)),
            paused_weight: None,
            fallback_queue: None,
            wrap_up: None,
            interruptible: false,
        }],
        reps: (0..REPS)
            .map(|n| Rep {
                partners: [].into(),
                id: rep(n),
                name: String::new(),
                profile: id("agents"),
                configuration: None,
                licences: [Licence::EnhancedChatUser].into(),
                permissions: [Permission::EnhancedChatRep].into(),
                skills: BTreeMap::new(),
            })
            .collect(),
        ..Directory::default()
    }
}

fn main() {
    divan::main();
}

#[divan::bench(args = [100, 10_000, 100_000])]
fn five_decisions_of_a_life(bencher: divan::Bencher<'_, '_>, open: usize) {
    let mut world = World::with_sessions(open);
    bencher.bench_local(|| world.life());
}

#[divan::bench(args = [100, 10_000, 100_000])]
fn snapshot(bencher: divan::Bencher<'_, '_>, open: usize) {
    let world = World::with_sessions(open);
    bencher.bench_local(|| divan::black_box(world.state.clone()));
}

#[divan::bench]
fn reading_a_record(bencher: divan::Bencher<'_, '_>) {
    use baton::domain::record_lookup::RecordLookup;
    let world = World::with_sessions(10_000);
    let key = RecordKey::RepPresence(rep(500));
    bencher.bench_local(|| divan::black_box(world.state.record(&key)));
}
