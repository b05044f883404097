//! Routing flows (R8): ordered rules, each a condition and a decision, with a fallback. The values are
//! here. `condition` compiles what a rule says, `check` finds every mistake before a flow is saved,
//! `run` decides with it, `clock` knows an org's local time. Nothing here looks a record up: callers
//! hand in what they know ([`World`], [`Lookups`], [`Facts`]).

mod check;
mod clock;
mod condition;
mod cost;
mod eval;
mod explain;
mod facts;
mod run;
mod scan;
mod spelling;
mod tree;
mod typing;
mod words;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use check::{Fault, World, check, check_chains};
pub use clock::{LocalTime, OrgClock, check_zone};
pub use condition::Condition;
pub use facts::{Facts, Lookups, QueueFacts};
pub use run::{Outcome, Run, Trace, TraceStep, run};

use super::id::{ContactId, FlowId, PartnerId, QueueId, RepId, SkillId};
use super::time::Span;

/// Rules that a flow may have.
pub const RULES_MAX: usize = 256;
/// Flows that a run may enter, the first included.
pub const FLOWS_MAX: usize = 8;
/// Bytes of a name.
pub const NAME_BYTES: usize = 256;
/// Bytes of a condition.
pub const CONDITION_BYTES: usize = 2_048;
/// Skills that a decision may require, and may wish for (R4).
pub const SKILLS_MAX: usize = 16;
/// The highest level of a skill; the lowest is 0.
pub const LEVEL_MAX: u32 = 100;
/// How short and how long a skill may be wished for (R4).
pub const WISH_BOUNDS: (Span, Span) = (Span::from_secs(5), Span::from_secs(86_400));
/// Steps that a trace keeps.
pub const TRACE_STEPS: usize = 64;

/// A routing flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// The caller's own id.
    pub id: FlowId,
    /// What people read.
    pub name: String,
    /// The first that matches decides. At most 256.
    pub rules: Vec<FlowRule>,
    /// What happens when none does.
    pub fallback: FlowDecision,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowRule {
    /// What traces call it; empty: its position.
    pub name: String,
    /// When it matches.
    pub condition: Condition,
    /// What it decides.
    pub decision: FlowDecision,
}

/// What a rule decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowDecision {
    /// Where the session goes.
    pub target: FlowTarget,
    /// Attributes set on the session, over those it has (O3).
    pub set_attributes: BTreeMap<String, String>,
    /// Priority set on the session.
    pub set_priority: Option<u32>,
}

/// Where a flow sends a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlowTarget {
    /// To a queue.
    Queue(QueueId),
    /// To a rep (T10).
    Rep(RepId),
    /// To any rep of a queue with these skills (R4).
    Skills(SkillsTarget),
    /// To a partner's contact (T12).
    Contact(PartnerId, ContactId),
    /// On into another flow, at most 8 in a row.
    Flow(FlowId),
}

/// Routing by skills (R4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SkillsTarget {
    /// Must all be met: minimum levels, 0–100.
    pub required: BTreeMap<SkillId, u32>,
    /// Wished for, and dropped in time.
    pub additional: BTreeMap<SkillId, WishedSkill>,
    /// The queue it waits in; `None`: the channel's fallback queue.
    pub queue: Option<QueueId>,
}

/// A skill wished for (R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WishedSkill {
    /// The minimum level, 0–100.
    pub level: u32,
    /// How long it is insisted on after the session began to wait, 5 s – 24 h.
    pub timeout: Span,
}
