//! Finds every mistake in a flow at once, before it is saved (R8): sizes, conditions, loops. The org's records are behind
//! [`World`]; whether what decisions name is there, whether the org's settings allow a kind of target, and how faults
//! become errors, is the caller's.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::domain::attributes::{self, Attributes};
use crate::domain::id::{FlowId, PartnerId, QueueId, SkillId};

use super::condition::Condition;
use super::cost;
use super::definition::{
    FLOWS_MAX, Flow, FlowDecision, FlowTarget, LEVEL_MAX, NAME_BYTES, RULES_MAX, SKILLS_MAX,
    SkillsTarget, WISH_BOUNDS,
};

/// A mistake in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field, such as `rules[2].condition`.
    pub path: String,
    /// Line and column within a condition, each from 1.
    pub at: Option<(u32, u32)>,
    /// What is wrong, and how to mend it.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.at {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.path, self.why),
            None => write!(f, "{}: {}", self.path, self.why),
        }
    }
}

/// What an org has, as far as flows name it. A flow that is about to be saved answers for itself:
/// `flow` isn't asked for the one that is checked.
pub trait World {
    /// Is there a queue of this id, for a condition to look at?
    fn has_queue(&self, id: &QueueId) -> bool;
    /// Is there a partner of this id? Its contacts come and go, and aren't checked.
    fn has_partner(&self, id: &PartnerId) -> bool;
    /// The flow of this id.
    fn flow(&self, id: &FlowId) -> Option<Arc<Flow>>;
}

struct Checker<'c> {
    world: &'c dyn World,
    flow: &'c Flow,
    faults: Vec<Fault>,
}

/// Every mistake in a flow, in the order of its fields; none: it can be saved.
#[must_use]
pub fn check(flow: &Flow, world: &dyn World) -> Vec<Fault> {
    let mut checker = Checker { world, flow, faults: Vec::new() };
    checker.name("name", &flow.name);
    if flow.rules.len() > RULES_MAX {
        let rules = flow.rules.len();
        checker.fault("rules", format!("has {rules} rules; at most {RULES_MAX} are allowed"));
        return checker.faults;
    }
    let mut cost = 0_u32;
    for (index, rule) in flow.rules.iter().enumerate() {
        checker.name(&format!("rules[{index}].name"), &rule.name);
        cost = cost.saturating_add(checker.condition(index, &rule.condition));
        checker.decision(&format!("rules[{index}].decision"), &rule.decision);
    }
    checker.decision("fallback", &flow.fallback);
    if cost > cost::FLOW_MAX {
        let most = cost::FLOW_MAX;
        let why = format!(
            "the conditions cost up to {cost} steps together; at most {most} are allowed; split \
             the flow"
        );
        checker.fault("rules", why);
    }
    checker.chains();
    checker.faults
}

/// Only the loops and chains that go on from a flow: asked of flows that lead to one that is about to
/// be saved, because its way on is theirs too.
#[must_use]
pub fn check_chains(flow: &Flow, world: &dyn World) -> Vec<Fault> {
    let mut checker = Checker { world, flow, faults: Vec::new() };
    checker.chains();
    checker.faults
}

