//! The engines and what lies between them and the store: batches with their fates, replies, crashes
//! and restarts.

use std::sync::Arc;

use baton::domain::time::Span;
use baton::engine::Refusal;
use baton::engine::core::{Core, Next, Step};
use baton::engine::entropy::Randomness;
use baton::journal::{Committed, JournalError};

use super::{Address, Event, NODES, TIMEOUT, World, below};

impl World {
    pub(super) fn drive(&mut self, node: usize) {
        if self.nodes[node].loading {
            return;
        }
        let Some(core) = &mut self.nodes[node].core else {
            return;
        };
        if core.begin(self.now).is_some() {
            self.send(node);
        }
    }

    /// Sends the batch in flight, to whatever fate.
    pub(super) fn send(&mut self, node: usize) {
        let at = &mut self.nodes[node];
        at.send += 1;
        let address = Address { node, life: at.life, send: at.send };
        let Some(batch) = at.core.as_ref().and_then(Core::in_flight) else {
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

    pub(super) fn reply(&mut self, node: usize, reply: Result<Committed, JournalError>) {
        // A second reply to one send would be a fault of this world.
        self.nodes[node].send += 1;
        let Some(core) = &mut self.nodes[node].core else {
            return;
        };
        let Step { answers, next } = match reply {
            Ok(committed) => core.on_committed(self.now, &committed),
            Err(error) => core.on_failed(self.now, error),
        };
        let refused = match &next {
            Next::Down(_) => core.refuse_waiting(Span::from_ms(100)),
            _ => Vec::new(),
        };
        let address = Address { node, life: self.nodes[node].life, send: self.nodes[node].send };
        for (call, result) in answers.into_iter().chain(refused) {
            self.answered(call, result);
        }
        match next {
            Next::Go | Next::Down(_) => self.drive(node),
            Next::Resend { after } => self.plan(after, Event::Resend(address)),
            Next::Reload => {
                self.nodes[node].loading = true;
                let delay = self.within(1, 30);
                self.plan(delay, Event::Load(address));
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
        let core = Core::new(self.store.load(), self.options.clone(), randomness, stats);
        self.nodes[node].core = Some(core);
        self.note(|| format!("engine {node} starts"));
        self.drive(node);
    }
}
