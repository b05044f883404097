//! Routing against an oracle that looks at everything (R1–R6, T9): random days of one org, decided
//! one command after another, and after each the rules checked the slow way, on the records and the
//! predicate alone, without the index that routing searches. One channel is a partner's, which has a queue and contacts.

#[path = "support/foretold.rs"]
mod foretold;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/vendor.rs"]
mod vendor;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton::domain::command::{
    Command, Directory, Opening, PresenceRef, Request, RouteAnswer, RouteTarget, Skills, Target,
};
use baton::domain::decide::decide;
use baton::domain::decide::settle::unsettled;
use baton::domain::decide::stated::Stated;
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, PartnerQueue, Permission, PresenceConfiguration,
    PresenceStatus, Profile, Queue, Recipients, Rep, RoutingModel, RoutingOwner, Settings, Skill,
    WrapUp,
};
use baton::domain::draft::Entropy;
use baton::domain::entry::{Cause, Entry, Fingerprint};
use baton::domain::flow::WishedSkill;
use baton::domain::id::{QueueId, RepId, SkillId, TxnId};
use baton::domain::invariants;
use baton::domain::limits::OrgLimits;
use baton::domain::live::{
    Actor, AskFailure, PartnerAsk, Recipient, Role, Work, WorkRestrictions, WorkState,
};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::time::{Span, Timestamp};
use baton::domain::units::{Units, Weight};

const REPS: u64 = 7;
const QUEUES: u64 = 4;
const STEPS: u64 = 250;

/// A small generator with a period long enough for a day.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) ^ (self.0 >> 13)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound.max(1)
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        let at = usize::try_from(self.below(all.len() as u64)).expect("small");
        all.get(at).cloned()
    }
}

