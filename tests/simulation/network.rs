//! The engines and what lies between them and the store: batches with their fates, replies, crashes
//! and restarts.

use std::sync::Arc;

use baton::engine::Refusal;
use baton::engine::core::{Core, Next, Step};
use baton::engine::entropy::Randomness;
use baton::journal::{JournalError, Reply, Verdict};

use super::{Address, Asker, Event, NODES, TIMEOUT, World, below};

impl World {
    pub(super) fn drive(&mut self, node: usize) {
        while !self.nodes[node].loading {
            let Some(core) = &mut self.nodes[node].core else {
                return;
            };
            let begun = core.begin(self.now);
            for (Asker(call), result) in core.take_answered() {
                self.answered(call, result);
            }
            let Some((round, _)) = begun else {
                return;
            };
            self.send(node, round);
        }
    }

    /// Sends a batch in flight, to whatever fate.
    pub(super) fn send(&mut self, node: usize, round: u64) {
        let at = &self.nodes[node];
        let address = Address { node, life: at.life, round };
        let Some(batch) = at.core.as_ref().and_then(|core| core.in_flight(round)) else {
            return;
        };
        let delay = self.within(1, 20);
        let fate = if self.faults { below(&mut self.bits, 100) } else { 100 };
        let unknown = || Err(JournalError::Unknown("lost".to_owned()));
        match fate {
            0..3 => self.plan(TIMEOUT, Event::Reply(address, unknown())),
            3..7 => {
                self.plan(delay, Event::Arrive(address, batch, false));
                self.plan(TIMEOUT, Event::Reply(address, unknown()));
            }
            7..9 => {
                let late = self.within(400, 3_000);
                self.plan(late, Event::Arrive(address, batch, false));
                self.plan(TIMEOUT, Event::Reply(address, unknown()));
            }
            9..11 => {
                let refused = Err(JournalError::Unavailable("refused".to_owned()));
                self.plan(delay, Event::Reply(address, refused));
            }
            _ => self.plan(delay, Event::Arrive(address, batch, true)),
        }
        self.note(|| format!("engine {node} sends {address:?}, fate {fate}"));
    }

    pub(super) fn reply(&mut self, to: Address, reply: Result<Verdict, JournalError>) {
        let node = to.node;
        if self.nodes[node].loading {
            return;
        }
        let Some(core) = &mut self.nodes[node].core else {
            return;
        };
        let Step { answers, next } = match reply {
            Ok(verdict) => {
                core.on_reply(self.now, to.round, Reply { verdict, store_time: self.now })
            }
            Err(error) => core.on_failed(self.now, to.round, error),
        };
        for (Asker(call), result) in answers {
            self.answered(call, result);
        }
        match next {
            Next::Go | Next::Down(_) => self.drive(node),
            Next::Resend { round, after } => {
                self.plan(after, Event::Resend(Address { round, ..to }));
                self.drive(node);
            }
            Next::Reload => {
                self.nodes[node].loading = true;
                let delay = self.within(1, 30);
                self.plan(delay, Event::Load(to));
            }
        }
    }

    pub(super) fn crash(&mut self, node: usize) {
        if !self.faults || self.acts_left == 0 {
            return;
        }
        self.note(|| format!("engine {node} crashes"));
        self.nodes[node].core = None;
        self.nodes[node].life += 1;
        self.nodes[node].loading = false;
        let waited: Vec<usize> =
            self.open.iter().copied().filter(|call| self.calls[*call].node == node).collect();
        for call in waited {
            // The connection breaks: nobody knows what became of it.
            self.answered(call, Err(Refusal::Closing));
        }
        let back = self.within(10, 1_500);
        self.plan(back, Event::Start(node));
        let next = self.within(200, 4_000);
        let other = below(&mut self.bits, NODES);
        self.plan(next, Event::Crash(other));
    }

    pub(super) fn start(&mut self, node: usize) {
        if self.nodes[node].core.is_some() {
            return;
        }
        let randomness = Randomness::from_seed(self.bits.word());
        let stats = Arc::clone(&self.stats);
        self.store.now = self.now;
        let loaded = self.store.load();
        let core = Core::new(loaded, self.options.clone(), self.now, randomness, stats);
        self.nodes[node].core = Some(core);
        self.note(|| format!("engine {node} starts"));
        self.drive(node);
    }
}
