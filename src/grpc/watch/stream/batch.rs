//! Revisions on their way to a reader, as many as go into one frame.

use super::super::frames::{self, FRAME};
use crate::domain::entry::Entry;
use crate::domain::live::Actor;
use crate::grpc::api::number;
use crate::grpc::to_proto;
use crate::grpc::token::Position;
use crate::pb;

/// Revisions on their way into one frame.
pub struct Batch {
    /// Up to where they go.
    pub at: Position,
    /// They.
    pub revisions: Vec<pb::RevisionChanges>,
    /// How much changes in them.
    pub changes: usize,
}

impl Batch {
    /// None yet.
    pub const fn new(at: Position) -> Self {
        Self { at, revisions: Vec::new(), changes: 0 }
    }

    /// What an entry changed.
    pub fn add(&mut self, entry: &Entry, changes: Option<pb::RevisionChanges>) {
        self.at.revision = entry.revision;
        self.at.entry = entry.id;
        if let Some(changes) = changes {
            self.changes += changes.changes.len();
            self.revisions.push(changes);
        }
    }

    /// What follows from all of it belongs to the last revision, of which it is true.
    pub fn add_to_last(&mut self, entry: &Entry, watcher: &Actor, news: Vec<pb::Change>) {
        if news.is_empty() {
            return;
        }
        self.changes += news.len();
        let revision = number(entry.revision);
        match self.revisions.last_mut().filter(|last| last.revision == revision) {
            Some(last) => last.changes.extend(news),
            None => self.revisions.push(pb::RevisionChanges {
                revision,
                time: Some(to_proto::time(entry.time)),
                cause: Some(frames::cause(&entry.cause, watcher)),
                changes: news,
            }),
        }
    }

    /// Does the frame hold as much as it may?
    pub const fn is_full(&self) -> bool {
        self.changes >= FRAME
    }
}
