//! How much one org may have (D1). The numbers are the server's and come with each request, so that a decision stays a
//! function of its arguments. What they bound is counted by the state and checked where it is added; what comes back (R9),
//! and what is there already, is never refused for them.

use super::rejection::{Reason, Rejection};

/// The limits of an org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrgLimits {
    /// Sessions that haven't ended.
    pub sessions: u32,
    /// Reps.
    pub reps: u32,
    /// Queues.
    pub queues: u32,
    /// Contacts of one partner.
    pub contacts_per_partner: u32,
}

impl OrgLimits {
    /// None: for what Baton does by itself.
    pub const UNBOUNDED: Self = Self {
        sessions: u32::MAX,
        reps: u32::MAX,
        queues: u32::MAX,
        contacts_per_partner: u32::MAX,
    };

    /// A refusal about what `kind` `id` has, for the limit of this name.
    #[must_use]
    pub fn exceeded(
        (kind, id): (&'static str, &str),
        (name, allowed): (&'static str, u32),
        message: String,
    ) -> Rejection {
        let refused = Rejection::new(Reason::LimitExceeded, kind, id, message);
        refused.with("limit", name).with("allowed", allowed)
    }
}

impl Default for OrgLimits {
    /// What holds where the access file says nothing else.
    fn default() -> Self {
        Self { sessions: 200_000, reps: 100_000, queues: 10_000, contacts_per_partner: 200_000 }
    }
}
