//! The directory: resources as they shall be, one at a time or all together. What a good field is
//! stands with its resource: `settings`, `reps`, `queues` (with channels and skills), `flows`, `partners`.

mod flows;
mod partners;
mod queues;
mod reps;
mod settings;

use std::collections::BTreeSet;
use std::str::FromStr;

use super::fields::{Asked, Fields, limits};
use super::under;
use crate::domain::command::{Command, Directory, DirectoryKey};
use crate::domain::directory::Settings;
use crate::domain::id::BadId;
use crate::domain::record::RecordKey;
use crate::domain::units::{CentiPercent, Units, Weight};
use crate::grpc::status::Problem;
use crate::pb;
pub(super) use flows::{flow, skills_target, wished};
use partners::partner;
use queues::{channel, queue, skill};
use reps::{configuration, profile, rep, status};
pub use settings::update_settings;

/// The whole directory of a request.
///
/// # Errors
/// INVALID_FIELD.
pub fn apply_directory(request: &pb::ApplyDirectoryRequest) -> Result<Asked, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let empty = pb::Directory::default();
    let given = request.directory.as_ref().unwrap_or_else(|| {
        f.bad("directory", "isn't given");
        &empty
    });
    let settings = given.settings.as_ref().and_then(|given| {
        let at = "directory.settings";
        let values = settings::settings(&mut f, at, given, &Settings::default())?;
        Some((settings::those_given(given, &values), values))
    });
    let (some_settings, settings) = match settings {
        Some((_, all)) if request.replace_settings => (None, Some(all.unsaid())),
        Some((some, _)) => (Some(some), None),
        None => (None, None),
    };
    let configurations = &given.presence_configurations;
    let directory = Directory {
        partners: all(&mut f, "partners", &given.partners, partner),
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
        move_to: f.optional_reference("move_to", &request.move_to).flatten(),
    };
    f.brings(RecordKey::Settings, "directory.settings");
    repetitions(&mut f, given);
    f.ask(|| Some(Command::ApplyDirectory { directory, prune: request.prune }))
}

fn repetitions(f: &mut Fields, d: &pb::Directory) {
    repeated(f, "directory.skills", d.skills.iter().map(|r| &*r.id));
    let configurations = d.presence_configurations.iter().map(|r| &*r.id);
    repeated(f, "directory.presence_configurations", configurations);
    repeated(f, "directory.presence_statuses", d.presence_statuses.iter().map(|r| &*r.id));
    repeated(f, "directory.profiles", d.profiles.iter().map(|r| &*r.id));
    repeated(f, "directory.reps", d.reps.iter().map(|r| &*r.id));
    repeated(f, "directory.queues", d.queues.iter().map(|r| &*r.id));
    repeated(f, "directory.partners", d.partners.iter().map(|r| &*r.id));
    repeated(f, "directory.channels", d.channels.iter().map(|r| &*r.id));
    repeated(f, "directory.flows", d.flows.iter().map(|r| &*r.id));
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
        .filter_map(|(i, resource)| {
            let converted = convert(f, &format!("directory.{kind}[{i}]"), resource);
            // Of several with one id the first is looked at.
            converted.filter(|_| !f.take_repeats())
        })
        .collect()
}

fn repeated<'a>(f: &mut Fields, at: &str, ids: impl Iterator<Item = &'a str>) {
    let mut seen = BTreeSet::new();
    for (i, id) in ids.enumerate().filter(|(_, id)| !id.is_empty()) {
        if !seen.insert(id) {
            f.bad(format!("{at}[{i}].id"), format!("is {id} again; give each id once"));
        }
    }
}

/// A rep that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_rep(request: &pb::UpsertRepRequest) -> Result<Asked, Problem> {
    let given = ("rep", request.rep.as_ref());
    upserted(&request.request_id, given, &request.move_to, rep, |directory| &mut directory.reps)
}

/// A channel that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_channel(request: &pb::UpsertChannelRequest) -> Result<Asked, Problem> {
    let given = ("channel", request.channel.as_ref());
    upserted(&request.request_id, given, "", channel, |directory| &mut directory.channels)
}

/// A presence status that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_status(request: &pb::UpsertPresenceStatusRequest) -> Result<Asked, Problem> {
    let given = ("presence_status", request.presence_status.as_ref());
    upserted(&request.request_id, given, &request.move_to, status, |directory| {
        &mut directory.statuses
    })
}

