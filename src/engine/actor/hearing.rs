//! What is heard of commits elsewhere, and looking what they were. While others go on committing, the actor
//! looks now and then, so that several come in one answer; a read does, since who only follows decides
//! nothing on it. Where a read doesn't help, a barrier does.

use crate::domain::entry::Revision;
use crate::engine::core::{Core, Next, Step};
use crate::engine::desk::ANYWHERE;
use crate::engine::ticket::Ticket;
use crate::journal::{History, JournalError};

use super::Actor;

/// The most that one look brings.
const PAGE: usize = 1_000;

impl Actor {
    /// Our own commit may be what was heard of: then there is nothing to look for.
    pub(super) fn hear(&mut self, core: &mut Core<Ticket>) {
        let heard = *self.heard.borrow_and_update();
        self.hearing.rest_from(self.shared.clock().now());
        if heard <= core.reaches() || self.hearing.is_looking() {
            return;
        }
        if heard == ANYWHERE || core.is_committing() {
            core.barrier(Ticket::Heard);
            return;
        }
        let (shared, org) = (self.shared.clone(), self.org.clone());
        let after = core.view().state.head().revision;
        let reading = async move { shared.journal().read(&org, after, PAGE).await };
        self.hearing.look(Box::pin(reading));
    }

    /// What a look has found. `false`: the server is going away.
    pub(super) async fn on_found(
        &mut self,
        found: Result<History, JournalError>,
        core: &mut Core<Ticket>,
    ) -> bool {
        let Ok(History::Entries(entries)) = found else {
            core.barrier(Ticket::Heard);
            return true;
        };
        let Step { answers, next } = core.on_found(self.shared.clock().now(), &entries);
        self.publish(core);
        self.answer(answers);
        if next == Next::Reload {
            return self.reload(core).await;
        }
        let heard: Revision = *self.heard.borrow();
        if heard > core.reaches() {
            if entries.is_empty() {
                core.barrier(Ticket::Heard);
            } else {
                self.heard.mark_changed();
            }
        }
        true
    }
}
