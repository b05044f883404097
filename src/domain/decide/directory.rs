//! Changing what an org configures: all of it declaratively, or one resource at a time. Checked as
//! a whole before anything is written (D1, D2); what is in use isn't deleted (D3). What a good
//! resource is stands in `check`, who names whom in `references`.

mod check;
pub(super) mod references;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::command::{Directory, DirectoryKey};
use crate::domain::directory::SettingsPatch;
use crate::domain::draft::Draft;
use crate::domain::entry::{Answer, DirectoryAction, DirectoryChange, Fact, FactKind};
use crate::domain::id::{ConfigurationId, QueueId, RepId};
use crate::domain::look::Look;
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::{BadField, Rejection};
use crate::domain::state::State;

use super::{Subject, about, unsettled};

impl Directory {
    /// Its resources as records, in the order in which they may refer to one another.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        let mut records = Vec::new();
        records.extend(self.settings.iter().map(|r| Record::Settings(Arc::new(r.clone()))));
        let configurations = self.configurations.iter().cloned().map(Arc::new);
        records.extend(configurations.map(Record::Configuration));
        records.extend(self.statuses.iter().cloned().map(Arc::new).map(Record::Status));
        records.extend(self.profiles.iter().cloned().map(Arc::new).map(Record::Profile));
        records.extend(self.channels.iter().cloned().map(Arc::new).map(Record::Channel));
        records.extend(self.skills.iter().cloned().map(Arc::new).map(Record::Skill));
        records.extend(self.queues.iter().cloned().map(Arc::new).map(Record::Queue));
        records.extend(self.flows.iter().cloned().map(Arc::new).map(Record::Flow));
        records.extend(self.reps.iter().cloned().map(Arc::new).map(Record::Rep));
        records
    }
}

impl DirectoryKey {
    /// The record's key.
    #[must_use]
    pub fn record_key(&self) -> RecordKey {
        match self {
            Self::Configuration(id) => RecordKey::Configuration(id.clone()),
            Self::Status(id) => RecordKey::Status(id.clone()),
            Self::Profile(id) => RecordKey::Profile(id.clone()),
            Self::Channel(id) => RecordKey::Channel(id.clone()),
            Self::Skill(id) => RecordKey::Skill(id.clone()),
            Self::Queue(id) => RecordKey::Queue(id.clone()),
            Self::Flow(id) => RecordKey::Flow(id.clone()),
            Self::Rep(id) => RecordKey::Rep(id.clone()),
        }
    }
}

/// The name and id that a directory record goes by; `None` for records that aren't of the
/// directory.
#[must_use]
pub fn name_of(key: &RecordKey) -> Option<(&'static str, &str)> {
    match key {
        RecordKey::Settings => Some(("org_settings", "")),
        RecordKey::Configuration(id) => Some(("presence_configuration", id.as_str())),
        RecordKey::Status(id) => Some(("presence_status", id.as_str())),
        RecordKey::Profile(id) => Some(("profile", id.as_str())),
        RecordKey::Channel(id) => Some(("channel", id.as_str())),
        RecordKey::Skill(id) => Some(("skill", id.as_str())),
        RecordKey::Queue(id) => Some(("queue", id.as_str())),
        RecordKey::Flow(id) => Some(("flow", id.as_str())),
        RecordKey::Rep(id) => Some(("rep", id.as_str())),
        RecordKey::RepPresence(_)
        | RecordKey::Session(_)
        | RecordKey::Reference(..)
        | RecordKey::Work(_)
        | RecordKey::Transfer(_) => None,
    }
}

/// The same, of a record that is of the directory.
fn named(key: &RecordKey) -> (&'static str, &str) {
    name_of(key).unwrap_or(("resource", ""))
}

/// Every directory record but the settings, in key order.
pub fn resources(state: &State) -> impl Iterator<Item = &Record> {
    let from = RecordKey::Configuration(ConfigurationId::least());
    state.range(from..RecordKey::RepPresence(RepId::least()))
}

