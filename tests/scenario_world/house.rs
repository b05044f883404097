//! The org that every scenario plays in, and how a scenario changes it.
//!
//! | rep | what is special |
//! |---|---|
//! | ana, ben, gil | 3 units, everything allowed |
//! | cleo | 1 unit |
//! | dan | no licence |
//! | eve | a licence for messaging, no permission |
//! | fay | may transfer only to reps of the profile `leads` |
//! | lea | of the profile `leads` |
//! | hal | may decline |
//! | ida | accepts by herself |
//! | rob | may run flows |
//! | zoe | 3 units, and a pool of 2 for interruptible work |
//!
//! Queues: `sales` (ana, ben, gil), `care` (cleo, hal, ben), `late` (nobody), `desk` (zoe). Skills: es,
//! fr, vip.
//!
//! Channels: `web` (enhanced chat, TAB_BASED, 1 unit), `chat` (enhanced messaging, STATUS_BASED,
//! 2 units, paused 0.5), `share` (33.33 % of a rep), `old` (standard SMS), `tail` (as `web`, 20 s of
//! after-conversation work), `talk` (as `chat`, 30 s of it, twice 10 s more), `mail` (interruptible,
//! 1 unit), `vend` (as `chat`, routed by the partner `vendor`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use baton::domain::command::{Command, Directory, DirectoryKey};
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, Overflow, Partner, PartnerQueue, Permission,
    PresenceConfiguration, PresenceStatus, Profile, Queue, Recipients, Rep, RoutingModel,
    RoutingOwner, Settings, Skill, WrapUp,
};
use baton::domain::id::{
    BadId, ChannelId, ConfigurationId, PartnerId, ProfileId, QueueId, RepId, SkillId, StatusId,
};
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::time::Span;
use baton::domain::units::{CentiPercent, Units, Weight};

pub fn id<T: std::str::FromStr<Err = BadId>>(text: &str) -> T {
    text.parse().expect("names of the house are ids")
}

fn configuration(name: &str, units: u32) -> PresenceConfiguration {
    PresenceConfiguration {
        id: id(name),
        name: name.into(),
        capacity: Units::whole(units),
        interruptible_capacity: Units::ZERO,
        allow_decline: false,
        auto_accept: false,
        recipients: Recipients::Any,
        status_after_decline: None,
        status_after_push_timeout: None,
        push_timeout: None,
    }
}

pub fn status(name: &str, online_for: &[ChannelType]) -> PresenceStatus {
    PresenceStatus {
        partner_ids: [].into(),
        id: id(name),
        name: name.into(),
        online_for: online_for.iter().copied().collect(),
    }
}

fn profile(name: &str, statuses: &[&str]) -> Profile {
    Profile {
        id: id(name),
        name: name.into(),
        statuses: statuses.iter().map(|s| id(s)).collect(),
        configuration: id("standard"),
    }
}

pub fn channel(name: &str, channel_type: ChannelType, weight: Weight) -> Channel {
    Channel {
        adapters: [].into(),
        default_target: None,
        partner_routes_reps: false,
        recipient_types: [].into(),
        id: id(name),
        name: name.into(),
        channel_type,
        routing_owner: RoutingOwner::Baton,
        capacity_model: CapacityModel::TabBased,
        weight,
        paused_weight: None,
        fallback_queue: None,
        wrap_up: None,
        interruptible: false,
    }
}

fn wrap_up(seconds: i64, max_extensions: u32) -> WrapUp {
    let (duration, extension) = (Span::from_secs(seconds), Span::from_secs(10));
    WrapUp { duration, max_extensions, extension }
}

fn rep(name: &str, configuration: &str) -> Rep {
    Rep {
        partners: [].into(),
        id: id(name),
        name: name.to_uppercase(),
        profile: id("agents"),
        configuration: Some(id(configuration)),
        licences: BTreeSet::from([Licence::MessagingUser, Licence::EnhancedChatUser]),
        permissions: BTreeSet::from([Permission::MessagingAgent, Permission::EnhancedChatRep]),
        skills: BTreeMap::new(),
    }
}

pub fn partner(name: &str) -> Partner {
    Partner {
        id: id(name),
        name: name.into(),
        handoff_deadline: None,
        routing_deadline: None,
        routing_lease: Span::from_secs(60),
        away_after: 5,
        deletion_guard_percent: 20,
    }
}

