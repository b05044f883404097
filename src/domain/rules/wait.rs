//! The estimated wait (E1–E4) from what was accepted from a queue lately, and how far estimates were
//! off (E5). Computed from the state alone, so it is the same on each replica and after a restart.
//! Decisions, reads and watch streams ask.

use crate::domain::directory::Settings;
use crate::domain::id::{QueueId, SessionId};
use crate::domain::line::{IndexCount, LinePlace};
use crate::domain::live::{Line, Session};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};

/// The newest of so many samples make the value (E2).
const WEIGHED: usize = 10;
/// Samples are counted up to here.
const COUNTED: usize = 1_000;

/// What is known of the wait in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Estimate {
    /// The value, with what it rests on; absent with too few samples (E1).
    pub wait: Option<Span>,
    /// Sessions accepted from the queue in the window, counted up to 1000.
    pub samples: u32,
    /// With fewer there is no value (E1).
    pub needed: u32,
    /// Age of the newest sample.
    pub newest_age: Option<Span>,
    /// Whether a partner supplied the value (E6).
    pub from_partner: bool,
    /// The shortest and the longest wait among the samples weighed (E3); absent while `wait` is.
    pub spread: Option<(Span, Span)>,
}

/// The estimated wait of someone who joins `queue` at `now` (E1–E3).
#[must_use]
pub fn estimate(state: &State, queue: &QueueId, now: Timestamp) -> Estimate {
    if let Some(supplied) = supplied(state, queue, now) {
        return supplied;
    }
    let Settings { estimate_samples, estimate_window, .. } = *state.settings();
    let since = now - estimate_window;
    let samples: Vec<(Timestamp, Span)> =
        accepted_since(state, queue, since).take(COUNTED).collect();
    let waits: Vec<Span> = samples.iter().take(WEIGHED).map(|(_, wait)| *wait).collect();
    let enough = samples.len() >= usize::try_from(estimate_samples).unwrap_or(WEIGHED).max(1);
    let spread = waits.iter().copied().min().zip(waits.iter().copied().max());
    Estimate {
        wait: weighted(&waits).filter(|_| enough),
        samples: u32::try_from(samples.len()).unwrap_or(u32::MAX),
        needed: estimate_samples.max(1),
        newest_age: samples.first().map(|(at, _)| now.since(*at)),
        from_partner: false,
        spread: spread.filter(|_| enough),
    }
}

/// The value alone, for which the newest samples are enough.
#[must_use]
pub fn value(state: &State, queue: &QueueId, now: Timestamp) -> Option<Span> {
    if let Some(supplied) = supplied(state, queue, now) {
        return supplied.wait;
    }
    let Settings { estimate_samples, estimate_window, .. } = *state.settings();
    let since = now - estimate_window;
    let newest = accepted_since(state, queue, since).take(WEIGHED);
    let waits: Vec<Span> = newest.map(|(_, wait)| wait).collect();
    let enough = waits.len() >= usize::try_from(estimate_samples).unwrap_or(WEIGHED).max(1);
    weighted(&waits).filter(|_| enough)
}

/// What the partner says of its queue, while that holds, and nothing otherwise: what was accepted from it isn't counted
/// (E6, N1). `None`: it isn't a partner's.
fn supplied(state: &State, queue: &QueueId, now: Timestamp) -> Option<Estimate> {
    let of = state.queue(queue)?.partner.clone()?;
    let report = state.queue_report(queue).filter(|report| report.partner == of.partner);
    let said = report.and_then(|report| Some((report.wait_at(now)?, report)));
    Some(said.map_or_else(Estimate::default, |(wait, report)| Estimate {
        wait: Some(wait),
        samples: report.samples.unwrap_or_default(),
        newest_age: Some(now.since(report.observed_at)),
        from_partner: true,
        ..Estimate::default()
    }))
}

fn accepted_since(
    state: &State,
    queue: &QueueId,
    since: Timestamp,
) -> impl Iterator<Item = (Timestamp, Span)> {
    let newest = state.accepted(queue).take_while(move |(at, _)| *at > since);
    newest.map(|(at, waited)| (at, waited.wait))
}

/// E2: the newest weighs 10, the next 9, and so on; rounded to the nearest millisecond.
fn weighted(newest_first: &[Span]) -> Option<Span> {
    let weights = (1..=10_i64).rev();
    let (mut sum, mut all) = (0_i64, 0_i64);
    for (wait, weight) in newest_first.iter().zip(weights) {
        sum = sum.saturating_add(wait.as_ms().saturating_mul(weight));
        all += weight;
    }
    (all > 0).then(|| Span::from_ms(sum.saturating_add(all / 2) / all))
}

/// How far a queue's estimates were off (E5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Sessions accepted that an estimate was given to as they joined.
    pub samples: u32,
    /// Mean of the wait that came less the estimate, in milliseconds: below zero, they were taken
    /// sooner than they were told. Zero without samples.
    pub mean_error_ms: i64,
    /// Mean of how far off, whichever way. Zero without samples.
    pub mean_absolute_error: Span,
}

