//! Batches on their way.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::journal::{JournalError, Reply};

/// A batch on its way: its round, and what the journal will say.
pub(super) type Sent = Pin<Box<dyn Future<Output = (u64, Result<Reply, JournalError>)> + Send>>;

/// The first of these that is answered.
pub(super) fn poll_first(
    sent: &mut Vec<Sent>,
    context: &mut Context<'_>,
) -> Poll<(u64, Result<Reply, JournalError>)> {
    for at in 0..sent.len() {
        if let Poll::Ready(replied) = sent[at].as_mut().poll(context) {
            drop(sent.remove(at));
            return Poll::Ready(replied);
        }
    }
    Poll::Pending
}
