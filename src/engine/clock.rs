//! Where the engine gets the time and its pauses from: the machine, or a test's hand. Nothing else
//! in the engine reads a clock. The time is monotonic: how long this process has been running. What
//! time it is in an org is `steady`'s to say; wall clocks are only compared (R12).

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

use crate::domain::time::{Span, Timestamp};

/// A pause that ends by itself.
pub type Pause<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// How long it has been running: it only goes forward.
    fn now(&self) -> Timestamp;

    /// Ends after `span`.
    fn sleep(&self, span: Span) -> Pause<'_>;

    /// What the machine's wall clock says: only compared, and reported where it is off (R12).
    fn wall(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// When this process began, by both of the machine's clocks.
static START: LazyLock<(Instant, SystemTime)> =
    LazyLock::new(|| (Instant::now(), SystemTime::now()));

/// How long this process has been running, by a clock that only goes forward.
#[must_use]
pub fn monotonic() -> Timestamp {
    Timestamp::from_ms(i64::try_from(START.0.elapsed().as_millis()).unwrap_or(i64::MAX))
}

/// What the wall clock would say had nobody set it since this process began.
#[must_use]
pub fn steady_wall() -> Timestamp {
    let began = START.1.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let began = Timestamp::from_ms(i64::try_from(began.as_millis()).unwrap_or(i64::MAX));
    began + monotonic().since(Timestamp::from_ms(0))
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        monotonic()
    }

    fn sleep(&self, span: Span) -> Pause<'_> {
        Box::pin(tokio::time::sleep(duration(span)))
    }
}

/// The machine's clocks, set ahead by a test: for seeing what a wrong wall clock, or a while in which this process was
/// stopped, does.
#[derive(Debug, Clone, Default)]
pub struct ShiftedClock {
    /// How far the monotonic clock is ahead, in ms.
    pub monotonic: Arc<AtomicI64>,
    /// How far the wall clock is ahead, in ms.
    pub wall: i64,
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        monotonic() + Span::from_ms(self.monotonic.load(Ordering::SeqCst))
    }

    fn sleep(&self, span: Span) -> Pause<'_> {
        Box::pin(tokio::time::sleep(duration(span)))
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_ms(SystemClock.wall().as_ms() + self.wall)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl ManualClock {
    /// A clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now) }
    }

    /// Moves it forward and wakes those whose pause is over.
    pub fn advance(&self, span: Span) {
        self.now.send_modify(|now| *now = *now + span);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep(&self, span: Span) -> Pause<'_> {
        let mut time = self.now.subscribe();
        let until = self.now() + span;
        Box::pin(async move {
            // The sender lives as long as the clock, which the future borrows.
            let _ = time.wait_for(|now| *now >= until).await;
        })
    }
}

/// A span as the standard library has it.
#[must_use]
pub fn duration(span: Span) -> Duration {
    Duration::from_millis(span.as_ms().unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_on_a_manual_clock_ends_when_the_clock_is_moved() {
        let clock = ManualClock::at(Timestamp::from_ms(1_000));
        let pause = clock.sleep(Span::from_ms(50));
        clock.advance(Span::from_ms(49));
        clock.advance(Span::from_ms(1));
        pause.await;
        assert_eq!(clock.now(), Timestamp::from_ms(1_050));
        clock.sleep(Span::from_ms(0)).await;
    }
}