impl Entropy for Dice {
    fn bits(&mut self) -> u128 {
        u128::from(self.roll()) << 64 | u128::from(self.roll())
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("names here are ids")
}

fn rep(number: u64) -> RepId {
    id(&format!("r{number}"))
}

fn queue(number: u64) -> QueueId {
    id(&format!("q{number}"))
}

fn skill(number: u64) -> SkillId {
    id(&format!("s{number}"))
}

fn configuration(name: &str, units: u32, dice: &mut Dice) -> PresenceConfiguration {
    PresenceConfiguration {
        id: id(name),
        name: name.into(),
        capacity: Units::whole(units),
        interruptible_capacity: Units::whole(units),
        allow_decline: true,
        auto_accept: false,
        recipients: Recipients::Any,
        status_after_decline: None,
        status_after_push_timeout: (dice.below(4) == 0).then(|| id("busy")),
        push_timeout: (dice.below(2) == 0).then(|| Span::from_secs(30)),
    }
}

fn channel(name: &str, channel_type: ChannelType, units: u32) -> Channel {
    Channel {
        adapters: [].into(),
        default_target: None,
        partner_routes_reps: false,
        recipient_types: [].into(),
        id: id(name),
        name: name.into(),
        channel_type,
        routing_owner: RoutingOwner::Baton,
        capacity_model: CapacityModel::TabBased,
        weight: Weight::Units(Units::whole(units)),
        paused_weight: None,
        fallback_queue: Some(queue(0)),
        wrap_up: None,
        interruptible: false,
    }
}

fn some<T: Ord>(dice: &mut Dice, most: u64, one: impl Fn(u64) -> T) -> BTreeSet<T> {
    (0..most).filter(|_| dice.below(2) == 0).map(one).collect()
}

fn org(dice: &mut Dice) -> Directory {
    use ChannelType::{ByocForCcaas, WebChatV2, Whatsapp};
    let (duration, extension) = (Span::from_secs(20), Span::from_secs(10));
    let wrap_up = WrapUp { duration, max_extensions: 1, extension };
    let status = |name: &str, online_for: &[ChannelType]| PresenceStatus {
        partner_ids: [].into(),
        id: id(name),
        name: name.into(),
        online_for: online_for.iter().copied().collect(),
    };
    let reps = (0..REPS).map(|n| Rep {
        partners: if n % 2 == 0 { [(id("vendor"), None)].into() } else { [].into() },
        id: rep(n),
        name: String::new(),
        profile: id("all"),
        configuration: Some(id(if dice.below(3) == 0 { "small" } else { "large" })),
        licences: [Licence::MessagingUser, Licence::EnhancedChatUser].into(),
        permissions: [Permission::MessagingAgent, Permission::EnhancedChatRep].into(),
        skills: (0..3).filter(|_| dice.below(2) == 0).map(|n| (skill(n), 50)).collect(),
    });
    let reps = reps.collect();
    let queues = (0..QUEUES).map(|n| Queue {
        partner: None,
        id: queue(n),
        name: String::new(),
        reps: some(dice, REPS, rep),
        // The first is fallen back to, and serves all.
        channel_types: match n > 0 && dice.below(4) == 0 {
            true => [Whatsapp].into(),
            false => BTreeSet::new(),
        },
        model: if n % 2 == 0 { RoutingModel::LeastActive } else { RoutingModel::MostAvailable },
        weight: (dice.below(4) == 0).then(|| Weight::Units(Units::whole(2))),
        push_timeout: (dice.below(2) == 0).then(|| Span::from_secs(20)),
        overflow: None,
        max_length: None,
        default_priority: u32::try_from(dice.below(2)).expect("small"),
    });
    let mut queues: Vec<Queue> = queues.collect();
    queues.push(Queue {
        partner: Some(PartnerQueue { partner: id("vendor"), own_id: None }),
        id: id("line"),
        reps: BTreeSet::new(),
        channel_types: BTreeSet::new(),
        ..queues[0].clone()
    });
    Directory {
        partners: vec![vendor::partner()],
        settings: Some(Settings { direct_to_rep_routing: true, ..Settings::default() }),
        some_settings: None,
        move_to: None,
        configurations: vec![configuration("small", 1, dice), configuration("large", 4, dice)],
        statuses: vec![
            status("online", &[WebChatV2, Whatsapp, ByocForCcaas]),
            status("chat", &[WebChatV2]),
            status("busy", &[]),
        ],
        profiles: vec![Profile {
            id: id("all"),
            name: String::new(),
            statuses: ["online", "chat", "busy"].map(id).into(),
            configuration: id("small"),
        }],
        channels: vec![
            channel("wa", Whatsapp, 1),
            Channel { wrap_up: Some(wrap_up), ..channel("web", WebChatV2, 2) },
            Channel { interruptible: true, ..channel("notes", Whatsapp, 1) },
            Channel {
                routing_owner: RoutingOwner::Partner(id("vendor")),
                fallback_queue: (dice.below(2) == 0).then(|| queue(0)),
                ..channel("theirs", ByocForCcaas, 1)
            },
        ],
        reps,
        skills: (0..3).map(|n| Skill { id: skill(n), name: String::new() }).collect(),
        queues,
        flows: Vec::new(),
    }
}

struct Day {
    state: State,
    now: Timestamp,
    dice: Dice,
    opened: u64,
}

impl Day {
    fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let directory = org(&mut dice);
        let now = Timestamp::from_ms(1_700_000_000_000);
        let mut day = Self { state: State::default(), now, dice, opened: 0 };
        day.run(Command::ApplyDirectory { directory, prune: false }).expect("the org stands");
        assert!(!day.state.is_empty(), "the org is accepted");
        day.run(vendor::contacts()).expect("they are taken");
        day
    }

    fn request(&mut self, command: Command) -> Request {
        let actor = Actor { role: Role::Admin, id: id("admin") };
        Request {
            txn: TxnId::from_u128(self.dice.bits() | 1),
            fingerprint: Fingerprint::default(),
            cause: Cause::new(actor, "day"),
            presence: None,
            stated: Stated::default(),
            narrowing: None,
            limits: OrgLimits::UNBOUNDED,
            command,
        }
    }

    /// Some transfer is asked about in every way there is, by an admin or by the rep who has it.
    fn foretell(&mut self) -> Result<(), String> {
        let Some(session) = self.dice.of(&foretold::sessions(&self.state)) else { return Ok(()) };
        let recipient = match self.dice.below(5) {
            0 | 1 => Recipient::Rep(rep(self.dice.below(REPS))),
            2 | 3 => Recipient::Queue(queue(self.dice.below(QUEUES))),
            _ => vendor::recipient(self.dice.below(2) == 0),
        };
        let told = format!("{session} to {recipient:?}");
        let command = Command::TransferSession { session, recipient, note: String::new() };
        let mut request = self.request(command);
        if self.dice.below(2) == 0 {
            let actor = id(rep(self.dice.below(REPS)).as_str());
            request.cause.actor = Actor { role: Role::Rep, id: actor };
        }
        foretold::all_say_the_same(&self.state, &request, self.now, &mut self.dice)
            .map_err(|why| format!("{told}: {why}"))
    }

