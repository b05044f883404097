//! The one table of the public API's calls: who may make each and what of it is theirs, which scope it needs, and what
//! becomes of it at a server that isn't the org's home. What isn't in it is denied (S1). Admission, `docs/permissions.md`
//! and the test that tries every cell on a running server are made from it; a test holds it against the descriptors.

mod docs;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::access::Limits;
use crate::access::Scope::{
    self, Audit, Contacts, Directory, Handoffs, Presence, Queues, Routing, Sessions, Transfers,
    Work,
};
pub use crate::access::grant::role_name;
use crate::domain::live::Role::{self, Adapter, Admin, Dashboard, Partner, Rep, Supervisor};
pub use docs::{limits_page, page};

/// What becomes of a call at a server that isn't the home of the caller's org.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// It changes the org: it is passed on to the org's home.
    Mutation,
    /// It only reads: it is served where the org is loaded, and passed on where it isn't.
    Read,
    /// It is served where it arrives.
    Local,
}

/// What of the org a role reaches with a call. A credential that is narrowed reaches less (S4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// All of the org.
    Org,
    /// Of an ADAPTER, what is on the channels that name it, or nobody; of a PARTNER, what is on the channels that it routes,
    /// its contacts and what it is asked, and the reps whom it drives (N3, N5, N8).
    OwnChannels,
    /// What belongs to the rep that the caller is.
    Own,
}

/// A role that may make a call, and with what.
pub type Grant = (Role, Whose);

/// A call of the public API.
#[derive(Debug, Clone, Copy)]
pub struct Rpc {
    /// Its service and method, such as `WorkService/ListWork`.
    pub name: &'static str,
    /// What becomes of it elsewhere.
    pub handling: Handling,
    /// Whether it changes something, which a read-only credential may not.
    pub changes: bool,
    /// The scope that it needs; `None`: none, or, for a stream, one for each kind.
    pub scope: Option<Scope>,
    /// Who may make it.
    pub grants: &'static [Grant],
}

const ALL_OF_IT: Whose = Whose::Org;
const CHANNELS: Whose = Whose::OwnChannels;

const CONFIGURE: &[Grant] = &[(Admin, ALL_OF_IT)];
const READ: &[Grant] = &[
    (Admin, ALL_OF_IT),
    (Supervisor, ALL_OF_IT),
    (Rep, ALL_OF_IT),
    (Adapter, CHANNELS),
    (Dashboard, ALL_OF_IT),
];
/// What of the directory an adapter has no use for.
const READ_DIRECTORY: &[Grant] =
    &[(Admin, ALL_OF_IT), (Supervisor, ALL_OF_IT), (Rep, ALL_OF_IT), (Dashboard, ALL_OF_IT)];
/// What an adapter may name when it opens a session (R10).
const READ_TARGETS: &[Grant] = &[
    (Admin, ALL_OF_IT),
    (Supervisor, ALL_OF_IT),
    (Rep, ALL_OF_IT),
    (Adapter, ALL_OF_IT),
    (Dashboard, ALL_OF_IT),
];
/// What a partner reads, too, as far as it is its own (N3).
const READ_LIVE: &[Grant] = &[
    (Admin, ALL_OF_IT),
    (Supervisor, ALL_OF_IT),
    (Rep, ALL_OF_IT),
    (Adapter, CHANNELS),
    (Partner, CHANNELS),
    (Dashboard, ALL_OF_IT),
];
/// What partners are asked, and how they do.
const READ_PARTNERS: &[Grant] =
    &[(Admin, ALL_OF_IT), (Supervisor, ALL_OF_IT), (Partner, CHANNELS), (Dashboard, ALL_OF_IT)];
/// What a rep does, and whoever does it for them.
const ACT: &[Grant] =
    &[(Admin, ALL_OF_IT), (Supervisor, ALL_OF_IT), (Rep, Whose::Own), (Partner, CHANNELS)];
/// The same for many reps at once.
const DRIVE: &[Grant] = &[(Admin, ALL_OF_IT), (Supervisor, ALL_OF_IT), (Partner, CHANNELS)];
/// What a channel does.
const CHANNEL: &[Grant] = &[(Admin, ALL_OF_IT), (Adapter, CHANNELS), (Partner, CHANNELS)];
/// What a channel does, or the rep who has the session, or a supervisor.
const ANY_SIDE: &[Grant] = &[
    (Admin, ALL_OF_IT),
    (Supervisor, ALL_OF_IT),
    (Rep, Whose::Own),
    (Adapter, CHANNELS),
    (Partner, CHANNELS),
];
const RETURN: &[Grant] =
    &[(Admin, ALL_OF_IT), (Supervisor, ALL_OF_IT), (Adapter, CHANNELS), (Partner, CHANNELS)];