pub fn queue(name: &str, reps: &[&str]) -> Queue {
    Queue {
        partner: None,
        id: id(name),
        name: name.into(),
        reps: reps.iter().map(|rep| id(rep)).collect(),
        channel_types: BTreeSet::new(),
        model: RoutingModel::LeastActive,
        weight: None,
        push_timeout: None,
        overflow: None,
        max_length: None,
        default_priority: 10,
    }
}

pub fn directory() -> Directory {
    use ChannelType::{Line, StandardSms, WebChatV2, Whatsapp};
    let unit = Weight::Units(Units::whole(1));
    let listed = Recipients::Listed {
        contacts: false,
        queues: BTreeSet::new(),
        flows: BTreeSet::new(),
        profiles: BTreeSet::from([id("leads")]),
    };
    let licensed = BTreeSet::from([Licence::MessagingUser]);
    let runner = BTreeSet::from([
        Permission::MessagingAgent,
        Permission::EnhancedChatRep,
        Permission::RunFlows,
    ]);
    Directory {
        partners: vec![partner("vendor")],
        some_settings: None,
        move_to: None,
        settings: Some(Settings { direct_to_rep_routing: true, ..Settings::default() }),
        configurations: vec![
            configuration("standard", 3),
            configuration("small", 1),
            PresenceConfiguration { recipients: listed, ..configuration("leads-only", 3) },
            PresenceConfiguration { allow_decline: true, ..configuration("declining", 3) },
            PresenceConfiguration { auto_accept: true, ..configuration("eager", 3) },
            PresenceConfiguration {
                interruptible_capacity: Units::whole(2),
                ..configuration("blended", 3)
            },
        ],
        statuses: vec![
            status("available", &[WebChatV2, Whatsapp, Line, StandardSms]),
            status("chat-only", &[WebChatV2]),
            status("busy", &[]),
            status("secret", &[WebChatV2]),
        ],
        profiles: vec![
            profile("agents", &["available", "chat-only", "busy"]),
            profile("leads", &["available"]),
        ],
        channels: vec![
            channel("web", WebChatV2, unit),
            Channel {
                capacity_model: CapacityModel::StatusBased,
                paused_weight: Units::from_centi(50).map(Weight::Units),
                ..channel("chat", Whatsapp, Weight::Units(Units::whole(2)))
            },
            channel("share", Line, Weight::Percent(CentiPercent::new(3_333))),
            channel("old", StandardSms, unit),
            Channel { wrap_up: Some(wrap_up(20, 0)), ..channel("tail", WebChatV2, unit) },
            Channel {
                capacity_model: CapacityModel::StatusBased,
                wrap_up: Some(wrap_up(30, 2)),
                ..channel("talk", Whatsapp, Weight::Units(Units::whole(2)))
            },
            Channel { interruptible: true, ..channel("mail", Line, unit) },
            Channel {
                capacity_model: CapacityModel::StatusBased,
                routing_owner: RoutingOwner::Partner(id("vendor")),
                ..channel("vend", Whatsapp, Weight::Units(Units::whole(2)))
            },
        ],
        reps: vec![
            rep("ana", "standard"),
            rep("ben", "standard"),
            rep("gil", "standard"),
            rep("cleo", "small"),
            Rep { licences: BTreeSet::new(), ..rep("dan", "standard") },
            Rep { licences: licensed, permissions: BTreeSet::new(), ..rep("eve", "standard") },
            rep("fay", "leads-only"),
            Rep { profile: id("leads"), ..rep("lea", "standard") },
            rep("hal", "declining"),
            rep("ida", "eager"),
            rep("zoe", "blended"),
            Rep { permissions: runner, ..rep("rob", "standard") },
        ],
        skills: ["es", "fr", "vip"].map(|s| Skill { id: id(s), name: s.into() }).into(),
        queues: vec![
            queue("sales", &["ana", "ben", "gil"]),
            queue("care", &["cleo", "hal", "ben"]),
            queue("late", &[]),
            queue("desk", &["zoe"]),
        ],
        flows: Vec::new(),
    }
}

