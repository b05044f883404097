//! Requests of the PresenceService.

use std::collections::BTreeSet;

use super::fields::{Fields, limits};
use super::{channel_type, under};
use crate::domain::command::{Command, PresenceRef, SignIn, StatusChoice};
use crate::domain::directory::ChannelType;
use crate::domain::entry::Revision;
use crate::domain::id::{QueueId, RepId, StatusId};
use crate::domain::rejection::Rejection;
use crate::grpc::status::Problem;
use crate::pb;

/// A sign-in: whose, as what, where.
pub struct OpenPresence {
    /// The rep named, if one is.
    pub rep: Option<RepId>,
    /// The status to start with.
    pub status: StatusId,
    /// The client's name for itself.
    pub device: String,
}

/// Reads a sign-in.
///
/// # Errors
/// INVALID_FIELD.
pub fn open_presence(request: &pb::OpenPresenceRequest) -> Result<OpenPresence, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let rep = f.optional_id("rep", &request.rep);
    let status = f.id("status", &request.status);
    let device = f.text("device", &request.device, limits::DEVICE);
    f.finish(|| Some(OpenPresence { rep: rep?, status: status?, device: device? }))
}

/// A choice of status: whose, if it says so, and which.
///
/// # Errors
/// INVALID_FIELD.
pub fn set_status(
    request: &pb::SetStatusRequest,
    own: Option<&RepId>,
) -> Result<(PresenceRef, StatusId), Problem> {
    use pb::set_status_request::Whose;
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let whose = match &request.whose {
        Some(Whose::Presence(id)) => f.id("presence", id).map(PresenceRef::Presence),
        Some(Whose::Rep(id)) => f.id("rep", id).map(PresenceRef::Rep),
        None => own_presence(&mut f, own),
    };
    let status = f.id("status", &request.status);
    f.finish(|| Some((whose?, status?)))
}

/// A sign-out: whose.
///
/// # Errors
/// INVALID_FIELD.
pub fn close_presence(
    request: &pb::ClosePresenceRequest,
    own: Option<&RepId>,
) -> Result<PresenceRef, Problem> {
    use pb::close_presence_request::Whose;
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let whose = match &request.whose {
        Some(Whose::Presence(id)) => f.id("presence", id).map(PresenceRef::Presence),
        Some(Whose::Rep(id)) => f.id("rep", id).map(PresenceRef::Rep),
        None => own_presence(&mut f, own),
    };
    f.finish(|| whose)
}

fn own_presence(f: &mut Fields, own: Option<&RepId>) -> Option<PresenceRef> {
    match own {
        Some(rep) => Some(PresenceRef::Rep(rep.clone())),
        None => {
            f.bad("whose", "isn't given; name a presence or a rep (only a rep may leave it out)");
            None
        }
    }
}

/// Many sign-ins. One that is badly stated is refused by itself.
///
/// # Errors
/// INVALID_FIELD if there are none or too many.
pub fn open_presences(request: &pb::OpenPresencesRequest) -> Result<Command, Problem> {
    let (f, all) = (Fields::new(), request.sign_ins.iter().enumerate());
    let f = many(f, "sign_ins", request.sign_ins.len(), &request.request_id);
    f.finish(|| Some(Command::OpenPresences(all.map(|(i, given)| sign_in(i, given)).collect())))
}

fn sign_in(i: usize, given: &pb::SignIn) -> Result<SignIn, Rejection> {
    let (mut f, at) = (Fields::new(), format!("sign_ins[{i}]"));
    let rep = f.id(&under(&at, "rep"), &given.rep);
    let status = f.id(&under(&at, "status"), &given.status);
    let device = f.text(&under(&at, "device"), &given.device, limits::DEVICE);
    f.item(|| Some(SignIn { rep: rep?, status: status?, device: device? }))
}

/// Many choices of a status. One that is badly stated is refused by itself.
///
/// # Errors
/// INVALID_FIELD if there are none or too many.
pub fn set_statuses(request: &pb::SetStatusesRequest) -> Result<Command, Problem> {
    let (f, all) = (Fields::new(), request.choices.iter().enumerate());
    let f = many(f, "choices", request.choices.len(), &request.request_id);
    f.finish(|| Some(Command::SetStatuses(all.map(|(i, given)| choice(i, given)).collect())))
}