const PARTNER: &[Grant] = &[(Admin, ALL_OF_IT), (Partner, CHANNELS)];
/// What whoever runs the servers looks at.
const OPERATE: &[Grant] = &[(Admin, ALL_OF_IT), (Supervisor, ALL_OF_IT), (Dashboard, ALL_OF_IT)];
/// What everybody is told of itself.
const ANYBODY: &[Grant] = &[
    (Admin, ALL_OF_IT),
    (Supervisor, ALL_OF_IT),
    (Rep, Whose::Own),
    (Adapter, CHANNELS),
    (Partner, CHANNELS),
    (Dashboard, ALL_OF_IT),
];

const fn change(name: &'static str, scope: Scope, grants: &'static [Grant]) -> Rpc {
    Rpc { name, handling: Handling::Mutation, changes: true, scope: Some(scope), grants }
}

const fn read(name: &'static str, scope: Scope, grants: &'static [Grant]) -> Rpc {
    Rpc { name, handling: Handling::Read, changes: false, scope: Some(scope), grants }
}

const fn local(name: &'static str, scope: Option<Scope>, grants: &'static [Grant]) -> Rpc {
    Rpc { name, handling: Handling::Local, changes: false, scope, grants }
}

/// Every call.
pub const ROWS: &[Rpc] = &[
    read("AuditService/ListAuditRecords", Audit, CONFIGURE),
    local("AuditService/WatchAudit", Some(Audit), CONFIGURE),
    change("DirectoryService/ApplyDirectory", Directory, CONFIGURE),
    change("DirectoryService/UpsertRep", Directory, CONFIGURE),
    change("DirectoryService/DeleteRep", Directory, CONFIGURE),
    change("DirectoryService/UpsertQueue", Directory, CONFIGURE),
    change("DirectoryService/DeleteQueue", Directory, CONFIGURE),
    change("DirectoryService/UpsertFlow", Directory, CONFIGURE),
    change("DirectoryService/DeleteFlow", Directory, CONFIGURE),
    change("DirectoryService/UpsertChannel", Directory, CONFIGURE),
    change("DirectoryService/DeleteChannel", Directory, CONFIGURE),
    change("DirectoryService/UpsertPresenceStatus", Directory, CONFIGURE),
    change("DirectoryService/DeletePresenceStatus", Directory, CONFIGURE),
    change("DirectoryService/UpsertPresenceConfiguration", Directory, CONFIGURE),
    change("DirectoryService/DeletePresenceConfiguration", Directory, CONFIGURE),
    change("DirectoryService/UpsertProfile", Directory, CONFIGURE),
    change("DirectoryService/DeleteProfile", Directory, CONFIGURE),
    change("DirectoryService/UpsertSkill", Directory, CONFIGURE),
    change("DirectoryService/DeleteSkill", Directory, CONFIGURE),
    change("DirectoryService/UpsertPartner", Directory, CONFIGURE),
    change("DirectoryService/DeletePartner", Directory, CONFIGURE),
    change("DirectoryService/UpdateOrgSettings", Directory, CONFIGURE),
    read("DirectoryService/GetDirectory", Directory, READ_DIRECTORY),
    read("DirectoryService/GetRep", Directory, READ_DIRECTORY),
    read("DirectoryService/ListReps", Directory, READ_DIRECTORY),
    read("DirectoryService/GetQueue", Directory, READ_TARGETS),
    read("DirectoryService/ListQueues", Directory, READ_TARGETS),
    read("DirectoryService/GetFlow", Directory, READ_TARGETS),
    read("DirectoryService/ListFlows", Directory, READ_TARGETS),
    read("DirectoryService/GetChannel", Directory, READ),
    read("DirectoryService/ListChannels", Directory, READ),
    read("DirectoryService/GetPresenceStatus", Directory, READ_DIRECTORY),
    read("DirectoryService/ListPresenceStatuses", Directory, READ_DIRECTORY),
    read("DirectoryService/GetPresenceConfiguration", Directory, READ_DIRECTORY),
    read("DirectoryService/ListPresenceConfigurations", Directory, READ_DIRECTORY),
    read("DirectoryService/GetProfile", Directory, READ_DIRECTORY),
    read("DirectoryService/ListProfiles", Directory, READ_DIRECTORY),
    read("DirectoryService/GetSkill", Directory, READ_TARGETS),
    read("DirectoryService/ListSkills", Directory, READ_TARGETS),
    read("DirectoryService/GetPartner", Directory, READ_DIRECTORY),
    read("DirectoryService/ListPartners", Directory, READ_DIRECTORY),
    read("DirectoryService/GetOrgSettings", Directory, READ_DIRECTORY),
    read("DirectoryService/TestFlow", Directory, READ_DIRECTORY),
    local("IdentityService/WhoAmI", None, ANYBODY),
    change("PartnerService/SyncContacts", Contacts, PARTNER),
    change("PartnerService/ReportAvailability", Contacts, PARTNER),
    read("PartnerService/GetContact", Contacts, READ_PARTNERS),
    read("PartnerService/ListContacts", Contacts, READ_PARTNERS),
    change("PartnerService/AcknowledgeHandoff", Handoffs, PARTNER),
    change("PartnerService/CompleteHandoff", Handoffs, PARTNER),
    change("PartnerService/FailHandoff", Handoffs, PARTNER),
    read("PartnerService/GetHandoff", Handoffs, READ_PARTNERS),
    read("PartnerService/ListHandoffs", Handoffs, READ_PARTNERS),
    change("PartnerService/AcknowledgeRouting", Routing, PARTNER),
    change("PartnerService/RenewRoutings", Routing, PARTNER),
    change("PartnerService/RouteSession", Routing, PARTNER),
    change("PartnerService/FailRouting", Routing, PARTNER),
    read("PartnerService/GetRoutingRequest", Routing, READ_PARTNERS),
    read("PartnerService/ListRoutingRequests", Routing, READ_PARTNERS),
    read("PartnerService/GetPartnerState", Routing, READ_PARTNERS),
    change("PresenceService/OpenPresence", Presence, ACT),
    change("PresenceService/OpenPresences", Presence, DRIVE),
    // Leases lie outside the history: whoever hears of a renewal writes it down.
    Rpc { changes: true, ..local("PresenceService/KeepAlive", Some(Presence), ACT) },
    change("PresenceService/SetStatus", Presence, ACT),
    change("PresenceService/SetStatuses", Presence, DRIVE),
    change("PresenceService/ClosePresence", Presence, ACT),
    read("PresenceService/GetRepPresence", Presence, READ_LIVE),
    read("PresenceService/ListRepPresences", Presence, READ_LIVE),
    read("PresenceService/ExplainCapacity", Presence, READ_LIVE),
    local("ServerService/ListServers", None, OPERATE),
    change("SessionService/OpenSession", Sessions, CHANNEL),
    change("SessionService/UpdateSession", Sessions, ANY_SIDE),
    change("SessionService/PauseSession", Sessions, ANY_SIDE),
    change("SessionService/ResumeSession", Sessions, ANY_SIDE),
    change("SessionService/InactivateSession", Sessions, ANY_SIDE),
    change("SessionService/EndSession", Sessions, ANY_SIDE),
    change("SessionService/ReturnSession", Sessions, RETURN),
    read("SessionService/GetSession", Sessions, READ_LIVE),
    read("SessionService/ListSessions", Sessions, READ_LIVE),
    read("SessionService/GetSessionHistory", Sessions, READ_LIVE),
    change("TransferService/TransferSession", Transfers, ACT),
    change("TransferService/AcceptTransfer", Transfers, ACT),
    read("TransferService/ListRecipients", Transfers, READ),
    read("TransferService/ExplainRecipient", Transfers, READ),
    read("TransferService/QuoteTransfer", Transfers, READ),
    read("TransferService/GetTransfer", Transfers, READ_LIVE),
    read("TransferService/ListTransfers", Transfers, READ_LIVE),
    read("WatchService/GetQueueState", Queues, READ_LIVE),
    read("WatchService/ListQueueStates", Queues, READ_LIVE),
    // Streams are served from the entries that every server follows. Each kind has its own scope.
    local("WatchService/Watch", None, READ_LIVE),
    change("WorkService/AcceptWork", Work, ACT),
    change("WorkService/DeclineWork", Work, ACT),
    change("WorkService/CloseWork", Work, ACT),
    change("WorkService/ExtendWrapUp", Work, ACT),
    change("WorkService/EndWrapUp", Work, ACT),
    read("WorkService/ListWork", Work, READ_LIVE),
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Rpc>> =
    LazyLock::new(|| ROWS.iter().map(|rpc| (rpc.name, rpc)).collect());

/// The package of the public API, as paths begin with it.
const PACKAGE: &str = "/baton.v1.";

/// Is a call to this path one of the public API's, there or not? Health and reflection aren't.
#[must_use]
pub fn is_ours(path: &str) -> bool {
    path.starts_with(PACKAGE)
}

/// The call with this path, such as `/baton.v1.WorkService/ListWork`.
#[must_use]
pub fn row(path: &str) -> Option<&'static Rpc> {
    named(path.strip_prefix(PACKAGE)?)
}

