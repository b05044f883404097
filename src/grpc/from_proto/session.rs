//! Requests of the SessionService.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ActingOn;
use super::directory::{skills_target, wished};
use super::fields::{Asked, Fields, limits};
use crate::domain::attributes::{self, AttributesChange};
use crate::domain::command::{Command, Opening, Returning, Skills, Target};
use crate::domain::entry::Revision;
use crate::domain::id::{ChannelId, ExternalReference, QueueId, RepId, SessionId};
use crate::domain::live::{ReturnReason, SessionEndReason};
use crate::grpc::status::Problem;
use crate::pb;

/// A session to open (R10).
///
/// # Errors
/// INVALID_FIELD.
pub fn open_session(request: &pb::OpenSessionRequest) -> Result<Asked, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let channel = f.id("channel", &request.channel);
    let reference = f.id("external_reference", &request.external_reference);
    let target = match &request.target {
        None => Some(None),
        Some(given) => target(&mut f, given).map(Some),
    };
    let required = &request.required_skills;
    let skills = Skills {
        required: f.levels("required_skills", required, limits::TARGET_SKILLS),
        additional: wished(&mut f, "additional_skills", &request.additional_skills),
    };
    f.attributes("attributes", &request.attributes);
    f.ask(|| {
        Some(Command::OpenSession(Box::new(Opening {
            channel: channel?,
            external_reference: reference?,
            target: target?,
            priority: request.priority,
            attributes: Arc::new(request.attributes.clone()),
            skills,
            reopen: request.reopen_inactive,
        })))
    })
}

fn target(f: &mut Fields, given: &pb::open_session_request::Target) -> Option<Target> {
    use pb::open_session_request::Target as Wire;
    match given {
        Wire::Rep(id) => f.id("rep", id).map(Target::Rep),
        Wire::Queue(id) => f.id("queue", id).map(Target::Queue),
        Wire::Flow(id) => f.id("flow", id).map(Target::Flow),
        Wire::Skills(skills) => {
            let queue = f.optional_id("skills.queue", &skills.queue);
            skills_target(f, "skills", skills, queue).map(Target::Skills)
        }
    }
}

/// Which session is asked for.
pub enum Which {
    /// By its id.
    Session(SessionId),
    /// By its adapter's name for it (O2).
    Reference(ChannelId, ExternalReference),
}

/// Reads which session is asked for.
///
/// # Errors
/// INVALID_FIELD.
pub fn get_session(request: &pb::GetSessionRequest) -> Result<(Which, Option<Revision>), Problem> {
    let mut f = Fields::new();
    let at_least = f.revision("at_least_revision", request.at_least_revision);
    let which = match &request.which {
        Some(pb::get_session_request::Which::Session(id)) => {
            f.id("session", id).map(Which::Session)
        }
        Some(pb::get_session_request::Which::Reference(named)) => {
            let channel = f.id("reference.channel", &named.channel);
            let reference = f.id("reference.external_reference", &named.external_reference);
            channel.zip(reference).map(|(c, r)| Which::Reference(c, r))
        }
        None => {
            f.bad("which", "isn't given; name the session or its reference");
            None
        }
    };
    f.finish(|| Some((which?, at_least)))
}

/// Which sessions are listed.
#[derive(Clone)]
pub struct SessionFilter {
    /// States; empty: all but ENDED.
    pub states: BTreeSet<pb::SessionState>,
    /// Channels; empty: all.
    pub channels: BTreeSet<ChannelId>,
    /// Whose.
    pub rep: Option<RepId>,
    /// Which wait in this queue.
    pub queue: Option<QueueId>,
    /// Only stranded ones.
    pub stranded: bool,
}

/// Reads which sessions are listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_sessions(request: &pb::ListSessionsRequest) -> Result<SessionFilter, Problem> {
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let queue = f.optional_id("queue", &request.queue);
    let known = |wire| (wire != pb::SessionState::Unspecified).then_some(wire);
    let states = f.values("states", &request.states, known);
    let channels = f.ids("channels", &request.channels);
    let rep = f.optional_id("rep", &request.rep);
    f.finish(|| {
        Some(SessionFilter {
            states: states.into_iter().collect(),
            channels: channels.into_iter().collect(),
            rep: rep?,
            queue: queue?,
            stranded: request.stranded,
        })
    })
}

