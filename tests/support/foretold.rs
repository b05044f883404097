//! What a list, an explanation and a quote say of a transfer, held to what it comes to (L2, L6, T24): all four are
//! asked of the same state, and have to say the same.

use std::collections::BTreeSet;

use baton::domain::command::{Command, Request};
use baton::domain::contact_search::ContactFilter;
use baton::domain::decide::decide;
use baton::domain::draft::Entropy;
use baton::domain::id::SessionId;
use baton::domain::live::{Recipient, Transfer, TransferState};
use baton::domain::recipients::contacts::list_contacts;
use baton::domain::recipients::explain::explain;
use baton::domain::recipients::lines::list_queues;
use baton::domain::recipients::quote::quote;
use baton::domain::recipients::{RecipientQuestion, list_reps};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup as _;
use baton::domain::rejection::{Reason, Rejection};
use baton::domain::state::State;
use baton::domain::time::Timestamp;
use baton::domain::verdict::RuleVerdict;

fn reasons(verdicts: &[RuleVerdict]) -> BTreeSet<Reason> {
    verdicts.iter().filter(|verdict| !verdict.passed).map(|verdict| verdict.reason).collect()
}

/// What an entry of the list says: whether it is transferable, and what is against it.
type Listed = Option<(bool, BTreeSet<Reason>)>;

/// Asks what `request` would come to, which is a transfer, and does it.
pub fn all_say_the_same(
    state: &State,
    request: &Request,
    now: Timestamp,
    bits: &mut dyn Entropy,
) -> Result<(), String> {
    let Command::TransferSession { session, recipient, .. } = &request.command else {
        return Ok(());
    };
    let actor = &request.cause.actor;
    let about = RecipientQuestion::Session(*session);
    let no = |rejection: Rejection| rejection.to_string();
    let told = explain(state, actor, &about, recipient, now).map_err(no)?;
    let listed: Listed = match recipient {
        Recipient::Contact(of) => {
            let filter = ContactFilter::default();
            // A channel without any has no list (T12).
            let all = list_contacts(state, actor, &about, &filter, (None, usize::MAX), now);
            let entry = all.unwrap_or_default().into_iter().find(|entry| entry.of == *of);
            entry.map(|entry| (entry.transferable, reasons(&entry.against)))
        }
        Recipient::Rep(rep) => {
            let all = list_reps(state, actor, &about, "").map_err(no)?;
            let entry = all.into_iter().find(|entry| entry.rep == *rep);
            entry.map(|entry| (entry.transferable, reasons(&entry.against)))
        }
        Recipient::Queue(queue) => {
            let all = list_queues(state, actor, &about, "", now).map_err(no)?;
            let entry = all.into_iter().find(|entry| entry.queue == *queue);
            entry.map(|entry| (entry.transferable, reasons(&entry.against)))
        }
        Recipient::Flow(_) => return Ok(()),
    };
    let against = reasons(&told.verdicts);
    same("listed", listed.is_some(), told.listed)?;
    if let Some((transferable, reasons)) = listed {
        same("transferable, in the list", transferable, told.transferable)?;
        same("the reasons in the list", reasons, against.clone())?;
    }
    let quote = quote(state, actor, *session, recipient, now).map_err(no)?;
    same("allowed, in the quote", quote.allowed, told.transferable)?;
    let mut tried = state.clone();
    let decision = decide(&mut tried, request, now, bits);
    same("whether it is done", decision.is_ok(), told.transferable)?;
    match decision {
        Err(rejection) if against.contains(&rejection.reason) => Ok(()),
        Err(rejection) => Err(format!("refused for {rejection}, and told {against:?}")),
        Ok(decision) => match decision.answer.record() {
            Some(Record::Transfer(transfer)) => {
                let offered = is_offered(transfer);
                same("offered now, in the quote", quote.offered_now, offered)?;
                same("it would wait", told.would_wait, !offered)
                    .map_err(|why| format!("{why}; {:?}; {transfer:?}", told.reps))?;
                let removed = transfer.original_removed_at.is_some();
                same("the original rep removed at once", quote.removed_at_once, removed)?;
                let after = tried.expect_session(*session).map_err(no)?;
                let stranded = after.state.is_stranded() && !offered;
                same("stranded, in the quote", quote.stranded, stranded)?;
                same("stranded, in the explanation", told.stranded, stranded)?;
                same("who is asked", quote.rep.filter(|_| offered), asked(transfer))
            }
            other => Err(format!("the answer is {other:?}")),
        },
    }
}

const fn is_offered(transfer: &Transfer) -> bool {
    use TransferState::{Asked, Completed, Offered};
    // A partner is asked just so.
    matches!(transfer.state, Offered { .. } | Completed { .. } | Asked(_))
}

fn asked(transfer: &Transfer) -> Option<baton::domain::id::RepId> {
    match &transfer.state {
        TransferState::Offered { rep, .. } | TransferState::Completed { rep, .. } => {
            Some(rep.clone())
        }
        _ => None,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, one: T, other: T) -> Result<(), String> {
    if one == other { Ok(()) } else { Err(format!("{what}: {one:?} against {other:?}")) }
}

/// Every session there is, ended ones included.
pub fn sessions(state: &State) -> Vec<SessionId> {
    let all = state.records().filter_map(|(_, held)| match &held.record {
        Record::Session(session) => Some(session.id),
        _ => None,
    });
    all.collect()
}
