//! What a run looks at: the session, its channel, the time, and queues on demand. It doesn't say
//! where the figures come from; `run` and the engine's callers fill them in.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::directory::ChannelType;
use crate::domain::id::{FlowId, QueueId};

use super::clock::LocalTime;
use super::definition::Flow;

/// The facts of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// `channel.id` and `session.channel`.
    pub channel: String,
    /// `channel.type`.
    pub channel_type: ChannelType,
    /// `session.attributes` (O3).
    pub attributes: Arc<BTreeMap<String, String>>,
    /// `session.priority`; lower goes first (R2).
    pub priority: u32,
    /// `session.age_seconds`: since the session was opened.
    pub age_seconds: u64,
    /// `session.transfers`: how many were asked for, this one included.
    pub transfers: u32,
    /// `session.transferred`: whether the run routes a transfer, not a new session (R10).
    pub transferred: bool,
    /// `time`.
    pub time: LocalTime,
}

/// The state of a queue as conditions see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QueueFacts {
    /// Sessions waiting.
    pub length: u32,
    /// Reps with room for the session's channel type.
    pub available_reps: u32,
    /// Members who are signed in.
    pub signed_in_reps: u32,
    /// The estimated wait in seconds; `None`: none is shown (E1).
    pub estimated_wait_seconds: Option<u64>,
    /// Age of the oldest waiting session in seconds; 0 if nobody waits.
    pub oldest_wait_seconds: u64,
}

/// What a run asks for only when it needs it.
pub trait Lookups {
    /// A queue's state; asked at most once in a run, and only for queues that a condition names.
    fn queue(&self, id: &QueueId) -> Option<QueueFacts>;
    /// A flow that is gone on with.
    fn flow(&self, id: &FlowId) -> Option<Arc<Flow>>;
}
