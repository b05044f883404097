//! What a narrowed credential doesn't see isn't there for what it asks either (S2, S4): every command says what it acts on
//! and what it chooses, and this is looked at before anything else of it. What isn't seen is refused just as what isn't there,
//! and whether it is there makes no difference. What a role may act on stands with the commands.

use crate::domain::aliases::{queue_named, rep_named};
use crate::domain::command::{Command, Opening, PresenceRef, RouteTarget, Target};
use crate::domain::draft::Draft;
use crate::domain::id::{
    ChannelId, ExternalReference, HandoffId, PresenceId, QueueId, RepId, RoutingRequestId,
    SessionId, TransferId, WorkId,
};
use crate::domain::live::Recipient;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::Viewer;

/// Something that a command acts on or chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject<'c> {
    /// A session.
    Session(SessionId),
    /// A session by its channel's name for it, if there is one (O2).
    Reference(&'c ChannelId, &'c ExternalReference),
    /// A piece of work.
    Work(WorkId),
    /// A transfer.
    Transfer(TransferId),
    /// A hand-off.
    Handoff(HandoffId),
    /// A routing request.
    Routing(RoutingRequestId),
    /// A rep, as the caller names them (N8).
    Rep(&'c RepId),
    /// A presence.
    Presence(PresenceId),
    /// A queue, as the caller names it (N8).
    Queue(&'c QueueId),
    /// A channel.
    Channel(&'c ChannelId),
    /// What the org configures, as a whole.
    Directory,
}

impl Command {
    /// Everything that it acts on or chooses. Where it is about many, with a verdict for each, they are looked at one by one
    /// as their turn comes.
    #[must_use]
    pub fn subjects(&self) -> Vec<Subject<'_>> {
        match self {
            Self::Misstated
            | Self::OpenPresences(_)
            | Self::SetStatuses(_)
            | Self::RenewRoutings { .. }
            | Self::SyncContacts(_)
            | Self::ReportAvailability(_)
            | Self::LeasesLapsed(_)
            | Self::Timer(_)
            | Self::WorkOff
            | Self::LookAtEverybody => Vec::new(),
            Self::ApplyDirectory { .. }
            | Self::Upsert(_)
            | Self::ChangeSettings(_)
            | Self::Delete { .. } => vec![Subject::Directory],
            Self::OpenPresence { rep, .. } => vec![Subject::Rep(rep)],
            Self::SetStatus { presence, .. } | Self::ClosePresence { presence, .. } => {
                vec![presence.subject()]
            }
            Self::Reconnect(id) => vec![Subject::Presence(*id)],
            Self::OpenSession(opening) => opened(opening),
            Self::UpdateSession { session: id, .. }
            | Self::EndSession { session: id, .. }
            | Self::PauseSession(id)
            | Self::ResumeSession(id)
            | Self::InactivateSession(id) => vec![Subject::Session(*id)],
            Self::ReturnSession(returning) => {
                let to = returning.to.as_ref().and_then(target);
                [Subject::Session(returning.session)].into_iter().chain(to).collect()
            }
            Self::AcceptWork(id)
            | Self::DeclineWork(id)
            | Self::CloseWork { work: id, .. }
            | Self::ExtendWrapUp(id)
            | Self::EndWrapUp(id) => vec![Subject::Work(*id)],
            Self::AcceptTransfer(id) => vec![Subject::Transfer(*id)],
            Self::AcknowledgeHandoff { handoff, .. }
            | Self::CompleteHandoff { handoff, .. }
            | Self::FailHandoff { handoff, .. } => vec![Subject::Handoff(*handoff)],
            Self::AcknowledgeRouting { request, .. } | Self::FailRouting { request, .. } => {
                vec![Subject::Routing(*request)]
            }
            Self::RouteSession(answer) => {
                let to = routed(&answer.to);
                [Subject::Routing(answer.request)].into_iter().chain(to).collect()
            }
            Self::TransferSession { session, recipient, .. } => {
                let to = handed(recipient);
                [Subject::Session(*session)].into_iter().chain(to).collect()
            }
        }
    }
}

impl PresenceRef {
    /// What it names.
    pub(super) const fn subject(&self) -> Subject<'_> {
        match self {
            Self::Presence(id) => Subject::Presence(*id),
            Self::Rep(rep) => Subject::Rep(rep),
        }
    }
}