/// Upserts all resources of `directory`, and with `prune` deletes the others.
pub(crate) fn apply(
    draft: &mut Draft<'_>,
    directory: &Directory,
    prune: bool,
) -> Result<Subject, Rejection> {
    let records = directory.records();
    let mut changes = write(draft, &records);
    if prune {
        let named: BTreeSet<RecordKey> = records.iter().map(Record::key).collect();
        let others: Vec<RecordKey> =
            resources(draft.base()).map(Record::key).filter(|key| !named.contains(key)).collect();
        for key in others {
            changes.extend(change(&key, DirectoryAction::Deleted));
            remove(draft, key, None)?;
        }
    }
    finish(draft, &records)?;
    Ok(Subject::Answer(Answer::Directory(Arc::new(changes))))
}

/// Upserts one resource, which is the answer.
pub(crate) fn upsert(draft: &mut Draft<'_>, directory: &Directory) -> Result<Subject, Rejection> {
    let records = directory.records();
    write(draft, &records);
    finish(draft, &records)?;
    Ok(match records.first() {
        Some(record) => about(record.key()),
        None => Subject::Nothing,
    })
}

/// Changes some settings of those in force.
pub(crate) fn change_settings(
    draft: &mut Draft<'_>,
    patch: &SettingsPatch,
) -> Result<Subject, Rejection> {
    let settings = patch.over(&draft.settings());
    upsert(draft, &Directory { settings: Some(settings), ..Directory::default() })
}

/// Deletes one resource that nothing uses; the answer is what it was. What waits in a queue goes to
/// the queue `move_to` (D3).
pub(crate) fn delete(
    draft: &mut Draft<'_>,
    key: &DirectoryKey,
    move_to: Option<&QueueId>,
) -> Result<Subject, Rejection> {
    let key = key.record_key();
    if draft.record(&key).is_none() {
        let (kind, id) = named(&key);
        return Err(Rejection::not_found(kind, id));
    }
    if let Some(to) = move_to {
        check_move(draft, &key, to)?;
    }
    remove(draft, key.clone(), move_to)?;
    finish(draft, &[])?;
    Ok(about(key))
}

fn change(key: &RecordKey, action: DirectoryAction) -> Option<DirectoryChange> {
    let (kind, id) = name_of(key)?;
    Some(DirectoryChange { kind: kind.into(), id: id.into(), action })
}

fn write(draft: &mut Draft<'_>, records: &[Record]) -> Vec<DirectoryChange> {
    let mut changes = Vec::new();
    for record in records {
        let key = record.key();
        let action = match draft.record(&key) {
            Some(same) if same == *record => continue,
            Some(_) => DirectoryAction::Updated,
            None => DirectoryAction::Created,
        };
        changes.extend(change(&key, action));
        draft.put(record.clone());
    }
    changes
}

fn check_move(draft: &Draft<'_>, key: &RecordKey, to: &QueueId) -> Result<(), Rejection> {
    let why = if *key == RecordKey::Queue(to.clone()) {
        "is the queue that is to be deleted; name another".to_owned()
    } else if draft.queue(to).is_none() {
        format!("names {to}, which doesn't exist")
    } else {
        return Ok(());
    };
    Err(Rejection::invalid(vec![BadField { field: "move_to".to_owned(), why }]))
}

fn remove(
    draft: &mut Draft<'_>,
    key: RecordKey,
    move_to: Option<&QueueId>,
) -> Result<(), Rejection> {
    if let Some(user) = references::live_user(draft.base(), draft, &key) {
        return Err(references::in_use(&key, &user));
    }
    match &key {
        // A rep's presence record goes with the rep.
        RecordKey::Rep(rep) => draft.remove(RecordKey::RepPresence(rep.clone())),
        RecordKey::Queue(queue) => references::emptied_into(draft, queue, move_to)?,
        _ => {}
    }
    draft.remove(key);
    Ok(())
}

/// Checks the directory as it would be, and offers what the change makes room for.
fn finish(draft: &mut Draft<'_>, written: &[Record]) -> Result<(), Rejection> {
    if draft.is_empty() {
        return Ok(());
    }
    let bad = check::faults(draft, written);
    if !bad.is_empty() {
        return Err(Rejection::invalid(bad));
    }
    references::check_removed(draft)?;
    draft.fact(Fact::of(FactKind::DirectoryChanged));
    unsettled::follow_directory(draft);
    Ok(())
}
