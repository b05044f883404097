//! Which queue takes new work (R9): where one is long, the one that it overflows to. What comes back is taken in any case.

use std::sync::Arc;

use crate::domain::directory::Queue;
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::wait;

/// Overflows followed before a queue takes the work after all; a loop can't be saved (R9).
const OVERFLOWS: usize = 16;

/// The queue that takes new work meant for `queue`: where one is long, the one it overflows to
/// (R9). `None` if the last of them is full.
#[must_use]
pub fn admitting(state: &State, now: Timestamp, queue: Arc<Queue>) -> Option<Arc<Queue>> {
    let mut queue = queue;
    for _ in 0..OVERFLOWS {
        let length = wait::size(state, &queue.id).length;
        let next = queue.overflow.as_ref().filter(|over| {
            let oldest = || wait::oldest(state, &queue.id);
            over.max_length.is_some_and(|most| length >= most)
                || over
                    .max_wait
                    .is_some_and(|most| oldest().is_some_and(|since| now.since(since) >= most))
        });
        match next.and_then(|over| state.queue(&over.queue)) {
            Some(next) => queue = next,
            None => return queue.max_length.is_none_or(|most| length < most).then_some(queue),
        }
    }
    Some(queue)
}
