//! The simulated world: three engines over one store, with time, a network and clients of its own.
//! Everything that happens comes out of the seed; nothing is concurrent but by the order of events.

#[path = "judge.rs"]
mod judge;
#[path = "network.rs"]
mod network;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton::domain::command::{Command, PresenceRef, Request};
use baton::domain::entry::Revision;
use baton::domain::id::TxnId;
use baton::domain::live::Role;
use baton::domain::time::{Span, Timestamp};
use baton::engine::core::{Caller, Core};
use baton::engine::entropy::Randomness;
use baton::engine::stats::Stats;
use baton::engine::{Done, EngineOptions, Refusal, Remember};
use baton::journal::{Batch, JournalError, Verdict};

use super::asks::{self, actor, below, chance, request};
use super::store::{Mutation, Store};

/// Engines, as replicas of one org.
const NODES: usize = 3;
/// When a sender stops waiting for a reply.
const TIMEOUT: Span = Span::from_ms(500);
/// How many tries a client has for one request.
const TRIES: u32 = 6;
/// Steps at one point in time after which an engine is taken to spin.
const SPIN: u32 = 1_000;

/// Which incarnation of which engine, and which of its rounds: whose reply something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address {
    node: usize,
    life: u32,
    round: u64,
}

enum Event {
    /// Somebody thinks of something to do.
    Act,
    /// A request reaches an engine.
    Ask(usize),
    /// A batch reaches the store; its reply gets through, or doesn't.
    Arrive(Address, Arc<Batch>, bool),
    /// A reply reaches its engine.
    Reply(Address, Result<Verdict, JournalError>),
    /// An engine sends its batch again.
    Resend(Address),
    /// An engine looks whether there is news.
    Follow(usize),
    /// An engine is loaded again.
    Load(Address),
    Crash(usize),
    Start(usize),
}

/// A client's request on its way through one engine.
struct Call {
    request: Request,
    node: usize,
    asked_at: Revision,
    tries: u32,
    /// Whether an earlier try, or a twin, may have done it without anybody being told.
    doubtful: bool,
    /// Whether it was passed on elsewhere before, and nobody knows what became of that.
    tried: bool,
}

struct Node {
    core: Option<Core<Asker>>,
    life: u32,
    loading: bool,
}

/// Whoever made a call; none of them goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker(pub usize);

impl Caller for Asker {}

/// What one seed led to.
pub struct Report {
    pub entries: u64,
    pub calls: usize,
}

pub struct World {
    bits: Randomness,
    now: Timestamp,
    seq: u64,
    events: BTreeMap<(Timestamp, u64), Event>,
    store: Store,
    nodes: Vec<Node>,
    calls: Vec<Call>,
    /// Requests whose callers were told that they are refused, after another try of unknown fate.
    refused: BTreeSet<TxnId>,
    /// Calls that an engine has taken and not answered yet.
    open: BTreeSet<usize>,
    stats: Arc<Stats>,
    options: EngineOptions,
    /// Whether things still go wrong.
    faults: bool,
    crashes: bool,
    acts_left: usize,
    trace: Option<Vec<String>>,
    spins: (Timestamp, u32),
    /// What replicas disagree with.
    violation: Option<String>,
}

/// The ticket of a barrier, which nobody waits for.
const NOBODY: usize = usize::MAX;

impl World {
    pub fn new(seed: u64, mutation: Option<Mutation>, traced: bool) -> Self {
        let mut bits = Randomness::from_seed(seed);
        let options = EngineOptions {
            timer_jitter: Span::from_ms(300),
            recent_entries: 32,
            ..EngineOptions::default()
        };
        let faults = chance(&mut bits, 70);
        let mut world = Self {
            now: Timestamp::from_ms(1_700_000_000_000),
            seq: 0,
            events: BTreeMap::new(),
            store: Store::new(mutation),
            nodes: Vec::new(),
            calls: Vec::new(),
            refused: BTreeSet::new(),
            open: BTreeSet::new(),
            stats: Arc::default(),
            options,
            faults,
            crashes: faults && chance(&mut bits, 50),
            acts_left: 150,
            trace: traced.then(Vec::new),
            spins: (Timestamp::MIN, 0),
            violation: None,
            bits,
        };
        for node in 0..NODES {
            world.nodes.push(Node { core: None, life: 0, loading: false });
            world.start(node);
        }
        world
    }

