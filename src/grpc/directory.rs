//! DirectoryService. Nine kinds of resources are read, listed, written and deleted in the same way:
//! how, stands in `resources`; `apply` is about all of them at once, `settings` about the org's.

mod apply;
mod resources;
mod settings;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::{Api, AskedCall, number};
use super::{flow, from_proto, to_proto};
use crate::domain::directory::{
    Channel, Partner, PresenceConfiguration, PresenceStatus, Profile, Queue, Rep, Skill,
};
use crate::domain::flow::Flow;
use crate::engine::View;
use crate::pb;
use crate::pb::directory_service_server::DirectoryService;

/// The service.
pub struct Directory(pub Arc<Api>);

#[tonic::async_trait]
impl DirectoryService for Directory {
    async fn apply_directory(
        &self,
        request: Request<pb::ApplyDirectoryRequest>,
    ) -> Result<Response<pb::ApplyDirectoryResponse>, Status> {
        const RPC: &str = "DirectoryService/ApplyDirectory";
        let (caller, message) = self.0.admit(RPC, request)?;
        let what = from_proto::apply_directory(&message)?;
        let answer = if message.dry_run {
            self.dry_run(&caller, AskedCall::without_id(RPC), what).await?
        } else {
            self.apply(&caller, AskedCall::of(RPC, message), what).await?
        };
        Ok(Response::new(answer))
    }

    async fn get_directory(
        &self,
        request: Request<pb::GetDirectoryRequest>,
    ) -> Result<Response<pb::GetDirectoryResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetDirectory", request)?;
        let at_least = from_proto::at_least(message.at_least_revision)?;
        let answer = self.0.read(&caller, at_least, |view| {
            Ok(pb::GetDirectoryResponse {
                directory: Some(to_proto::directory(&view.state, |record| {
                    resources::is_left(view, &caller, record)
                })),
                revision: number(view.state.head().revision),
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn get_org_settings(
        &self,
        request: Request<pb::GetOrgSettingsRequest>,
    ) -> Result<Response<pb::GetOrgSettingsResponse>, Status> {
        Ok(Response::new(self.settings(request).await?))
    }

    async fn update_org_settings(
        &self,
        request: Request<pb::UpdateOrgSettingsRequest>,
    ) -> Result<Response<pb::UpdateOrgSettingsResponse>, Status> {
        Ok(Response::new(self.change_settings(request).await?))
    }

    async fn get_rep(
        &self,
        request: Request<pb::GetRepRequest>,
    ) -> Result<Response<pb::GetRepResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetRep", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (rep, revision) = self.get::<Rep>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetRepResponse { rep, revision }))
    }

    async fn list_reps(
        &self,
        request: Request<pb::ListRepsRequest>,
    ) -> Result<Response<pb::ListRepsResponse>, Status> {
        const RPC: &str = "DirectoryService/ListReps";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (reps, next_page_token, revision) = self.list::<Rep>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListRepsResponse { reps, next_page_token, revision }))
    }

    async fn upsert_rep(
        &self,
        request: Request<pb::UpsertRepRequest>,
    ) -> Result<Response<pb::UpsertRepResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertRep";
        let (rep, revision) = self.change::<Rep, _>(RPC, request, from_proto::upsert_rep).await?;
        Ok(Response::new(pb::UpsertRepResponse { rep, revision }))
    }

    async fn delete_rep(
        &self,
        request: Request<pb::DeleteRepRequest>,
    ) -> Result<Response<pb::DeleteRepResponse>, Status> {
        const RPC: &str = "DirectoryService/DeleteRep";
        let (rep, revision) = self.change::<Rep, _>(RPC, request, from_proto::delete_rep).await?;
        Ok(Response::new(pb::DeleteRepResponse { rep, revision }))
    }

