//! The org's settings: read, and changed some at a time.

use tonic::{Request, Status};

use super::Directory;
use crate::domain::record::Record;
use crate::domain::record_lookup::RecordLookup as _;
use crate::grpc::api::{AskedCall, number};
use crate::grpc::status::Problem;
use crate::grpc::{from_proto, to_proto};
use crate::pb;

impl Directory {
    /// The settings in force.
    pub(super) async fn settings(
        &self,
        request: Request<pb::GetOrgSettingsRequest>,
    ) -> Result<pb::GetOrgSettingsResponse, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetOrgSettings", request)?;
        let at_least = from_proto::at_least(message.at_least_revision)?;
        let answer = self.0.read(&caller, at_least, |view| {
            Ok(pb::GetOrgSettingsResponse {
                org_settings: Some(to_proto::settings(&view.state.settings())),
                revision: number(view.state.head().revision),
            })
        });
        Ok(answer.await?)
    }

    /// Changes those that are given, and answers with all.
    pub(super) async fn change_settings(
        &self,
        request: Request<pb::UpdateOrgSettingsRequest>,
    ) -> Result<pb::UpdateOrgSettingsResponse, Status> {
        const RPC: &str = "DirectoryService/UpdateOrgSettings";
        let (caller, message) = self.0.admit(RPC, request)?;
        let what = from_proto::update_settings(&message)?;
        let done = self.0.mutate(&caller, AskedCall::of(RPC, message), what).await?;
        let Record::Settings(settings) = done.record()? else {
            return Err(Problem::Internal("the answer is of another kind").into());
        };
        Ok(pb::UpdateOrgSettingsResponse {
            org_settings: Some(to_proto::settings(settings)),
            revision: done.number(),
        })
    }
}
