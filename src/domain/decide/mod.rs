//! Decisions: what becomes of a command in a state. One file per concern; this one sends each
//! command to its file and says who may act for whom. Called by the engine, which commits what comes
//! of it, and by dry runs on a copy of the state.

mod acceptance;
mod actors;
pub mod command;
pub mod contacts;
pub(crate) mod destination;
pub mod directory;
mod leave;
pub mod narrowed;
mod partner;
pub mod presence;
mod presences;
pub mod reach;
mod returned;
mod room;
pub mod route;
pub mod session;
pub mod settle;
pub mod stated;
mod status;
mod stop;
mod strand;
mod subject;
pub mod timer;
pub mod transfer;
pub mod work;
mod wrap_up;

#[cfg(test)]
mod tests;

use crate::domain::command::{Command, Request};
use crate::domain::draft::{Draft, Entropy};
use crate::domain::entry::{Answer, Cause, Entry};
use crate::domain::record::Record;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::Rejection;
use crate::domain::scope::Viewer;
use crate::domain::state::State;
use crate::domain::time::Timestamp;

pub use actors::{acting_rep, acts_for};

use self::narrowed::Subject;
use self::subject::AnswerSubject;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What is to be committed, and is in the state already; `None` if everything is as asked.
    pub entry: Option<Entry>,
    /// What each record of the entry was before it.
    pub before: Vec<Option<Record>>,
    /// What is answered once it is committed.
    pub answer: Answer,
}

