//! What a transfer would meet (T24): decided as if it were asked for, and thrown away.

use crate::domain::id::{QueueId, RepId, SessionId};
use crate::domain::live::{Actor, Line, Recipient, Session, Transfer, TransferState};
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};
use crate::domain::verdict::RuleVerdict;
use crate::domain::wait::standpoint;

use super::attempt::foretell;
use super::{RecipientQuestion, against, case};

/// What a transfer would meet (T24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Would it be allowed?
    pub allowed: bool,
    /// Would a recipient be asked at once? Otherwise it waits.
    pub offered_now: bool,
    /// Would the original rep be removed at once, because it would wait (T7, T9), or because only they could be
    /// asked (T9)? Otherwise they keep it until it is accepted.
    pub removed_at_once: bool,
    /// Its place in the line, from 1, if it would wait.
    pub position: Option<u32>,
    /// Would nobody ever take it there (R11)?
    pub stranded: bool,
    /// The wait estimated for that place (E4).
    pub wait: Option<Span>,
    /// The rep who would be asked.
    pub rep: Option<RepId>,
    /// The queue it would wait in, or be offered from.
    pub queue: Option<QueueId>,
    /// Every reason against, not just the first, and what would make it wait.
    pub against: Vec<RuleVerdict>,
}

/// What would become of a transfer (T24): the very decision that the transfer would be, and every
/// rule against it. Changes nothing.
///
/// # Errors
/// NOT_FOUND for the session or the recipient.
pub fn quote(
    state: &State,
    actor: &Actor,
    id: SessionId,
    recipient: &Recipient,
    now: Timestamp,
) -> Result<Quote, Rejection> {
    let about = RecipientQuestion::Session(id);
    let mut verdicts = case(state, actor, &about)?.verdicts_of(state, actor, recipient, now)?;
    let foretold = foretell(state, actor, (&about, recipient), &mut verdicts, now);
    let mut quote = Quote {
        allowed: foretold.is_some(),
        offered_now: false,
        removed_at_once: false,
        position: None,
        stranded: false,
        wait: None,
        rep: None,
        queue: None,
        against: against(verdicts),
    };
    if let Some((transfer, session)) = foretold {
        fill(&mut quote, state, &transfer, &session, now);
    }
    Ok(quote)
}

fn fill(quote: &mut Quote, state: &State, transfer: &Transfer, session: &Session, now: Timestamp) {
    quote.queue = transfer.line.queue().cloned();
    quote.removed_at_once = transfer.original_removed_at.is_some();
    match &transfer.state {
        TransferState::Offered { rep, .. } | TransferState::Completed { rep, .. } => {
            quote.offered_now = true;
            quote.rep = Some(rep.clone());
        }
        TransferState::Asked(_) | TransferState::HandedOver { .. } => quote.offered_now = true,
        TransferState::Waiting { .. }
        | TransferState::Failed { .. }
        | TransferState::SessionEnded { .. } => {
            let waits = Session { line: transfer.line.clone(), ..session.clone() };
            let stands = standpoint(state, &waits, now);
            quote.position = Some(stands.position);
            quote.wait = stands.wait;
            quote.stranded = session.state.is_stranded();
            if let Line::Rep(rep) = &transfer.line {
                quote.rep = Some(rep.clone());
            }
        }
    }
}
