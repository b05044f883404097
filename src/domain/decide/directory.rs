//! Changing what an org configures: all of it declaratively, or one resource at a time. Checked as
//! a whole before anything is written (D1, D2); what is in use isn't deleted (D3). What a good
//! resource is stands in `check`, who names whom in `references`.

mod check;
pub mod naming;
mod partners;
mod references;
mod served;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::command::{Directory, DirectoryKey};
use crate::domain::directory::SettingsPatch;
use crate::domain::draft::Draft;
use crate::domain::entry::{Answer, DirectoryAction, DirectoryChange, Fact, FactKind};
use crate::domain::id::{QueueId, RepId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::Rejection;

use self::naming::{name_of, named, resources};
use self::served::{Moved, check_move, emptied_into, keep_served};
use super::room::DirectorySize;
use super::stated::Stated;
use super::subject::{AnswerSubject, about};
use super::{contacts, settle};

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
        records.extend(self.partners.iter().cloned().map(Arc::new).map(Record::Partner));
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
            Self::Partner(id) => RecordKey::Partner(id.clone()),
            Self::Skill(id) => RecordKey::Skill(id.clone()),
            Self::Queue(id) => RecordKey::Queue(id.clone()),
            Self::Flow(id) => RecordKey::Flow(id.clone()),
            Self::Rep(id) => RecordKey::Rep(id.clone()),
        }
    }
}

/// Upserts all resources of `directory`, and with `prune` deletes the others.
pub(crate) fn apply(
    draft: &mut Draft<'_>,
    directory: &Directory,
    stated: &Stated,
    prune: bool,
) -> Result<AnswerSubject, Rejection> {
    let mut records = directory.records();
    if let Some(patch) = &directory.some_settings {
        records.insert(0, Record::Settings(Arc::new(patch.over(&draft.settings()))));
    }
    let had = DirectorySize::of(draft);
    let mut changes = write(draft, &records);
    let move_to = directory.move_to.as_ref();
    let mut moved = Vec::new();
    let named: BTreeSet<RecordKey> = records.iter().map(Record::key).collect();
    let others = || resources(draft).map(Record::key).filter(|key| !named.contains(key));
    let others: BTreeSet<RecordKey> = if prune { others().collect() } else { BTreeSet::new() };
    if !others.is_empty() || !stated.faults.is_empty() {
        // Before what is deleted answers first.
        let bad = check::faults(draft, &records, stated, &others);
        if !bad.is_empty() {
            return Err(Rejection::invalid(bad));
        }
        check_move(draft, None, move_to)?;
        for key in &others {
            check_move(draft, Some(key), move_to)?;
        }
        for key in others {
            changes.extend(change(&key, DirectoryAction::Deleted));
            moved.extend(remove(draft, key, move_to)?);
        }
    }
    finish(draft, (&records, stated), move_to, moved)?;
    had.check_growth(draft)?;
    Ok(AnswerSubject::Answer(Answer::Directory(Arc::new(changes))))
}

/// Upserts one resource, which is the answer.
pub(crate) fn upsert(
    draft: &mut Draft<'_>,
    directory: &Directory,
    stated: &Stated,
) -> Result<AnswerSubject, Rejection> {
    let records = directory.records();
    let had = DirectorySize::of(draft);
    write(draft, &records);
    finish(draft, (&records, stated), directory.move_to.as_ref(), Vec::new())?;
    had.check_growth(draft)?;
    Ok(match records.first() {
        Some(record) => about(record.key()),
        None => AnswerSubject::Nothing,
    })
}

/// Changes some settings of those in force.
pub(crate) fn change_settings(
    draft: &mut Draft<'_>,
    patch: &SettingsPatch,
    stated: &Stated,
) -> Result<AnswerSubject, Rejection> {
    let settings = patch.over(&draft.settings());
    upsert(draft, &Directory { settings: Some(settings), ..Directory::default() }, stated)
}