    /// Plays the seed to its end: what it came to, or what was found to be wrong, and its trace.
    pub fn play(mut self) -> (Result<Report, String>, Vec<String>) {
        let result = self.run();
        let trace = self.trace.take().unwrap_or_default();
        let report = result
            .map(|()| Report { entries: self.store.revision().get(), calls: self.calls.len() });
        (report, trace)
    }

    fn run(&mut self) -> Result<(), String> {
        let (admin, directory) = (actor(Role::Admin, "admin"), asks::org());
        let command = Command::ApplyDirectory { directory, prune: false };
        let first = request(&mut self.bits, admin, command);
        self.call(first, 0, 0, false, Span::from_ms(0));
        self.drain()?;
        self.plan(Span::from_ms(1), Event::Act);
        if self.crashes {
            self.plan(Span::from_ms(800), Event::Crash(0));
        }
        self.drain()?;
        self.settle_down()?;
        // Graces and waiting times pass; then everything is to be quiet and agreed again.
        for minutes in [2, 10] {
            self.pass(Span::from_secs(60 * minutes))?;
            self.settle_down()?;
        }
        self.repeat_requests()?;
        self.sign_everyone_out()?;
        self.pass(Span::from_secs(30 * 3_600))?;
        self.settle_down()
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{} {}", self.now.as_ms() - 1_700_000_000_000, line()));
        }
    }

    fn plan(&mut self, after: Span, event: Event) {
        self.seq += 1;
        self.events.insert((self.now + after, self.seq), event);
    }

    fn within(&mut self, least: usize, most: usize) -> Span {
        let ms = least + below(&mut self.bits, most - least + 1);
        Span::from_ms(i64::try_from(ms).expect("it is small"))
    }

    fn call(&mut self, request: Request, node: usize, tries: u32, doubtful: bool, after: Span) {
        let asked_at = self.store.revision();
        let tried = false;
        self.calls.push(Call { request, node, asked_at, tries, doubtful, tried });
        self.plan(after, Event::Ask(self.calls.len() - 1));
    }

    /// Handles events until there are none but deadlines further away than any retry.
    fn drain(&mut self) -> Result<(), String> {
        loop {
            let event = self.events.first_key_value().map(|((at, _), _)| *at);
            let horizon = event.unwrap_or(self.now + Span::from_secs(4));
            let wake = self.next_wake().filter(|(at, _)| *at <= horizon);
            match (wake, event) {
                (Some((at, node)), _) => self.wake(at, node)?,
                (None, Some(_)) => {
                    let Some(((at, _), event)) = self.events.pop_first() else {
                        return Ok(());
                    };
                    self.now = at;
                    self.handle(event);
                }
                (None, None) => return Ok(()),
            }
            if let Some(what) = self.violation.take().or_else(|| self.store.violation.take()) {
                return Err(what);
            }
        }
    }

    /// Lets time pass, with nothing happening but what is due.
    fn pass(&mut self, span: Span) -> Result<(), String> {
        let until = self.now + span;
        while let Some((at, node)) = self.next_wake().filter(|(at, _)| *at <= until) {
            self.wake(at, node)?;
            self.drain()?;
        }
        self.now = self.now.max(until);
        Ok(())
    }

    fn next_wake(&self) -> Option<(Timestamp, usize)> {
        let wakes = self.nodes.iter().enumerate().filter(|(_, node)| !node.loading);
        wakes
            .filter_map(|(at, node)| Some((node.core.as_ref()?.next_wake()?.max(self.now), at)))
            .min()
    }

    fn wake(&mut self, at: Timestamp, node: usize) -> Result<(), String> {
        self.now = at;
        self.spins = if self.spins.0 == at { (at, self.spins.1 + 1) } else { (at, 0) };
        if self.spins.1 > SPIN {
            return Err(format!("engine {node} spins"));
        }
        self.drive(node);
        Ok(())
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Act => self.act(),
            Event::Ask(call) => self.ask(call),
            Event::Arrive(from, batch, heard) => {
                self.store.now = self.now;
                let reply = self.store.commit(&batch);
                let head = self.store.revision();
                self.note(|| {
                    let accepted = matches!(reply, Ok(Verdict::Accepted));
                    let count = batch.entries.len();
                    format!("store: batch of {from:?} {count}, accepted {accepted}, head {head}")
                });
                if heard {
                    let delay = self.within(0, 15);
                    self.plan(delay, Event::Reply(from, reply));
                }
            }
            Event::Reply(to, reply) if self.expects(to) => self.reply(to, reply),
            Event::Resend(by) if self.expects(by) => self.send(by.node, by.round),
            Event::Load(by) if self.expects(by) => {
                self.store.now = self.now;
                let loaded = self.store.load();
                let now = self.now;
                let node = &mut self.nodes[by.node];
                node.loading = false;
                if let Some(core) = &mut node.core {
                    core.on_loaded(loaded, now);
                }
                self.drive(by.node);
            }
            Event::Reply(..) | Event::Resend(_) | Event::Load(_) => {}
            Event::Follow(node) => {
                if let Some(core) = &mut self.nodes[node].core {
                    core.barrier(Asker(NOBODY));
                    self.drive(node);
                }
            }
            Event::Crash(node) => self.crash(node),
            Event::Start(node) => self.start(node),
        }
    }

    fn expects(&self, address: Address) -> bool {
        let node = &self.nodes[address.node];
        node.life == address.life && node.core.is_some()
    }

    /// Somebody does something, perhaps twice, perhaps in two places at once.
    fn act(&mut self) {
        if self.acts_left == 0 {
            return;
        }
        self.acts_left -= 1;
        let pause = match below(&mut self.bits, 100) {
            0..2 => self.within(1_000, 200_000),
            2..40 => Span::from_ms(0),
            _ => self.within(0, 25),
        };
        self.plan(pause, Event::Act);
        let node = below(&mut self.bits, NODES);
        if chance(&mut self.bits, 15) {
            self.plan(Span::from_ms(0), Event::Follow(node));
        }
        let earlier = self.calls.len();
        if chance(&mut self.bits, 6) && earlier > 1 {
            let mut again = self.calls[below(&mut self.bits, earlier)].request.clone();
            if chance(&mut self.bits, 30) {
                again.fingerprint.0 ^= 1;
            }
            for call in &mut self.calls {
                call.doubtful |= call.request.txn == again.txn;
            }
            self.call(again, node, TRIES, true, Span::from_ms(0));
            return;
        }
        let state = self.store.state().clone();
        let Some((by, command)) = asks::command(&mut self.bits, &state) else {
            return;
        };
        let rival = match &command {
            Command::AcceptWork(_) | Command::AcceptTransfer(_) => chance(&mut self.bits, 40),
            _ => chance(&mut self.bits, 10),
        };
        let mut asked = request(&mut self.bits, by.clone(), command.clone());
        asked.presence = asks::presence(&mut self.bits, &state);
        if rival {
            let delay = self.within(0, 10);
            let other = request(&mut self.bits, by, command);
            self.call(other, (node + 1) % NODES, 0, false, delay);
        }
        // The others would get an id from the server that passes them on.
        if chance(&mut self.bits, 8) && asked.cause.request_id.is_some() {
            return self.pass_on(asked, node);
        }
        let twin = chance(&mut self.bits, 10);
        if twin {
            // Once more elsewhere, with others behind it, which may be decided on what it leaves.
            let (elsewhere, delay) = ((node + 2) % NODES, self.within(0, 10));
            self.call(asked.clone(), elsewhere, 0, true, delay);
            for _ in 0..3 {
                let Some((by, command)) = asks::command(&mut self.bits, &state) else { continue };
                let behind = request(&mut self.bits, by, command);
                self.call(behind, elsewhere, 0, false, delay);
            }
        }
        self.call(asked, node, 0, twin, Span::from_ms(0));
    }

    /// A server that isn't the home passes it on to one that freezes, has another one do it, and the first
    /// wakes up again.
    fn pass_on(&mut self, request: Request, node: usize) {
        let late = self.within(0, 1_500);
        self.call(request.clone(), (node + 1) % NODES, TRIES, true, late);
        self.call(request, node, 0, true, Span::from_ms(0));
        self.calls.last_mut().expect("it was just made").tried = true;
    }

    fn ask(&mut self, call: usize) {
        let Call { node, request, tried, .. } = &self.calls[call];
        let (node, request, tried) = (*node, request.clone(), *tried);
        self.calls[call].asked_at = self.store.revision();
        self.note(|| format!("ask {call} at {node}: {:?}", request.command));
        match &mut self.nodes[node].core {
            Some(core) => {
                if tried && self.store.mutation != Some(Mutation::RefusedHereDoneThere) {
                    let remember = Remember::AlsoRefused;
                    core.submit_remembering(Box::new(request), remember, Asker(call));
                } else {
                    core.submit(Box::new(request), Asker(call));
                }
                self.open.insert(call);
                self.drive(node);
            }
            None => self.answered(call, Err(Refusal::Closing)),
        }
    }

    fn answered(&mut self, call: usize, result: Result<Done, Refusal>) {
        if call == NOBODY {
            return;
        }
        self.open.remove(&call);
        self.note(|| format!("answer {call}: {result:?}"));
        if let Err(what) = self.check_answer(&self.calls[call], &result) {
            let command = &self.calls[call].request.command;
            self.violation = Some(format!("call {call} ({command:?}): {what}"));
        }
        if self.calls[call].tried && matches!(result, Err(Refusal::Rejected(_))) {
            self.refused.insert(self.calls[call].request.txn);
        }
        let again = match result {
            Ok(_) | Err(Refusal::Rejected(_) | Refusal::RequestIdReused) => false,
            Err(_) => self.calls[call].tries < TRIES,
        };
        if again {
            let Call { request, tries, doubtful, tried, .. } = &self.calls[call];
            let tried = *tried;
            let unsure = matches!(result, Err(Refusal::Unknown { .. } | Refusal::Closing));
            let (request, tries, doubtful) = (request.clone(), tries + 1, *doubtful || unsure);
            let node = below(&mut self.bits, NODES);
            let pause = self.within(50, 1_000);
            self.call(request, node, tries, doubtful, pause);
            self.calls.last_mut().expect("it was just made").tried = tried;
        }
    }

    fn catch_up(&mut self) -> Result<(), String> {
        for _ in 0..20 {
            for node in 0..NODES {
                if self.nodes[node].core.is_none() {
                    self.start(node);
                }
                self.plan(Span::from_ms(0), Event::Follow(node));
            }
            self.drain()?;
            let head = self.store.state().head();
            let there = |node: &Node| {
                node.core.as_ref().is_some_and(|c| c.is_quiet() && c.view().state.head() == head)
            };
            if self.nodes.iter().all(there) {
                return Ok(());
            }
        }
        Err("the engines don't come to rest".to_owned())
    }

    /// Offers that nobody accepts would go round for all the hours that are to pass, and so would what partners don't answer.
    fn sign_everyone_out(&mut self) -> Result<(), String> {
        for number in 0..asks::REPS {
            let presence = PresenceRef::Rep(asks::rep(number));
            let command = Command::ClosePresence { presence, when_done: false };
            let request = request(&mut self.bits, actor(Role::Admin, "admin"), command);
            let node = below(&mut self.bits, NODES);
            self.call(request, node, TRIES, false, Span::from_ms(0));
        }
        self.drain()?;
        for session in asks::left_to_partners(self.store.state()) {
            let command = Command::EndSession { session, reason: None };
            let request = request(&mut self.bits, actor(Role::Admin, "admin"), command);
            let node = below(&mut self.bits, NODES);
            self.call(request, node, TRIES, false, Span::from_ms(0));
        }
        self.drain()
    }

    /// The same requests once more, anywhere: nothing may change (T21).
    fn repeat_requests(&mut self) -> Result<(), String> {
        let before = self.store.state().head();
        let committed = |call: &&Call| {
            let outcome = self.store.outcome(call.request.txn);
            outcome.is_some_and(|o| o.fingerprint == call.request.fingerprint)
        };
        let again: Vec<Request> =
            self.calls.iter().filter(committed).map(|call| call.request.clone()).collect();
        for request in again {
            let node = below(&mut self.bits, NODES);
            self.call(request, node, TRIES, false, Span::from_ms(0));
        }
        self.drain()?;
        // Time passes meanwhile, so what is due may happen; what was asked may not, again.
        let since = self.store.after(before.revision, usize::MAX);
        let repeated = since.iter().find(|entry| *entry.cause.rpc == *"Simulated");
        repeated.map_or(Ok(()), |entry| {
            Err(format!("T21: a repeated request led to revision {}", entry.revision))
        })
    }
}
