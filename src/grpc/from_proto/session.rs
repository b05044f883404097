//! Requests of the SessionService.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ActingOn;
use super::fields::Fields;
use crate::domain::attributes::AttributesChange;
use crate::domain::command::Command;
use crate::domain::entry::Revision;
use crate::domain::id::{ChannelId, ExternalReference, RepId, SessionId};
use crate::grpc::status::Problem;
use crate::pb;

/// A session to open (R10).
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn open_session(request: &pb::OpenSessionRequest) -> Result<Command, Problem> {
    use pb::open_session_request::Target;
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    f.unsupported("required_skills", !request.required_skills.is_empty());
    f.unsupported("additional_skills", !request.additional_skills.is_empty());
    let channel = f.id("channel", &request.channel);
    let reference = f.id("external_reference", &request.external_reference);
    let rep = match &request.target {
        Some(Target::Rep(id)) => f.id("rep", id),
        Some(Target::Queue(_)) => later(&mut f, "queue"),
        Some(Target::Flow(_)) => later(&mut f, "flow"),
        Some(Target::Skills(_)) => later(&mut f, "skills"),
        None => {
            f.bad("target", "isn't given; name the rep");
            None
        }
    };
    f.attributes("attributes", &request.attributes);
    f.finish(|| {
        Some(Command::OpenSession {
            channel: channel?,
            external_reference: reference?,
            rep: rep?,
            priority: request.priority.unwrap_or_default(),
            attributes: Arc::new(request.attributes.clone()),
        })
    })
}

fn later(f: &mut Fields, field: &str) -> Option<RepId> {
    f.unsupported(field, true);
    None
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
pub struct SessionFilter {
    /// States; empty: all but ENDED.
    pub states: BTreeSet<pb::SessionState>,
    /// Channels; empty: all.
    pub channels: BTreeSet<ChannelId>,
    /// Whose.
    pub rep: Option<RepId>,
    /// Only stranded ones.
    pub stranded: bool,
}

/// Reads which sessions are listed.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn list_sessions(request: &pb::ListSessionsRequest) -> Result<SessionFilter, Problem> {
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    f.unsupported("queue", !request.queue.is_empty());
    let known = |wire| (wire != pb::SessionState::Unspecified).then_some(wire);
    let states = f.values("states", &request.states, known);
    let channels = f.ids("channels", &request.channels);
    let rep = f.optional_id("rep", &request.rep);
    f.finish(|| {
        Some(SessionFilter {
            states: states.into_iter().collect(),
            channels: channels.into_iter().collect(),
            rep: rep?,
            stranded: request.stranded,
        })
    })
}

/// A change of a session's facts, and on which presence.
///
/// # Errors
/// INVALID_FIELD or NOT_IMPLEMENTED.
pub fn update_session(request: &pb::UpdateSessionRequest) -> Result<(Command, ActingOn), Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let session = f.id("session", &request.session);
    let presence = f.optional_id("presence", &request.presence);
    f.attributes("attributes", &request.attributes);
    let (mut replace, mut priority, mut single) = (false, None, BTreeMap::new());
    let paths = request.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
    if paths.is_empty() {
        f.bad("update_mask", "isn't given; name what is to change");
    }
    for (i, path) in paths.iter().enumerate() {
        match path.as_str() {
            "attributes" => replace = true,
            "priority" => priority = Some(request.priority),
            "required_skills" | "additional_skills" => f.unsupported(path.as_str(), true),
            other => match other.strip_prefix("attributes.").filter(|name| !name.is_empty()) {
                Some(name) => {
                    single.insert(name.to_owned(), request.attributes.get(name).cloned());
                }
                None => f.bad(
                    format!("update_mask.paths[{i}]"),
                    "names nothing that can change; give attributes, attributes.NAME or priority",
                ),
            },
        }
    }
    let attributes = if replace {
        Some(AttributesChange::Replace(Arc::new(request.attributes.clone())))
    } else {
        (!single.is_empty()).then_some(AttributesChange::Single(single))
    };
    f.finish(|| {
        Some((Command::UpdateSession { session: session?, attributes, priority }, presence?))
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