/// Deletes one resource that nothing uses; the answer is what it was. What waits in a queue goes to
/// the queue `move_to` (D3).
pub(crate) fn delete(
    draft: &mut Draft<'_>,
    key: &DirectoryKey,
    move_to: Option<&QueueId>,
) -> Result<AnswerSubject, Rejection> {
    let key = key.record_key();
    if draft.record(&key).is_none() {
        let (kind, id) = named(&key);
        return Err(Rejection::not_found(kind, id));
    }
    check_move(draft, Some(&key), move_to)?;
    let moved = remove(draft, key.clone(), move_to)?;
    finish(draft, (&[], &Stated::default()), None, moved)?;
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

fn remove(
    draft: &mut Draft<'_>,
    key: RecordKey,
    move_to: Option<&QueueId>,
) -> Result<Vec<Moved>, Rejection> {
    let with_partner = || partners::live_user(draft, &key);
    if let Some(user) = references::live_user(draft, &key).or_else(with_partner) {
        return Err(references::in_use(&key, &user));
    }
    let mut moved = Vec::new();
    match &key {
        // A rep's presence record goes with the rep.
        RecordKey::Rep(rep) => draft.remove(RecordKey::RepPresence(rep.clone())),
        RecordKey::Queue(queue) => {
            moved = emptied_into(draft, queue, move_to)?;
            let report = RecordKey::QueueReport(queue.clone());
            if draft.held(&report).is_some() {
                draft.remove(report);
            }
        }
        RecordKey::Partner(partner) => contacts::forget(draft, partner),
        _ => {}
    }
    partners::forget(draft, &key);
    draft.remove(key);
    Ok(moved)
}

/// Checks the directory as it would be, and follows it up.
fn finish(
    draft: &mut Draft<'_>,
    (written, stated): (&[Record], &Stated),
    move_to: Option<&QueueId>,
    moved: Vec<Moved>,
) -> Result<(), Rejection> {
    if stated.faults.is_empty() && draft.is_unchanged() {
        return stated.check(draft);
    }
    let bad = check::faults(draft, written, stated, &BTreeSet::new());
    if !bad.is_empty() {
        return Err(Rejection::invalid(bad));
    }
    references::check_removed(draft)?;
    references::check_retyped(draft, written)?;
    references::check_ways_on(draft, written)?;
    partners::check_owners(draft, written)?;
    partners::forget_reports(draft, written);
    check_move(draft, None, move_to)?;
    keep_served(draft, move_to, moved)?;
    draft.fact(Fact::of(FactKind::DirectoryChanged));
    follow_up(draft);
    Ok(())
}

/// Lets presences say what the directory does now: those whom the change concerns, where that can be
/// told, or everybody's (C8).
fn follow_up(draft: &mut Draft<'_>) {
    let reps = concerned(draft);
    settle::follow_directory(draft, reps);
}

/// The reps whom the change concerns; `None`: it may be anybody.
fn concerned(draft: &Draft<'_>) -> Option<BTreeSet<RepId>> {
    let mut reps = BTreeSet::new();
    for key in draft.written_keys() {
        match key {
            RecordKey::Rep(rep) => {
                reps.insert(rep.clone());
            }
            RecordKey::Queue(_) => {
                for queue in [draft.before(key), draft.record(key)] {
                    if let Some(Record::Queue(queue)) = queue {
                        reps.extend(queue.reps.iter().cloned());
                    }
                }
            }
            RecordKey::Settings
            | RecordKey::Configuration(_)
            | RecordKey::Status(_)
            | RecordKey::Profile(_)
            | RecordKey::Channel(_) => return None,
            // Nobody has it in their presence.
            RecordKey::Partner(_) | RecordKey::Skill(_) | RecordKey::Flow(_) => {}
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
            | RecordKey::Mark(_) => {}
        }
    }
    Some(reps)
}
