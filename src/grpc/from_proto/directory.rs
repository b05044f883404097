//! The directory: resources as they shall be, one at a time or all together. What a good field is
//! stands with its resource: `settings`, `reps`, `queues` (with channels and skills), `flows`.

mod flows;
mod queues;
mod reps;
mod settings;

use std::collections::BTreeSet;

use super::fields::{Fields, limits};
use super::under;
use crate::domain::command::Directory;
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
    let settings = given
        .settings
        .as_ref()
        .map(|s| settings::settings(&mut f, "directory.settings", s, &Settings::default()));
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
        settings: settings.flatten(),
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

/// One resource that shall be there.
macro_rules! upserts {
    ($($(#[$doc:meta])* $name:ident($request:ident.$field:ident) -> $list:ident by $convert:ident;)*) => {$(
        $(#[$doc])*
        ///
        /// # Errors
        /// INVALID_FIELD or NOT_IMPLEMENTED.
        pub fn $name(request: &pb::$request) -> Result<Directory, Problem> {
            let mut f = Fields::new();
            f.request_id(&request.request_id);
            let resource = match &request.$field {
                Some(given) => $convert(&mut f, stringify!($field), given),
                None => {
                    f.bad(stringify!($field), "isn't given");
                    None
                }
            };
            f.finish(|| Some(Directory { $list: vec![resource?], ..Directory::default() }))
        }
    )*};
}

upserts! {
    /// A rep.
    upsert_rep(UpsertRepRequest.rep) -> reps by rep;
    /// A channel.
    upsert_channel(UpsertChannelRequest.channel) -> channels by channel;
    /// A presence status.
    upsert_status(UpsertPresenceStatusRequest.presence_status) -> statuses by status;
    /// A presence configuration.
    upsert_configuration(UpsertPresenceConfigurationRequest.presence_configuration) -> configurations by configuration;
    /// A profile.
    upsert_profile(UpsertProfileRequest.profile) -> profiles by profile;
    /// A skill.
    upsert_skill(UpsertSkillRequest.skill) -> skills by skill;
    /// A queue.
    upsert_queue(UpsertQueueRequest.queue) -> queues by queue;
    /// A flow.
    upsert_flow(UpsertFlowRequest.flow) -> flows by flow;
}

/// A request to delete a resource.
pub trait Deletion {
    /// Which.
    fn id(&self) -> &str;
    /// Its request id.
    fn request_id(&self) -> &str;
    /// Where what waits in it goes; empty: nowhere.
    fn move_to(&self) -> &str {
        ""
    }
}

macro_rules! deletions {
    ($($request:ident $({ $move_to:ident })?;)*) => {$(
        impl Deletion for pb::$request {
            fn id(&self) -> &str {
                &self.id
            }
            fn request_id(&self) -> &str {
                &self.request_id
            }
            $(fn $move_to(&self) -> &str {
                &self.$move_to
            })?
        }
    )*};
}

deletions! {
    DeleteRepRequest;
    DeleteChannelRequest;
    DeletePresenceStatusRequest;
    DeletePresenceConfigurationRequest;
    DeleteProfileRequest;
    DeleteSkillRequest;
    DeleteQueueRequest { move_to };
    DeleteFlowRequest;
}

/// What is to be deleted, and the queue that takes over what waits in it.
///
/// # Errors
/// INVALID_FIELD.
pub fn delete<T: std::str::FromStr<Err = BadId>>(
    request: &impl Deletion,
) -> Result<(T, Option<QueueId>), Problem> {
    let mut f = Fields::new();
    f.request_id(request.request_id());
    let id = f.id("id", request.id());
    let move_to = f.optional_id("move_to", request.move_to());
    f.finish(|| Some((id?, move_to?)))
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
