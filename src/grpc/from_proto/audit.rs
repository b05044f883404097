//! The requests of the AuditService.

use std::time::Duration;

use super::fields::Fields;
use crate::domain::id::{ActorId, RepId};
use crate::domain::live::Role;
use crate::domain::time::{Span, Timestamp};
use crate::grpc::status::Problem;
use crate::pb;

/// The longest name of a credential, of a call, and of what was changed, in bytes.
const CREDENTIAL: usize = 160;
const CALL: usize = 128;
const ID: usize = 128;

/// Which records; `None`: whichever.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Who did it.
    pub actor: Option<ActorId>,
    /// In which role.
    pub role: Option<Role>,
    /// With which credential.
    pub credential: Option<String>,
    /// Through which call, as entries write it.
    pub rpc: Option<String>,
    /// What kind of thing was changed.
    pub kind: Option<pb::AuditKind>,
    /// Which.
    pub id: Option<String>,
    /// For which rep.
    pub on_behalf_of: Option<RepId>,
}

/// What of the audit is listed.
#[derive(Debug, Clone)]
pub struct AuditList {
    /// Which records.
    pub filter: AuditFilter,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Until before then.
    pub to: Option<Timestamp>,
    /// The newest come first.
    pub newest_first: bool,
}

/// What of the audit is streamed.
#[derive(Debug, Clone)]
pub struct AuditWatch {
    /// Which records.
    pub filter: AuditFilter,
    /// From then on.
    pub from: Option<Timestamp>,
    /// Only what is committed from now on.
    pub live_only: bool,
    /// Go on at the end.
    pub follow: bool,
    /// How often a quiet stream carries a heartbeat.
    pub heartbeat: Duration,
}

/// Reads what is to be listed.
///
/// # Errors
/// INVALID_FIELD.
pub fn list_audit_records(request: &pb::ListAuditRecordsRequest) -> Result<AuditList, Problem> {
    let mut f = Fields::new();
    f.page_size(request.page_size);
    f.revision("at_least_revision", request.at_least_revision);
    let filter = filter(&mut f, request.filter.as_ref());
    let from = request.from_time.as_ref().and_then(|time| f.moment("from_time", time));
    let to = request.to_time.as_ref().and_then(|time| f.moment("to_time", time));
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        f.bad("to_time", "is before from_time");
    }
    let newest_first = request.newest_first;
    f.finish(|| Some(AuditList { filter: filter?, from, to, newest_first }))
}

/// Reads what is to be streamed.
///
/// # Errors
/// INVALID_FIELD.
pub fn watch_audit(request: &pb::WatchAuditRequest) -> Result<AuditWatch, Problem> {
    let mut f = Fields::new();
    let filter = filter(&mut f, request.filter.as_ref());
    let from = request.from_time.as_ref().and_then(|time| f.moment("from_time", time));
    let resumes = !request.resume_token.is_empty();
    if request.from_time.is_some() && resumes {
        f.bad("from_time", "can't go with resume_token; leave one of them out");
    }
    if request.live_only && (resumes || request.from_time.is_some()) {
        f.bad("live_only", "can't go with resume_token or from_time; give one of them");
    }
    let bounds = (Span::from_secs(1), Span::from_secs(60));
    let interval = request.heartbeat_interval.as_ref();
    let heartbeat = f.span("heartbeat_interval", interval, bounds, Span::from_secs(10));
    f.finish(|| {
        Some(AuditWatch {
            filter: filter?,
            from,
            live_only: request.live_only,
            follow: request.follow,
            heartbeat: Duration::from_millis(heartbeat?.as_ms().unsigned_abs()),
        })
    })
}

fn filter(f: &mut Fields, given: Option<&pb::AuditFilter>) -> Option<AuditFilter> {
    let none = pb::AuditFilter::default();
    let given = given.unwrap_or(&none);
    let actor = f.optional_id("filter.actor", &given.actor);
    let role = match given.role {
        0 => Some(None),
        number => f.value("filter.role", number, role).map(Some),
    };
    let kind = match given.kind {
        0 => Some(None),
        number => f.value("filter.kind", number, |kind: pb::AuditKind| Some(kind)).map(Some),
    };
    let credential = f.text("filter.credential", &given.credential, CREDENTIAL);
    let rpc = f.text("filter.rpc", &given.rpc, CALL);
    let id = f.text("filter.id", &given.id, ID);
    if !given.id.is_empty() && given.kind == 0 {
        f.bad("filter.kind", "isn't given; an id is of a kind");
    }
    let on_behalf_of = f.optional_id("filter.on_behalf_of", &given.on_behalf_of);
    let unless_empty = |text: String| Some(text).filter(|text| !text.is_empty());
    Some(AuditFilter {
        actor: actor?,
        role: role?,
        credential: unless_empty(credential?),
        rpc: unless_empty(rpc?.trim_start_matches("baton.v1.").to_owned()),
        kind: kind?,
        id: unless_empty(id?),
        on_behalf_of: on_behalf_of?,
    })
}

const fn role(wire: pb::Role) -> Option<Role> {
    match wire {
        pb::Role::Unspecified => None,
        pb::Role::Admin => Some(Role::Admin),
        pb::Role::Supervisor => Some(Role::Supervisor),
        pb::Role::Rep => Some(Role::Rep),
        pb::Role::Adapter => Some(Role::Adapter),
        pb::Role::Partner => Some(Role::Partner),
        pb::Role::Dashboard => Some(Role::Dashboard),
        pb::Role::Server => Some(Role::Server),
    }
}

impl AuditFilter {
    /// The same, said in one way: what a token is bound to.
    #[must_use]
    pub fn canonical(&self, given: Option<&pb::AuditFilter>) -> pb::AuditFilter {
        pb::AuditFilter {
            rpc: self.rpc.clone().unwrap_or_default(),
            ..given.cloned().unwrap_or_default()
        }
    }
}
