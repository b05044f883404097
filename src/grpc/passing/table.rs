//! What becomes of each call at a server that isn't the home of the caller's org. Every method of the public
//! API has its row; a test holds the table against the descriptors.

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// It changes the org: it is passed on to the org's home.
    Mutation,
    /// It only reads: it is served where the org is loaded, and passed on where it isn't.
    Read,
    /// It is served where it arrives.
    Local,
}

/// The largest message taken.
pub const MESSAGE: usize = 256 * 1024;
/// The largest renewal: ten thousand presences.
pub const RENEWAL: usize = 1024 * 1024;
/// The largest directory.
pub const DIRECTORY: usize = 4 * 1024 * 1024;

/// Per service: the largest message, the methods that change something, and those that are served where they
/// arrive. The others are in [`READS`].
struct Row {
    service: &'static str,
    largest: usize,
    mutations: &'static [&'static str],
    reads: &'static [&'static str],
    local: &'static [&'static str],
}

const ROWS: &[Row] = &[
    Row {
        service: "AuditService",
        largest: MESSAGE,
        mutations: &[],
        reads: &["ListAuditRecords"],
        local: &["WatchAudit"],
    },
    Row {
        service: "DirectoryService",
        largest: DIRECTORY,
        mutations: &[
            "ApplyDirectory",
            "UpsertRep",
            "DeleteRep",
            "UpsertQueue",
            "DeleteQueue",
            "UpsertFlow",
            "DeleteFlow",
            "UpsertChannel",
            "DeleteChannel",
            "UpsertPresenceStatus",
            "DeletePresenceStatus",
            "UpsertPresenceConfiguration",
            "DeletePresenceConfiguration",
            "UpsertProfile",
            "DeleteProfile",
            "UpsertSkill",
            "DeleteSkill",
            "UpsertPartner",
            "DeletePartner",
            "UpdateOrgSettings",
        ],
        reads: &[
            "GetDirectory",
            "GetRep",
            "ListReps",
            "GetQueue",
            "ListQueues",
            "GetFlow",
            "ListFlows",
            "GetChannel",
            "ListChannels",
            "GetPresenceStatus",
            "ListPresenceStatuses",
            "GetPresenceConfiguration",
            "ListPresenceConfigurations",
            "GetProfile",
            "ListProfiles",
            "GetSkill",
            "ListSkills",
            "GetPartner",
            "ListPartners",
            "GetOrgSettings",
            "TestFlow",
        ],
        local: &[],
    },
    Row {
        service: "PartnerService",
        largest: DIRECTORY,
        mutations: &[
            "SyncContacts",
            "ReportAvailability",
            "AcknowledgeHandoff",
            "CompleteHandoff",
            "FailHandoff",
            "AcknowledgeRouting",
            "RenewRoutings",
            "RouteSession",
            "FailRouting",
        ],
        reads: &[
            "GetContact",
            "ListContacts",
            "GetHandoff",
            "ListHandoffs",
            "GetRoutingRequest",
            "ListRoutingRequests",
            "GetPartnerState",
        ],
        local: &[],
    },
    Row {
        service: "PresenceService",
        largest: RENEWAL,
        mutations: &["OpenPresence", "OpenPresences", "SetStatus", "SetStatuses", "ClosePresence"],
        reads: &["GetRepPresence", "ListRepPresences", "ExplainCapacity"],
        // Leases lie outside the history: whoever hears of a renewal writes it down.
        local: &["KeepAlive"],
    },
    Row {
        service: "ServerService",
        largest: MESSAGE,
        mutations: &[],
        reads: &[],
        local: &["ListServers"],
    },
    Row {
        service: "SessionService",
        largest: MESSAGE,
        mutations: &[
            "OpenSession",
            "UpdateSession",
            "PauseSession",
            "ResumeSession",
            "InactivateSession",
            "EndSession",
            "ReturnSession",
        ],
        reads: &["GetSession", "ListSessions", "GetSessionHistory"],
        local: &[],
    },
    Row {
        service: "TransferService",
        largest: MESSAGE,
        mutations: &["TransferSession", "AcceptTransfer"],
        reads: &[
            "ListRecipients",
            "ExplainRecipient",
            "QuoteTransfer",
            "GetTransfer",
            "ListTransfers",
        ],
        local: &[],
    },
    // Streams are served from the entries that every server follows.
    Row {
        service: "WatchService",
        largest: MESSAGE,
        mutations: &[],
        reads: &["GetQueueState", "ListQueueStates"],
        local: &["Watch"],
    },
    Row {
        service: "WorkService",
        largest: MESSAGE,
        mutations: &["AcceptWork", "DeclineWork", "CloseWork", "ExtendWrapUp", "EndWrapUp"],
        reads: &["ListWork"],
        local: &[],
    },
];

/// What becomes of a call to this path, such as `/baton.v1.WorkService/ListWork`, and the largest message that
/// it may carry. `None`: it is none of the public API's (health, reflection).
pub fn handling(path: &str) -> Option<(Handling, usize)> {
    let (service, method) = path.strip_prefix("/baton.v1.")?.split_once('/')?;
    let row = ROWS.iter().find(|row| row.service == service)?;
    let is_in = |methods: &[&str]| methods.contains(&method);
    let handling = match () {
        () if is_in(row.mutations) => Handling::Mutation,
        () if is_in(row.reads) => Handling::Read,
        () if is_in(row.local) => Handling::Local,
        () => return None,
    };
    Some((handling, row.largest))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_has_its_row_and_streams_stay_where_they_are() {
        let set = FileDescriptorSet::decode(crate::pb::DESCRIPTORS).expect("protox wrote it");
        let mut found = BTreeSet::new();
        for service in
            set.file.iter().filter(|f| f.package() == "baton.v1").flat_map(|f| &f.service)
        {
            for method in &service.method {
                let path = format!("/baton.v1.{}/{}", service.name(), method.name());
                let (handling, _) = handling(&path).unwrap_or_else(|| panic!("{path} has no row"));
                if method.server_streaming() || method.client_streaming() {
                    assert_eq!(handling, Handling::Local, "{path}");
                }
                found.insert(path);
            }
        }
        let rows = ROWS.iter().flat_map(|row| {
            let methods = [row.mutations, row.reads, row.local].concat();
            methods.into_iter().map(|method| format!("/baton.v1.{}/{method}", row.service))
        });
        let rows: Vec<String> = rows.collect();
        assert_eq!(rows.len(), found.len(), "a method stands in the table once");
        assert_eq!(rows.into_iter().collect::<BTreeSet<_>>(), found);
    }

    /// A request that may carry an id may change something; one that asks for a revision only reads.
    #[test]
    fn what_may_carry_a_request_id_is_a_mutation() {
        let set = FileDescriptorSet::decode(crate::pb::DESCRIPTORS).expect("protox wrote it");
        let messages: Vec<_> = set.file.iter().flat_map(|file| &file.message_type).collect();
        for service in set.file.iter().flat_map(|file| &file.service) {
            for method in &service.method {
                let path = format!("/baton.v1.{}/{}", service.name(), method.name());
                let name = method.input_type().trim_start_matches(".baton.v1.");
                let message = messages.iter().find(|m| m.name() == name);
                let has_id =
                    message.is_some_and(|m| m.field.iter().any(|f| f.name() == "request_id"));
                let Some((handling, _)) = handling(&path) else { continue };
                assert_eq!(handling == Handling::Mutation, has_id, "{path}");
            }
        }
    }
}
