//! The directory: resources as they shall be, one at a time or all together. What a good field is
//! stands with its resource: `settings`, `reps`, `queues` (with channels and skills), `flows`.

mod flows;
mod queues;
mod reps;
mod settings;

use std::collections::BTreeSet;
use std::str::FromStr;

use super::fields::{Fields, limits};
use super::under;
use crate::domain::command::{Command, Directory, DirectoryKey};
use crate::domain::directory::Settings;
use crate::domain::id::{BadId, QueueId};
use crate::domain::units::{CentiPercent, Units, Weight};
use crate::grpc::status::Problem;
use crate::pb;
pub(super) use flows::{flow, skills_target, wished};
use queues::{channel, queue, skill};
use reps::{configuration, profile, rep, status};
pub use settings::update_settings;

/// The whole directory of a request.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn apply_directory(request: &pb::ApplyDirectoryRequest) -> Result<Directory, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let empty = pb::Directory::default();
    let given = request.directory.as_ref().unwrap_or_else(|| {
        f.bad("directory", "isn't given");
        &empty
    });
    f.unsupported("directory.partners", !given.partners.is_empty());
    let settings = given.settings.as_ref().and_then(|given| {
        let at = "directory.settings";
        let values = settings::settings(&mut f, at, given, &Settings::default())?;
        Some((settings::those_given(given, &values), values))
    });
    let (some_settings, settings) = match settings {
        Some((_, all)) if request.replace_settings => (None, Some(all)),
        Some((some, _)) => (Some(some), None),
        None => (None, None),
    };
    let configurations = &given.presence_configurations;
    let directory = Directory {
        skills: all(&mut f, "skills", &given.skills, skill),
        configurations: all(&mut f, "presence_configurations", configurations, configuration),
        statuses: all(&mut f, "presence_statuses", &given.presence_statuses, status),
        profiles: all(&mut f, "profiles", &given.profiles, profile),
        reps: all(&mut f, "reps", &given.reps, rep),
        queues: all(&mut f, "queues", &given.queues, queue),
        channels: all(&mut f, "channels", &given.channels, channel),
        flows: all(&mut f, "flows", &given.flows, flow),
        settings,
        some_settings,
        move_to: f.optional_id("move_to", &request.move_to).flatten(),
    };
    repetitions(&mut f, &directory);
    f.finish(|| Some(directory))
}

fn repetitions(f: &mut Fields, d: &Directory) {
    repeated(f, "directory.skills", d.skills.iter().map(|r| r.id.as_str()));
    let configurations = d.configurations.iter().map(|r| r.id.as_str());
    repeated(f, "directory.presence_configurations", configurations);
    repeated(f, "directory.presence_statuses", d.statuses.iter().map(|r| r.id.as_str()));
    repeated(f, "directory.profiles", d.profiles.iter().map(|r| r.id.as_str()));
    repeated(f, "directory.reps", d.reps.iter().map(|r| r.id.as_str()));
    repeated(f, "directory.queues", d.queues.iter().map(|r| r.id.as_str()));
    repeated(f, "directory.channels", d.channels.iter().map(|r| r.id.as_str()));
    repeated(f, "directory.flows", d.flows.iter().map(|r| r.id.as_str()));
}

fn all<W, T>(
    f: &mut Fields,
    kind: &str,
    given: &[W],
    convert: impl Fn(&mut Fields, &str, &W) -> Option<T>,
) -> Vec<T> {
    given
        .iter()
        .enumerate()
        .filter_map(|(i, resource)| convert(f, &format!("directory.{kind}[{i}]"), resource))
        .collect()
}

fn repeated<'a>(f: &mut Fields, at: &str, ids: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            f.bad(at, format!("has {id} twice; give each id once"));
        }
    }
}

/// A rep that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_rep(request: &pb::UpsertRepRequest) -> Result<Command, Problem> {
    let (given, to) = (request.rep.as_ref(), &request.move_to);
    let (reps, move_to) = upserted_or_moved(&request.request_id, "rep", given, to, rep)?;
    Ok(Command::Upsert(Directory { reps, move_to, ..Directory::default() }))
}

/// A channel that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_channel(request: &pb::UpsertChannelRequest) -> Result<Command, Problem> {
    let channels = upserted(&request.request_id, "channel", request.channel.as_ref(), channel)?;
    Ok(Command::Upsert(Directory { channels, ..Directory::default() }))
}

/// A presence status that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_status(request: &pb::UpsertPresenceStatusRequest) -> Result<Command, Problem> {
    let (given, to) = (request.presence_status.as_ref(), &request.move_to);
    let (statuses, move_to) =
        upserted_or_moved(&request.request_id, "presence_status", given, to, status)?;
    Ok(Command::Upsert(Directory { statuses, move_to, ..Directory::default() }))
}

/// A presence configuration that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_configuration(
    request: &pb::UpsertPresenceConfigurationRequest,
) -> Result<Command, Problem> {
    let configurations = upserted(
        &request.request_id,
        "presence_configuration",
        request.presence_configuration.as_ref(),
        configuration,
    )?;
    Ok(Command::Upsert(Directory { configurations, ..Directory::default() }))
}

