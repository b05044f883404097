//! Live states of queues, with estimated waits (E1–E3) and how far they were off (E5).

use super::{ObjectContext, signed, span, time};
use crate::domain::directory::Queue;
use crate::domain::entry::Revision;
use crate::domain::live::Line;
use crate::domain::recipients::lines::QueueEntry;
use crate::domain::wait::{Estimate, Score, estimate, oldest, score, size};
use crate::grpc::api::number;
use crate::pb;

/// What is known of a wait.
#[must_use]
pub fn estimated_wait(e: &Estimate) -> pb::EstimatedWait {
    pb::EstimatedWait {
        wait: e.wait.map(span),
        samples: e.samples,
        samples_needed: e.needed,
        newest_sample_age: e.newest_age.map(span),
        shortest: e.spread.map(|(least, _)| span(least)),
        longest: e.spread.map(|(_, most)| span(most)),
        from_partner: e.from_partner,
    }
}

/// How far estimates were off.
#[must_use]
pub fn estimate_score(s: &Score) -> pb::EstimateScore {
    let known = s.samples > 0;
    pb::EstimateScore {
        samples: s.samples,
        mean_error: known.then(|| signed(s.mean_error_ms)),
        mean_absolute_error: known.then(|| span(s.mean_absolute_error)),
    }
}

/// The same with how far its estimates were off, which alone is no news.
#[must_use]
pub fn scored(context: ObjectContext<'_>, state: pb::QueueState, queue: &Queue) -> pb::QueueState {
    let score = estimate_score(&score(context.state, &queue.id));
    pb::QueueState { estimate_score: Some(score), ..state }
}

/// The state of a queue, which last changed at `revision`, without its score.
#[must_use]
pub fn queue_state(
    context: ObjectContext<'_>,
    queue: &Queue,
    revision: Revision,
) -> pb::QueueState {
    let size = size(context.state, &queue.id);
    let line = Line::Queue(queue.id.clone());
    let in_transfer = context.state.restricted(&queue.id).filter(|id| {
        context.records.session(id).is_some_and(|s| s.transfer.is_some() && s.line == line)
    });
    pb::QueueState {
        queue: queue.id.to_string(),
        name: queue.name.clone(),
        length: size.length,
        waiting_transfers: u32::try_from(in_transfer.count()).unwrap_or(u32::MAX),
        oldest_waiting_since: oldest(context.state, &queue.id).map(time),
        available_reps: size.ready,
        signed_in_reps: size.there,
        estimated_wait: Some(estimated_wait(&estimate(context.state, &queue.id, context.now))),
        estimate_score: None,
        revision: number(revision),
    }
}

/// A queue in the list of recipients (L3).
#[must_use]
pub fn queue_entry(e: &QueueEntry) -> pb::QueueEntry {
    pb::QueueEntry {
        queue: e.queue.to_string(),
        name: e.name.clone(),
        estimated_wait: Some(estimated_wait(&e.estimate)),
        length: e.size.length,
        available_reps: e.available,
    }
}
