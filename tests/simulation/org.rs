//! The org that simulated days happen in: reps of several queues, flows between them, and some things
//! that come and go while sessions use them (D3).

use std::collections::{BTreeMap, BTreeSet};

use baton::domain::command::Directory;
use baton::domain::directory::{
    CapacityModel, Channel, ChannelType, DefaultTarget, Licence, Overflow, Partner, PartnerQueue,
    Permission, PresenceConfiguration, PresenceStatus, Profile, Queue, Recipients, Rep,
    RoutingModel, RoutingOwner, Settings, Skill, WrapUp,
};
use baton::domain::flow::{Condition, Flow, FlowDecision, FlowRule, FlowTarget, SkillsTarget};
use baton::domain::id::{ChannelId, ConfigurationId, ProfileId, RepId, StatusId};
use baton::domain::time::Span;
use baton::domain::units::{CentiPercent, Units, Weight};

/// Reps of queues; one more is of none.
pub const REPS: usize = 6;

/// Contacts that the vendor has now and then.
pub const CONTACTS: [&str; 2] = ["desk-1", "desk-2"];

pub fn rep(number: usize) -> RepId {
    RepId::new(&format!("r{number}")).expect("a valid id")
}

fn configuration(name: &str, capacity: u32) -> PresenceConfiguration {
    PresenceConfiguration {
        id: ConfigurationId::new(name).expect("a valid id"),
        name: name.to_owned(),
        capacity: Units::whole(capacity),
        interruptible_capacity: Units::whole(capacity),
        allow_decline: name == "choosy",
        auto_accept: name == "eager",
        recipients: Recipients::Any,
        status_after_decline: None,
        status_after_push_timeout: (name == "eager").then(|| id("busy")),
        push_timeout: (name == "plain").then(|| Span::from_secs(20)),
    }
}

pub fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().expect("a valid id")
}

/// Three queues: one that overflows into the second, which every flow ends in.
fn queues() -> Vec<Queue> {
    let queue = |name: &str, reps: &[usize]| Queue {
        partner: None,
        id: id(name),
        name: name.to_owned(),
        reps: reps.iter().map(|number| rep(*number)).collect(),
        channel_types: BTreeSet::new(),
        model: RoutingModel::LeastActive,
        weight: None,
        push_timeout: None,
        overflow: None,
        max_length: None,
        default_priority: 1,
    };
    let overflow = Overflow { max_length: Some(3), max_wait: None, queue: id("q1") };
    vec![
        Queue { overflow: Some(overflow), ..queue("q0", &[0, 1, 2]) },
        Queue { model: RoutingModel::MostAvailable, ..queue("q1", &[1, 2, 3, 4]) },
        Queue { push_timeout: Some(Span::from_secs(15)), ..queue("q2", &[0, 3, 5]) },
        spare_queue(),
        partners_queue("line", "vendor"),
        partners_queue("shade", "umbra"),
    ]
}

/// A queue that a partner routes; the vendor's comes and goes.
pub fn partners_queue(name: &str, partner: &str) -> Queue {
    Queue {
        partner: Some(PartnerQueue { partner: id(partner), own_id: None }),
        id: id(name),
        reps: BTreeSet::new(),
        max_length: None,
        ..spare_queue()
    }
}

/// A queue that comes and goes while sessions do, with a limit on its length (D3, R9).
pub fn spare_queue() -> Queue {
    Queue {
        partner: None,
        id: id("q3"),
        name: String::new(),
        reps: [rep(3), rep(4)].into(),
        channel_types: BTreeSet::new(),
        model: RoutingModel::LeastActive,
        weight: None,
        push_timeout: None,
        overflow: None,
        max_length: Some(2),
        default_priority: 1,
    }
}

/// A rep of no queue, for whom sessions wait, who comes and goes too.
pub fn spare_rep() -> Rep {
    Rep {
        partners: [].into(),
        id: rep(REPS),
        name: String::new(),
        profile: id("plain"),
        configuration: None,
        licences: [Licence::MessagingUser].into(),
        permissions: [Permission::MessagingAgent].into(),
        skills: BTreeMap::new(),
    }
}

pub fn spare_channel() -> Channel {
    channel("spare", CapacityModel::TabBased, Weight::Units(Units::whole(1)))
}

pub fn spare_skill() -> Skill {
    Skill { id: id("fr"), name: String::new() }
}

fn flows() -> Vec<Flow> {
    let to = |target| FlowDecision { target, set_attributes: BTreeMap::new(), set_priority: None };
    let rule = |condition: &str, target| FlowRule {
        name: String::new(),
        condition: Condition::new(condition),
        decision: to(target),
    };
    let flow = |name: &str, rules, fallback| Flow {
        id: id(name),
        name: name.to_owned(),
        rules,
        fallback: to(fallback),
    };
    let skilled = SkillsTarget {
        required: [(id("es"), 3)].into(),
        additional: BTreeMap::new(),
        queue: Some(id("q1")),
    };
    vec![
        flow(
            "f0",
            vec![
                rule("queues[\"q0\"].length > 2", FlowTarget::Flow(id("f1"))),
                rule("session.priority == 0", FlowTarget::Queue(id("q0"))),
            ],
            FlowTarget::Queue(id("q2")),
        ),
        flow(
            "f1",
            vec![rule("session.transferred", FlowTarget::Skills(skilled))],
            FlowTarget::Queue(id("q1")),
        ),
        // What is urgent goes to a contact; on channels of others, that is refused.
        flow(
            "f2",
            vec![rule("session.priority == 0", FlowTarget::Contact(id("vendor"), id(CONTACTS[0])))],
            FlowTarget::Queue(id("q2")),
        ),
    ]
}