/// `set direct off`, `set limit 1`, `set capacity standard 2`, `set eager-decliner`,
/// `set licence NAME none`; each may end with `into QUEUE`.
pub fn change(state: &State, words: &[&str]) -> Result<Command, String> {
    let (words, move_to) = moved(words);
    let mut directory = Directory { move_to, ..Directory::default() };
    let settings = (*state.settings()).clone();
    match words {
        ["direct", on] => {
            let direct_to_rep_routing = *on == "on";
            directory.settings = Some(Settings { direct_to_rep_routing, ..settings });
        }
        ["limit", limit] => {
            let max_transfers_per_session = parse(limit)?;
            directory.settings = Some(Settings { max_transfers_per_session, ..settings });
        }
        ["capacity", name, units] => {
            let known = state.configuration(&id(name)).ok_or("no such configuration")?;
            let capacity = Units::whole(parse(units)?);
            directory.configurations.push(PresenceConfiguration { capacity, ..(*known).clone() });
        }
        ["eager-decliner"] => directory.configurations.push(PresenceConfiguration {
            allow_decline: true,
            auto_accept: true,
            ..configuration("torn", 1)
        }),
        ["profile-of", name, profile] => {
            let known = state.rep(&id(name)).ok_or("no such rep")?;
            directory.reps.push(Rep { profile: id(profile), ..(*known).clone() });
        }
        ["statuses", name, statuses] => {
            let known = state.profile(&id(name)).ok_or("no such profile")?;
            let statuses = statuses.split(',').map(id).collect();
            directory.profiles.push(Profile { statuses, ..(*known).clone() });
        }
        ["status-for", name, "whatsapp"] => {
            let known = state.status(&id(name)).ok_or("no such status")?;
            let online_for = BTreeSet::from([ChannelType::Whatsapp]);
            directory.statuses.push(PresenceStatus { online_for, ..(*known).clone() });
        }
        ["licence", name, "none"] => {
            let known = state.rep(&id(name)).ok_or("no such rep")?;
            directory.reps.push(Rep { licences: BTreeSet::new(), ..(*known).clone() });
        }
        ["channel-type", name, channel_type] => {
            let known = state.channel(&id(name)).ok_or("no such channel")?;
            let channel_type = match *channel_type {
                "whatsapp" => ChannelType::Whatsapp,
                "chat" => ChannelType::WebChatV2,
                other => return Err(format!("unknown type {other}")),
            };
            directory.channels.push(Channel { channel_type, ..(*known).clone() });
        }
        ["lease", span] => {
            let presence_lease = super::span(span)?;
            directory.settings = Some(Settings { presence_lease, ..settings });
        }
        ["retention", span] => {
            let history_retention = super::span(span)?;
            directory.settings = Some(Settings { history_retention, ..settings });
        }
        ["orphans", span] => {
            let orphan_after = super::span(span)?;
            directory.settings = Some(Settings { orphan_after, ..settings });
        }
        ["pool", name, units] => {
            let known = state.configuration(&id(name)).ok_or("no such configuration")?;
            let interruptible_capacity = Units::whole(parse(units)?);
            directory
                .configurations
                .push(PresenceConfiguration { interruptible_capacity, ..(*known).clone() });
        }
        ["estimate", samples] => {
            let estimate_samples = parse(samples)?;
            directory.settings = Some(Settings { estimate_samples, ..settings });
        }
        words => change_routing(state, words, &mut directory)?,
    }
    Ok(Command::Upsert(directory))
}

/// `set queue NAME reps=a,b model=most …`, `set skills ana es=3,vip=1`, `set fallback web sales`,
/// `set after-decline declining busy`, `set after-timeout standard busy`, `set push standard 10s`,
/// `set queue theirs partner=vendor/q-7`, `set drives ana vendor=7`, `set partner-id busy vendor BREAK`,
/// `set routing vend baton`.
fn change_routing(state: &State, words: &[&str], directory: &mut Directory) -> Result<(), String> {
    match words {
        ["queue", name, fields @ ..] => {
            let known = state.queue(&id(name)).map(|q| (*q).clone());
            let mut changed = known.unwrap_or_else(|| queue(name, &[]));
            for field in fields {
                change_queue(&mut changed, field)?;
            }
            directory.queues.push(changed);
        }
        ["drives", name, partners @ ..] => {
            let known = state.rep(&id(name)).ok_or("no such rep")?;
            let driver = |text: &&str| match text.split_once('=') {
                Some((partner, own)) => (id(partner), Some(id(own))),
                None => (id(text), None),
            };
            let partners = partners.iter().map(driver).collect();
            directory.reps.push(Rep { partners, ..(*known).clone() });
        }
        ["partner-id", name, partner, own] => {
            let known = state.status(&id(name)).ok_or("no such status")?;
            let partner_ids = [(id(partner), id(own))].into();
            directory.statuses.push(PresenceStatus { partner_ids, ..(*known).clone() });
        }
        ["partner", name] => directory.partners.push(partner(name)),
        ["routing", name, owner] => {
            let known = state.channel(&id(name)).ok_or("no such channel")?;
            let routing_owner = match *owner {
                "baton" => RoutingOwner::Baton,
                partner => RoutingOwner::Partner(id(partner)),
            };
            directory.channels.push(Channel { routing_owner, ..(*known).clone() });
        }
        ["skills", name, skills @ ..] => {
            let known = state.rep(&id(name)).ok_or("no such rep")?;
            let skills = levels(&skills.join(","))?;
            directory.reps.push(Rep { skills, ..(*known).clone() });
        }
        ["fallback", name, queue] => {
            let known = state.channel(&id(name)).ok_or("no such channel")?;
            let fallback_queue = Some(id(queue));
            directory.channels.push(Channel { fallback_queue, ..(*known).clone() });
        }
        [what @ ("after-decline" | "after-timeout" | "push"), name, value] => {
            let known = state.configuration(&id(name)).ok_or("no such configuration")?;
            let mut changed = (*known).clone();
            match *what {
                "after-decline" => changed.status_after_decline = Some(id(value)),
                "after-timeout" => changed.status_after_push_timeout = Some(id(value)),
                _ => changed.push_timeout = Some(super::span(value)?),
            }
            directory.configurations.push(changed);
        }
        other => return Err(format!("unknown change {other:?}")),
    }
    Ok(())
}

