//! Routing flows (R8): ordered rules, each a condition and a decision, with a fallback. What a flow
//! is stands in `definition`. `condition` compiles what a rule says, `check` finds every mistake before a flow is saved,
//! `run` decides with it, `clock` knows an org's local time. Nothing here looks a record up: callers
//! hand in what they know ([`World`], [`Lookups`], [`Facts`]).

mod check;
mod clock;
mod condition;
mod cost;
mod definition;
mod eval;
mod explain;
mod facts;
mod mistake;
mod run;
mod scan;
mod spelling;
mod tree;
mod typing;
mod words;

#[cfg(test)]
mod tests;

pub use check::{Fault, World, check, check_chains};
pub use clock::{LocalTime, OrgClock, check_zone};
pub use condition::Condition;
pub use definition::{
    FLOWS_MAX, Flow, FlowDecision, FlowRule, FlowTarget, LEVEL_MAX, NAME_BYTES, RULES_MAX,
    SKILLS_MAX, SkillsTarget, TRACE_STEPS, WISH_BOUNDS, WishedSkill,
};
pub use facts::{Facts, Lookups, QueueFacts};
pub use run::{Outcome, Run, Trace, TraceStep, run};
pub use scan::CONDITION_BYTES;