    async fn get_channel(
        &self,
        request: Request<pb::GetChannelRequest>,
    ) -> Result<Response<pb::GetChannelResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetChannel", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (channel, revision) = self.get::<Channel>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetChannelResponse { channel, revision }))
    }

    async fn list_channels(
        &self,
        request: Request<pb::ListChannelsRequest>,
    ) -> Result<Response<pb::ListChannelsResponse>, Status> {
        const RPC: &str = "DirectoryService/ListChannels";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (channels, next_page_token, revision) =
            self.list::<Channel>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListChannelsResponse { channels, next_page_token, revision }))
    }

    async fn upsert_channel(
        &self,
        request: Request<pb::UpsertChannelRequest>,
    ) -> Result<Response<pb::UpsertChannelResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertChannel";
        let (channel, revision) =
            self.change::<Channel, _>(RPC, request, from_proto::upsert_channel).await?;
        Ok(Response::new(pb::UpsertChannelResponse { channel, revision }))
    }

    async fn delete_channel(
        &self,
        request: Request<pb::DeleteChannelRequest>,
    ) -> Result<Response<pb::DeleteChannelResponse>, Status> {
        const RPC: &str = "DirectoryService/DeleteChannel";
        let (channel, revision) =
            self.change::<Channel, _>(RPC, request, from_proto::delete_channel).await?;
        Ok(Response::new(pb::DeleteChannelResponse { channel, revision }))
    }

    async fn get_presence_status(
        &self,
        request: Request<pb::GetPresenceStatusRequest>,
    ) -> Result<Response<pb::GetPresenceStatusResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetPresenceStatus", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (presence_status, revision) = self.get::<PresenceStatus>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetPresenceStatusResponse { presence_status, revision }))
    }

    async fn list_presence_statuses(
        &self,
        request: Request<pb::ListPresenceStatusesRequest>,
    ) -> Result<Response<pb::ListPresenceStatusesResponse>, Status> {
        const RPC: &str = "DirectoryService/ListPresenceStatuses";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (presence_statuses, next_page_token, revision) =
            self.list::<PresenceStatus>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListPresenceStatusesResponse {
            presence_statuses,
            next_page_token,
            revision,
        }))
    }

    async fn upsert_presence_status(
        &self,
        request: Request<pb::UpsertPresenceStatusRequest>,
    ) -> Result<Response<pb::UpsertPresenceStatusResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertPresenceStatus";
        let (presence_status, revision) =
            self.change::<PresenceStatus, _>(RPC, request, from_proto::upsert_status).await?;
        Ok(Response::new(pb::UpsertPresenceStatusResponse { presence_status, revision }))
    }

    async fn delete_presence_status(
        &self,
        request: Request<pb::DeletePresenceStatusRequest>,
    ) -> Result<Response<pb::DeletePresenceStatusResponse>, Status> {
        const RPC: &str = "DirectoryService/DeletePresenceStatus";
        let (presence_status, revision) =
            self.change::<PresenceStatus, _>(RPC, request, from_proto::delete_status).await?;
        Ok(Response::new(pb::DeletePresenceStatusResponse { presence_status, revision }))
    }

    async fn get_presence_configuration(
        &self,
        request: Request<pb::GetPresenceConfigurationRequest>,
    ) -> Result<Response<pb::GetPresenceConfigurationResponse>, Status> {
        let (caller, message) =
            self.0.admit("DirectoryService/GetPresenceConfiguration", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (presence_configuration, revision) =
            self.get::<PresenceConfiguration>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetPresenceConfigurationResponse { presence_configuration, revision }))
    }

    async fn list_presence_configurations(
        &self,
        request: Request<pb::ListPresenceConfigurationsRequest>,
    ) -> Result<Response<pb::ListPresenceConfigurationsResponse>, Status> {
        const RPC: &str = "DirectoryService/ListPresenceConfigurations";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (presence_configurations, next_page_token, revision) =
            self.list::<PresenceConfiguration>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListPresenceConfigurationsResponse {
            presence_configurations,
            next_page_token,
            revision,
        }))
    }

    async fn upsert_presence_configuration(
        &self,
        request: Request<pb::UpsertPresenceConfigurationRequest>,
    ) -> Result<Response<pb::UpsertPresenceConfigurationResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertPresenceConfiguration";
        let (presence_configuration, revision) = self
            .change::<PresenceConfiguration, _>(RPC, request, from_proto::upsert_configuration)
            .await?;
        Ok(Response::new(pb::UpsertPresenceConfigurationResponse {
            presence_configuration,
            revision,
        }))
    }

    async fn delete_presence_configuration(
        &self,
        request: Request<pb::DeletePresenceConfigurationRequest>,
    ) -> Result<Response<pb::DeletePresenceConfigurationResponse>, Status> {
        const RPC: &str = "DirectoryService/DeletePresenceConfiguration";
        let (presence_configuration, revision) = self
            .change::<PresenceConfiguration, _>(RPC, request, from_proto::delete_configuration)
            .await?;
        Ok(Response::new(pb::DeletePresenceConfigurationResponse {
            presence_configuration,
            revision,
        }))
    }

    async fn get_profile(
        &self,
        request: Request<pb::GetProfileRequest>,
    ) -> Result<Response<pb::GetProfileResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetProfile", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (profile, revision) = self.get::<Profile>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetProfileResponse { profile, revision }))
    }

    async fn list_profiles(
        &self,
        request: Request<pb::ListProfilesRequest>,
    ) -> Result<Response<pb::ListProfilesResponse>, Status> {
        const RPC: &str = "DirectoryService/ListProfiles";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (profiles, next_page_token, revision) =
            self.list::<Profile>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListProfilesResponse { profiles, next_page_token, revision }))
    }

    async fn upsert_profile(
        &self,
        request: Request<pb::UpsertProfileRequest>,
    ) -> Result<Response<pb::UpsertProfileResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertProfile";
        let (profile, revision) =
            self.change::<Profile, _>(RPC, request, from_proto::upsert_profile).await?;
        Ok(Response::new(pb::UpsertProfileResponse { profile, revision }))
    }

    async fn delete_profile(
        &self,
        request: Request<pb::DeleteProfileRequest>,
    ) -> Result<Response<pb::DeleteProfileResponse>, Status> {
        const RPC: &str = "DirectoryService/DeleteProfile";
        let (profile, revision) =
            self.change::<Profile, _>(RPC, request, from_proto::delete_profile).await?;
        Ok(Response::new(pb::DeleteProfileResponse { profile, revision }))
    }

    async fn get_skill(
        &self,
        request: Request<pb::GetSkillRequest>,
    ) -> Result<Response<pb::GetSkillResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetSkill", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (skill, revision) = self.get::<Skill>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetSkillResponse { skill, revision }))
    }

    async fn list_skills(
        &self,
        request: Request<pb::ListSkillsRequest>,
    ) -> Result<Response<pb::ListSkillsResponse>, Status> {
        const RPC: &str = "DirectoryService/ListSkills";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (skills, next_page_token, revision) =
            self.list::<Skill>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListSkillsResponse { skills, next_page_token, revision }))
    }

    async fn upsert_skill(
        &self,
        request: Request<pb::UpsertSkillRequest>,
    ) -> Result<Response<pb::UpsertSkillResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertSkill";
        let (skill, revision) =
            self.change::<Skill, _>(RPC, request, from_proto::upsert_skill).await?;
        Ok(Response::new(pb::UpsertSkillResponse { skill, revision }))
    }

    async fn delete_skill(
        &self,
        request: Request<pb::DeleteSkillRequest>,
    ) -> Result<Response<pb::DeleteSkillResponse>, Status> {
        const RPC: &str = "DirectoryService/DeleteSkill";
        let (skill, revision) =
            self.change::<Skill, _>(RPC, request, from_proto::delete_skill).await?;
        Ok(Response::new(pb::DeleteSkillResponse { skill, revision }))
    }

    async fn get_queue(
        &self,
        request: Request<pb::GetQueueRequest>,
    ) -> Result<Response<pb::GetQueueResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetQueue", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (queue, revision) = self.get::<Queue>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetQueueResponse { queue, revision }))
    }

    async fn list_queues(
        &self,
        request: Request<pb::ListQueuesRequest>,
    ) -> Result<Response<pb::ListQueuesResponse>, Status> {
        const RPC: &str = "DirectoryService/ListQueues";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (queues, next_page_token, revision) =
            self.list::<Queue>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListQueuesResponse { queues, next_page_token, revision }))
    }

    async fn upsert_queue(
        &self,
        request: Request<pb::UpsertQueueRequest>,
    ) -> Result<Response<pb::UpsertQueueResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertQueue";
        let (queue, revision) =
            self.change::<Queue, _>(RPC, request, from_proto::upsert_queue).await?;
        Ok(Response::new(pb::UpsertQueueResponse { queue, revision }))
    }

    async fn delete_queue(
        &self,
        request: Request<pb::DeleteQueueRequest>,
    ) -> Result<Response<pb::DeleteQueueResponse>, Status> {
        const RPC: &str = "DirectoryService/DeleteQueue";
        let (queue, revision) =
            self.change::<Queue, _>(RPC, request, from_proto::delete_queue).await?;
        Ok(Response::new(pb::DeleteQueueResponse { queue, revision }))
    }

    async fn get_flow(
        &self,
        request: Request<pb::GetFlowRequest>,
    ) -> Result<Response<pb::GetFlowResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetFlow", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (flow, revision) = self.get::<Flow>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetFlowResponse { flow, revision }))
    }

    async fn list_flows(
        &self,
        request: Request<pb::ListFlowsRequest>,
    ) -> Result<Response<pb::ListFlowsResponse>, Status> {
        const RPC: &str = "DirectoryService/ListFlows";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (flows, next_page_token, revision) =
            self.list::<Flow>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListFlowsResponse { flows, next_page_token, revision }))
    }

    async fn upsert_flow(
        &self,
        request: Request<pb::UpsertFlowRequest>,
    ) -> Result<Response<pb::UpsertFlowResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertFlow";
        let (flow, revision) =
            self.change::<Flow, _>(RPC, request, from_proto::upsert_flow).await?;
        Ok(Response::new(pb::UpsertFlowResponse { flow, revision }))
    }

    async fn delete_flow(
        &self,
        request: Request<pb::DeleteFlowRequest>,
    ) -> Result<Response<pb::DeleteFlowResponse>, Status> {
        const RPC: &str = "DirectoryService/DeleteFlow";
        let (flow, revision) =
            self.change::<Flow, _>(RPC, request, from_proto::delete_flow).await?;
        Ok(Response::new(pb::DeleteFlowResponse { flow, revision }))
    }

    async fn test_flow(
        &self,
        request: Request<pb::TestFlowRequest>,
    ) -> Result<Response<pb::TestFlowResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/TestFlow", request)?;
        flow::check_sight(&caller)?;
        let (asked, at_least) = from_proto::test_flow(&message)?;
        if !asked.stated.faults.is_empty() {
            let stated = asked.stated.clone();
            let look = move |view: &View| flow::test(view, &asked).map(drop);
            return Err(self.0.all_wrong(&caller, &stated, look).await.into());
        }
        let answer = self.0.read(&caller, at_least, |view| {
            let trace = Some(flow::test(view, &asked)?);
            let revision = number(view.state.head().revision);
            Ok(pb::TestFlowResponse { trace, revision })
        });
        Ok(Response::new(answer.await?))
    }

    async fn get_partner(
        &self,
        request: Request<pb::GetPartnerRequest>,
    ) -> Result<Response<pb::GetPartnerResponse>, Status> {
        let (caller, message) = self.0.admit("DirectoryService/GetPartner", request)?;
        let (id, at_least) = from_proto::get("id", &message.id, message.at_least_revision)?;
        let (partner, revision) = self.get::<Partner>(&caller, id, at_least).await?;
        Ok(Response::new(pb::GetPartnerResponse { partner, revision }))
    }

    async fn list_partners(
        &self,
        request: Request<pb::ListPartnersRequest>,
    ) -> Result<Response<pb::ListPartnersResponse>, Status> {
        const RPC: &str = "DirectoryService/ListPartners";
        let (caller, message) = self.0.admit(RPC, request)?;
        let query = from_proto::list(message.page_size, message.at_least_revision, &message.query)?;
        let window = self.0.window(&caller, RPC, message)?;
        let (partners, next_page_token, revision) =
            self.list::<Partner>(&caller, &window, &query).await?;
        Ok(Response::new(pb::ListPartnersResponse { partners, next_page_token, revision }))
    }

    async fn upsert_partner(
        &self,
        request: Request<pb::UpsertPartnerRequest>,
    ) -> Result<Response<pb::UpsertPartnerResponse>, Status> {
        const RPC: &str = "DirectoryService/UpsertPartner";
        let (partner, revision) =
            self.change::<Partner, _>(RPC, request, from_proto::upsert_partner).await?;
        Ok(Response::new(pb::UpsertPartnerResponse { partner, revision }))
    }

    async fn delete_partner(
        &self,
        request: Request<pb::DeletePartnerRequest>,
    ) -> Result<Response<pb::DeletePartnerResponse>, Status> {
        const RPC: &str = "DirectoryService/DeletePartner";
        let (partner, revision) =
            self.change::<Partner, _>(RPC, request, from_proto::delete_partner).await?;
        Ok(Response::new(pb::DeletePartnerResponse { partner, revision }))
    }
}
