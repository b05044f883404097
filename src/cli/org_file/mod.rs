//! The org file: an org's directory in YAML, as people write it.
//!
//! It owns the file's form: its keys mirror the API's, with units, percentages and lengths of time as people write
//! them. Every fault is found in one go, each with line and column. Whether the directory makes sense is for the
//! server; only names that can't exist anywhere (with `--prune`, what the file doesn't define is gone) are looked up
//! here.

mod contacts;
mod faults;
mod fields;
mod flows;
mod partners;
mod places;
mod queues;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};

use crate::pb;
pub use contacts::{Placed, read_contacts};
pub use faults::Fault;
use faults::Faults;
use fields::{Fields, Found};
pub use flows::read_flow;
use yaml::At;

/// A file as far as it could be read.
pub struct Reading<T> {
    /// What it says, whatever is wrong with it; `None`: nothing can be made of it.
    pub said: Option<T>,
    /// What is wrong with it, in the order of the file.
    pub faults: Vec<Fault>,
    /// Of a file that was read to its end.
    root: Option<yaml::Node>,
    /// Lists of which an item was left out.
    incomplete: BTreeSet<String>,
    /// Whether it is an org's, of which one section names what is in another.
    of_sections: bool,
    /// Where in it is what it says; empty: it is the whole file.
    at: String,
}

impl<T> Reading<T> {
    /// What the file says, if nothing is wrong with it.
    pub fn good(self) -> Result<T, Vec<Fault>> {
        match self.said {
            Some(said) if self.faults.is_empty() => Ok(said),
            _ => Err(self.faults),
        }
    }

    /// What the file says, to be looked at by the server; not if it was cut off, or a section can't be read, since what
    /// comes there isn't known.
    pub fn to_be_looked_at(&self) -> Option<&T> {
        let whole = self.faults.iter().all(|fault| fault.path.contains('.'));
        self.said.as_ref().filter(|_| self.root.is_some() && (whole || !self.of_sections))
    }

    /// Adds what the server finds wrong with fields of what the file says, which is the field `at` of the request. What
    /// the file was found to be wrong with isn't said again, nor what follows from it. Gives the fields that aren't the
    /// file's.
    pub fn add<'f>(
        &mut self,
        at: &str,
        fields: &'f [(String, String)],
    ) -> Vec<&'f (String, String)> {
        let (own, others): (Vec<_>, Vec<_>) =
            fields.iter().partition(|(field, _)| field.starts_with(at));
        let Some(root) = &self.root else { return others };
        let found = own.into_iter().filter_map(|(field, why)| {
            let inside = &field[at.len()..];
            let field = format!("{}.{inside}", self.at);
            places::fault(root, &field, why, (&self.faults, &self.incomplete))
        });
        let found: Vec<Fault> = found.collect();
        self.faults.extend(found);
        self.faults.sort();
        self.faults.dedup();
        others
    }
}

/// Reads an org file. `complete`: what it doesn't define doesn't exist (`--prune`).
pub fn read(text: &str, complete: bool) -> Reading<pb::Directory> {
    let of_sections = true;
    let read = reading(text, |file, root| {
        let directory = file.directory(root);
        // What an error of syntax cut off may have defined the missing.
        if complete && !file.cut {
            file.check_references();
        }
        directory
    });
    Reading { of_sections, ..read }
}

/// Parses a file and reads it.
fn reading<T>(
    text: &str,
    read: impl for<'a> FnOnce(&mut File<'a>, &'a yaml::Node) -> Option<T>,
) -> Reading<T> {
    let faults = Faults::default();
    let (root, syntax) = yaml::parse(text);
    if let Some((at, why)) = &syntax {
        faults.add(*at, "", format!("not YAML: {why}"));
    }
    let there = match &root {
        Some(root) => {
            let mut file = File {
                faults: &faults,
                cut: syntax.is_some(),
                ids: BTreeMap::new(),
                references: Vec::new(),
            };
            read(&mut file, root)
        }
        None => {
            if syntax.is_none() {
                let at = At { line: 1, column: 1 };
                faults.add(at, "", "the file is empty: it needs at least one of the sections");
            }
            None
        }
    };
    let (faults, incomplete) = faults.into_sorted();
    let root = root.filter(|_| syntax.is_none());
    let (at, of_sections) = (String::new(), false);
    Reading { said: there, faults, root, incomplete, of_sections, at }
}

/// What kind of thing an id names: also its section in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Status,
    Configuration,
    Profile,
    Partner,
    Rep,
    Channel,
    Skill,
    Queue,
    Flow,
}

impl Kind {
    fn section(self) -> &'static str {
        match self {
            Self::Status => "presence_statuses",
            Self::Configuration => "presence_configurations",
            Self::Profile => "profiles",
            Self::Partner => "partners",
            Self::Rep => "reps",
            Self::Channel => "channels",
            Self::Skill => "skills",
            Self::Queue => "queues",
            Self::Flow => "flows",
        }
    }
}

