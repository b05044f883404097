//! What the core takes up by itself: marks and deadlines, as requests.

use crate::domain::command::{Command, Request};
use crate::domain::time::Timestamp;
use crate::engine::own_request::{remembered_of, server_request};
use crate::engine::round::{Origin, Waiting};

use super::{Caller, Core, WORKED_OFF};

impl<T: Caller> Core<T> {
    /// What Baton itself has to decide first: marks, then deadlines.
    pub(super) fn own_requests(&mut self, org_now: Timestamp) -> Vec<Waiting<T>> {
        let mut own = Vec::new();
        if self.view.clock.stands() {
            return own;
        }
        if self.predicted.has_marks() {
            for _ in 0..WORKED_OFF {
                own.push(self.own("work_off", Command::WorkOff, Origin::WorkOff));
            }
        }
        let random = self.randomness.word();
        for due in self.timers.take(&self.predicted, org_now, random) {
            own.push(self.own("timer", Command::Timer(due.clone()), Origin::Timer(due)));
        }
        own
    }

    pub(super) fn own(&mut self, rpc: &str, command: Command, origin: Origin<T>) -> Waiting<T> {
        let request = server_request(rpc, command, self.randomness.transaction());
        self.waiting_item(request, origin)
    }

    pub(super) fn waiting_item(&mut self, request: Box<Request>, origin: Origin<T>) -> Waiting<T> {
        self.numbers += 1;
        let remember = remembered_of(&request);
        Waiting { request, remember, origin, number: self.numbers, attempts: 0 }
    }
}