    fn run(&mut self, command: Command) -> Result<(), String> {
        let request = self.request(command);
        let before = self.state.clone();
        let Ok(decision) = decide(&mut self.state, &request, self.now, &mut self.dice) else {
            let unchanged = self.state.records().eq(before.records());
            return if unchanged { Ok(()) } else { Err("D2: refused, and changed".into()) };
        };
        let Some(entry) = decision.entry else { return Ok(()) };
        let told = |why: String| format!("after {:?}: {why}", request.command);
        self.check(&before, &entry).map_err(told)
    }

    fn check(&self, before: &State, entry: &Entry) -> Result<(), String> {
        invariants::check(&self.state).map_err(|v| v.to_string())?;
        oracle::nobody_waits_beside_a_free_rep(&self.state)?;
        let left = unsettled(&self.state);
        if !left.is_empty() {
            return Err(format!("unsettled: {left:?}"));
        }
        oracle::routed_well(before, &self.state, entry)
    }

    fn step(&mut self) -> Result<(), String> {
        self.now = self.now + Span::from_ms(i64::try_from(self.dice.below(9_000)).expect("small"));
        let work = |state: &State, offered: bool| -> Vec<Arc<Work>> {
            let all = state.records().filter_map(|(_, held)| match &held.record {
                Record::Work(w) if w.is_live() => Some(w.clone()),
                _ => None,
            });
            all.filter(|w| (w.state == WorkState::Offered) == offered).collect()
        };
        let (offered, open) = (work(&self.state, true), work(&self.state, false));
        let who = rep(self.dice.below(REPS));
        let command = match self.dice.below(23) {
            0..2 => {
                let status = ["online", "online", "chat", "busy"][self.dice.below(4) as usize];
                Some(Command::OpenPresence { rep: who, status: id(status), device: String::new() })
            }
            2 => Some(Command::ClosePresence {
                presence: PresenceRef::Rep(who),
                when_done: self.dice.below(3) == 0,
            }),
            3 => {
                let status = ["online", "chat", "busy"][self.dice.below(3) as usize];
                let when_done = self.dice.below(3) == 0;
                Some(Command::SetStatus {
                    presence: PresenceRef::Rep(who),
                    status: id(status),
                    when_done,
                })
            }
            4 => {
                let live = self.state.rep_presence(&who);
                live.presence.as_ref().map(|p| Command::LeasesLapsed(vec![p.id]))
            }
            5..10 => Some(self.open()),
            10..13 => self.dice.of(&offered).map(|w| Command::AcceptWork(w.id)),
            13 => self.dice.of(&offered).map(|w| Command::DeclineWork(w.id)),
            14..16 => self
                .dice
                .of(&open)
                .map(|w| Command::EndSession { session: w.session, reason: None }),
            16..18 => self.dice.of(&open).map(|w| Command::TransferSession {
                session: w.session,
                recipient: match self.dice.below(6) {
                    0 | 1 => Recipient::Rep(who),
                    2 | 3 => Recipient::Queue(queue(self.dice.below(QUEUES))),
                    _ => vendor::recipient(self.dice.below(2) == 0),
                },
                note: String::new(),
            }),
            18 => self.change_directory(),
            19..22 => self.answer(who),
            _ => self.dice.of(&open).map(|w| Command::InactivateSession(w.session)),
        };
        if let Some(command) = command {
            self.run(command)?;
        }
        let due: Vec<_> = self.state.due(self.now).cloned().collect();
        due.into_iter().try_for_each(|due| self.run(Command::Timer(vec![due])))?;
        while self.state.has_marks() {
            self.run(Command::WorkOff)?;
        }
        oracle::asked::nothing_is_forgotten(&self.state, self.now)?;
        self.foretell()
    }

    /// The partner answers something that it is asked, with `who`, if it is about a rep.
    fn answer(&mut self, who: RepId) -> Option<Command> {
        let open: Vec<PartnerAsk> = self.state.open_asks_of_all().collect();
        let (ask, dice) = (self.dice.of(&open)?, &mut self.dice);
        let (reference, failure) = (String::new(), AskFailure::expired());
        Some(match (ask, dice.below(5)) {
            (PartnerAsk::Handoff(handoff), 0) => {
                Command::FailHandoff { handoff, failure, reference }
            }
            (PartnerAsk::Handoff(handoff), _) => Command::CompleteHandoff { handoff, reference },
            (PartnerAsk::Routing(request), 0) => {
                Command::FailRouting { request, failure, reference }
            }
            (PartnerAsk::Routing(request), 1) => {
                Command::AcknowledgeRouting { request, reference, lease: None }
            }
            (PartnerAsk::Routing(request), which) => Command::RouteSession(Box::new(RouteAnswer {
                request,
                to: match which {
                    2 => RouteTarget::Queue(queue(dice.below(QUEUES))),
                    _ => RouteTarget::Rep(who),
                },
                skip_capacity_check: dice.below(3) == 0,
                weight: None,
                restrictions: WorkRestrictions::default(),
                reference,
            })),
        })
    }