/// The estimates given in `queue` against the waits that came: of the newest 1000 sessions accepted,
/// those that had an estimate (E5).
#[must_use]
pub fn score(state: &State, queue: &QueueId) -> Score {
    let newest = state.accepted(queue).take(COUNTED);
    scored(newest.filter_map(|(_, waited)| {
        waited.estimated.map(|told| waited.wait.as_ms().saturating_sub(told.as_ms()))
    }))
}

fn scored(errors: impl Iterator<Item = i64>) -> Score {
    let (mut samples, mut sum, mut off) = (0_u32, 0_i64, 0_i64);
    for error in errors {
        samples += 1;
        sum = sum.saturating_add(error);
        off = off.saturating_add(error.saturating_abs());
    }
    let all = i64::from(samples.max(1));
    Score { samples, mean_error_ms: sum / all, mean_absolute_error: Span::from_ms(off / all) }
}

/// Where a session stands in its line, from 1, and the wait estimated for it from there (E4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standpoint {
    /// From 1.
    pub position: u32,
    /// From now on: the queue's estimate, in proportion to how much of the line is ahead. Absent for
    /// a rep's line, and while the queue shows none.
    pub wait: Option<Span>,
}

/// Where `session` stands in its line, or would stand if it joined it now.
#[must_use]
pub fn standpoint(state: &State, session: &Session, now: Timestamp) -> Standpoint {
    let own = LinePlace::would_be(session);
    let ahead = state.places_in(&session.line).take_while(|place| **place < own).count();
    let position = u32::try_from(ahead).unwrap_or(u32::MAX).saturating_add(1);
    let wait = session.line.queue().and_then(|queue| value(state, queue, now));
    let others = state.places_in(&session.line).any(|place| place.session == session.id);
    let length = state.count(&IndexCount::Waiting(session.line.clone()));
    let joined = length.saturating_sub(u32::from(others)).saturating_add(1);
    Standpoint { position, wait: wait.map(|wait| share(wait, position, joined)) }
}

/// Where the first of `line` stand, in order: as [`standpoint`] says of each, at the price of one.
pub fn front<'s>(
    state: &'s State,
    line: &Line,
    now: Timestamp,
) -> impl Iterator<Item = (SessionId, Standpoint)> + use<'s> {
    let wait = line.queue().and_then(|queue| value(state, queue, now));
    let length = state.count(&IndexCount::Waiting(line.clone()));
    state.line(line).zip(1_u32..).map(move |(session, position)| {
        (session, Standpoint { position, wait: wait.map(|wait| share(wait, position, length)) })
    })
}

/// The part of a queue's estimate that is left for somebody at this place of so many.
fn share(wait: Span, position: u32, of: u32) -> Span {
    Span::from_ms(wait.as_ms().saturating_mul(i64::from(position)) / i64::from(of.max(1)))
}

/// What is to be seen of a queue (L3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueSize {
    /// Sessions that wait in it.
    pub length: u32,
    /// Its reps who are there and have room.
    pub ready: u32,
    /// Its reps who are there.
    pub there: u32,
}

/// How long `queue` is, and who is there for it.
#[must_use]
pub fn size(state: &State, queue: &QueueId) -> QueueSize {
    let ready = state.count(&IndexCount::Ready(queue.clone()));
    QueueSize {
        length: state.count(&IndexCount::Waiting(Line::Queue(queue.clone()))),
        ready,
        there: ready + state.count(&IndexCount::Full(queue.clone())),
    }
}

/// Since when the oldest session in `queue` has waited, by its age (T22).
#[must_use]
pub fn oldest(state: &State, queue: &QueueId) -> Option<Timestamp> {
    let line = Line::Queue(queue.clone());
    let mut oldest: Option<Timestamp> = None;
    let mut next = state.places_in(&line).next();
    // The first of each priority is its oldest.
    while let Some(place) = next {
        oldest = Some(oldest.map_or(place.opened_at, |at| at.min(place.opened_at)));
        let Some(priority) = place.priority.checked_add(1) else { break };
        next = state.places_from(&line, LinePlace::first_of(priority)).next();
    }
    oldest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e2_weights_start_at_ten_however_few_there_are() {
        let waits = [30, 20, 10].map(Span::from_secs);
        assert_eq!(weighted(&waits), Some(Span::from_ms(20_741)), "560/27 s");
        assert_eq!(weighted(&[]), None);
        assert_eq!(weighted(&[Span::from_ms(7)]), Some(Span::from_ms(7)));
        let ten: Vec<Span> = (1..=10).map(Span::from_secs).collect();
        assert_eq!(weighted(&ten), Some(Span::from_secs(4)), "220/55 s");
    }

    #[test]
    fn e5_errors_either_way_cancel_out_in_one_mean_and_not_in_the_other() {
        assert_eq!(scored(std::iter::empty()), Score::default());
        let score = scored([-9_000, 1_000, 2_000].into_iter());
        assert_eq!((score.samples, score.mean_error_ms), (3, -2_000));
        assert_eq!(score.mean_absolute_error, Span::from_secs(4));
    }
}
