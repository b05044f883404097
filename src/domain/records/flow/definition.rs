//! What a flow is: rules, decisions, targets, and how large they may be. Values only.

use std::collections::BTreeMap;

use minicbor::{Decode, Encode};

use super::condition::Condition;
use crate::domain::id::{ContactId, FlowId, PartnerId, QueueId, RepId, SkillId};
use crate::domain::time::Span;

/// Rules that a flow may have.
pub const RULES_MAX: usize = 256;
/// Flows that a run may enter, the first included.
pub const FLOWS_MAX: usize = 8;
/// Bytes of a name.
pub const NAME_BYTES: usize = 256;
/// Skills that a decision may require, and may wish for (R4).
pub const SKILLS_MAX: usize = 16;
/// The highest level of a skill; the lowest is 0.
pub const LEVEL_MAX: u32 = 100;
/// How short and how long a skill may be wished for (R4).
pub const WISH_BOUNDS: (Span, Span) = (Span::from_secs(5), Span::from_secs(86_400));
/// Steps that a trace keeps.
pub const TRACE_STEPS: usize = 64;

/// A routing flow.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Flow {
    /// The caller's own id.
    #[n(0)]
    pub id: FlowId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// The first that matches decides. At most 256.
    #[n(2)]
    pub rules: Vec<FlowRule>,
    /// What happens when none does.
    #[n(3)]
    pub fallback: FlowDecision,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FlowRule {
    /// What traces call it; empty: its position.
    #[n(0)]
    pub name: String,
    /// When it matches.
    #[n(1)]
    pub condition: Condition,
    /// What it decides.
    #[n(2)]
    pub decision: FlowDecision,
}

/// What a rule decides.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FlowDecision {
    /// Where the session goes.
    #[n(0)]
    pub target: FlowTarget,
    /// Attributes set on the session, over those it has (O3).
    #[n(1)]
    pub set_attributes: BTreeMap<String, String>,
    /// Priority set on the session.
    #[n(2)]
    pub set_priority: Option<u32>,
}

/// Where a flow sends a session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum FlowTarget {
    /// To a queue.
    #[n(0)]
    Queue(#[n(0)] QueueId),
    /// To a rep (T10).
    #[n(1)]
    Rep(#[n(0)] RepId),
    /// To any rep of a queue with these skills (R4).
    #[n(2)]
    Skills(#[n(0)] SkillsTarget),
    /// To a partner's contact (T12).
    #[n(3)]
    Contact(#[n(0)] PartnerId, #[n(1)] ContactId),
    /// On into another flow, at most 8 in a row.
    #[n(4)]
    Flow(#[n(0)] FlowId),
}

/// Routing by skills (R4).
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct SkillsTarget {
    /// Must all be met: minimum levels, 0–100.
    #[n(0)]
    pub required: BTreeMap<SkillId, u32>,
    /// Wished for, and dropped in time.
    #[n(1)]
    pub additional: BTreeMap<SkillId, WishedSkill>,
    /// The queue it waits in; `None`: the channel's fallback queue.
    #[n(2)]
    pub queue: Option<QueueId>,
}

/// A skill wished for (R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct WishedSkill {
    /// The minimum level, 0–100.
    #[n(0)]
    pub level: u32,
    /// How long it is insisted on after the session began to wait, 5 s – 24 h.
    #[n(1)]
    pub timeout: Span,
}
