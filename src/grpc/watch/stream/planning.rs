//! How a stream starts, found out before it does: from a snapshot, after a token, or after a revision that
//! the reader has from a list.

use std::sync::Arc;

use super::{Watcher, entries_after};
use crate::domain::entry::Revision;
use crate::domain::id::EntryId;
use crate::engine::View;
use crate::grpc::api::unread;
use crate::grpc::status::Problem;
use crate::grpc::token::{Owed, Position};
use crate::journal::History;
use crate::pb;

/// From where a reader wants to go on.
pub enum Beginning {
    /// From nothing.
    Anew,
    /// After a token.
    At(Position),
    /// After a token of somebody who saw something else (W10).
    Otherwise,
    /// After a revision (L5).
    After(Revision),
}

/// How a stream starts.
pub enum Plan {
    /// From a snapshot.
    Snapshot,
    /// With what changes from now.
    Live,
    /// After a position.
    Resume(Position),
    /// From a snapshot, as the position can't be gone on from.
    Resnapshot(pb::ResetReason),
}

impl Watcher {
    /// How the stream starts, found out before it does, so that a refusal is the call's.
    ///
    /// # Errors
    /// RESUME_NOT_POSSIBLE under STRICT, or that the store can't be reached.
    pub async fn plan(&self, beginning: Beginning) -> Result<Plan, Problem> {
        match beginning {
            Beginning::Anew if self.live_only => Ok(Plan::Live),
            Beginning::Anew => Ok(Plan::Snapshot),
            Beginning::At(position) => self.plan_at(position).await,
            Beginning::Otherwise => self.plan_anew(pb::ResetReason::ScopeChanged),
            Beginning::After(revision) => self.plan_after(revision).await,
        }
    }

    async fn plan_at(&self, at: Position) -> Result<Plan, Problem> {
        let mut view = Arc::clone(&self.views.borrow());
        if at.epoch > view.epoch || at.revision > view.state.head().revision {
            // Another replica was ahead of this one: catch up before judging the token.
            view = self.api.barrier(&self.caller.org).await.map_err(unread)?;
        }
        match self.judge(&view, at).await? {
            None => Ok(Plan::Resume(at)),
            Some(reason) => self.plan_anew(reason),
        }
    }

    /// Where a revision is that the reader has from a list (L5).
    async fn plan_after(&self, revision: Revision) -> Result<Plan, Problem> {
        let mut view = Arc::clone(&self.views.borrow());
        if revision > view.state.head().revision {
            view = self.api.barrier(&self.caller.org).await.map_err(unread)?;
        }
        let head = view.state.head();
        if revision > head.revision {
            return self.plan_anew(pb::ResetReason::HistoryChanged);
        }
        let entry = match self.next_after(&view, revision).await? {
            Some(entry) => Some(entry),
            None if revision == head.revision => Some(head.entry),
            None => None,
        };
        match entry {
            Some(entry) => Ok(Plan::Resume(Position {
                epoch: view.epoch,
                revision,
                entry,
                owed: Owed::default(),
            })),
            None => self.plan_anew(pb::ResetReason::TokenTooOld),
        }
    }

    fn plan_anew(&self, reason: pb::ResetReason) -> Result<Plan, Problem> {
        if self.strict { Err(Problem::ResumeNotPossible) } else { Ok(Plan::Resnapshot(reason)) }
    }

    /// The entry at `revision`, as the one after it names it; `None`: there is none after it, or what came
    /// before isn't kept any more.
    async fn next_after(
        &self,
        view: &View,
        revision: Revision,
    ) -> Result<Option<EntryId>, Problem> {
        if let Some(pending) = entries_after(view, revision) {
            return Ok(pending.first().map(|applied| applied.entry.previous));
        }
        let read = self.api.engine.history(&self.caller.org, revision, 1).await;
        Ok(match read.map_err(unread)? {
            History::Entries(entries) => entries.first().map(|entry| entry.previous),
            History::Trimmed => None,
        })
    }

    /// Why the stream can't go on after `at`, if it can't.
    async fn judge(&self, view: &View, at: Position) -> Result<Option<pb::ResetReason>, Problem> {
        const CHANGED: Option<pb::ResetReason> = Some(pb::ResetReason::HistoryChanged);
        let head = view.state.head();
        if at.epoch != view.epoch || at.revision > head.revision {
            return Ok(CHANGED);
        }
        if at.revision == head.revision {
            return Ok(if at.entry == head.entry { None } else { CHANGED });
        }
        Ok(match self.next_after(view, at.revision).await? {
            None => Some(pb::ResetReason::TokenTooOld),
            Some(entry) if entry == at.entry => None,
            Some(_) => CHANGED,
        })
    }
}