/// A file being read.
struct File<'a> {
    faults: &'a Faults,
    cut: bool,
    ids: BTreeMap<(Kind, String), At>,
    references: Vec<(Kind, Found)>,
}

impl<'a> File<'a> {
    fn directory(&mut self, root: &'a yaml::Node) -> Option<pb::Directory> {
        let mut top = Fields::of(root, "", self.faults)?;
        let directory = pb::Directory {
            settings: top.inner("settings").map(settings),
            skills: self.section(&mut top, Kind::Skill, Self::skill),
            presence_statuses: self.section(&mut top, Kind::Status, Self::status),
            presence_configurations: self.section(
                &mut top,
                Kind::Configuration,
                Self::configuration,
            ),
            profiles: self.section(&mut top, Kind::Profile, Self::profile),
            reps: self.section(&mut top, Kind::Rep, Self::rep),
            queues: self.section(&mut top, Kind::Queue, Self::queue),
            channels: self.section(&mut top, Kind::Channel, Self::channel),
            flows: self.section(&mut top, Kind::Flow, Self::flow),
            partners: self.section(&mut top, Kind::Partner, Self::partner),
        };
        top.finish();
        Some(directory)
    }

    fn section<T>(
        &mut self,
        top: &mut Fields<'a>,
        kind: Kind,
        read: impl Fn(&mut Self, &mut Fields<'a>, String) -> T,
    ) -> Vec<T> {
        let mut all = Vec::new();
        for (node, path) in top.items(kind.section(), "mappings") {
            let Some(mut fields) = Fields::of(node, &path, self.faults) else {
                continue;
            };
            let id = self.define(&mut fields, kind);
            all.push(read(self, &mut fields, id));
            fields.finish();
        }
        all
    }

    /// The thing's own id, which nothing else of its kind may have.
    fn define(&mut self, fields: &mut Fields<'a>, kind: Kind) -> String {
        let Some(found) = fields.id("id") else {
            fields.missing("id", "a name of your own, unique among the section's");
            return String::new();
        };
        if let Some(first) = self.ids.get(&(kind, found.text.clone())) {
            let text = format!(
                "`{}` is there already, in line {}: ids are unique",
                found.text, first.line
            );
            self.faults.add(found.at, found.path, text);
        } else {
            self.ids.insert((kind, found.text.clone()), found.at);
        }
        found.text
    }

    fn refer(&mut self, kind: Kind, found: Option<Found>) -> String {
        found.map(|found| self.refer_all(kind, vec![found]).remove(0)).unwrap_or_default()
    }

    fn refer_all(&mut self, kind: Kind, found: Vec<Found>) -> Vec<String> {
        let names = found.iter().map(|found| found.text.clone()).collect();
        self.references.extend(found.into_iter().map(|found| (kind, found)));
        names
    }

    fn check_references(&self) {
        for (kind, found) in &self.references {
            let known = self.ids.contains_key(&(*kind, found.text.clone()));
            if known || fields::id_grammar(&found.text).is_err() {
                continue;
            }
            let there: Vec<&str> =
                self.ids.keys().filter(|(k, _)| k == kind).map(|(_, id)| id.as_str()).collect();
            let hint = match crate::cli::names::nearest(&found.text, there.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if there.is_empty() => "the file has none".to_owned(),
                None => format!("there are {}", there.join(", ")),
            };
            let text = format!("`{}` isn't in {}: {hint}", found.text, kind.section());
            self.faults.add(found.at, found.path.clone(), text);
        }
    }

    fn status(&mut self, fields: &mut Fields<'a>, id: String) -> pb::PresenceStatus {
        let status = pb::PresenceStatus {
            id,
            name: fields.text("name"),
            r#type: fields.name::<pb::PresenceStatusType>("type"),
            channel_types: fields.names::<pb::ChannelType>("channel_types"),
            partner_ids: self.aliases(fields, "partner_ids"),
        };
        if status.r#type == 0 {
            fields.missing("type", "ONLINE or BUSY");
        }
        status
    }

    fn configuration(&mut self, fields: &mut Fields<'a>, id: String) -> pb::PresenceConfiguration {
        let capacity = fields.units("capacity", 1);
        if capacity.is_none() {
            fields.missing("capacity", "units such as 5 or 2.50");
        }
        let restriction = fields.inner("recipient_restriction").map(|mut inner| {
            let (queues, flows) = (inner.ids("queues"), inner.ids("flows"));
            let profiles = inner.ids("profiles");
            let external_contacts = inner.flag("external_contacts").unwrap_or_default();
            inner.finish();
            pb::RecipientRestriction {
                queues: self.refer_all(Kind::Queue, queues),
                flows: self.refer_all(Kind::Flow, flows),
                profiles: self.refer_all(Kind::Profile, profiles),
                external_contacts,
            }
        });
        let after_decline = fields.id("status_after_decline");
        let after_timeout = fields.id("status_after_push_timeout");
        pb::PresenceConfiguration {
            id,
            name: fields.text("name"),
            capacity_centi_units: capacity.unwrap_or_default(),
            interruptible_capacity_centi_units: fields
                .units("interruptible_capacity", 0)
                .unwrap_or_default(),
            allow_decline: fields.flag("allow_decline").unwrap_or_default(),
            auto_accept: fields.flag("auto_accept").unwrap_or_default(),
            recipient_restriction: restriction,
            status_after_decline: self.refer(Kind::Status, after_decline),
            status_after_push_timeout: self.refer(Kind::Status, after_timeout),
            push_timeout: fields.duration("push_timeout", 1..=3600),
        }
    }

