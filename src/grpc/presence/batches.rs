//! OpenPresences and SetStatuses: many presences in one transaction, with a verdict for each (N4).

use std::sync::Arc;

use tonic::{Request, Status};

use super::{LeaseStanding, Presences, renew_every, standing};
use crate::domain::entry::{Answer, PresenceVerdict};
use crate::domain::id::PresenceId;
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::time::Span;
use crate::grpc::api::{AskedCall, Mutation, unread};
use crate::grpc::caller::Caller;
use crate::grpc::status::Problem;
use crate::grpc::{from_proto, to_proto};
use crate::pb;

fn verdicts(done: &Mutation) -> Result<&Arc<Vec<PresenceVerdict>>, Problem> {
    match &done.answer {
        Answer::Verdicts(verdicts) => Ok(verdicts),
        _ => Err(Problem::Internal("the answer is of another kind")),
    }
}

/// Each verdict beside what was asked.
fn shown(asked: Vec<String>, verdicts: &[PresenceVerdict]) -> Vec<pb::PresenceVerdict> {
    let all = asked.into_iter().zip(verdicts);
    all.map(|(asked, verdict)| to_proto::presence_verdict(asked, verdict)).collect()
}

impl Presences {
    /// Signs reps in, and starts the leases of those who are.
    pub(super) async fn open_many(
        &self,
        request: Request<pb::OpenPresencesRequest>,
    ) -> Result<pb::OpenPresencesResponse, Status> {
        const RPC: &str = "PresenceService/OpenPresences";
        let (caller, message) = self.0.admit(RPC, request)?;
        let command = from_proto::open_presences(&message)?;
        let asked = message.sign_ins.iter().map(|given| given.rep.clone()).collect();
        let done = self.0.mutate(&caller, AskedCall::of(RPC, message), command).await?;
        let lease = done.view.state.settings().presence_lease;
        self.start(&caller, &done, lease).await?;
        Ok(pb::OpenPresencesResponse {
            verdicts: shown(asked, verdicts(&done)?),
            lease: Some(to_proto::span(lease)),
            renew_every: Some(renew_every(lease)),
            revision: done.number(),
        })
    }

    /// Starts the leases of the presences that were opened and are still there.
    async fn start(&self, caller: &Caller, done: &Mutation, lease: Span) -> Result<(), Problem> {
        let opened = verdicts(done)?.iter().filter_map(|verdict| verdict.presence);
        let there =
            opened.filter(|id| standing(&done.view, caller, *id) == LeaseStanding::Connected);
        let leases: Vec<(PresenceId, Span)> = there.map(|id| (id, lease)).collect();
        if !leases.is_empty() {
            self.0.engine.keep_alive(&caller.org, &leases).await.map_err(unread)?;
        }
        Ok(())
    }

    /// Chooses the statuses of many.
    pub(super) async fn set_many(
        &self,
        request: Request<pb::SetStatusesRequest>,
    ) -> Result<pb::SetStatusesResponse, Status> {
        use pb::status_choice::Whose;
        const RPC: &str = "PresenceService/SetStatuses";
        let (caller, message) = self.0.admit(RPC, request)?;
        let command = from_proto::set_statuses(&message)?;
        let whose = |given: &pb::StatusChoice| match &given.whose {
            Some(Whose::Presence(id) | Whose::Rep(id)) => id.clone(),
            None => String::new(),
        };
        let asked = message.choices.iter().map(whose).collect();
        let done = self.0.mutate(&caller, AskedCall::of(RPC, message), command).await?;
        let verdicts = shown(asked, verdicts(&done)?);
        Ok(pb::SetStatusesResponse { verdicts, revision: done.number() })
    }
}
