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
    /// How often in a row a request may lose against others before it is given up as contended.
    pub attempts: u32,
    /// How often lapsed leases are asked for.
    pub lease_poll: Span,
    /// How much later than due this replica acts on deadlines at most, so that replicas don't
    /// collide. Nothing when there is one replica.
    pub timer_jitter: Span,
    /// Whether others may write to the journal, so that it has to be followed.
    pub follow: bool,
    /// How long a request or a read waits for its answer, unless whoever asks says less.
    pub patience: Span,
    /// How often this replica asks the store whether it takes writes, says which orgs it looks after, and
    /// looks for those that nobody does.
    pub pulse: Span,
    /// After so long without a word from a replica others look after its orgs.
    pub away: Span,
    /// An org that nobody has used or watched for so long is unloaded, if nothing is about to be due.
    pub idle: Span,
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
            attempts: 16,
            lease_poll: Span::from_secs(1),
            timer_jitter: Span::from_ms(500),
            follow: true,
            patience: Span::from_secs(10),
            pulse: Span::from_secs(1),
            away: Span::from_secs(4),
            idle: Span::from_secs(600),
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
