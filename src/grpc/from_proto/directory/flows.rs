//! Flows: rules, conditions as text, decisions. Whether a condition holds water is the flow engine's
//! to say, when the flow is saved; here it only has a length.

use std::collections::BTreeMap;

use super::super::fields::{Fields, limits};
use super::super::under;
use super::name;
use crate::domain::flow::{
    Condition, Flow, FlowDecision, FlowRule, FlowTarget, SkillsTarget, WISH_BOUNDS, WishedSkill,
};
use crate::domain::id::{FlowId, QueueId, SkillId};
use crate::domain::time::Span;
use crate::pb;

/// How long a wished-for skill is insisted on, if the flow doesn't say.
const WISH_TIMEOUT: Span = Span::from_secs(30);

/// A flow (R8).
pub fn flow(f: &mut Fields, at: &str, given: &pb::Flow) -> Option<Flow> {
    let id = f.own_id(at, &given.id).or_else(|| {
        // Without an id it is refused, and looked at all the same.
        let instead: FlowId = format!("unnamed-{}", f.faults()).parse().ok()?;
        f.brings(instead.clone(), at);
        Some(instead)
    });
    let name = name(f, at, &given.name, &given.id);
    let rules_at = under(at, "rules");
    f.at_most(&rules_at, given.rules.len(), limits::FLOW_RULES);
    let rules: Vec<_> = given
        .rules
        .iter()
        .take(limits::FLOW_RULES)
        .enumerate()
        .map(|(i, given)| rule(f, &format!("{rules_at}[{i}]"), given))
        .collect();
    let fallback_at = under(at, "fallback");
    let fallback = match &given.fallback {
        Some(given) => decision(f, &fallback_at, given),
        None => {
            f.bad(fallback_at, "isn't given; say where sessions go that no rule matches");
            None
        }
    };
    let fallback = fallback.unwrap_or_else(instead);
    Some(Flow { id: id?, name: name.unwrap_or_default(), rules, fallback })
}

/// A decision in the place of one that is badly stated, so that what is well stated beside it is looked at, too.
fn instead() -> FlowDecision {
    let target = FlowTarget::Queue(QueueId::least());
    FlowDecision { target, set_attributes: BTreeMap::new(), set_priority: None }
}

fn rule(f: &mut Fields, at: &str, given: &pb::FlowRule) -> FlowRule {
    let name = f.text(&under(at, "name"), &given.name, limits::NAME);
    let condition_at = under(at, "condition");
    let condition = f.text(&condition_at, &given.condition, limits::CONDITION);
    if given.condition.trim().is_empty() {
        f.bad(condition_at, "isn't given; write an expression, or `true` for always");
    }
    let decision_at = under(at, "decision");
    let decision = match &given.decision {
        Some(given) => decision(f, &decision_at, given),
        None => {
            f.bad(decision_at, "isn't given; say where the session goes");
            None
        }
    };
    let condition = condition.filter(|text| !text.trim().is_empty());
    FlowRule {
        name: name.unwrap_or_default(),
        condition: Condition::new(condition.as_deref().unwrap_or("false")),
        decision: decision.unwrap_or_else(instead),
    }
}

fn decision(f: &mut Fields, at: &str, given: &pb::FlowDecision) -> Option<FlowDecision> {
    let faults = f.faults();
    let target = target(f, at, given.target.as_ref());
    f.attributes(&under(at, "set_attributes"), &given.set_attributes);
    if f.faults() > faults {
        return None;
    }
    Some(FlowDecision {
        target: target?,
        set_attributes: given.set_attributes.clone(),
        set_priority: given.set_priority,
    })
}

fn target(
    f: &mut Fields,
    at: &str,
    given: Option<&pb::flow_decision::Target>,
) -> Option<FlowTarget> {
    use pb::flow_decision::Target;
    match given {
        Some(Target::Queue(id)) => f.reference(&under(at, "queue"), id).map(FlowTarget::Queue),
        Some(Target::Rep(id)) => f.reference(&under(at, "rep"), id).map(FlowTarget::Rep),
        Some(Target::Flow(id)) => f.reference(&under(at, "flow"), id).map(FlowTarget::Flow),
        Some(Target::Skills(skills)) => {
            let at = under(at, "skills");
            let queue = f.optional_reference(&under(&at, "queue"), &skills.queue);
            skills_target(f, &at, skills, queue).map(FlowTarget::Skills)
        }
        Some(Target::ExternalContact(contact)) => {
            let at = under(at, "external_contact");
            let partner = f.reference(&under(&at, "partner"), &contact.partner);
            // The partner's contacts come and go: whether it has this one is seen when a session goes there.
            let contact = f.id(&under(&at, "contact"), &contact.contact);
            partner.zip(contact).map(|(partner, contact)| FlowTarget::Contact(partner, contact))
        }
        None => {
            f.bad(
                under(at, "target"),
                "isn't given; name a queue, a rep, skills, a flow or an external contact",
            );
            None
        }
    }
}

/// Routing by skills (R4), of reps of `queue`: a flow refers to it, a call chooses it (D1).
pub fn skills_target(
    f: &mut Fields,
    at: &str,
    given: &pb::SkillsTarget,
    queue: Option<Option<QueueId>>,
) -> Option<SkillsTarget> {
    let required_at = under(at, "required");
    if given.required.is_empty() {
        f.bad(&required_at, "is empty; give at least one skill");
    }
    let required = f.levels(&required_at, &given.required, limits::TARGET_SKILLS);
    let additional = wished(f, &under(at, "additional"), &given.additional);
    Some(SkillsTarget { required, additional, queue: queue? })
}

/// Skills wished for (R4).
pub fn wished(
    f: &mut Fields,
    at: &str,
    given: &[pb::AdditionalSkill],
) -> BTreeMap<SkillId, WishedSkill> {
    f.at_most(at, given.len(), limits::TARGET_SKILLS);
    let mut wished = BTreeMap::new();
    for (i, given) in given.iter().enumerate().take(limits::TARGET_SKILLS) {
        let at = format!("{at}[{i}]");
        let Some(skill) = &given.skill else {
            f.bad(under(&at, "skill"), "isn't given");
            continue;
        };
        let level = f.level(&under(&at, "skill"), skill);
        let timeout = given.timeout.as_ref();
        let timeout = f.span(&under(&at, "timeout"), timeout, WISH_BOUNDS, WISH_TIMEOUT);
        let Some(((id, level), timeout)) = level.zip(timeout) else { continue };
        if wished.insert(id, WishedSkill { level, timeout }).is_some() {
            f.bad(under(&at, "skill.skill"), "is there already; give each skill once");
        }
    }
    wished
}