    fn open(&mut self) -> Command {
        self.opened += 1;
        let dice = &mut self.dice;
        let required = (0..3).filter(|_| dice.below(4) == 0).map(|n| (skill(n), 40)).collect();
        let timeout = Span::from_secs(10);
        let wished = (0..3).filter(|_| dice.below(6) == 0);
        let additional = wished.map(|n| (skill(n), WishedSkill { level: 50, timeout })).collect();
        let to = queue(dice.below(QUEUES));
        let target =
            if dice.below(5) == 0 { Target::Rep(rep(dice.below(REPS))) } else { Target::Queue(to) };
        let channel = ["wa", "wa", "web", "web", "notes", "theirs"][dice.below(6) as usize];
        let untargeted = channel == "theirs" && dice.below(2) == 0;
        Command::OpenSession(Box::new(Opening {
            channel: id(channel),
            external_reference: id(&format!("c{}", self.opened)),
            target: (!untargeted).then_some(target),
            priority: (dice.below(3) == 0).then(|| u32::try_from(dice.below(3)).expect("small")),
            attributes: Arc::new(BTreeMap::new()),
            skills: Skills { required, additional },
            reopen: false,
        }))
    }

    /// Changes who could ever take what waits, to the better or to the worse (R11).
    fn change_directory(&mut self) -> Option<Command> {
        use ChannelType::{ByocForCcaas, WebChatV2, Whatsapp};
        let (state, dice) = (&self.state, &mut self.dice);
        let move_to = (dice.below(3) == 0).then(|| queue(dice.below(QUEUES)));
        let mut changed = Directory { move_to, ..Directory::default() };
        let types = |dice: &mut Dice| -> BTreeSet<ChannelType> {
            let all = [Whatsapp, WebChatV2, ByocForCcaas].into_iter();
            all.take(dice.below(4) as usize).collect()
        };
        let (which, who) = (queue(dice.below(QUEUES)), rep(dice.below(REPS)));
        match dice.below(8) {
            0..3 => {
                let reps = some(dice, REPS, rep);
                changed.queues.push(Queue { reps, ..(*state.queue(&which)?).clone() });
            }
            3 => {
                let channel_types = types(dice);
                changed.queues.push(Queue { channel_types, ..(*state.queue(&which)?).clone() });
            }
            4 => {
                let skills =
                    (0..3).filter(|_| dice.below(2) == 0).map(|n| (skill(n), 50)).collect();
                changed.reps.push(Rep { skills, ..(*state.rep(&who)?).clone() });
            }
            5 => {
                let licences = some(dice, 2, |n| match n {
                    0 => Licence::MessagingUser,
                    _ => Licence::EnhancedChatUser,
                });
                changed.reps.push(Rep { licences, ..(*state.rep(&who)?).clone() });
            }
            6 => {
                let status = id(["online", "chat"][dice.below(2) as usize]);
                let online_for = types(dice);
                changed
                    .statuses
                    .push(PresenceStatus { online_for, ..(*state.status(&status)?).clone() });
            }
            _ => {
                let statuses = some(dice, 3, |n| id(["online", "chat", "busy"][n as usize]));
                let profile = state.profile(&id("all"))?;
                changed.profiles.push(Profile { statuses, ..(*profile).clone() });
            }
        }
        Some(Command::Upsert(changed))
    }
}

fn play(seed: u64) -> Result<usize, String> {
    let mut day = Day::new(seed);
    for step in 0..STEPS {
        day.step().map_err(|why| format!("seed {seed}, step {step}: {why}"))?;
    }
    let offered = day.state.records().filter(|(_, held)| match &held.record {
        Record::Work(work) => work.queue.is_some(),
        _ => false,
    });
    Ok(offered.count())
}

#[test]
fn r1_l6_t24_random_days_keep_the_rules_of_routing_and_all_say_the_same() {
    let days = std::env::var("BATON_ROUTING_DAYS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let offered: usize =
        (1..=days).map(|seed| play(seed).unwrap_or_else(|why| panic!("{why}"))).sum();
    assert!(offered as u64 > 30 * days, "too little is offered to mean anything: {offered}");
}