    fn profile(&mut self, fields: &mut Fields<'a>, id: String) -> pb::Profile {
        let statuses = fields.ids("presence_statuses");
        let configuration = fields.id("presence_configuration");
        if configuration.is_none() {
            fields.missing("presence_configuration", "the id of one of presence_configurations");
        }
        pb::Profile {
            id,
            name: fields.text("name"),
            presence_statuses: self.refer_all(Kind::Status, statuses),
            presence_configuration: self.refer(Kind::Configuration, configuration),
        }
    }

    fn rep(&mut self, fields: &mut Fields<'a>, id: String) -> pb::Rep {
        let profile = fields.id("profile");
        if profile.is_none() {
            fields.missing("profile", "the id of one of profiles");
        }
        let configuration = fields.id("presence_configuration");
        pb::Rep {
            id,
            name: fields.text("name"),
            profile: self.refer(Kind::Profile, profile),
            presence_configuration: self.refer(Kind::Configuration, configuration),
            licences: fields.names::<pb::Licence>("licences"),
            permissions: fields.names::<pb::Permission>("permissions"),
            skills: self.levels(fields, "skills"),
            partners: self.aliases(fields, "partners"),
        }
    }

    fn channel(&mut self, fields: &mut Fields<'a>, id: String) -> pb::Channel {
        let wrap_up = fields.inner("wrap_up").map(|mut inner| {
            let duration = inner.duration("duration", 10..=3600);
            if duration.is_none() {
                inner.missing("duration", "a time from 10s to 1h");
            }
            let max_extensions = inner.count("max_extensions", 0..=10).unwrap_or_default();
            let extension = inner.duration("extension", 10..=3600);
            inner.finish();
            pb::WrapUp { duration, max_extensions, extension }
        });
        let fallback = fields.id("fallback_queue");
        let partner = fields.id("routing_partner");
        let adapters = fields.ids("adapters").into_iter().map(|adapter| adapter.text).collect();
        let channel = pb::Channel {
            id,
            name: fields.text("name"),
            r#type: fields.name::<pb::ChannelType>("type"),
            capacity_model: fields.name::<pb::CapacityModel>("capacity_model"),
            weight: fields.weight("weight"),
            paused_weight: fields.weight("paused_weight"),
            fallback_queue: self.refer(Kind::Queue, fallback),
            interruptible: fields.flag("interruptible").unwrap_or_default(),
            wrap_up,
            routing_partner: self.refer(Kind::Partner, partner),
            recipient_types: fields.names::<pb::RecipientType>("recipient_types"),
            default_target: self.default_target(fields),
            partner_routes_reps: fields.flag("partner_routes_reps").unwrap_or_default(),
            adapters,
        };
        if channel.r#type == 0 {
            fields.missing("type", "a channel type such as WEB_CHAT_V2 or WHATSAPP");
        }
        channel
    }
}

fn settings(mut fields: Fields<'_>) -> pb::OrgSettings {
    const DAY: u64 = 86_400;
    let settings = pb::OrgSettings {
        skills_based_and_direct_to_rep_routing: fields
            .flag("skills_based_and_direct_to_rep_routing"),
        max_transfers_per_session: fields.count("max_transfers_per_session", 1..=1000),
        direct_wait_limit: fields.duration("direct_wait_limit", 1..=DAY),
        disconnect_grace: fields.duration("disconnect_grace", 0..=3600),
        orphan_after: fields.duration("orphan_after", 0..=DAY),
        history_retention: fields.duration("history_retention", 60..=30 * DAY),
        handoff_deadline: fields.duration("handoff_deadline", 1..=600),
        routing_deadline: fields.duration("routing_deadline", 1..=600),
        presence_lease: fields.duration("presence_lease", 5..=300),
        estimated_wait_min_samples: fields.count("estimated_wait_min_samples", 1..=10),
        estimated_wait_window: fields.duration("estimated_wait_window", 60..=3600),
        time_zone: fields.text("time_zone"),
        business_hours: fields
            .inners("business_hours")
            .into_iter()
            .flat_map(queues::business_hours)
            .collect(),
    };
    fields.finish();
    settings
}
