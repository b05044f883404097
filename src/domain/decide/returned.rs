//! A session comes back from the external contact that has it (O6): to a rep, a queue, a flow or where its channel's sessions
//! go without a target, at its original age. It is no transfer, and stands in the chain all the same.

use std::sync::Arc;

use crate::domain::aliases::{queue_meant, rep_meant};
use crate::domain::command::{Returning, Target};
use crate::domain::directory::Channel;
use crate::domain::draft::Draft;
use crate::domain::eligibility::receiving;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::SessionId;
use crate::domain::live::{
    Actor, PartnerStay, Recipient, Role, RoutingCause, Session, SessionReturn, SessionState,
};
use crate::domain::reasons::refusal;
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::may_see_session;

use super::actors::not_owner;
use super::destination::{Admission, Destination, direct_routing};
use super::route;
use super::subject::{AnswerSubject, about};

/// Returns of a session that are kept.
const KEPT: usize = 20;

/// Brings a session back.
pub(crate) fn bring_back(
    draft: &mut Draft<'_>,
    actor: &Actor,
    returning: &Returning,
) -> Result<AnswerSubject, Rejection> {
    let id = returning.session;
    let session = external(draft, actor, id)?;
    let SessionState::External { contact, .. } = session.state.clone() else {
        let message = format!("session {id} isn't with an external contact");
        let refused = Rejection::new(Reason::WrongState, "session", id, message);
        return Err(refused.with("state", session.state.name()));
    };
    let channel = draft.expect_channel(&session.channel)?;
    let mut session = Arc::unwrap_or_clone(session);
    let (found, to) = destination(draft, actor, returning, &mut session, &channel)?;
    session.returns.push(SessionReturn {
        at: draft.now(),
        by: actor.clone(),
        from: contact,
        to,
        note: returning.note.clone(),
        reason: returning.reason,
        step: draft.provenance(),
    });
    let surplus = session.returns.len().saturating_sub(KEPT);
    session.returns.drain(..surplus);
    session.state = Session::WAITING;
    session.stay = draft.partner_of(&found.line).map(|partner| {
        let stay = PartnerStay::at(partner, RoutingCause::New);
        Box::new(PartnerStay { note: returning.note.clone(), ..stay })
    });
    draft.fact(Fact::of(FactKind::SessionReturned).session(id));
    route::send_on(draft, session, found);
    Ok(about(RecordKey::Session(id)))
}

/// The session, if `actor` may bring it back.
fn external(draft: &Draft<'_>, actor: &Actor, id: SessionId) -> Result<Arc<Session>, Rejection> {
    let session = draft.expect_session(id)?;
    if !may_see_session(draft, actor, &session) {
        return Err(Rejection::not_found("session", id));
    }
    if session.is_ended() {
        let message = format!("session {id} has ended");
        return Err(Rejection::new(Reason::SessionEnded, "session", id, message));
    }
    match actor.role {
        Role::Rep | Role::Dashboard => Err(not_owner(actor, "session", id)),
        Role::Admin | Role::Supervisor | Role::Adapter | Role::Partner | Role::Server => {
            Ok(session)
        }
    }
}

/// Where it goes, and whom that names. What comes back is always taken (R9).
fn destination(
    draft: &Draft<'_>,
    actor: &Actor,
    returning: &Returning,
    session: &mut Session,
    channel: &Channel,
) -> Result<(Destination, Option<Recipient>), Rejection> {
    match &returning.to {
        None | Some(Target::Skills(_)) => {
            Ok((Destination::untargeted(draft, session, channel, Admission::Back)?, None))
        }
        Some(Target::Rep(named)) => {
            direct_routing(draft)?;
            let rep = rep_meant(draft, actor, named)?;
            let checks = receiving(draft, &rep, channel, None);
            if let Some(check) = checks.iter().find(|check| check.forbids && !check.passed) {
                return Err(refusal(check.reason, &rep, channel));
            }
            let to = Recipient::Rep(rep.id.clone());
            Ok((Destination::rep(&rep.id, channel), Some(to)))
        }
        Some(Target::Queue(named)) => {
            let queue = queue_meant(draft, actor, named)?;
            let found = Destination::queue(draft, &queue, channel, Admission::Back)?;
            Ok((found, Some(Recipient::Queue(queue))))
        }
        Some(Target::Flow(flow)) => {
            let admission = (false, Admission::Back);
            let found = Destination::flow(draft, flow, session, channel, admission)?;
            Ok((found, Some(Recipient::Flow(flow.clone()))))
        }
    }
}
