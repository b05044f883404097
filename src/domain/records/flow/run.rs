//! A run of a flow (R8): the first rule that matches decides, sub-flows go on from there, and every
//! rule looked at leaves a step in the trace. A run always ends: it enters at most [`FLOWS_MAX`] flows,
//! and each condition's cost was bounded when it was compiled. The engine's callers apply the outcome.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::domain::attributes;
use crate::domain::id::FlowId;

use super::condition::Condition;
use super::definition::{FLOWS_MAX, Flow, FlowDecision, FlowTarget, TRACE_STEPS};
use super::eval::{QueuesSeen, Scope, verdict};
use super::explain::{WHY_BYTES, shorten, why};
use super::facts::{Facts, Lookups};

/// Steps that are kept back for the rules that match and for the fallbacks.
const KEPT_BACK: usize = 2 * FLOWS_MAX;

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What came out.
    pub outcome: Outcome,
    /// Why.
    pub trace: Trace,
}

/// What a run decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The decision: its target is never a flow, its attributes and priority are all that were set
    /// along the way. `None`: the flow led nowhere, which a checked flow doesn't.
    pub decision: Option<FlowDecision>,
    /// The session's attributes after the run, within the bounds of O3.
    pub attributes: Arc<BTreeMap<String, String>>,
}

/// The rules that a run looked at, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Trace {
    /// At most 64 steps; those of rules that matched are never left out.
    #[n(0)]
    pub steps: Vec<TraceStep>,
    /// Rules that didn't match and were left out; the last step says so too.
    #[n(1)]
    pub left_out: usize,
}

impl Trace {
    /// Only the steps that matched: the way that was taken.
    #[must_use]
    pub fn taken(&self) -> Self {
        let steps = self.steps.iter().filter(|step| step.matched).cloned().collect();
        Self { steps, left_out: self.left_out }
    }
}

/// One rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct TraceStep {
    /// The flow.
    #[n(0)]
    pub flow: FlowId,
    /// The rule's position, from 0; `None`: the fallback.
    #[n(1)]
    pub rule: Option<u32>,
    /// The rule's name; empty if it has none.
    #[n(2)]
    pub name: String,
    /// Did it match?
    #[n(3)]
    pub matched: bool,
    /// Why, or why not, for people; at most 200 bytes.
    #[n(4)]
    pub why: String,
}

struct Runner<'r> {
    facts: &'r Facts,
    lookups: &'r dyn Lookups,
    attributes: Arc<BTreeMap<String, String>>,
    priority: u32,
    set_attributes: BTreeMap<String, String>,
    set_priority: Option<u32>,
    seen: QueuesSeen,
    trace: Trace,
}

/// Runs a flow over these facts.
#[must_use]
pub fn run(flow: &Flow, facts: &Facts, lookups: &dyn Lookups) -> Run {
    let mut runner = Runner {
        facts,
        lookups,
        attributes: Arc::clone(&facts.attributes),
        priority: facts.priority,
        set_attributes: BTreeMap::new(),
        set_priority: None,
        seen: RefCell::new(BTreeMap::new()),
        trace: Trace::default(),
    };
    let mut entered: Option<Arc<Flow>> = None;
    let mut stuck = format!("more than {FLOWS_MAX} flows were entered");
    for _ in 0..FLOWS_MAX {
        let decision = runner.decide(entered.as_deref().unwrap_or(flow)).clone();
        runner.set(&decision);
        match decision.target {
            FlowTarget::Flow(next) => {
                entered = lookups.flow(&next);
                if entered.is_none() {
                    stuck = format!("there is no flow `{next}`");
                    break;
                }
            }
            target => return runner.finish(Some(target)),
        }
    }
    runner.give_up(flow, &stuck)
}