/// The call of this name, such as `WorkService/ListWork`.
#[must_use]
pub fn named(name: &str) -> Option<&'static Rpc> {
    BY_NAME.get(name).copied()
}

impl Rpc {
    /// The limit of its message: its name, and how many KiB.
    #[must_use]
    pub fn largest(&self, limits: &Limits) -> (&'static str, u32) {
        match self.name.split_once('/') {
            Some(("DirectoryService" | "PartnerService", _)) => ("upload_kib", limits.upload_kib),
            Some(("PresenceService", _)) => ("renewal_kib", limits.renewal_kib),
            _ => ("message_kib", limits.message_kib),
        }
    }

    /// Whether its answer is a stream.
    #[must_use]
    pub fn streams(&self) -> bool {
        matches!(self.name, "WatchService/Watch" | "AuditService/WatchAudit")
    }

    /// Whether callers in this role may make it at all.
    #[must_use]
    pub fn allows(&self, role: Role) -> bool {
        self.grants.iter().any(|(granted, _)| *granted == role)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    fn descriptors() -> FileDescriptorSet {
        FileDescriptorSet::decode(crate::pb::DESCRIPTORS).expect("protox wrote it")
    }

    #[test]
    fn s1_every_call_has_its_row_and_streams_stay_where_they_are() {
        let mut found = BTreeSet::new();
        let set = descriptors();
        for service in
            set.file.iter().filter(|f| f.package() == "baton.v1").flat_map(|f| &f.service)
        {
            for method in &service.method {
                let path = format!("/baton.v1.{}/{}", service.name(), method.name());
                let rpc = row(&path).unwrap_or_else(|| panic!("{path} has no row"));
                if method.server_streaming() || method.client_streaming() {
                    assert_eq!(rpc.handling, Handling::Local, "{path}");
                }
                assert_eq!(rpc.streams(), method.server_streaming(), "{path}");
                found.insert(rpc.name.to_owned());
            }
        }
        assert_eq!(ROWS.len(), found.len(), "a call stands in the table once, and exists");
    }

    /// A request that may carry an id may change something; one that asks for a revision only reads.
    #[test]
    fn what_may_carry_a_request_id_is_a_mutation() {
        let set = descriptors();
        let messages: Vec<_> = set.file.iter().flat_map(|file| &file.message_type).collect();
        for service in set.file.iter().flat_map(|file| &file.service) {
            for method in &service.method {
                let path = format!("/baton.v1.{}/{}", service.name(), method.name());
                let name = method.input_type().trim_start_matches(".baton.v1.");
                let message = messages.iter().find(|m| m.name() == name);
                let has_id =
                    message.is_some_and(|m| m.field.iter().any(|f| f.name() == "request_id"));
                let Some(rpc) = row(&path) else { continue };
                assert_eq!(rpc.handling == Handling::Mutation, has_id, "{path}");
                assert!(rpc.changes || rpc.handling != Handling::Mutation, "{path}");
            }
        }
    }

    #[test]
    fn s1_a_dashboard_changes_nothing_and_nobody_is_a_server() {
        for rpc in ROWS {
            assert!(!rpc.allows(Role::Server), "{}", rpc.name);
            assert!(rpc.allows(Admin), "{}", rpc.name);
            if rpc.changes {
                assert!(!rpc.allows(Dashboard), "{}", rpc.name);
            }
        }
        assert!(row("/baton.v1.NoService/NoCall").is_none() && row("/NoService/NoCall").is_none());
    }
}
