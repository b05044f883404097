//! Examples of what came with queues, skills and flows: their records, and the fields that older
//! kinds gained. Golden bytes are of [`records`]: they don't change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::sample::{id, units};
use crate::domain::directory::{
    ChannelType, OpeningHours, Overflow, PresenceConfiguration, Queue, Recipients, Rep,
    RoutingModel, Settings, Skill,
};
use crate::domain::flow::{
    Condition, Flow, FlowDecision, FlowRule, FlowTarget, SkillsTarget, WishedSkill,
};
use crate::domain::record::Record;
use crate::domain::time::Span;
use crate::domain::units::{CentiPercent, Units, Weight};

fn queue() -> Queue {
    Queue {
        id: id("billing"),
        name: "Billing".into(),
        reps: [id("ana"), id("bo")].into(),
        channel_types: [ChannelType::Whatsapp, ChannelType::Sms].into(),
        model: RoutingModel::MostAvailable,
        weight: Some(Weight::Percent(CentiPercent::new(2_500))),
        push_timeout: Some(Span::from_secs(20)),
        overflow: Some(Overflow {
            max_length: Some(5),
            max_wait: Some(Span::from_secs(120)),
            queue: id("general"),
        }),
        max_length: Some(50),
        default_priority: 3,
    }
}

fn rule(name: &str, condition: &str, target: FlowTarget) -> FlowRule {
    FlowRule {
        name: name.into(),
        condition: Condition::new(condition),
        decision: FlowDecision {
            target,
            set_attributes: [("routed".to_owned(), name.to_owned())].into(),
            set_priority: Some(1),
        },
    }
}

fn flow() -> Flow {
    let wished = WishedSkill { level: 10, timeout: Span::from_secs(30) };
    let skills = SkillsTarget {
        required: [(id("es"), 50), (id("de"), 0)].into(),
        additional: [(id("billing"), wished)].into(),
        queue: Some(id("billing")),
    };
    Flow {
        id: id("triage"),
        name: "Triage".into(),
        rules: vec![
            rule("vip", "session.priority < 3", FlowTarget::Rep(id("ana"))),
            rule("spanish", "true", FlowTarget::Skills(skills)),
            rule("outside", "!time.open", FlowTarget::Contact(id("acme"), id("42"))),
            rule("", "false", FlowTarget::Flow(id("night"))),
        ],
        fallback: FlowDecision {
            target: FlowTarget::Queue(id("general")),
            set_attributes: BTreeMap::new(),
            set_priority: None,
        },
    }
}

pub fn configuration() -> PresenceConfiguration {
    PresenceConfiguration {
        id: id("standard"),
        name: "Standard".into(),
        capacity: units(400),
        interruptible_capacity: Units::ZERO,
        allow_decline: true,
        auto_accept: false,
        recipients: Recipients::Any,
        status_after_decline: Some(id("busy")),
        status_after_push_timeout: Some(id("away")),
        push_timeout: Some(Span::from_secs(15)),
    }
}

/// Every new kind and every new field.
pub fn records() -> Vec<Record> {
    vec![
        Record::Settings(Arc::new(Settings {
            estimate_samples: 3,
            estimate_window: Span::from_secs(120),
            time_zone: "Europe/Berlin".into(),
            business_hours: vec![OpeningHours { weekday: 1, from_minute: 540, to_minute: 1_440 }],
            ..Settings::default()
        })),
        Record::Configuration(Arc::new(configuration())),
        Record::Skill(Arc::new(Skill { id: id("es"), name: "Spanish".into() })),
        Record::Queue(Arc::new(queue())),
        Record::Flow(Arc::new(flow())),
        Record::Rep(Arc::new(Rep {
            id: id("ana"),
            name: "Ana Ruiz".into(),
            profile: id("support"),
            configuration: None,
            licences: BTreeSet::new(),
            permissions: BTreeSet::new(),
            skills: [(id("es"), 80), (id("billing"), 0)].into(),
        })),
    ]
}

/// The same with fields left out.
pub fn bare() -> Vec<Record> {
    let overflow = Overflow { max_length: None, max_wait: None, queue: id("general") };
    vec![
        Record::Queue(Arc::new(Queue {
            reps: BTreeSet::new(),
            channel_types: BTreeSet::new(),
            model: RoutingModel::LeastActive,
            weight: None,
            push_timeout: None,
            overflow: Some(overflow),
            max_length: None,
            default_priority: 0,
            ..queue()
        })),
        Record::Flow(Arc::new(Flow { rules: Vec::new(), ..flow() })),
    ]
}