impl Runner<'_> {
    /// What the first rule that matches decides, else the fallback.
    fn decide<'f>(&mut self, flow: &'f Flow) -> &'f FlowDecision {
        for (rule, number) in flow.rules.iter().zip(0_u32..) {
            if self.looks(flow, number, &rule.condition, &rule.name) {
                return &rule.decision;
            }
        }
        self.step(flow, None, "", true, "no rule matched".to_owned());
        &flow.fallback
    }

    /// Does this rule match? Leaves a step.
    fn looks(&mut self, flow: &Flow, number: u32, condition: &Condition, name: &str) -> bool {
        let compiled = match condition.compiled() {
            Ok(compiled) => compiled,
            Err(mistakes) => {
                let first = mistakes.first().map_or("", |mistake| mistake.why.as_str());
                let mut why = format!("the condition can't be read: {first}");
                shorten(&mut why, WHY_BYTES);
                self.step(flow, Some(number), name, false, why);
                return false;
            }
        };
        let scope = Scope {
            facts: self.facts,
            attributes: &self.attributes,
            priority: self.priority,
            lookups: self.lookups,
            seen: &self.seen,
            queues: &compiled.queues,
        };
        let verdict = verdict(compiled, scope);
        // A condition that can't be told doesn't match.
        let matched = verdict.holds == Ok(true);
        if matched || self.has_room() {
            let why = why(compiled, scope, &verdict);
            self.step(flow, Some(number), name, matched, why);
        } else {
            self.trace.left_out += 1;
        }
        matched
    }

    /// For another rule that doesn't match?
    fn has_room(&self) -> bool {
        self.trace.steps.len() < TRACE_STEPS - KEPT_BACK
    }

    fn step(&mut self, flow: &Flow, rule: Option<u32>, name: &str, matched: bool, why: String) {
        if !matched && rule.is_some() && !self.has_room() {
            self.trace.left_out += 1;
            return;
        }
        let (flow, name) = (flow.id.clone(), name.to_owned());
        self.trace.steps.push(TraceStep { flow, rule, name, matched, why });
    }

    /// Sets what a decision sets, as far as the bounds of O3 allow: later conditions see it.
    fn set(&mut self, decision: &FlowDecision) {
        if let Some(priority) = decision.set_priority {
            self.priority = priority;
            self.set_priority = Some(priority);
        }
        let mut bytes: usize =
            self.attributes.iter().map(|(key, value)| key.len() + value.len()).sum();
        for (key, value) in &decision.set_attributes {
            let old = self.attributes.get(key);
            let without = bytes - old.map_or(0, |old| key.len() + old.len());
            let more = usize::from(old.is_none());
            let after = without + key.len() + value.len();
            if self.attributes.len() + more > attributes::MOST || after > attributes::MOST_BYTES {
                self.note(&format!("attribute `{key}` is not set: the session has no room for it"));
                continue;
            }
            bytes = after;
            Arc::make_mut(&mut self.attributes).insert(key.clone(), value.clone());
            self.set_attributes.insert(key.clone(), value.clone());
        }
    }

    /// Adds something to what the last step says.
    fn note(&mut self, what: &str) {
        let Some(step) = self.trace.steps.last_mut() else { return };
        let mut what = what.to_owned();
        shorten(&mut what, WHY_BYTES / 2);
        shorten(&mut step.why, WHY_BYTES - what.len() - 2);
        step.why.push_str("; ");
        step.why.push_str(&what);
    }

    /// A flow that was never checked leads round in circles or to a flow that isn't there: then the
    /// fallback of the first flow counts, if it leads anywhere.
    fn give_up(mut self, flow: &Flow, why: &str) -> Run {
        let leads_on = matches!(flow.fallback.target, FlowTarget::Flow(_));
        let then = if leads_on { "leads to a flow too" } else { "decides" };
        let mut why = format!("{why}; the fallback of the first flow {then}");
        shorten(&mut why, WHY_BYTES);
        self.step(flow, None, "", !leads_on, why);
        if leads_on {
            return self.finish(None);
        }
        self.set(&flow.fallback);
        self.finish(Some(flow.fallback.target.clone()))
    }

    fn finish(mut self, target: Option<FlowTarget>) -> Run {
        if self.trace.left_out > 0 {
            self.note(&format!("{} rules that didn't match are left out", self.trace.left_out));
        }
        let (set_attributes, set_priority) = (self.set_attributes, self.set_priority);
        let decision = target.map(|target| FlowDecision { target, set_attributes, set_priority });
        Run { outcome: Outcome { decision, attributes: self.attributes }, trace: self.trace }
    }
}