/// A presence configuration that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_configuration(
    request: &pb::UpsertPresenceConfigurationRequest,
) -> Result<Asked, Problem> {
    let given = ("presence_configuration", request.presence_configuration.as_ref());
    upserted(&request.request_id, given, "", configuration, |directory| {
        &mut directory.configurations
    })
}

/// A profile that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_profile(request: &pb::UpsertProfileRequest) -> Result<Asked, Problem> {
    let given = ("profile", request.profile.as_ref());
    upserted(&request.request_id, given, &request.move_to, profile, |directory| {
        &mut directory.profiles
    })
}

/// A skill that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_skill(request: &pb::UpsertSkillRequest) -> Result<Asked, Problem> {
    let given = ("skill", request.skill.as_ref());
    upserted(&request.request_id, given, "", skill, |directory| &mut directory.skills)
}

/// A queue that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_queue(request: &pb::UpsertQueueRequest) -> Result<Asked, Problem> {
    let given = ("queue", request.queue.as_ref());
    upserted(&request.request_id, given, &request.move_to, queue, |directory| &mut directory.queues)
}

/// A flow that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_flow(request: &pb::UpsertFlowRequest) -> Result<Asked, Problem> {
    let given = ("flow", request.flow.as_ref());
    upserted(&request.request_id, given, "", flow, |directory| &mut directory.flows)
}

/// A partner that shall be there.
///
/// # Errors
/// INVALID_FIELD.
pub fn upsert_partner(request: &pb::UpsertPartnerRequest) -> Result<Asked, Problem> {
    let given = ("partner", request.partner.as_ref());
    upserted(&request.request_id, given, "", partner, |directory| &mut directory.partners)
}

/// A rep to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_rep(request: &pb::DeleteRepRequest) -> Result<Asked, Problem> {
    let key = DirectoryKey::Rep(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A channel to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_channel(request: &pb::DeleteChannelRequest) -> Result<Asked, Problem> {
    let key = DirectoryKey::Channel(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A presence status to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_status(request: &pb::DeletePresenceStatusRequest) -> Result<Asked, Problem> {
    let key = DirectoryKey::Status(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A presence configuration to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_configuration(
    request: &pb::DeletePresenceConfigurationRequest,
) -> Result<Asked, Problem> {
    let key = DirectoryKey::Configuration(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A profile to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_profile(request: &pb::DeleteProfileRequest) -> Result<Asked, Problem> {
    let key = DirectoryKey::Profile(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A skill to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_skill(request: &pb::DeleteSkillRequest) -> Result<Asked, Problem> {
    let key = DirectoryKey::Skill(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A queue to delete, and the queue that takes over what waits in it.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_queue(request: &pb::DeleteQueueRequest) -> Result<Asked, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let id = f.id("id", &request.id);
    let move_to = f.optional_reference("move_to", &request.move_to).flatten();
    f.ask(|| Some(Command::Delete { key: DirectoryKey::Queue(id?), move_to }))
}

/// A flow to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_flow(request: &pb::DeleteFlowRequest) -> Result<Asked, Problem> {
    let key = DirectoryKey::Flow(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A partner to delete.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete_partner(request: &pb::DeletePartnerRequest) -> Result<Asked, Problem> {
    let key = DirectoryKey::Partner(deleted(&request.request_id, &request.id)?);
    Ok(Command::Delete { key, move_to: None }.into())
}

/// A resource that shall be there, and the queue that takes over what nobody could take then (R11).
fn upserted<W, T>(
    request_id: &str,
    (field, given): (&str, Option<&W>),
    move_to: &str,
    convert: impl FnOnce(&mut Fields, &str, &W) -> Option<T>,
    kind: impl FnOnce(&mut Directory) -> &mut Vec<T>,
) -> Result<Asked, Problem> {
    let mut f = Fields::new();
    f.request_id(request_id);
    let mut directory = Directory::default();
    match given {
        Some(given) => kind(&mut directory).extend(convert(&mut f, field, given)),
        None => f.bad(field, "isn't given"),
    }
    directory.move_to = f.optional_reference("move_to", move_to).flatten();
    f.ask(|| Some(Command::Upsert(directory)))
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

pub(super) fn weight(f: &mut Fields, at: &str, given: pb::Weight) -> Option<Weight> {
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
