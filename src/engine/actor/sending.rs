//! Sending batches: each in the order in which it was decided, and none that leaves something to do before
//! the others know that the org is looked after.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::domain::id::OrgId;
use crate::domain::time::Span;
use crate::engine::core::Core;
use crate::engine::desk::Desk;
use crate::engine::sent::Sent;
use crate::engine::shared::Shared;
use crate::engine::ticket::Ticket;
use crate::journal::{BATCH_MAX, Batch, JournalError};

use super::{Actor, take};

impl Actor {
    /// Lets the core decide what waits, and sends it.
    pub(super) fn send_what_waits(&mut self, core: &mut Core<Ticket>) {
        while core.can_begin() {
            while core.waiting() < BATCH_MAX
                && let Ok(cue) = self.mailbox.try_recv()
            {
                take(cue, core);
            }
            let begun = core.begin(self.shared.clock().now());
            self.answer(core.take_answered());
            let Some((round, batch)) = begun else {
                return;
            };
            self.send(round, batch, Span::from_ms(0));
        }
    }

    /// Sends a batch, after a pause. A journal that never answers is one whose answer is lost.
    pub(super) fn send(&mut self, round: u64, batch: Arc<Batch>, after: Span) {
        let (shared, org, desk) = (self.shared.clone(), self.org.clone(), Arc::clone(&self.desk));
        let mut sent: Sent = Box::pin(async move {
            if after > Span::from_ms(0) {
                shared.clock().sleep(after).await;
            }
            let deadline = shared.options.commit_deadline;
            let sending = async {
                if !batch.entries.is_empty() {
                    say_awake(&shared, &org, &desk).await?;
                }
                shared.journal().commit(&org, &batch).await
            };
            let reply = tokio::select! {
                biased;
                reply = sending => reply,
                () = shared.clock.0.sleep(deadline) => {
                    Err(JournalError::Unknown("no answer within the commit deadline".to_owned()))
                }
            };
            (round, reply)
        });
        // It is written before anything is that was decided on it.
        let mut context = Context::from_waker(Waker::noop());
        match sent.as_mut().poll(&mut context) {
            Poll::Pending => self.sent.push(sent),
            Poll::Ready(replied) => self.sent.push(Box::pin(std::future::ready(replied))),
        }
    }
}

/// Whatever a commit leaves to do, others know by then that somebody has to look after the org. Mostly
/// they do already.
async fn say_awake(shared: &Shared, org: &OrgId, desk: &Desk) -> Result<(), JournalError> {
    let asked = shared.clock().now();
    desk.keep_awake();
    let away = shared.options.away;
    if desk.said_within(Span::from_ms(away.as_ms() / 2), asked) {
        return Ok(());
    }
    shared.journal().stay_awake(std::slice::from_ref(org), away).await?;
    desk.said_awake(asked);
    Ok(())
}
