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
//!
//! Channels: `web` (enhanced chat, TAB_BASED, 1 unit), `chat` (enhanced messaging, STATUS_BASED,
//! 2 units, paused 0.5), `share` (33.33 % of a rep), `old` (standard SMS).

use std::collections::BTreeSet;
use std::fmt::Display;

use baton::domain::command::{Command, Directory, DirectoryKey};
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, Licence, Permission, PresenceConfiguration,
    PresenceStatus, Profile, Recipients, Rep, RoutingOwner, Settings,
};
use baton::domain::id::{BadId, ChannelId, ConfigurationId, ProfileId, RepId, StatusId};
use baton::domain::look::Look;
use baton::domain::state::State;
use baton::domain::units::{CentiPercent, Units, Weight};

fn id<T: std::str::FromStr<Err = BadId>>(text: &str) -> T {
    text.parse().expect("names of the house are ids")
}

fn configuration(name: &str, units: u32) -> PresenceConfiguration {
    PresenceConfiguration {
        id: id(name),
        name: name.into(),
        capacity: Units::whole(units),
        allow_decline: false,
        auto_accept: false,
        recipients: Recipients::Any,
    }
}

fn status(name: &str, online_for: &[ChannelType]) -> PresenceStatus {
    PresenceStatus {
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

fn channel(name: &str, channel_type: ChannelType, weight: Weight) -> Channel {
    Channel {
        id: id(name),
        name: name.into(),
        channel_type,
        routing_owner: RoutingOwner::Baton,
        capacity_model: CapacityModel::TabBased,
        weight,
        paused_weight: None,
        fallback_queue: None,
    }
}

fn rep(name: &str, configuration: &str) -> Rep {
    Rep {
        id: id(name),
        name: name.to_uppercase(),
        profile: id("agents"),
        configuration: Some(id(configuration)),
        licences: BTreeSet::from([Licence::MessagingUser, Licence::EnhancedChatUser]),
        permissions: BTreeSet::from([Permission::MessagingAgent, Permission::EnhancedChatRep]),
    }
}

pub fn directory() -> Directory {
    use ChannelType::{Line, StandardSms, WebChatV2, Whatsapp};
    let unit = Weight::Units(Units::whole(1));
    let listed = Recipients::Listed {
        queues: BTreeSet::new(),
        flows: BTreeSet::new(),
        profiles: BTreeSet::from([id("leads")]),
    };
    let licensed = BTreeSet::from([Licence::MessagingUser]);
    Directory {
        settings: Some(Settings { direct_to_rep_routing: true, ..Settings::default() }),
        configurations: vec![
            configuration("standard", 3),
            configuration("small", 1),
            PresenceConfiguration { recipients: listed, ..configuration("leads-only", 3) },
            PresenceConfiguration { allow_decline: true, ..configuration("declining", 3) },
            PresenceConfiguration { auto_accept: true, ..configuration("eager", 3) },
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
        ],
    }
}

/// `set direct off`, `set limit 1`, `set capacity standard 2`, `set eager-decliner`,
/// `set licence NAME none`.
pub fn change(state: &State, words: &[&str]) -> Result<Command, String> {
    let mut directory = Directory::default();
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
        ["licence", name, "none"] => {
            let known = state.rep(&id(name)).ok_or("no such rep")?;
            directory.reps.push(Rep { licences: BTreeSet::new(), ..(*known).clone() });
        }
        other => return Err(format!("unknown change {other:?}")),
    }
    Ok(Command::Upsert(directory))
}

/// `delete rep ana`, `delete profile agents`, …
pub fn deletion(words: &[&str]) -> Result<Command, String> {
    let key = match words {
        ["rep", name] => DirectoryKey::Rep(id::<RepId>(name)),
        ["profile", name] => DirectoryKey::Profile(id::<ProfileId>(name)),
        ["status", name] => DirectoryKey::Status(id::<StatusId>(name)),
        ["configuration", name] => DirectoryKey::Configuration(id::<ConfigurationId>(name)),
        ["channel", name] => DirectoryKey::Channel(id::<ChannelId>(name)),
        other => return Err(format!("unknown deletion {other:?}")),
    };
    Ok(Command::Delete(key))
}

fn parse<T: std::str::FromStr<Err: Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e| format!("{text}: {e}"))
}
