//! Decisions: what becomes of a command in a state. One file per concern; this one sends each
//! command to its file and says who may act for whom. Called by the engine, which commits the
//! transaction, and by dry runs, which don't.

mod assign;
pub(crate) mod destination;
pub mod directory;
mod leave;
pub mod presence;
pub mod reach;
pub mod route;
pub mod session;
mod stop;
pub mod timer;
pub mod transfer;
pub mod unsettled;
pub mod work;
mod wrap_up;

#[cfg(test)]
mod tests;

use super::command::{Command, Request};
use super::draft::{Draft, Entropy};
use super::entry::{Answer, Transaction};
use super::id::RepId;
use super::live::{Actor, Role};
use super::look::Look;
use super::record::{Record, RecordKey};
use super::rejection::{Reason, Rejection};
use super::state::State;
use super::time::Timestamp;

pub use unsettled::unsettled;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What is to be committed; `None` if everything is already as asked and nobody will ask again
    /// with the same request id.
    pub transaction: Option<Transaction>,
    /// What is answered once it is committed.
    pub answer: Answer,
}

/// What a decision is about, whose record is the answer.
pub(crate) enum Subject {
    /// Nothing to show.
    Nothing,
    /// This record, as the decision leaves it, or, if the decision removes it, as it was.
    Record(RecordKey),
    /// Something else.
    Answer(Answer),
}

/// Decides what becomes of `request` in `state` at `now`.
///
/// # Errors
/// A [`Rejection`]: nothing is to change.
pub fn decide(
    state: &State,
    request: &Request,
    now: Timestamp,
    entropy: &mut dyn Entropy,
) -> Result<Decision, Rejection> {
    let mut draft = Draft::new(state, now, entropy);
    if let Some(presence) = request.presence {
        presence::check_current(&draft, &request.cause.actor, presence)?;
    }
    let subject = dispatch(&mut draft, &request.cause.actor, &request.command)?;
    stop::stop_those_who_are_done(&mut draft);
    let answer = match subject {
        Subject::Nothing => Answer::Nothing,
        Subject::Answer(answer) => answer,
        Subject::Record(key) => match draft.record(&key).or_else(|| state.record(&key)) {
            Some(record) => Answer::Record(record),
            None => Answer::Nothing,
        },
    };
    let transaction = draft.finish(request, &answer);
    Ok(Decision { transaction, answer })
}

fn dispatch(draft: &mut Draft<'_>, actor: &Actor, command: &Command) -> Result<Subject, Rejection> {
    match command {
        Command::ApplyDirectory { directory, prune } => directory::apply(draft, directory, *prune),
        Command::Upsert(directory) => directory::upsert(draft, directory),
        Command::ChangeSettings(patch) => directory::change_settings(draft, patch),
        Command::Delete { key, move_to } => directory::delete(draft, key, move_to.as_ref()),
        Command::OpenPresence { rep, status, device } => {
            presence::open(draft, actor, rep, status, device)
        }
        Command::SetStatus { presence, status, when_done } => {
            presence::set_status(draft, actor, presence, status, *when_done)
        }
        Command::ClosePresence { presence, when_done } => {
            presence::close(draft, actor, presence, *when_done)
        }
        Command::LeasesLapsed(presences) => Ok(presence::lapse(draft, actor, presences)),
        Command::Reconnect(id) => presence::reconnect(draft, actor, *id),
        Command::OpenSession(opening) => session::open(draft, opening),
        Command::UpdateSession { session, attributes, priority, skills } => {
            let change = session::Change {
                attributes: attributes.as_ref(),
                priority: *priority,
                skills: skills.as_ref(),
            };
            session::update(draft, actor, *session, change)
        }
        Command::PauseSession(id) => session::pause(draft, actor, *id),
        Command::ResumeSession(id) => session::resume(draft, actor, *id),
        Command::InactivateSession(id) => session::inactivate(draft, actor, *id),
        Command::EndSession(id) => session::end(draft, actor, *id),
        Command::AcceptWork(id) => work::accept(draft, actor, *id),
        Command::AcceptTransfer(id) => work::accept_transfer(draft, actor, *id),
        Command::DeclineWork(id) => work::decline(draft, actor, *id),
        Command::CloseWork { work, end_session } => work::close(draft, actor, *work, *end_session),
        Command::ExtendWrapUp(id) => wrap_up::extend(draft, actor, *id),
        Command::EndWrapUp(id) => wrap_up::end(draft, actor, *id),
        Command::AssignSession { session, rep, skip_capacity_check } => {
            assign::assign(draft, actor, *session, rep, *skip_capacity_check)
        }
        Command::TransferSession { session, recipient, note } => {
            transfer::request(draft, actor, *session, recipient, note)
        }
        Command::Timer(due) => Ok(timer::pass(draft, actor, due)),
        Command::Settle(reps) => {
            for rep in reps {
                reach::refresh(draft, rep);
                route::settle(draft, rep);
            }
            Ok(Subject::Nothing)
        }
    }
}

/// The rep that `actor` acts as, if it is one.
#[must_use]
pub fn acting_rep(actor: &Actor) -> Option<RepId> {
    match actor.role {
        Role::Rep => RepId::new(actor.id.as_str()).ok(),
        _ => None,
    }
}

/// May `actor` do what `rep` may do? A rep only as itself; supervisors for everyone (T1, S1).
#[must_use]
pub fn acts_for(actor: &Actor, rep: &RepId) -> bool {
    match actor.role {
        Role::Rep => actor.id.as_str() == rep.as_str(),
        Role::Admin | Role::Supervisor | Role::Server | Role::Partner => true,
        Role::Adapter | Role::Dashboard => false,
    }
}

pub(crate) fn not_owner(
    actor: &Actor,
    kind: &'static str,
    id: impl std::fmt::Display,
) -> Rejection {
    let message = format!("{} {id} isn't {}'s", kind, actor.id);
    Rejection::new(Reason::NotOwner, kind, id, message)
}

/// The answer is this record.
pub(crate) const fn about(record: RecordKey) -> Subject {
    Subject::Record(record)
}

/// The record that an answer shows, if it shows one.
impl Answer {
    /// The record, if the answer is one.
    #[must_use]
    pub const fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Nothing | Self::Directory(_) => None,
        }
    }
}