impl Checker<'_> {
    fn fault(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.faults.push(Fault { path: path.into(), at: None, why: why.into() });
    }

    fn name(&mut self, path: &str, name: &str) {
        if name.len() > NAME_BYTES {
            let bytes = name.len();
            self.fault(path, format!("is {bytes} bytes long; at most {NAME_BYTES} are allowed"));
        }
    }

    /// Checks a condition, and says what it costs.
    fn condition(&mut self, rule: usize, condition: &Condition) -> u32 {
        let (path, source) = (format!("rules[{rule}].condition"), condition.source());
        let mut found = Vec::new();
        let cost = match condition.compiled() {
            Err(mistakes) => {
                found.extend(mistakes.iter().cloned());
                0
            }
            Ok(compiled) => {
                let unknown = compiled.queues.iter().filter(|(id, _)| !self.world.has_queue(id));
                found.extend(unknown.map(|(id, at)| {
                    super::mistake::Mistake::new(*at, format!("there is no queue `{id}`"))
                }));
                compiled.cost
            }
        };
        self.faults.extend(found.into_iter().map(|mistake| Fault {
            path: path.clone(),
            at: Some(mistake.place(source)),
            why: mistake.why,
        }));
        cost
    }

    fn decision(&mut self, path: &str, decision: &FlowDecision) {
        match &decision.target {
            FlowTarget::Skills(skills) => self.skills(&format!("{path}.skills"), skills),
            FlowTarget::Contact(id, _) if !self.world.has_partner(id) => {
                let path = format!("{path}.external_contact.partner");
                self.fault(path, format!("there is no partner `{id}`"));
            }
            _ => {}
        }
        self.attributes(&format!("{path}.set_attributes"), &decision.set_attributes);
    }

    fn skills(&mut self, path: &str, skills: &SkillsTarget) {
        if skills.required.is_empty() {
            self.fault(format!("{path}.required"), "is empty; require at least one skill");
        }
        let sizes = [("required", skills.required.len()), ("additional", skills.additional.len())];
        for (field, count) in sizes {
            if count > SKILLS_MAX {
                let why = format!("has {count} skills; at most {SKILLS_MAX} are allowed");
                self.fault(format!("{path}.{field}"), why);
            }
        }
        for (id, level) in &skills.required {
            self.skill(&format!("{path}.required"), id, *level);
        }
        let (shortest, longest) = WISH_BOUNDS;
        for (id, wish) in &skills.additional {
            let path = format!("{path}.additional");
            self.skill(&path, id, wish.level);
            if !(shortest..=longest).contains(&wish.timeout) {
                let ms = wish.timeout.as_ms();
                let why = format!("`{id}` is wished for {ms} ms long; give 5 s to 24 h");
                self.fault(path, why);
            }
        }
    }

    fn skill(&mut self, path: &str, id: &SkillId, level: u32) {
        if level > LEVEL_MAX {
            self.fault(path, format!("`{id}` has level {level}; give 0 to {LEVEL_MAX}"));
        }
    }

    fn attributes(&mut self, path: &str, given: &Attributes) {
        for fault in attributes::faults(path, given) {
            self.fault(fault.field, fault.why);
        }
    }

    /// Follows the flows that this one leads to.
    fn chains(&mut self) {
        let flow = self.flow;
        let (way, depths) = (Vec::new(), BTreeMap::new());
        let mut walk = Walk { first: flow, world: self.world, way, depths };
        for (path, target) in targets(flow) {
            let FlowTarget::Flow(next) = target else { continue };
            walk.way = vec![flow.id.clone()];
            if let Err(why) = walk.depth(next) {
                self.fault(format!("{path}.flow"), why);
            }
        }
    }
}

/// Where a flow leads, each with its path.
fn targets(flow: &Flow) -> impl Iterator<Item = (String, &FlowTarget)> {
    let rules = flow.rules.iter().enumerate();
    let rules =
        rules.map(|(index, rule)| (format!("rules[{index}].decision"), &rule.decision.target));
    rules.chain([("fallback".to_owned(), &flow.fallback.target)])
}

/// A walk from flow to flow. It visits each once: how many flows follow one another from there on is
/// remembered, so that many flows that lead to many don't multiply.
struct Walk<'w> {
    first: &'w Flow,
    world: &'w dyn World,
    way: Vec<FlowId>,
    depths: BTreeMap<FlowId, usize>,
}

impl Walk<'_> {
    /// How many flows follow one another from this one on, itself included.
    fn depth(&mut self, id: &FlowId) -> Result<usize, String> {
        if let Some(start) = self.way.iter().position(|before| before == id) {
            let round = self.way[start..].iter().chain([id]).map(FlowId::as_str);
            let round: Vec<&str> = round.collect();
            return Err(format!("leads round in a circle: {}", round.join(" → ")));
        }
        let known = self.depths.get(id).copied();
        if self.way.len() + known.unwrap_or(1) > FLOWS_MAX {
            let way: Vec<&str> = self.way.iter().chain([id]).map(FlowId::as_str).collect();
            let more = if known.is_some_and(|depth| depth > 1) { " → …" } else { "" };
            return Err(format!(
                "more than {FLOWS_MAX} flows follow one another: {}{more}",
                way.join(" → ")
            ));
        }
        if let Some(known) = known {
            return Ok(known);
        }
        let found = if *id == self.first.id { None } else { self.world.flow(id) };
        // A flow that isn't there is another fault.
        let Some(flow) = found else { return Ok(0) };
        self.way.push(id.clone());
        let mut deepest = 0;
        for (_, target) in targets(&flow) {
            if let FlowTarget::Flow(next) = target {
                deepest = deepest.max(self.depth(next)?);
            }
        }
        self.way.pop();
        self.depths.insert(id.clone(), deepest + 1);
        Ok(deepest + 1)
    }
}