/// A profile that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_profile(request: &pb::UpsertProfileRequest) -> Result<Command, Problem> {
    let (given, to) = (request.profile.as_ref(), &request.move_to);
    let (profiles, move_to) =
        upserted_or_moved(&request.request_id, "profile", given, to, profile)?;
    Ok(Command::Upsert(Directory { profiles, move_to, ..Directory::default() }))
}

/// A skill that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_skill(request: &pb::UpsertSkillRequest) -> Result<Command, Problem> {
    let skills = upserted(&request.request_id, "skill", request.skill.as_ref(), skill)?;
    Ok(Command::Upsert(Directory { skills, ..Directory::default() }))
}

/// A queue that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_queue(request: &pb::UpsertQueueRequest) -> Result<Command, Problem> {
    let (given, to) = (request.queue.as_ref(), &request.move_to);
    let (queues, move_to) = upserted_or_moved(&request.request_id, "queue", given, to, queue)?;
    Ok(Command::Upsert(Directory { queues, move_to, ..Directory::default() }))
}

/// A flow that shall be there.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn upsert_flow(request: &pb::UpsertFlowRequest) -> Result<Command, Problem> {
    let flows = upserted(&request.request_id, "flow", request.flow.as_ref(), flow)?;
    Ok(Command::Upsert(Directory { flows, ..Directory::default() }))
}

/// A rep to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_rep(request: &pb::DeleteRepRequest) -> Result<Command, Problem> {
    let key = DirectoryKey::Rep(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None })
}

/// A channel to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_channel(request: &pb::DeleteChannelRequest) -> Result<Command, Problem> {
    let key = DirectoryKey::Channel(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None })
}

/// A presence status to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_status(request: &pb::DeletePresenceStatusRequest) -> Result<Command, Problem> {
    let key = DirectoryKey::Status(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None })
}

/// A presence configuration to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_configuration(
    request: &pb::DeletePresenceConfigurationRequest,
) -> Result<Command, Problem> {
    let key = DirectoryKey::Configuration(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None })
}

/// A profile to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_profile(request: &pb::DeleteProfileRequest) -> Result<Command, Problem> {
    let key = DirectoryKey::Profile(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None })
}

/// A skill to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_skill(request: &pb::DeleteSkillRequest) -> Result<Command, Problem> {
    let key = DirectoryKey::Skill(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None })
}

/// A queue to delete, and the queue that takes over what waits in it.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_queue(request: &pb::DeleteQueueRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let id = f.id("id", &request.id);
    let move_to = f.optional_id("move_to", &request.move_to);
    f.finish(|| Some(Command::Delete { key: DirectoryKey::Queue(id?), move_to: move_to? }))
}

/// A flow to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_flow(request: &pb::DeleteFlowRequest) -> Result<Command, Problem> {
    let key = DirectoryKey::Flow(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None })
}

fn upserted<W, T>(
    request_id: &str,
    field: &str,
    given: Option<&W>,
    convert: impl FnOnce(&mut Fields, &str, &W) -> Option<T>,
) -> Result<Vec<T>, Problem> {
    Ok(upserted_or_moved(request_id, field, given, "", convert)?.0)
}

/// A resource that shall be there, and the queue that takes over what nobody could take then (R11).
fn upserted_or_moved<W, T>(
    request_id: &str,
    field: &str,
    given: Option<&W>,
    move_to: &str,
    convert: impl FnOnce(&mut Fields, &str, &W) -> Option<T>,
) -> Result<(Vec<T>, Option<QueueId>), Problem> {
    let mut f = Fields::new();
    f.request_id(request_id);
    let resource = match given {
        Some(given) => convert(&mut f, field, given),
        None => {
            f.bad(field, "isn't given");
            None
        }
    };
    let move_to = f.optional_id("move_to", move_to);
    f.finish(|| Some((vec![resource?], move_to?)))
}

fn deleted<T: FromStr<Err = BadId>>(request_id: &str, id: &str) -> Result<T, Problem> {
    let mut f = Fields::new();
    f.request_id(request_id);
    let id = f.id("id", id);
    f.finish(|| id)
}

fn name(f: &mut Fields, at: &str, name: &str, id: &str) -> Option<String> {
    let shown = if name.is_empty() { id } else { name };
    f.text(&under(at, "name"), shown, limits::NAME)
}

fn units(f: &mut Fields, at: &str, hundredths: i64, least: u64) -> Option<Units> {
    let units = u64::try_from(hundredths).ok().filter(|n| *n >= least).and_then(Units::from_centi);
    if units.is_none() {
        let most = Units::MAX.as_centi();
        f.bad(at, format!("is {hundredths}; give {least} to {most} hundredths of a unit"));
    }
    units
}

fn weight(f: &mut Fields, at: &str, given: pb::Weight) -> Option<Weight> {
    match given.weight {
        None => {
            f.bad(at, "has no measure; give centi_units or centi_percent");
            None
        }
        Some(pb::weight::Weight::CentiUnits(n)) => {
            units(f, &under(at, "centi_units"), n, 0).map(Weight::Units)
        }
        Some(pb::weight::Weight::CentiPercent(n)) => {
            let share = u32::try_from(n).ok().filter(|n| *n <= CentiPercent::FULL.get());
            if share.is_none() {
                f.bad(under(at, "centi_percent"), format!("is {n}; give 0 to 10000"));
            }
            share.map(|n| Weight::Percent(CentiPercent::new(n)))
        }
    }
}