/// Decides what becomes of `request` in `state` at `now`, and makes it so.
///
/// # Errors
/// A [`Rejection`]: nothing is to change, and the state is as it was.
pub fn decide(
    state: &mut State,
    request: &Request,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Decision, Rejection> {
    let mut draft = Draft::new(state, &request.cause, now, entropy).within(request.limits);
    match carry_out(&mut draft, request) {
        Ok(answer) => {
            let (entry, before) = draft.finish().unzip();
            Ok(Decision { entry, before: before.unwrap_or_default(), answer })
        }
        Err(rejection) => {
            draft.undo();
            Err(rejection)
        }
    }
}

/// Does what is asked, and then all that follows from it.
fn carry_out(draft: &mut Draft<'_>, request: &Request) -> Result<Answer, Rejection> {
    let viewer = request.viewer();
    if let Some(presence) = request.presence {
        narrowed::check(draft, viewer, &Subject::Presence(presence))?;
        presence::check_current(draft, &request.cause.actor, presence)?;
    }
    if !request.command.is_of_directory() && !request.stated.faults.is_empty() {
        return Err(Rejection::invalid(request.stated.wrong(draft)));
    }
    narrowed::check_all(draft, viewer, &request.command)?;
    let subject = dispatch(draft, request)?;
    settle::settle(draft);
    while stop::stop_one(draft) {
        settle::settle(draft);
    }
    Ok(match subject {
        AnswerSubject::Nothing => Answer::Nothing,
        AnswerSubject::Answer(answer) => answer,
        AnswerSubject::Record(key) => draft
            .record(&key)
            .or_else(|| draft.before(&key))
            .map_or(Answer::Nothing, Answer::Record),
    })
}

fn dispatch(draft: &mut Draft<'_>, request: &Request) -> Result<AnswerSubject, Rejection> {
    let Request { txn, command, stated, cause: Cause { actor, .. }, .. } = request;
    let viewer = request.viewer();
    match command {
        Command::Misstated => Ok(AnswerSubject::Nothing),
        Command::ApplyDirectory { directory, prune } => {
            directory::apply(draft, directory, stated, *prune)
        }
        Command::Upsert(directory) => directory::upsert(draft, directory, stated),
        Command::ChangeSettings(patch) => directory::change_settings(draft, patch, stated),
        Command::Delete { key, move_to } => {
            stated.check(draft)?;
            directory::delete(draft, key, move_to.as_ref())
        }
        Command::OpenPresence { .. }
        | Command::OpenPresences(_)
        | Command::SetStatus { .. }
        | Command::SetStatuses(_)
        | Command::ClosePresence { .. }
        | Command::LeasesLapsed(_)
        | Command::Reconnect(_) => of_presences(draft, viewer, command),
        Command::OpenSession(opening) => session::open(draft, actor, opening, stated, *txn),
        Command::UpdateSession { session, attributes, priority, skills } => {
            let change = session::Change::of(attributes.as_ref(), *priority, skills.as_ref());
            session::update(draft, actor, *session, change, stated)
        }
        Command::PauseSession(id) => session::pause(draft, actor, *id),
        Command::ResumeSession(id) => session::resume(draft, actor, *id),
        Command::InactivateSession(id) => session::inactivate(draft, actor, *id),
        Command::EndSession { session, reason } => session::end(draft, actor, *session, *reason),
        Command::AcceptWork(id) => work::accept(draft, actor, *id),
        Command::AcceptTransfer(id) => work::accept_transfer(draft, actor, *id),
        Command::DeclineWork(id) => work::decline(draft, actor, *id),
        Command::CloseWork { work, end_session } => work::close(draft, actor, *work, *end_session),
        Command::ExtendWrapUp(id) => wrap_up::extend(draft, actor, *id),
        Command::EndWrapUp(id) => wrap_up::end(draft, actor, *id),
        Command::ReturnSession(returning) => returned::bring_back(draft, actor, returning),
        Command::AcknowledgeHandoff { .. }
        | Command::CompleteHandoff { .. }
        | Command::FailHandoff { .. }
        | Command::AcknowledgeRouting { .. }
        | Command::RenewRoutings { .. }
        | Command::RouteSession(_)
        | Command::FailRouting { .. }
        | Command::SyncContacts(_)
        | Command::ReportAvailability(_) => of_partners(draft, viewer, command),
        Command::TransferSession { session, recipient, note } => {
            transfer::request(draft, actor, *session, recipient, note)
        }
        Command::Timer(due) => Ok(timer::pass(draft, actor, due)),
        Command::WorkOff => {
            settle::work_off(draft);
            Ok(AnswerSubject::Nothing)
        }
        Command::LookAtEverybody => {
            settle::follow_directory(draft, None);
            Ok(AnswerSubject::Nothing)
        }
    }
}

/// What partners answer and supply; `dispatch` sends no other commands here.
fn of_partners(
    draft: &mut Draft<'_>,
    viewer: Viewer<'_>,
    command: &Command,
) -> Result<AnswerSubject, Rejection> {
    let actor = viewer.actor;
    match command {
        Command::AcknowledgeHandoff { handoff, reference } => {
            partner::acknowledge_handoff(draft, actor, *handoff, reference)
        }
        Command::CompleteHandoff { handoff, reference } => {
            partner::complete(draft, actor, *handoff, reference)
        }
        Command::FailHandoff { handoff, failure, reference } => {
            partner::fail_handoff(draft, actor, *handoff, failure, reference)
        }
        Command::AcknowledgeRouting { request, reference, lease } => {
            partner::acknowledge(draft, actor, *request, reference, *lease)
        }
        Command::RenewRoutings { partner: of, requests, reference, lease } => {
            let of = of.as_ref();
            partner::renew(draft, viewer, (of, requests), reference, *lease)
        }
        Command::RouteSession(answer) => partner::route(draft, actor, answer),
        Command::FailRouting { request, failure, reference } => {
            partner::fail_routing(draft, actor, *request, failure, reference)
        }
        Command::SyncContacts(given) => contacts::sync(draft, actor, given),
        Command::ReportAvailability(given) => contacts::report(draft, viewer, given),
        _ => Ok(AnswerSubject::Nothing),
    }
}

/// The commands that are about presences; `dispatch` sends no others here.
fn of_presences(
    draft: &mut Draft<'_>,
    viewer: Viewer<'_>,
    command: &Command,
) -> Result<AnswerSubject, Rejection> {
    let actor = viewer.actor;
    match command {
        Command::OpenPresence { rep, status, device } => {
            presence::open(draft, actor, rep, status, device)
        }
        Command::OpenPresences(sign_ins) => Ok(presences::open(draft, viewer, sign_ins)),
        Command::SetStatus { presence, status, when_done } => {
            presence::set_status(draft, actor, presence, status, *when_done)
        }
        Command::SetStatuses(choices) => Ok(presences::set_statuses(draft, viewer, choices)),
        Command::ClosePresence { presence, when_done } => {
            presence::close(draft, actor, presence, *when_done)
        }
        Command::LeasesLapsed(presences) => Ok(presence::lapse(draft, actor, presences)),
        Command::Reconnect(id) => presence::reconnect(draft, actor, *id),
        _ => Ok(AnswerSubject::Nothing),
    }
}
