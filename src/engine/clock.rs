//! Where the engine gets the time and its pauses from: the machine, or a test's hand. Nothing else
//! in the engine reads a clock. It doesn't judge the time: it may jump either way, and whoever uses
//! it has to bear that.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use tokio::sync::watch;

use crate::domain::time::{Span, Timestamp};

/// A pause that ends by itself.
pub type Pause<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

/// A source of time.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Ends after `span`.
    fn sleep(&self, span: Span) -> Pause<'_>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn sleep(&self, span: Span) -> Pause<'_> {
        Box::pin(tokio::time::sleep(duration(span)))
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