fn opened(opening: &Opening) -> Vec<Subject<'_>> {
    let to = opening.target.as_ref().and_then(target);
    let (channel, reference) = (&opening.channel, &opening.external_reference);
    let found = Subject::Reference(channel, reference);
    [Subject::Channel(channel), found].into_iter().chain(to).collect()
}

fn routed(to: &RouteTarget) -> Option<Subject<'_>> {
    match to {
        RouteTarget::Rep(rep) => Some(Subject::Rep(rep)),
        RouteTarget::Queue(queue) => Some(Subject::Queue(queue)),
        RouteTarget::Flow(_) | RouteTarget::Contact(_) => None,
    }
}

fn handed(to: &Recipient) -> Option<Subject<'_>> {
    match to {
        Recipient::Rep(rep) => Some(Subject::Rep(rep)),
        Recipient::Queue(queue) => Some(Subject::Queue(queue)),
        Recipient::Flow(_) | Recipient::Contact(_) => None,
    }
}

fn target(to: &Target) -> Option<Subject<'_>> {
    match to {
        Target::Rep(rep) => Some(Subject::Rep(rep)),
        Target::Queue(queue) => Some(Subject::Queue(queue)),
        Target::Skills(skills) => skills.queue.as_ref().map(Subject::Queue),
        Target::Flow(_) => None,
    }
}

/// Looks at everything that a command acts on or chooses.
///
/// # Errors
/// NOT_FOUND for the first thing that the caller's narrowing leaves out; PERMISSION_DENIED for changes of what the org
/// configures, of which a narrowed credential sees a part.
pub(super) fn check_all(
    draft: &Draft<'_>,
    viewer: Viewer<'_>,
    command: &Command,
) -> Result<(), Rejection> {
    if viewer.narrowing.is_none() {
        return Ok(());
    }
    command.subjects().iter().try_for_each(|subject| check(draft, viewer, subject))
}

/// Looks at one thing.
///
/// # Errors
/// As [`check_all`].
pub(super) fn check(
    draft: &Draft<'_>,
    viewer: Viewer<'_>,
    subject: &Subject<'_>,
) -> Result<(), Rejection> {
    let Some(narrowing) = viewer.narrowing else { return Ok(()) };
    let keeps = |session| viewer.keeps_session(draft, session);
    let missing = |seen: bool, kind, id: &dyn std::fmt::Display| {
        if seen { Ok(()) } else { Err(Rejection::not_found(kind, id)) }
    };
    match subject {
        Subject::Session(id) => missing(keeps(*id), "session", id),
        Subject::Reference(channel, reference) => {
            let known = draft.reference(channel, reference).and_then(|id| draft.session(&id));
            let known = known.filter(|session| !session.is_ended());
            let seen = known.is_none_or(|session| narrowing.has_session(&session));
            missing(seen, "session", reference)
        }
        Subject::Work(id) => {
            missing(draft.work(id).is_some_and(|work| keeps(work.session)), "work", id)
        }
        Subject::Transfer(id) => {
            let seen = draft.transfer(id).is_some_and(|transfer| keeps(transfer.session));
            missing(seen, "transfer", id)
        }
        Subject::Handoff(id) => {
            missing(draft.handoff(id).is_some_and(|asked| keeps(asked.session)), "handoff", id)
        }
        Subject::Routing(id) => {
            let seen = draft.routing_request(id).is_some_and(|asked| keeps(asked.session));
            missing(seen, "routing_request", id)
        }
        Subject::Rep(named) => {
            let rep = rep_named(draft, viewer.actor, named);
            missing(viewer.keeps_rep(draft, &rep), "rep", named)
        }
        Subject::Presence(id) => {
            let rep = draft.rep_of_presence(*id);
            missing(rep.is_some_and(|rep| viewer.keeps_rep(draft, rep)), "presence", id)
        }
        Subject::Queue(named) => {
            let queue = queue_named(draft, viewer.actor, named);
            missing(narrowing.has_queue(&queue), "queue", named)
        }
        Subject::Channel(id) => missing(narrowing.has_channel(id), "channel", id),
        Subject::Directory => {
            let message = "a credential that is narrowed to queues or channels changes nothing of the directory";
            Err(Rejection::new(Reason::PermissionDenied, "directory", "", message))
        }
    }
}
