//! Requests of the TransferService and the WorkService.

use std::collections::BTreeSet;

use super::ActingOn;
use super::contacts::recipient_filter;
use super::fields::{Fields, limits};
use crate::domain::command::Command;
use crate::domain::contact_search::ContactFilter;
use crate::domain::entry::Revision;
use crate::domain::id::{QueueId, RepId, SessionId, TransferId, WorkId};
use crate::domain::live::{ContactRef, Recipient};
use crate::domain::recipients::RecipientQuestion;
use crate::grpc::status::Problem;
use crate::pb;

/// The types of recipients that can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Reps (L1).
    Reps,
    /// Queues (L3).
    Queues,
    /// Flows (L4).
    Flows,
    /// External contacts (L4).
    Contacts,
}

/// Which recipients are listed.
pub struct ListRecipients {
    /// Of which type.
    pub kind: Listed,
    /// For what.
    pub about: RecipientQuestion,
    /// Text searched for.
    pub query: String,
    /// Which external contacts.
    pub contacts: ContactFilter,
}

/// Reads which recipients are listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_recipients(request: &pb::ListRecipientsRequest) -> Result<ListRecipients, Problem> {
    use pb::list_recipients_request::About as Wire;
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let kind = f.value("type", request.r#type, |wire| match wire {
        pb::RecipientType::Unspecified => None,
        pb::RecipientType::Rep => Some(Listed::Reps),
        pb::RecipientType::Queue => Some(Listed::Queues),
        pb::RecipientType::Flow => Some(Listed::Flows),
        pb::RecipientType::ExternalContact => Some(Listed::Contacts),
    });
    let about = match &request.about {
        Some(Wire::Session(id)) => f.id("session", id).map(RecipientQuestion::Session),
        Some(Wire::Channel(id)) => f.id("channel", id).map(RecipientQuestion::Channel),
        None => {
            if matches!(kind, Some(Listed::Flows | Listed::Contacts)) {
                let why = "isn't given; flows and external contacts are listed for a session or a channel";
                f.bad("about", why);
            }
            Some(RecipientQuestion::Anything)
        }
    };
    if kind.is_some_and(|kind| kind != Listed::Contacts) {
        for (field, count) in [
            ("contact_types", request.contact_types.len()),
            ("contact_availabilities", request.contact_availabilities.len()),
        ] {
            if count > 0 {
                f.bad(field, "is only for the type EXTERNAL_CONTACT; leave it out");
            }
        }
    }
    let contacts = recipient_filter(&mut f, request);
    f.finish(|| {
        let (kind, about, contacts) = (kind?, about?, contacts?);
        let query = request.query.clone();
        Some(ListRecipients { kind, about, query, contacts })
    })
}

/// A recipient, about something.
///
/// # Errors
/// INVALID_FIELD.
pub fn explain_recipient(
    request: &pb::ExplainRecipientRequest,
) -> Result<(Recipient, RecipientQuestion, Option<Revision>), Problem> {
    use pb::explain_recipient_request::About as Wire;
    let mut f = Fields::new();
    let at_least = f.revision("at_least_revision", request.at_least_revision);
    let recipient = recipient(&mut f, request.recipient.as_ref());
    let about = match &request.about {
        Some(Wire::Session(id)) => f.id("session", id).map(RecipientQuestion::Session),
        Some(Wire::Channel(id)) => f.id("channel", id).map(RecipientQuestion::Channel),
        None => {
            f.bad("about", "isn't given; name a session or a channel");
            None
        }
    };
    f.finish(|| Some((recipient?, about?, at_least)))
}

/// What a transfer would be.
///
/// # Errors
/// INVALID_FIELD.
pub fn quote_transfer(
    request: &pb::QuoteTransferRequest,
) -> Result<(SessionId, Recipient, Option<Revision>), Problem> {
    let mut f = Fields::new();
    let at_least = f.revision("at_least_revision", request.at_least_revision);
    let session = f.id("session", &request.session);
    let recipient = recipient(&mut f, request.recipient.as_ref());
    f.finish(|| Some((session?, recipient?, at_least)))
}

