//! Loading an org, however long that takes; meanwhile everybody is told why they have to wait.

use crate::domain::entry::Head;
use crate::domain::time::Span;
use crate::engine::core::Core;
use crate::engine::desk::Phase;
use crate::engine::entropy::Randomness;
use crate::engine::policy::Backoff;
use crate::engine::refusal::Refusal;
use crate::engine::ticket::Ticket;
use crate::journal::{Epoch, JournalError, Loaded};

use super::{Actor, Event, refusal_of};

impl Actor {
    /// The stored history isn't ours: starts again from what is stored.
    pub(super) async fn reload(&mut self, core: &mut Core<Ticket>) -> bool {
        let view = core.view();
        let known = (view.epoch, view.state.head());
        tracing::warn!(org = %self.org, revision = %known.1.revision, "the history is another one");
        // Should this break down, what was known isn't forgotten.
        self.known = Some(known);
        let (journal, org) = (self.shared.journal.clone(), self.org.clone());
        let loaded = match journal.0.load(&org, Some(known)).await {
            Ok(loaded) => loaded,
            Err(error) => {
                self.report(Some(&error));
                let refused = core.refuse_waiting(&refusal_of(&error));
                self.answer(refused);
                let Some(loaded) = self.load(Some(known)).await else {
                    return false;
                };
                loaded
            }
        };
        self.known = None;
        core.on_loaded(loaded, self.shared.clock().now());
        self.publish(core);
        self.desk.phase.send_replace(Phase::Ready);
        self.report(None);
        true
    }

    /// Loads the org, however long that takes. Meanwhile everybody is told why it can't be served.
    /// `None`: the server is going away, or nobody wants the org any more.
    pub(super) async fn load(&mut self, known: Option<(Epoch, Head)>) -> Option<Loaded> {
        let mut failures = 0;
        let mut randomness = Randomness::from_system();
        let (journal, org) = (self.shared.journal.clone(), self.org.clone());
        let mut closing = self.shared.closing.clone();
        loop {
            let began = self.shared.clock().now();
            let result = tokio::select! {
                biased;
                result = journal.0.load(&org, known) => result,
                _ = closing.wait_for(|closing| *closing) => return None,
            };
            let error = match result {
                Ok(loaded) => {
                    self.report(None);
                    return Some(loaded);
                }
                Err(error) => error,
            };
            if matches!(error, JournalError::Unavailable(_) | JournalError::Unknown(_)) {
                self.shared.store.suspect(began);
            }
            self.report(Some(&error));
            let refusal = refusal_of(&error);
            self.desk.phase.send_replace(Phase::Failed(refusal.clone()));
            failures += 1;
            // What can't be read is read as a whole each time: less and less often.
            let backoff = match error {
                JournalError::Corrupt(_) => Backoff::RESTART,
                _ => Backoff::PROBE,
            };
            if !self.wait(backoff.pause(failures, randomness.word()), &refusal).await {
                return None;
            }
        }
    }

    /// Waits, at most until the store is back, and refuses whatever is asked for meanwhile. `false`: the server is going away, or nobody
    /// wants the org any more.
    pub(super) async fn wait(&mut self, span: Span, refusal: &Refusal) -> bool {
        let until = self.shared.clock().now() + span;
        while self.shared.clock().now() < until {
            match self.event(Some(until)).await {
                Event::Close => return false,
                Event::Cue(cue) => cue.refuse(refusal.clone()),
                // What failed may work now.
                Event::Store if !self.shared.store.is_lost() => return true,
                // Of the history that is gone.
                Event::Replied(..)
                | Event::Heard
                | Event::Found(_)
                | Event::Store
                | Event::Tick => {}
            }
        }
        true
    }
}