/// A change of a session's facts, and on which presence.
///
/// # Errors
/// INVALID_FIELD.
pub fn update_session(request: &pb::UpdateSessionRequest) -> Result<(Asked, ActingOn), Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let session = f.id("session", &request.session);
    let presence = f.optional_id("presence", &request.presence);
    f.attributes("attributes", &request.attributes);
    let (mut replace, mut priority, mut skills) = (false, None, false);
    let mut single = BTreeMap::new();
    let paths = request.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
    single_attributes(&mut f, request, &mut single);
    if paths.is_empty() && single.is_empty() {
        f.bad("update_mask", "isn't given; name what is to change");
    }
    for (i, path) in paths.iter().enumerate() {
        match path.as_str() {
            "attributes" => replace = true,
            "priority" => priority = Some(request.priority),
            "required_skills" | "additional_skills" => skills = true,
            other => match other.strip_prefix("attributes.").filter(|name| !name.is_empty()) {
                Some(name) => {
                    single.insert(name.to_owned(), request.attributes.get(name).cloned());
                }
                None => f.bad(
                    format!("update_mask.paths[{i}]"),
                    "names nothing that can change; give attributes, attributes.NAME, priority, \
                     required_skills or additional_skills",
                ),
            },
        }
    }
    if replace && !(request.set_attributes.is_empty() && request.remove_attributes.is_empty()) {
        let why = "names all attributes, which can't go with set_attributes or remove_attributes";
        f.bad("update_mask", why);
    }
    let attributes = if replace {
        Some(AttributesChange::Replace(Arc::new(request.attributes.clone())))
    } else {
        (!single.is_empty()).then_some(AttributesChange::Single(single))
    };
    let skills = skills.then(|| Skills {
        required: f.levels("required_skills", &request.required_skills, limits::TARGET_SKILLS),
        additional: wished(&mut f, "additional_skills", &request.additional_skills),
    });
    let asked =
        f.ask(|| Some(Command::UpdateSession { session: session?, attributes, priority, skills }))?;
    Ok((asked, presence.flatten()))
}

/// The attributes that are set or removed by themselves.
fn single_attributes(
    f: &mut Fields,
    request: &pb::UpdateSessionRequest,
    single: &mut BTreeMap<String, Option<String>>,
) {
    f.attributes("set_attributes", &request.set_attributes);
    for (name, value) in &request.set_attributes {
        single.insert(name.clone(), Some(value.clone()));
    }
    if request.remove_attributes.len() > attributes::MOST {
        let most = attributes::MOST;
        f.bad("remove_attributes", format!("has too many names; at most {most}"));
        return;
    }
    for (i, name) in request.remove_attributes.iter().enumerate() {
        let field = format!("remove_attributes[{i}]");
        match single.insert(name.clone(), None) {
            _ if name.is_empty() => f.bad(field, "is empty"),
            Some(Some(_)) => f.bad(field, "is in set_attributes, too"),
            _ => {}
        }
    }
}

/// A session's end, and on which presence.
///
/// # Errors
/// INVALID_FIELD.
pub fn end_session(request: &pb::EndSessionRequest) -> Result<(Command, ActingOn), Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let session = f.id("session", &request.session);
    let presence = f.optional_id("presence", &request.presence);
    let reason = f.value("reason", request.reason, |wire| {
        Some(match wire {
            pb::SessionEndReason::Unspecified => None,
            pb::SessionEndReason::CustomerLeft => Some(SessionEndReason::CustomerLeft),
            pb::SessionEndReason::Idle => Some(SessionEndReason::Idle),
            pb::SessionEndReason::ConsentWithdrawn => Some(SessionEndReason::ConsentWithdrawn),
            pb::SessionEndReason::System => Some(SessionEndReason::System),
        })
    });
    f.finish(|| Some((Command::EndSession { session: session?, reason: reason? }, presence?)))
}

/// A session's way back from an external contact (O6).
///
/// # Errors
/// INVALID_FIELD.
pub fn return_session(request: &pb::ReturnSessionRequest) -> Result<Command, Problem> {
    use pb::return_session_request::Target as Wire;
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let session = f.id("session", &request.session);
    let note = f.text("note", &request.note, limits::NOTE);
    let to = match &request.target {
        None => Some(None),
        Some(Wire::Rep(id)) => f.id("rep", id).map(|id| Some(Target::Rep(id))),
        Some(Wire::Queue(id)) => f.id("queue", id).map(|id| Some(Target::Queue(id))),
        Some(Wire::Flow(id)) => f.id("flow", id).map(|id| Some(Target::Flow(id))),
    };
    let reason = f.value("reason", request.reason, |wire| {
        Some(match wire {
            pb::SessionReturnReason::Unspecified => None,
            pb::SessionReturnReason::Done => Some(ReturnReason::Done),
            pb::SessionReturnReason::WrongContact => Some(ReturnReason::WrongContact),
            pb::SessionReturnReason::Closed => Some(ReturnReason::Closed),
            pb::SessionReturnReason::CustomerAsked => Some(ReturnReason::CustomerAsked),
            pb::SessionReturnReason::Error => Some(ReturnReason::Error),
        })
    });
    f.finish(|| {
        let (session, to, note, reason) = (session?, to?, note?, reason?);
        Some(Command::ReturnSession(Box::new(Returning { session, to, note, reason })))
    })
}

/// A call about one session, made on a presence.
///
/// # Errors
/// INVALID_FIELD.
pub fn on_session(
    session: &str,
    presence: &str,
    request_id: &str,
) -> Result<(SessionId, ActingOn), Problem> {
    let mut f = Fields::new();
    f.request_id(request_id);
    let session = f.id("session", session);
    let presence = f.optional_id("presence", presence);
    f.finish(|| Some((session?, presence?)))
}