fn channel(name: &str, model: CapacityModel, weight: Weight) -> Channel {
    Channel {
        adapters: [].into(),
        default_target: None,
        partner_routes_reps: false,
        recipient_types: [].into(),
        id: ChannelId::new(name).expect("a valid id"),
        name: name.to_owned(),
        channel_type: ChannelType::Whatsapp,
        routing_owner: RoutingOwner::Baton,
        capacity_model: model,
        weight,
        paused_weight: (model == CapacityModel::StatusBased)
            .then_some(Weight::Percent(CentiPercent::new(2_500))),
        fallback_queue: Some(id("q1")),
        wrap_up: None,
        interruptible: false,
    }
}

/// Two partners: the vendor is given little time, and is soon away; the other has what the org says.
fn partners() -> Vec<Partner> {
    let umbra = Partner {
        id: id("umbra"),
        name: String::new(),
        handoff_deadline: None,
        routing_deadline: None,
        routing_lease: Span::from_secs(10),
        away_after: 3,
        deletion_guard_percent: Partner::DELETION_GUARD_PERCENT,
    };
    let vendor = Partner {
        id: id("vendor"),
        handoff_deadline: Some(Span::from_secs(20)),
        routing_deadline: Some(Span::from_secs(20)),
        routing_lease: Span::from_secs(30),
        away_after: 2,
        ..umbra.clone()
    };
    vec![vendor, umbra]
}

/// Channels that partners route: one that falls back to a queue; one without, whose reps the partner names, too, and whose
/// sessions a flow sends on; and one of another partner, without either.
fn partners_channels() -> Vec<Channel> {
    let routed = |name: &str, partner: &str| Channel {
        channel_type: ChannelType::ByocForCcaas,
        routing_owner: RoutingOwner::Partner(id(partner)),
        fallback_queue: None,
        ..channel(name, CapacityModel::TabBased, Weight::Units(Units::whole(1)))
    };
    vec![
        Channel { fallback_queue: Some(id("q1")), ..routed("theirs", "vendor") },
        Channel {
            partner_routes_reps: true,
            default_target: Some(DefaultTarget::Flow(id("f2"))),
            capacity_model: CapacityModel::StatusBased,
            paused_weight: Some(Weight::Percent(CentiPercent::new(2_500))),
            ..routed("alone", "vendor")
        },
        routed("hers", "umbra"),
    ]
}

/// The org that everything happens in.
pub fn org() -> Directory {
    let status = |name: &str, online_for: BTreeSet<ChannelType>| PresenceStatus {
        partner_ids: [].into(),
        id: StatusId::new(name).expect("a valid id"),
        name: name.to_owned(),
        online_for,
    };
    let configurations = ["plain", "choosy", "eager"];
    let profile = |name: &str| Profile {
        id: ProfileId::new(name).expect("a valid id"),
        name: name.to_owned(),
        statuses: ["online", "busy"].map(|s| StatusId::new(s).expect("a valid id")).into(),
        configuration: ConfigurationId::new(name).expect("a valid id"),
    };
    // The vendor drives most of them, the other partner some of these, too.
    let driven = |number: usize| match number {
        0..3 => [(id("vendor"), None)].into(),
        3 => [(id("vendor"), None), (id("umbra"), None)].into(),
        4 => [(id("umbra"), None)].into(),
        _ => BTreeMap::new(),
    };
    let reps = (0..REPS).map(|number| Rep {
        partners: driven(number),
        id: rep(number),
        name: format!("Rep {number}"),
        profile: ProfileId::new(configurations[[0, 0, 0, 1, 1, 2][number]]).expect("a valid id"),
        configuration: None,
        licences: [Licence::MessagingUser].into(),
        permissions: [Permission::MessagingAgent, Permission::RunFlows].into(),
        skills: [(id("es"), u32::try_from(number).expect("it is small"))].into(),
    });
    Directory {
        partners: partners(),
        some_settings: None,
        move_to: None,
        settings: Some(Settings { direct_to_rep_routing: true, ..Settings::default() }),
        configurations: configurations.iter().map(|name| configuration(name, 2)).collect(),
        statuses: vec![
            status("online", [ChannelType::Whatsapp, ChannelType::ByocForCcaas].into()),
            status("busy", BTreeSet::new()),
        ],
        profiles: configurations.iter().map(|name| profile(name)).collect(),
        channels: [
            channel("tabs", CapacityModel::TabBased, Weight::Units(Units::whole(1))),
            Channel {
                wrap_up: Some(WrapUp {
                    duration: Span::from_secs(20),
                    max_extensions: 2,
                    extension: Span::from_secs(10),
                }),
                ..channel(
                    "states",
                    CapacityModel::StatusBased,
                    Weight::Percent(CentiPercent::new(5_000)),
                )
            },
            Channel {
                interruptible: true,
                ..channel("notes", CapacityModel::TabBased, Weight::Units(Units::whole(1)))
            },
            spare_channel(),
        ]
        .into_iter()
        .chain(partners_channels())
        .collect(),
        reps: reps.chain([spare_rep()]).collect(),
        skills: vec![Skill { id: id("es"), name: String::new() }, spare_skill()],
        queues: queues(),
        flows: flows(),
    }
}
