//! How long the credential of a stream is good (W10): until it expires, is revoked, or says something else. Calls are
//! looked at one by one (`admission`); streams outlive that look.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use rand::Rng as _;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::access::Credential;
use crate::access::gate::{Access, Standing};
use crate::pb;

/// The wall clock is looked at again after so long at the latest: it may have been set.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Waits until a credential isn't good any more, and says what became of it.
pub async fn credential_end(access: Option<Arc<Access>>, credential: Arc<Credential>) -> Standing {
    let Some(access) = access else { return std::future::pending().await };
    let mut changes = access.changes();
    loop {
        changes.mark_unchanged();
        match access.standing(&credential) {
            Standing::Good => {}
            ended @ (Standing::Expired | Standing::Changed | Standing::Revoked) => return ended,
        }
        let left = credential
            .expires
            .map(|at| at.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO).max(A_MOMENT));
        let wait = left.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN);
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return std::future::pending().await;
                }
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// The leeway of tokens keeps one good past its time: then it is looked at again soon.
const A_MOMENT: Duration = Duration::from_millis(500);

/// For so long a stream whose credential has expired waits for its reader to take the last word; then it ends without.
pub const LAST_WORD: Duration = Duration::from_secs(5);

/// What a stream says last, before whatever its reader hasn't taken yet.
pub struct Cut<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Cut<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Cut<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Cut<T> {
    /// Nothing follows but this. Whoever calls it also drops the sender of the frames.
    pub fn cut(&self, last_word: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(last_word);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The frames of a stream, until it is cut: what a revoked credential has asked for and not taken, nobody gets.
pub struct CutStream<T> {
    /// What comes.
    pub frames: ReceiverStream<Result<T, Status>>,
    /// What cuts it.
    pub cut: Cut<T>,
    /// Whether the last word was said.
    pub over: bool,
}

impl<T: Unpin> Stream for CutStream<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        // First what comes, so that this task is woken by it; then whether it may still be had.
        let next = Pin::new(&mut this.frames).poll_next(context);
        match this.cut.take() {
            None => next,
            Some(last_word) => {
                this.over = true;
                Poll::Ready(Some(Ok(last_word)))
            }
        }
    }
}

/// What a stream says whose credential isn't good any more: to go on where it stopped with the next one, or not at all. Who
/// is to come back does so spread over half a second.
pub fn closing_for(standing: Standing) -> pb::Closing {
    let (action, reason) = match standing {
        Standing::Revoked => (pb::ClosingAction::Stop, "the credential was revoked"),
        Standing::Good | Standing::Expired | Standing::Changed => (
            pb::ClosingAction::Reauthenticate,
            "the credential has expired or says something else by now: come back with a current one and the last resume token",
        ),
    };
    let wait = Duration::from_millis(rand::rng().next_u64() % 500);
    pb::Closing {
        action: action.into(),
        reason: reason.to_owned(),
        retry_after: prost_types::Duration::try_from(wait).ok(),
    }
}
