//! Skills, queues and flows, as they are configured.

use super::directory::{text, weight};
use super::{Content, channel_type, span};
use crate::domain::directory::{Overflow, Queue, RoutingModel, Skill};
use crate::domain::flow::{
    Flow, FlowDecision, FlowRule, FlowTarget, SkillsTarget, Trace, TraceStep,
};
use crate::domain::id::SkillId;
use crate::pb;

/// A skill.
#[must_use]
pub fn skill(s: &Skill) -> pb::Skill {
    pb::Skill { id: s.id.to_string(), name: s.name.clone() }
}

/// A skill at a level.
#[must_use]
pub fn level((skill, level): (&SkillId, &u32)) -> pb::SkillLevel {
    pb::SkillLevel { skill: skill.to_string(), level: *level }
}

/// A queue.
#[must_use]
pub fn queue(q: &Queue) -> pb::Queue {
    let model = match (&q.partner, q.model) {
        (Some(_), _) => pb::RoutingModel::External,
        (None, RoutingModel::LeastActive) => pb::RoutingModel::LeastActive,
        (None, RoutingModel::MostAvailable) => pb::RoutingModel::MostAvailable,
    };
    let partner = q.partner.as_ref();
    pb::Queue {
        id: q.id.to_string(),
        name: q.name.clone(),
        reps: q.reps.iter().map(ToString::to_string).collect(),
        routing_model: model.into(),
        push_timeout: q.push_timeout.map(span),
        overflow: q.overflow.as_ref().map(overflow),
        partner: text(partner.map(|of| &of.partner)),
        partner_queue: text(partner.and_then(|of| of.own_id.as_ref())),
        default_priority: q.default_priority,
        channel_types: q.channel_types.iter().map(|t| channel_type(*t).into()).collect(),
        weight: q.weight.map(weight),
        max_length: q.max_length.unwrap_or_default(),
    }
}

fn overflow(o: &Overflow) -> pb::Overflow {
    pb::Overflow {
        max_length: o.max_length.unwrap_or_default(),
        max_wait: o.max_wait.map(span),
        queue: o.queue.to_string(),
    }
}

/// How a run of a flow went. Why a rule matched or didn't names attributes with their values.
#[must_use]
pub fn flow_trace(trace: &Trace, content: Content) -> pb::FlowTrace {
    let hidden = content == Content::Hidden;
    let step = |step: &TraceStep| pb::FlowTraceStep {
        flow: step.flow.to_string(),
        rule: step.rule,
        name: step.name.clone(),
        matched: step.matched,
        why: if hidden { String::new() } else { step.why.clone() },
    };
    let steps = trace.steps.iter().map(step).collect();
    pb::FlowTrace { steps, content_hidden: hidden, ..Default::default() }
}

/// A flow.
#[must_use]
pub fn flow(f: &Flow) -> pb::Flow {
    let rule = |rule: &FlowRule| pb::FlowRule {
        name: rule.name.clone(),
        condition: rule.condition.source().to_owned(),
        decision: Some(decision(&rule.decision)),
    };
    pb::Flow {
        id: f.id.to_string(),
        name: f.name.clone(),
        rules: f.rules.iter().map(rule).collect(),
        fallback: Some(decision(&f.fallback)),
    }
}

/// What a rule decides.
#[must_use]
pub fn decision(d: &FlowDecision) -> pb::FlowDecision {
    use pb::flow_decision::Target;
    let target = match &d.target {
        FlowTarget::Queue(id) => Target::Queue(id.to_string()),
        FlowTarget::Rep(id) => Target::Rep(id.to_string()),
        FlowTarget::Skills(target) => Target::Skills(skills_target(target)),
        FlowTarget::Contact(partner, contact) => Target::ExternalContact(pb::ExternalContactRef {
            partner: partner.to_string(),
            contact: contact.to_string(),
        }),
        FlowTarget::Flow(id) => Target::Flow(id.to_string()),
    };
    pb::FlowDecision {
        target: Some(target),
        set_attributes: d.set_attributes.clone(),
        set_priority: d.set_priority,
    }
}

fn skills_target(target: &SkillsTarget) -> pb::SkillsTarget {
    let wished = target.additional.iter().map(|(skill, wish)| pb::AdditionalSkill {
        skill: Some(level((skill, &wish.level))),
        timeout: Some(span(wish.timeout)),
    });
    pb::SkillsTarget {
        required: target.required.iter().map(level).collect(),
        additional: wished.collect(),
        queue: target.queue.as_ref().map(ToString::to_string).unwrap_or_default(),
    }
}