fn choice(i: usize, given: &pb::StatusChoice) -> Result<StatusChoice, Rejection> {
    use pb::status_choice::Whose;
    let (mut f, at) = (Fields::new(), format!("choices[{i}]"));
    let presence = match &given.whose {
        Some(Whose::Presence(id)) => f.id(&under(&at, "presence"), id).map(PresenceRef::Presence),
        Some(Whose::Rep(id)) => f.id(&under(&at, "rep"), id).map(PresenceRef::Rep),
        None => {
            f.bad(under(&at, "whose"), "isn't given; name a presence or a rep");
            None
        }
    };
    let status = f.id(&under(&at, "status"), &given.status);
    let when_done = given.when_current_work_is_done;
    f.item(|| Some(StatusChoice { presence: presence?, status: status?, when_done }))
}

/// What many presences of one call have in common.
fn many(mut f: Fields, field: &str, count: usize, request_id: &str) -> Fields {
    f.request_id(request_id);
    if !(1..=limits::BATCH).contains(&count) {
        f.bad(field, format!("has {count} entries; give 1 to {}", limits::BATCH));
    }
    f
}

/// The presences to renew, as written.
///
/// # Errors
/// INVALID_FIELD if there are none or too many. A malformed id is answered for by itself.
pub fn keep_alive(request: &pb::KeepAliveRequest) -> Result<(), Problem> {
    let mut f = Fields::new();
    let (count, most) = (request.presences.len(), limits::PRESENCES);
    if !(1..=most).contains(&count) {
        f.bad("presences", format!("has {count} ids; give 1 to {most}"));
    }
    f.finish(|| Some(()))
}

/// A question about one rep.
pub struct AboutRep {
    /// The rep named, if one is.
    pub rep: Option<RepId>,
    /// The revision to wait for.
    pub at_least: Option<Revision>,
}

/// Reads a question about one rep.
///
/// # Errors
/// INVALID_FIELD.
pub fn about_rep(rep: &str, at_least: i64) -> Result<AboutRep, Problem> {
    let mut f = Fields::new();
    let rep = f.optional_id("rep", rep);
    let at_least = f.revision("at_least_revision", at_least);
    f.finish(|| Some(AboutRep { rep: rep?, at_least }))
}

/// Reads which queue's live state is asked for.
///
/// # Errors
/// INVALID_FIELD.
pub fn about_queue(
    request: &pb::GetQueueStateRequest,
) -> Result<(QueueId, Option<Revision>), Problem> {
    let mut f = Fields::new();
    let queue = f.id("queue", &request.queue);
    let at_least = f.revision("at_least_revision", request.at_least_revision);
    f.finish(|| Some((queue?, at_least)))
}

/// Reads which queues' live states are listed: those with this text, in lower case.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_queue_states(request: &pb::ListQueueStatesRequest) -> Result<String, Problem> {
    let mut f = Fields::new();
    let query = f.text("query", &request.query, limits::QUERY);
    f.finish(|| Some(query?.to_lowercase()))
}

/// Which reps' live states are listed.
pub struct PresenceFilter {
    /// In lower case; part of the id or name.
    pub query: String,
    /// Members of this queue; `None`: whatever.
    pub queue: Option<QueueId>,
    /// What their status means; empty: anything.
    pub status_types: BTreeSet<i32>,
    /// Available for one of these; empty: whatever.
    pub available_for: BTreeSet<ChannelType>,
}

/// Reads which live states are listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_presences(request: &pb::ListRepPresencesRequest) -> Result<PresenceFilter, Problem> {
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let queue = f.optional_id("queue", &request.queue);
    let query = f.text("query", &request.query, limits::QUERY);
    let status_types = f.values("status_types", &request.status_types, |wire| match wire {
        pb::PresenceStatusType::Unspecified => None,
        pb::PresenceStatusType::Online
        | pb::PresenceStatusType::Busy
        | pb::PresenceStatusType::Offline => Some(wire as i32),
    });
    let available_for = f.values("available_for", &request.available_for, channel_type);
    f.finish(|| {
        Some(PresenceFilter {
            query: query?.to_lowercase(),
            queue: queue?,
            status_types: status_types.into_iter().collect(),
            available_for: available_for.into_iter().collect(),
        })
    })
}
