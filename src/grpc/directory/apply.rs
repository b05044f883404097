//! ApplyDirectory: committed or tried, and its answer: what changed, with the names of the fields.

use std::sync::Arc;

use super::Directory;
use crate::domain::decide::decide;
use crate::domain::entry::{Answer, DirectoryChange};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::grpc::api::{AskedCall, Mutation, Random, number};
use crate::grpc::caller::Caller;
use crate::grpc::from_proto::Asked;
use crate::grpc::status::Problem;
use crate::grpc::to_proto;
use crate::pb;

impl Directory {
    /// Applies and answers with what changed.
    pub(super) async fn apply(
        &self,
        caller: &Caller,
        asked: AskedCall,
        what: Asked,
    ) -> Result<pb::ApplyDirectoryResponse, Problem> {
        let done = self.0.mutate(caller, asked, what).await?;
        let changes = diff(&done.answer)?
            .iter()
            .map(|change| to_proto::change(change, committed_differences(&done, change)))
            .collect();
        Ok(pb::ApplyDirectoryResponse { changes: in_order(changes), revision: done.number() })
    }

    /// What applying would change, decided on the newest state and not committed.
    pub(super) async fn dry_run(
        &self,
        caller: &Caller,
        asked: AskedCall,
        what: Asked,
    ) -> Result<pb::ApplyDirectoryResponse, Problem> {
        let (request, _) = self.0.request_of(caller, asked, what);
        if !request.stated.faults.is_empty() {
            return Err(self.0.misstated(caller, request).await);
        }
        self.0
            .read(caller, None, |view| {
                let mut tried = view.state.clone();
                let decision = decide(&mut tried, &request, view.now(), &mut Random)?;
                let changes = decision.entry.as_ref().map(|entry| &entry.changes);
                let changes = diff(&decision.answer)?
                    .iter()
                    .map(|change| {
                        let after = changes.and_then(|changes| {
                            changes
                                .iter()
                                .find(|(key, _)| names(key, change))
                                .and_then(|(_, r)| r.as_ref())
                        });
                        let before = after.and_then(|r| view.state.record(&r.key()));
                        to_proto::change(change, differences(before.as_ref(), after))
                    })
                    .collect();
                Ok(pb::ApplyDirectoryResponse {
                    changes: in_order(changes),
                    revision: number(view.state.head().revision),
                })
            })
            .await
    }
}

fn diff(answer: &Answer) -> Result<Arc<Vec<DirectoryChange>>, Problem> {
    match answer {
        Answer::Directory(changes) => Ok(Arc::clone(changes)),
        Answer::Nothing
        | Answer::Record(_)
        | Answer::Refused(_)
        | Answer::Renewed(_)
        | Answer::Verdicts(_)
        | Answer::ContactsSynced(_)
        | Answer::AvailabilityReported(_) => {
            Err(Problem::Internal("the answer to applying a directory isn't a diff"))
        }
    }
}

fn differences(before: Option<&Record>, after: Option<&Record>) -> Vec<String> {
    before.zip(after).map(|(old, new)| to_proto::changed_fields(old, new)).unwrap_or_default()
}

/// A diff by kind, then id.
fn in_order(mut changes: Vec<pb::DirectoryChange>) -> Vec<pb::DirectoryChange> {
    changes.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
    changes
}

/// Is this the record that a line of a diff is about?
fn names(key: &RecordKey, change: &DirectoryChange) -> bool {
    let (kind, id) = match key {
        RecordKey::Settings => return change.kind.contains("settings"),
        RecordKey::Configuration(id) => ("configuration", id.as_str()),
        RecordKey::Status(id) => ("status", id.as_str()),
        RecordKey::Profile(id) => ("profile", id.as_str()),
        RecordKey::Partner(id) => ("partner", id.as_str()),
        RecordKey::Channel(id) => ("channel", id.as_str()),
        RecordKey::Skill(id) => ("skill", id.as_str()),
        RecordKey::Queue(id) => ("queue", id.as_str()),
        RecordKey::Flow(id) => ("flow", id.as_str()),
        RecordKey::Rep(id) => ("rep", id.as_str()),
        RecordKey::RepPresence(_)
        | RecordKey::Session(_)
        | RecordKey::Reference(..)
        | RecordKey::Work(_)
        | RecordKey::Transfer(_)
        | RecordKey::Handoff(_)
        | RecordKey::RoutingRequest(_)
        | RecordKey::PartnerHealth(_)
        | RecordKey::ContactBook(_)
        | RecordKey::ContactBlock(..)
        | RecordKey::QueueReport(_)
        | RecordKey::Mark(_) => return false,
    };
    change.kind.ends_with(kind) && *change.id == *id
}

/// The fields that a committed change changed, as far as the entry is still at hand.
fn committed_differences(done: &Mutation, change: &DirectoryChange) -> Vec<String> {
    let applied = done.view.recent.iter().rev().find(|a| a.entry.revision == done.revision);
    let Some(applied) = applied else { return Vec::new() };
    let mut pairs = applied.entry.changes.iter().zip(&applied.before);
    let found = pairs.find(|((key, _), _)| names(key, change));
    found
        .map(|((_, after), before)| differences(before.as_ref(), after.as_ref()))
        .unwrap_or_default()
}
