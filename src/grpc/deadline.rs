//! How long a call may take: what the server allows, or less if the caller says so (`grpc-timeout`). A call
//! that isn't answered by then is told why, what became of it, and when to try again; tonic's own time-outs
//! would only cancel it. Handlers ask here how much time is left, and the engine is told, so that what a
//! caller was told wasn't done isn't done afterwards.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, Request, Response};
use tower::{Layer, Service};

use super::status::{Problem, Repeat};
use crate::access::Limits;
use crate::domain::time::Span;
use crate::engine::Refusal;

tokio::task_local! {
    /// By when the engine has to have answered.
    static ANSWER_BY: Instant;
}

/// How much earlier than the caller's deadline an answer leaves, so that it arrives before it.
const MARGIN: Duration = Duration::from_millis(200);

/// When to try again after a call that took too long.
const RETRY: Duration = Duration::from_secs(3);

/// How much time the call that is being handled has left, if it is one.
#[must_use]
pub fn left() -> Option<Span> {
    let left = ANSWER_BY.try_with(|by| by.saturating_duration_since(Instant::now())).ok()?;
    Some(Span::from_ms(i64::try_from(left.as_millis()).unwrap_or(i64::MAX)))
}

/// Bounds every call.
#[derive(Debug, Clone)]
pub struct Deadlines {
    /// They say how long a call may take at most. A stream: until it begins.
    pub limits: watch::Receiver<Limits>,
}

impl<S> Layer<S> for Deadlines {
    type Service = Bounded<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Bounded { inner, limits: self.limits.clone() }
    }
}

/// A service whose calls are bounded.
#[derive(Debug, Clone)]
pub struct Bounded<S> {
    inner: S,
    limits: watch::Receiver<Limits>,
}

impl<S, B> Service<Request<B>> for Bounded<S>
where
    S: Service<Request<B>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let most = Duration::from_secs(self.limits.borrow().call_seconds.into());
        let whole = asked(request.headers()).map_or(most, |asked| asked.min(most));
        let margin = MARGIN.min(whole / 10);
        let answer_by = Instant::now() + whole.saturating_sub(2 * margin);
        let call = ANSWER_BY.scope(answer_by, self.inner.call(request));
        Box::pin(async move {
            match tokio::time::timeout(whole.saturating_sub(margin), call).await {
                Ok(answered) => answered,
                // The engine would have said what became of it. Here nobody knows.
                Err(_) => {
                    let unknown = Refusal::Unknown { retry_after: RETRY };
                    Ok(Status::from(Problem::Refused(unknown, Repeat::Unsafe)).into_http())
                }
            }
        })
    }
}

/// The caller's own time-out: at most eight digits and a unit.
fn asked(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn a_caller_says_how_long_it_waits() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().expect("a value"));
            asked(&headers)
        };
        assert_eq!(read("5S"), Some(Duration::from_secs(5)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        for wrong in ["", "S", "5", "5x", "123456789m", "-1S", "1 S"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert_eq!(asked(&HeaderMap::new()), None);
    }

    /// A service that answers with how much time it has, or never.
    #[derive(Clone)]
    struct Slow;

    impl Service<Request<()>> for Slow {
        type Response = Response<Body>;
        type Error = std::convert::Infallible;
        type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Self::Error>> + Send>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Request<()>) -> Self::Future {
            Box::pin(async {
                let left = left().expect("it is a call");
                assert!(left <= Span::from_ms(80), "{left:?}");
                std::future::pending().await
            })
        }
    }

    #[tokio::test]
    async fn d1_a_call_that_takes_too_long_is_told_so_in_time_and_never_just_cancelled() {
        let mut bounded =
            Deadlines { limits: watch::Sender::new(Limits::default()).subscribe() }.layer(Slow);
        let request = Request::builder().header("grpc-timeout", "100m").body(()).expect("right");
        let began = Instant::now();
        let Ok(answer) = bounded.call(request).await;
        assert!(began.elapsed() < Duration::from_secs(5));
        let status = Status::from_header_map(answer.headers()).expect("a status");
        assert_eq!(status.code(), Code::Unknown, "{status}");
        assert!(status.message().contains("isn't known"), "{status}");
        assert_eq!(left(), None, "nothing is bounded outside of a call");
    }
}
