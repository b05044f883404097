//! What can be set about the engine, with defaults. Values only.

use crate::domain::time::Span;

/// The engine's settings.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Requests that may wait per org; more are turned away.
    pub mailbox: usize,
    /// Orgs that one replica serves at once.
    pub max_orgs: usize,
    /// Recent entries kept per org for watchers.
    pub recent_entries: usize,
    /// How long a read waits for the revision that it asks for.
    pub read_wait: Span,
    /// How long a batch whose answer is lost is sent again, all tries included.
    pub commit_deadline: Span,
    /// How often a request is decided before it is given up as contended.
    pub attempts: u32,
    /// How often a match is tried again that others keep getting ahead of.
    pub settle_attempts: u32,
    /// How often every rep is looked at for work that settling missed.
    pub sweep_every: Span,
    /// How often lapsed leases are asked for.
    pub lease_poll: Span,
    /// How much later than due this replica acts on deadlines at most, so that replicas don't
    /// collide. Nothing when there is one replica.
    pub timer_jitter: Span,
    /// Whether others may write to the journal, so that it has to be followed.
    pub follow: bool,
    /// Where random bits start; `None`: the operating system's.
    pub seed: Option<u64>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            mailbox: 4_096,
            max_orgs: 1_024,
            recent_entries: 4_096,
            read_wait: Span::from_secs(2),
            commit_deadline: Span::from_secs(3),
            attempts: 8,
            settle_attempts: 32,
            sweep_every: Span::from_secs(30),
            lease_poll: Span::from_secs(1),
            timer_jitter: Span::from_ms(500),
            follow: true,
            seed: None,
        }
    }
}

impl EngineOptions {
    /// For the only replica of an in-process journal: nobody to follow and nobody to collide with.
    #[must_use]
    pub fn embedded() -> Self {
        Self { timer_jitter: Span::from_ms(0), follow: false, ..Self::default() }
    }
}
