//! The request of the WatchService.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::fields::{Fields, limits};
use crate::domain::entry::Revision;
use crate::domain::id::{ChannelId, PartnerId, QueueId, RepId, SessionId, TransferId};
use crate::domain::live::Actor;
use crate::domain::scope::{Narrowing, Viewer};
use crate::domain::time::Span;
use crate::grpc::status::Problem;
use crate::grpc::to_proto::Content;
use crate::pb;

/// A kind of object that can be watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Live states of reps.
    Rep,
    /// Sessions.
    Session,
    /// Transfers.
    Transfer,
    /// Work.
    Work,
    /// Live states of queues.
    Queue,
    /// Hand-offs.
    Handoff,
    /// Routing requests.
    RoutingRequest,
    /// How partners do.
    Partner,
}

impl Kind {
    /// Is it about partners, and nobody else's to watch than theirs and who runs the org?
    #[must_use]
    pub const fn is_of_partners(self) -> bool {
        matches!(self, Self::Handoff | Self::RoutingRequest | Self::Partner)
    }
}

/// Somebody who sees a part of the org alone.
#[derive(Debug, Clone)]
pub struct LimitedViewer {
    /// Who.
    pub actor: Actor,
    /// What its credential is narrowed to.
    pub narrowing: Option<Arc<Narrowing>>,
}

impl LimitedViewer {
    /// The same, to be asked what it sees.
    #[must_use]
    pub fn viewer(&self) -> Viewer<'_> {
        Viewer { actor: &self.actor, narrowing: self.narrowing.as_deref() }
    }
}

/// What is watched, and how.
#[derive(Debug, Clone)]
pub struct WatchQuery {
    /// Kinds of objects.
    pub kinds: BTreeSet<Kind>,
    /// Which of them; each empty set lets all pass.
    pub reps: BTreeSet<RepId>,
    /// Of these queues.
    pub queues: BTreeSet<QueueId>,
    /// Of these channels.
    pub channels: BTreeSet<ChannelId>,
    /// Of these sessions.
    pub sessions: BTreeSet<SessionId>,
    /// These transfers.
    pub transfers: BTreeSet<TransferId>,
    /// What belongs to this partner.
    pub partner: Option<PartnerId>,
    /// Whoever watches, if it sees a part of the org alone (N3, N5, S4).
    pub seen_by: Option<LimitedViewer>,
    /// Of work, this rep's alone: a rep sees no other (S2).
    pub own_work: Option<RepId>,
    /// Whether what people typed is shown.
    pub content: Content,
    /// No snapshot: only what changes after this revision.
    pub after: Option<Revision>,
    /// No snapshot: only what changes from now.
    pub live_only: bool,
    /// Refuse rather than start anew.
    pub strict: bool,
    /// How often a quiet stream carries a heartbeat.
    pub heartbeat: Duration,
}

/// Reads what is to be watched.
///
/// # Errors
/// INVALID_FIELD.
pub fn watch(request: &pb::WatchRequest) -> Result<WatchQuery, Problem> {
    let mut f = Fields::new();
    let kinds = kinds(&mut f, &request.kinds);
    let none = pb::WatchFilter::default();
    let filter = request.filter.as_ref().unwrap_or(&none);
    let count =
        [&filter.reps, &filter.queues, &filter.channels, &filter.sessions, &filter.transfers]
            .map(Vec::len);
    let named = usize::from(!filter.partner.is_empty());
    if count.iter().sum::<usize>() + named > limits::FILTER_IDS {
        f.bad("filter", format!("has too many ids; at most {} in all", limits::FILTER_IDS));
    }
    let reps = f.ids("filter.reps", &filter.reps);
    let queues = f.ids("filter.queues", &filter.queues);
    let channels = f.ids("filter.channels", &filter.channels);
    let sessions = f.ids("filter.sessions", &filter.sessions);
    let transfers = f.ids("filter.transfers", &filter.transfers);
    let partner = f.optional_id("filter.partner", &filter.partner);
    if request.live_only && !request.resume_token.is_empty() {
        f.bad("live_only", "can't go with resume_token; leave one of them out");
    }
    let after = f.revision("start_after_revision", request.start_after_revision);
    if after.is_some() && (request.live_only || !request.resume_token.is_empty()) {
        f.bad("start_after_revision", "can't go with resume_token or live_only; give one of them");
    }
    let strict = match pb::ResumePolicy::try_from(request.resume_policy) {
        Ok(pb::ResumePolicy::Unspecified | pb::ResumePolicy::Resnapshot) => Some(false),
        Ok(pb::ResumePolicy::Strict) => Some(true),
        Err(_) => {
            f.bad("resume_policy", format!("has the unknown value {}", request.resume_policy));
            None
        }
    };
    let bounds = (Span::from_secs(1), Span::from_secs(60));
    let interval = request.heartbeat_interval.as_ref();
    let heartbeat = f.span("heartbeat_interval", interval, bounds, Span::from_secs(10));
    f.finish(|| {
        Some(WatchQuery {
            kinds,
            reps: reps.into_iter().collect(),
            queues: queues.into_iter().collect(),
            channels: channels.into_iter().collect(),
            sessions: sessions.into_iter().collect(),
            transfers: transfers.into_iter().collect(),
            partner: partner?,
            seen_by: None,
            own_work: None,
            content: Content::Hidden,
            after,
            live_only: request.live_only,
            strict: strict?,
            heartbeat: Duration::from_millis(heartbeat?.as_ms().unsigned_abs()),
        })
    })
}

fn kinds(f: &mut Fields, given: &[i32]) -> BTreeSet<Kind> {
    if given.is_empty() {
        f.bad("kinds", "is empty; name at least one");
    }
    let mut kinds = BTreeSet::new();
    for (i, number) in given.iter().enumerate() {
        let field = format!("kinds[{i}]");
        match pb::WatchKind::try_from(*number) {
            Ok(pb::WatchKind::Rep) => drop(kinds.insert(Kind::Rep)),
            Ok(pb::WatchKind::Session) => drop(kinds.insert(Kind::Session)),
            Ok(pb::WatchKind::Transfer) => drop(kinds.insert(Kind::Transfer)),
            Ok(pb::WatchKind::Work) => drop(kinds.insert(Kind::Work)),
            Ok(pb::WatchKind::Queue) => drop(kinds.insert(Kind::Queue)),
            Ok(pb::WatchKind::Handoff) => drop(kinds.insert(Kind::Handoff)),
            Ok(pb::WatchKind::RoutingRequest) => drop(kinds.insert(Kind::RoutingRequest)),
            Ok(pb::WatchKind::Partner) => drop(kinds.insert(Kind::Partner)),
            Ok(pb::WatchKind::Unspecified) => f.bad(field, "isn't given"),
            Err(_) => f.bad(field, format!("has the unknown value {number}")),
        }
    }
    kinds
}