/// A transfer to make, and on which presence.
///
/// # Errors
/// INVALID_FIELD.
pub fn transfer_session(
    request: &pb::TransferSessionRequest,
) -> Result<(Command, ActingOn), Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let session = f.id("session", &request.session);
    let recipient = recipient(&mut f, request.recipient.as_ref());
    let note = f.text("note", &request.note, limits::NOTE);
    let presence = f.optional_id("presence", &request.presence);
    f.finish(|| {
        let command =
            Command::TransferSession { session: session?, recipient: recipient?, note: note? };
        Some((command, presence?))
    })
}

fn recipient(f: &mut Fields, given: Option<&pb::Recipient>) -> Option<Recipient> {
    use pb::recipient::Recipient as Wire;
    match given.and_then(|g| g.recipient.as_ref()) {
        Some(Wire::Rep(id)) => f.id("recipient.rep", id).map(Recipient::Rep),
        Some(Wire::Queue(id)) => f.id("recipient.queue", id).map(Recipient::Queue),
        Some(Wire::Flow(id)) => f.id("recipient.flow", id).map(Recipient::Flow),
        Some(Wire::ExternalContact(of)) => {
            let partner = f.id("recipient.external_contact.partner", &of.partner);
            let contact = f.id("recipient.external_contact.contact", &of.contact);
            Some(Recipient::Contact(ContactRef { partner: partner?, contact: contact? }))
        }
        None => {
            f.bad("recipient", "isn't given; name a rep, a queue, a flow or an external contact");
            None
        }
    }
}

/// An acceptance of a transfer: which, by whom, on which presence.
///
/// # Errors
/// INVALID_FIELD.
pub fn accept_transfer(
    request: &pb::AcceptTransferRequest,
) -> Result<(TransferId, Option<RepId>, ActingOn), Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let transfer = f.id("transfer", &request.transfer);
    let rep = f.optional_id("rep", &request.rep);
    let presence = f.optional_id("presence", &request.presence);
    f.finish(|| Some((transfer?, rep?, presence?)))
}

/// Which transfers are listed.
#[derive(Clone)]
pub struct TransferFilter {
    /// States; `None`: all.
    pub states: Option<BTreeSet<pb::TransferState>>,
    /// Of which session.
    pub session: Option<SessionId>,
    /// Of which rep.
    pub rep: Option<RepId>,
    /// In which queue.
    pub queue: Option<QueueId>,
    /// Only stranded ones.
    pub stranded: bool,
}

/// Reads which transfers are listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_transfers(request: &pb::ListTransfersRequest) -> Result<TransferFilter, Problem> {
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let queue = f.optional_id("queue", &request.queue);
    let known = |wire| (wire != pb::TransferState::Unspecified).then_some(wire);
    let states: BTreeSet<_> = f.values("states", &request.states, known).into_iter().collect();
    let session = f.optional_id("session", &request.session);
    let rep = f.optional_id("rep", &request.rep);
    let states = if !states.is_empty() {
        Some(states)
    } else if request.session.is_empty() {
        Some([pb::TransferState::Offered, pb::TransferState::Waiting].into())
    } else {
        None
    };
    f.finish(|| {
        Some(TransferFilter {
            states,
            session: session?,
            rep: rep?,
            queue: queue?,
            stranded: request.stranded,
        })
    })
}

/// A call about one piece of work, made on a presence.
///
/// # Errors
/// INVALID_FIELD.
pub fn on_work(
    work: &str,
    presence: &str,
    request_id: &str,
) -> Result<(WorkId, ActingOn), Problem> {
    let mut f = Fields::new();
    f.request_id(request_id);
    let work = f.id("work", work);
    let presence = f.optional_id("presence", presence);
    f.finish(|| Some((work?, presence?)))
}

/// Which work is listed.
#[derive(Clone)]
pub struct WorkFilter {
    /// Of which rep.
    pub rep: Option<RepId>,
    /// Of which session.
    pub session: Option<SessionId>,
    /// States; empty: all but ENDED.
    pub states: BTreeSet<pb::WorkState>,
}

/// Reads which work is listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_work(request: &pb::ListWorkRequest) -> Result<WorkFilter, Problem> {
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let rep = f.optional_id("rep", &request.rep);
    let session = f.optional_id("session", &request.session);
    let known = |wire| (wire != pb::WorkState::Unspecified).then_some(wire);
    let states = f.values("states", &request.states, known);
    f.finish(|| {
        Some(WorkFilter { rep: rep?, session: session?, states: states.into_iter().collect() })
    })
}
