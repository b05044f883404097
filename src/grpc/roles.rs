//! Which role may make which call at all (S1): one table, looked at before anything else. That a
//! rep acts on its own sessions, and so on, is the domain's to decide.

use super::caller::Caller;
use super::status::Problem;
use crate::domain::live::Role::{self, Adapter, Admin, Dashboard, Partner, Rep, Supervisor};

const READ: &[Role] = &[Admin, Supervisor, Rep, Adapter, Dashboard];
/// What a partner reads, too, as far as it is its own (N3).
const READ_LIVE: &[Role] = &[Admin, Supervisor, Rep, Adapter, Partner, Dashboard];
/// What partners are asked, and how they do.
const READ_PARTNERS: &[Role] = &[Admin, Supervisor, Partner, Dashboard];
const CONFIGURE: &[Role] = &[Admin];
/// The audit tells who did what in all of the org.
const AUDIT: &[Role] = &[Admin];
const ACT: &[Role] = &[Admin, Supervisor, Rep, Partner];
const CHANNEL: &[Role] = &[Admin, Adapter, Partner];
const ANY_SIDE: &[Role] = &[Admin, Supervisor, Rep, Adapter, Partner];
const PARTNER: &[Role] = &[Admin, Partner];
const RETURN: &[Role] = &[Admin, Supervisor, Adapter, Partner];
const DRIVE: &[Role] = &[Admin, Supervisor, Partner];
const ACT_OR_DRIVE: &[Role] = &[Admin, Supervisor, Rep, Partner];

/// The roles that may make a call; none for a call that isn't in the table.
fn allowed(rpc: &str) -> &'static [Role] {
    if let Some(method) = rpc.strip_prefix("DirectoryService/") {
        return configuring(method);
    }
    match rpc {
        "TransferService/TransferSession" | "TransferService/AcceptTransfer" => ACT,
        "PresenceService/OpenPresence"
        | "PresenceService/KeepAlive"
        | "PresenceService/SetStatus"
        | "PresenceService/ClosePresence"
        | "WorkService/AcceptWork"
        | "WorkService/DeclineWork"
        | "WorkService/CloseWork"
        | "WorkService/ExtendWrapUp"
        | "WorkService/EndWrapUp" => ACT_OR_DRIVE,
        "AuditService/ListAuditRecords" | "AuditService/WatchAudit" => AUDIT,
        "PresenceService/OpenPresences" | "PresenceService/SetStatuses" => DRIVE,
        "SessionService/OpenSession" => CHANNEL,
        "SessionService/ReturnSession" => RETURN,
        "SessionService/UpdateSession"
        | "SessionService/PauseSession"
        | "SessionService/ResumeSession"
        | "SessionService/InactivateSession"
        | "SessionService/EndSession" => ANY_SIDE,
        "PresenceService/GetRepPresence"
        | "PresenceService/ListRepPresences"
        | "PresenceService/ExplainCapacity"
        | "SessionService/GetSession"
        | "SessionService/ListSessions"
        | "SessionService/GetSessionHistory"
        | "TransferService/GetTransfer"
        | "TransferService/ListTransfers"
        | "WorkService/ListWork"
        | "WatchService/GetQueueState"
        | "WatchService/ListQueueStates"
        | "WatchService/Watch" => READ_LIVE,
        "TransferService/ListRecipients"
        | "TransferService/ExplainRecipient"
        | "TransferService/QuoteTransfer"
        | "ServerService/ListServers" => READ,
        "PartnerService/SyncContacts"
        | "PartnerService/ReportAvailability"
        | "PartnerService/AcknowledgeHandoff"
        | "PartnerService/CompleteHandoff"
        | "PartnerService/FailHandoff"
        | "PartnerService/AcknowledgeRouting"
        | "PartnerService/RenewRoutings"
        | "PartnerService/RouteSession"
        | "PartnerService/FailRouting" => PARTNER,
        "PartnerService/GetContact"
        | "PartnerService/ListContacts"
        | "PartnerService/GetHandoff"
        | "PartnerService/ListHandoffs"
        | "PartnerService/GetRoutingRequest"
        | "PartnerService/ListRoutingRequests"
        | "PartnerService/GetPartnerState" => READ_PARTNERS,
        _ => &[],
    }
}

/// The same for the DirectoryService's methods.
fn configuring(method: &str) -> &'static [Role] {
    match method {
        "ApplyDirectory"
        | "UpsertRep"
        | "DeleteRep"
        | "UpsertChannel"
        | "DeleteChannel"
        | "UpsertPresenceStatus"
        | "DeletePresenceStatus"
        | "UpsertPresenceConfiguration"
        | "DeletePresenceConfiguration"
        | "UpsertProfile"
        | "DeleteProfile"
        | "UpsertSkill"
        | "DeleteSkill"
        | "UpsertQueue"
        | "DeleteQueue"
        | "UpsertFlow"
        | "DeleteFlow"
        | "UpsertPartner"
        | "DeletePartner"
        | "UpdateOrgSettings" => CONFIGURE,
        "GetDirectory"
        | "GetRep"
        | "ListReps"
        | "GetChannel"
        | "ListChannels"
        | "GetPresenceStatus"
        | "ListPresenceStatuses"
        | "GetPresenceConfiguration"
        | "ListPresenceConfigurations"
        | "GetProfile"
        | "ListProfiles"
        | "GetSkill"
        | "ListSkills"
        | "GetQueue"
        | "ListQueues"
        | "GetFlow"
        | "ListFlows"
        | "GetPartner"
        | "ListPartners"
        | "TestFlow"
        | "GetOrgSettings" => READ,
        _ => &[],
    }
}

/// Whether the caller's role may make this call.
///
/// # Errors
/// PERMISSION_DENIED.
pub fn check(caller: &Caller, rpc: &str) -> Result<(), Problem> {
    let role = caller.actor.role;
    if allowed(rpc).contains(&role) {
        return Ok(());
    }
    Err(Problem::Denied(format!("the role {} may not call {rpc}", name(role))))
}

const fn name(role: Role) -> &'static str {
    match role {
        Role::Admin => "admin",
        Role::Supervisor => "supervisor",
        Role::Rep => "rep",
        Role::Adapter => "adapter",
        Role::Partner => "partner",
        Role::Dashboard => "dashboard",
        Role::Server => "server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_a_dashboard_only_reads_and_a_channel_only_opens() {
        for rpc in ["TransferService/TransferSession", "DirectoryService/ApplyDirectory"] {
            assert!(!allowed(rpc).contains(&Dashboard), "{rpc}");
            assert!(!allowed(rpc).contains(&Adapter), "{rpc}");
        }
        assert!(allowed("WatchService/Watch").contains(&Dashboard));
        assert!(allowed("SessionService/OpenSession").contains(&Adapter));
        assert!(!allowed("SessionService/OpenSession").contains(&Rep));
        assert!(allowed("NoService/NoCall").is_empty());
        for rpc in ["PartnerService/ListHandoffs", "PartnerService/GetPartnerState"] {
            assert!(allowed(rpc).contains(&Partner) && allowed(rpc).contains(&Dashboard), "{rpc}");
            assert!(!allowed(rpc).contains(&Adapter) && !allowed(rpc).contains(&Rep), "{rpc}");
        }
        assert!(!allowed("DirectoryService/UpsertRep").contains(&Partner));
    }
}