fn change_queue(queue: &mut Queue, field: &str) -> Result<(), String> {
    let (name, value) = field.split_once('=').ok_or("a field is NAME=VALUE")?;
    match name {
        "reps" => queue.reps = value.split(',').filter(|r| !r.is_empty()).map(id).collect(),
        "model" => {
            queue.model = match value {
                "most" => RoutingModel::MostAvailable,
                _ => RoutingModel::LeastActive,
            }
        }
        "serves" => {
            queue.channel_types = match value {
                "whatsapp" => BTreeSet::from([ChannelType::Whatsapp]),
                _ => BTreeSet::new(),
            }
        }
        "partner" => {
            let of = |partner, own_id| PartnerQueue { partner: id(partner), own_id };
            queue.partner = match value.split_once('/') {
                _ if value.is_empty() => None,
                Some((partner, own)) => Some(of(partner, Some(id(own)))),
                None => Some(of(value, None)),
            }
        }
        "weight" => queue.weight = Some(Weight::Units(Units::whole(parse(value)?))),
        "push" => queue.push_timeout = Some(super::span(value)?),
        "priority" => queue.default_priority = parse(value)?,
        "max" => queue.max_length = Some(parse(value)?),
        "overflow" => {
            let (to, limit) = value.split_once(':').ok_or("overflow=QUEUE:LIMIT")?;
            let (max_length, max_wait) = match limit.parse() {
                Ok(length) => (Some(length), None),
                Err(_) => (None, Some(super::span(limit)?)),
            };
            queue.overflow = Some(Overflow { max_length, max_wait, queue: id(to) });
        }
        other => return Err(format!("a queue has no {other}")),
    }
    Ok(())
}

/// `es=3,vip=1`.
pub fn levels(text: &str) -> Result<BTreeMap<SkillId, u32>, String> {
    let one = |part: &str| {
        let (skill, level) = part.split_once('=').ok_or("a skill is NAME=LEVEL")?;
        Ok((id(skill), parse(level)?))
    };
    text.split(',').filter(|part| !part.is_empty()).map(one).collect()
}

/// What comes before `into QUEUE`, and that queue.
fn moved<'w, 's>(words: &'w [&'s str]) -> (&'w [&'s str], Option<QueueId>) {
    match words {
        [words @ .., "into", queue] => (words, Some(id(queue))),
        words => (words, None),
    }
}

/// `delete rep ana`, `delete profile agents`, `delete queue late into care`, …
pub fn deletion(words: &[&str]) -> Result<Command, String> {
    let (words, move_to) = moved(words);
    let key = match words {
        ["rep", name] => DirectoryKey::Rep(id::<RepId>(name)),
        ["profile", name] => DirectoryKey::Profile(id::<ProfileId>(name)),
        ["status", name] => DirectoryKey::Status(id::<StatusId>(name)),
        ["configuration", name] => DirectoryKey::Configuration(id::<ConfigurationId>(name)),
        ["channel", name] => DirectoryKey::Channel(id::<ChannelId>(name)),
        ["partner", name] => DirectoryKey::Partner(id::<PartnerId>(name)),
        ["queue", name] => DirectoryKey::Queue(id::<QueueId>(name)),
        other => return Err(format!("unknown deletion {other:?}")),
    };
    Ok(Command::Delete { key, move_to })
}

fn parse<T: std::str::FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e| format!("{text}: {e}"))
}
