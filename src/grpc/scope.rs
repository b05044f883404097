//! What a caller may see of what it names (N3, N5, S4): what it may not see is refused as what isn't there is (S2). The rules
//! stand in the domain; this applies them to reads.

use std::sync::Arc;

use super::api::fingerprint;
use super::caller::Caller;
use super::status::Problem;
use crate::domain::aliases;
use crate::domain::directory::Queue;
use crate::domain::entry::Fingerprint;
use crate::domain::id::{ChannelId, PartnerId, QueueId, RepId, SessionId, TransferId};
use crate::domain::live::{Recipient, Role, Session, Transfer};
use crate::domain::recipients::RecipientQuestion;
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::{BadField, Rejection};
use crate::domain::scope;
use crate::engine::View;

/// What a caller can see that others can't, or the other way round, in 128 bits: of partners and adapters that is their own, of
/// reps their own work, if they are asked about work, then what the credential is narrowed to, and whether content is shown.
#[must_use]
pub fn sight(caller: &Caller, own_work: Option<&RepId>) -> Fingerprint {
    let owner = Some(&caller.actor).filter(|actor| scope::is_scoped(actor));
    let narrowing = caller.credential.narrowing.as_deref();
    let parts = [
        owner.map(|actor| format!("{:?}/{}", actor.role, actor.id)).into_iter().collect(),
        own_work.map(ToString::to_string).into_iter().collect(),
        narrowing.iter().flat_map(|n| &n.queues).map(ToString::to_string).collect(),
        narrowing.iter().flat_map(|n| &n.channels).map(ToString::to_string).collect(),
        vec![format!("{:?}", caller.content())],
    ];
    // No id has a space or a line break in it.
    let parts: Vec<String> = parts.iter().map(|ids: &Vec<String>| ids.join(" ")).collect();
    fingerprint(&parts.join("\n"), &())
}

/// The session, if it is there for the caller.
///
/// # Errors
/// NOT_FOUND.
pub fn session(view: &View, caller: &Caller, id: SessionId) -> Result<Arc<Session>, Problem> {
    let session = view.state.expect_session(id)?;
    if scope::may_see_session(&view.state, caller, &session) {
        return Ok(session);
    }
    Err(Rejection::not_found("session", id).into())
}

/// The transfer, if it is there for the caller.
///
/// # Errors
/// NOT_FOUND.
pub fn transfer(view: &View, caller: &Caller, id: TransferId) -> Result<Arc<Transfer>, Problem> {
    let transfer = view.state.expect_transfer(id)?;
    if scope::may_see_session_of(&view.state, caller, transfer.session) {
        return Ok(transfer);
    }
    Err(Rejection::not_found("transfer", id).into())
}

/// Whether what a recipient is asked for is there for the caller.
///
/// # Errors
/// NOT_FOUND.
pub fn about(view: &View, caller: &Caller, about: &RecipientQuestion) -> Result<(), Problem> {
    match about {
        RecipientQuestion::Session(id) => session(view, caller, *id).map(drop),
        RecipientQuestion::Channel(id) => channel(view, caller, id),
        RecipientQuestion::Anything => Ok(()),
    }
}

fn channel(view: &View, caller: &Caller, id: &ChannelId) -> Result<(), Problem> {
    if scope::may_see_channel(&view.state, caller, id) {
        return Ok(());
    }
    Err(Rejection::not_found("channel", id).into())
}

/// Whether a recipient that is asked about is there for the caller.
///
/// # Errors
/// NOT_FOUND.
pub fn recipient(view: &View, caller: &Caller, to: &Recipient) -> Result<(), Problem> {
    match to {
        Recipient::Rep(named) => rep(view, caller, named).map(drop),
        Recipient::Queue(named) => queue(view, caller, named).map(drop),
        Recipient::Flow(_) if caller.credential.narrowing.is_some() => {
            // What a flow would do tells of all queues that it looks at.
            let why = "a credential that is narrowed isn't told where a flow would lead";
            Err(Problem::Denied(why.to_owned()))
        }
        Recipient::Flow(_) | Recipient::Contact(_) => Ok(()),
    }
}

/// The rep whom the caller names, a partner also by its own id (N8), if they are there for the caller.
///
/// # Errors
/// NOT_FOUND.
pub fn rep(view: &View, caller: &Caller, named: &RepId) -> Result<RepId, Problem> {
    let rep = aliases::rep_named(&view.state, &caller.actor, named);
    view.state.expect_rep(&rep)?;
    if scope::may_see_rep(&view.state, caller, &rep) {
        return Ok(rep);
    }
    Err(Rejection::not_found("rep", named).into())
}

/// The queue that the caller names, a partner also by its own id (N8), if it is there for the caller.
///
/// # Errors
/// NOT_FOUND.
pub fn queue(view: &View, caller: &Caller, named: &QueueId) -> Result<Arc<Queue>, Problem> {
    let id = aliases::queue_named(&view.state, &caller.actor, named);
    let queue = view.state.expect_queue(&id)?;
    if scope::may_see_queue(&view.state, caller, &id) {
        return Ok(queue);
    }
    Err(Rejection::not_found("queue", named).into())
}

/// The rep that a filter of the caller's means, there or not.
#[must_use]
pub fn rep_meant(view: &View, caller: &Caller, named: Option<&RepId>) -> Option<RepId> {
    named.map(|rep| aliases::rep_named(&view.state, &caller.actor, rep))
}

/// The queue that a filter of the caller's means, there or not.
#[must_use]
pub fn queue_meant(view: &View, caller: &Caller, named: Option<&QueueId>) -> Option<QueueId> {
    named.map(|queue| aliases::queue_named(&view.state, &caller.actor, queue))
}

/// The partner that a request is about, if it is about one: the one named, or the caller itself. A PARTNER finds no
/// other.
///
/// # Errors
/// NOT_FOUND.
pub fn partner(caller: &Caller, named: Option<PartnerId>) -> Result<Option<PartnerId>, Problem> {
    match named {
        Some(named) if scope::may_see_partner(&caller.actor, &named) => Ok(Some(named)),
        Some(named) => Err(Rejection::not_found("partner", named).into()),
        None if caller.actor.role == Role::Partner => {
            let own = PartnerId::new(caller.actor.id.as_str());
            own.map(Some).map_err(|_| Rejection::not_found("partner", &caller.actor.id).into())
        }
        None => Ok(None),
    }
}

/// The same, where it must be about one.
///
/// # Errors
/// NOT_FOUND; INVALID_FIELD if none is named by somebody who isn't one.
pub fn one_partner(caller: &Caller, named: Option<PartnerId>) -> Result<PartnerId, Problem> {
    partner(caller, named)?.ok_or_else(|| {
        Problem::Invalid(vec![BadField {
            field: "partner".to_owned(),
            why: "is required; only a partner may leave it out".to_owned(),
        }])
    })
}
