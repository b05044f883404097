//! Images of skills, queues and flows ↔ domain values. Used by the codec alone.

use super::super::JournalError;
use super::directory::{from_weight, to_weight};
use super::enums::{Stored, all};
use super::field::{
    by_name, by_text, name, name_or_none, names, span, span_ms, text, texts, there,
};
use super::stored;
use crate::domain::directory::{Overflow, Queue, RoutingModel, Skill};
use crate::domain::flow::{
    Condition, Flow, FlowDecision, FlowRule, FlowTarget, SkillsTarget, WishedSkill,
};
use crate::domain::id::{FlowId, QueueId, SkillId};
use crate::domain::time::Span;

type Read<T> = Result<T, JournalError>;

pub(super) fn from_skill(s: &Skill) -> stored::Skill {
    stored::Skill { name: s.name.clone() }
}

pub(super) fn to_skill(id: SkillId, s: stored::Skill) -> Skill {
    Skill { id, name: s.name }
}

pub(super) fn from_queue(q: &Queue) -> stored::Queue {
    stored::Queue {
        name: q.name.clone(),
        reps: texts(&q.reps),
        channel_types: q.channel_types.iter().map(|t| t.to_stored()).collect(),
        model: q.model.to_stored(),
        weight: q.weight.map(from_weight),
        push_timeout_ms: span_ms(q.push_timeout),
        overflow: q.overflow.as_ref().map(|o| stored::Overflow {
            max_length: o.max_length,
            max_wait_ms: span_ms(o.max_wait),
            queue: o.queue.to_string(),
        }),
        max_length: q.max_length,
        default_priority: q.default_priority,
    }
}

pub(super) fn to_queue(id: QueueId, q: stored::Queue) -> Read<Queue> {
    let overflow = |o: stored::Overflow| {
        Ok(Overflow {
            max_length: o.max_length,
            max_wait: span(o.max_wait_ms),
            queue: name(&o.queue)?,
        })
    };
    Ok(Queue {
        id,
        name: q.name,
        reps: names(&q.reps)?,
        channel_types: all(&q.channel_types)?,
        model: RoutingModel::from_stored(q.model)?,
        weight: q.weight.as_ref().map(to_weight).transpose()?,
        push_timeout: span(q.push_timeout_ms),
        overflow: q.overflow.map(overflow).transpose()?,
        max_length: q.max_length,
        default_priority: q.default_priority,
    })
}

pub(super) fn from_flow(f: &Flow) -> stored::Flow {
    let rule = |rule: &FlowRule| stored::FlowRule {
        name: rule.name.clone(),
        condition: rule.condition.source().to_owned(),
        decision: Some(from_decision(&rule.decision)),
    };
    stored::Flow {
        name: f.name.clone(),
        rules: f.rules.iter().map(rule).collect(),
        fallback: Some(from_decision(&f.fallback)),
    }
}

pub(super) fn to_flow(id: FlowId, f: stored::Flow) -> Read<Flow> {
    let rule = |rule: stored::FlowRule| {
        Ok(FlowRule {
            name: rule.name,
            condition: Condition::new(&rule.condition),
            decision: to_decision(there(rule.decision, "a rule's decision")?)?,
        })
    };
    Ok(Flow {
        id,
        name: f.name,
        rules: f.rules.into_iter().map(rule).collect::<Read<_>>()?,
        fallback: to_decision(there(f.fallback, "a flow's fallback")?)?,
    })
}

fn from_decision(d: &FlowDecision) -> stored::FlowDecision {
    use stored::flow_decision::Target;
    let target = match &d.target {
        FlowTarget::Queue(id) => Target::Queue(id.to_string()),
        FlowTarget::Rep(id) => Target::Rep(id.to_string()),
        FlowTarget::Skills(skills) => Target::Skills(from_skills(skills)),
        FlowTarget::Contact(partner, contact) => Target::Contact(stored::ContactTarget {
            partner: partner.to_string(),
            contact: contact.to_string(),
        }),
        FlowTarget::Flow(id) => Target::Flow(id.to_string()),
    };
    stored::FlowDecision {
        target: Some(target),
        set_attributes: d.set_attributes.clone(),
        set_priority: d.set_priority,
    }
}

fn to_decision(d: stored::FlowDecision) -> Read<FlowDecision> {
    use stored::flow_decision::Target;
    let target = match there(d.target, "a decision's target")? {
        Target::Queue(id) => FlowTarget::Queue(name(&id)?),
        Target::Rep(id) => FlowTarget::Rep(name(&id)?),
        Target::Skills(skills) => FlowTarget::Skills(to_skills(&skills)?),
        Target::Contact(c) => FlowTarget::Contact(name(&c.partner)?, name(&c.contact)?),
        Target::Flow(id) => FlowTarget::Flow(name(&id)?),
    };
    Ok(FlowDecision { target, set_attributes: d.set_attributes, set_priority: d.set_priority })
}

fn from_skills(s: &SkillsTarget) -> stored::SkillsTarget {
    let wished =
        |w: &WishedSkill| stored::WishedSkill { level: w.level, timeout_ms: w.timeout.as_ms() };
    stored::SkillsTarget {
        required: by_text(&s.required),
        additional: s.additional.iter().map(|(id, w)| (id.to_string(), wished(w))).collect(),
        queue: text(s.queue.as_ref()),
    }
}

fn to_skills(s: &stored::SkillsTarget) -> Read<SkillsTarget> {
    let wished = |(id, w): (&String, &stored::WishedSkill)| {
        let wish = WishedSkill { level: w.level, timeout: Span::from_ms(w.timeout_ms) };
        Ok((name(id)?, wish))
    };
    Ok(SkillsTarget {
        required: by_name(&s.required)?,
        additional: s.additional.iter().map(wished).collect::<Read<_>>()?,
        queue: name_or_none(&s.queue)?,
    })
}
