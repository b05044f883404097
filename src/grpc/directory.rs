//! DirectoryService. Eight kinds of resources are read, listed, written and deleted in the same way,
//! so that way is written once; partners aren't there yet, nor is running a flow.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::{Api, Ask, Mutation, number, request_of};
use super::caller::Caller;
use super::status::Problem;
use super::{flow, from_proto, later, to_proto};
use crate::domain::command::{Command, DirectoryKey};
use crate::domain::decide::decide;
use crate::domain::directory::{
    Channel, PresenceConfiguration, PresenceStatus, Profile, Queue, Rep, Skill,
};
use crate::domain::draft::Entropy;
use crate::domain::entry::{Answer, DirectoryChange};
use crate::domain::flow::Flow;
use crate::domain::id::{
    ChannelId, ConfigurationId, FlowId, ProfileId, QueueId, RepId, SkillId, StatusId,
};
use crate::domain::look::Look as _;
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::Rejection;
use crate::domain::time::Timestamp;
use crate::engine::View;
use crate::pb;
use crate::pb::directory_service_server::DirectoryService;

/// The service.
pub struct Directory(pub Arc<Api>);

struct Random;

impl Entropy for Random {
    fn bits(&mut self) -> u128 {
        super::api::random()
    }
}

impl Directory {
    /// What applying would change, decided on the newest state and not committed.
    async fn dry_run(
        &self,
        caller: &Caller,
        message: &pb::ApplyDirectoryRequest,
        command: Command,
    ) -> Result<pb::ApplyDirectoryResponse, Problem> {
        let ask = Ask { rpc: APPLY, message, request_id: "" };
        let (request, _) = request_of(caller, &ask, command);
        self.0
            .read(caller, None, |view| {
                let decision = decide(&view.state, &request, now(), &mut Random)?;
                let writes = decision.transaction.as_ref().map(|t| &t.writes);
                let changes = diff(&decision.answer)?
                    .iter()
                    .map(|change| {
                        let after = writes.and_then(|w| {
                            w.iter()
                                .find(|(key, _)| names(key, change))
                                .and_then(|(_, r)| r.as_ref())
                        });
                        let before = after.and_then(|r| view.state.record(&r.key()));
                        to_proto::change(change, differences(before.as_ref(), after))
                    })
                    .collect();
                Ok(pb::ApplyDirectoryResponse {
                    changes: in_order(changes),
                    revision: number(view.state.head().revision),
                })
            })
            .await
    }
}

const APPLY: &str = "DirectoryService/ApplyDirectory";

fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp::from_ms(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
}

fn diff(answer: &Answer) -> Result<Arc<Vec<DirectoryChange>>, Problem> {
    match answer {
        Answer::Directory(changes) => Ok(Arc::clone(changes)),
        Answer::Nothing | Answer::Record(_) => {
            Err(Problem::Internal("the answer to applying a directory isn't a diff"))
        }
    }
}

fn differences(before: Option<&Record>, after: Option<&Record>) -> Vec<String> {
    before.zip(after).map(|(old, new)| to_proto::changed_fields(old, new)).unwrap_or_default()
}

/// A diff by kind, then id.
fn in_order(mut changes: Vec<pb::DirectoryChange>) -> Vec<pb::DirectoryChange> {
    changes.sort_by(|one, other| (one.kind, &one.id).cmp(&(other.kind, &other.id)));
    changes
}

/// Is this the record that a line of a diff is about?
fn names(key: &RecordKey, change: &DirectoryChange) -> bool {
    let (kind, id) = match key {
        RecordKey::Settings => return change.kind.contains("settings"),
        RecordKey::Configuration(id) => ("configuration", id.as_str()),
        RecordKey::Status(id) => ("status", id.as_str()),
        RecordKey::Profile(id) => ("profile", id.as_str()),
        RecordKey::Channel(id) => ("channel", id.as_str()),
        RecordKey::Skill(id) => ("skill", id.as_str()),
        RecordKey::Queue(id) => ("queue", id.as_str()),
        RecordKey::Flow(id) => ("flow", id.as_str()),
        RecordKey::Rep(id) => ("rep", id.as_str()),
        RecordKey::RepPresence(_)
        | RecordKey::Session(_)
        | RecordKey::Reference(..)
        | RecordKey::Work(_)
        | RecordKey::Transfer(_) => return false,
    };
    change.kind.ends_with(kind) && *change.id == *id
}

/// The fields that a committed change changed, as far as the entry is still at hand.
fn committed_differences(done: &Mutation, change: &DirectoryChange) -> Vec<String> {
    let applied = done.view.recent.iter().rev().find(|a| a.entry.revision == done.revision);
    let Some(applied) = applied else { return Vec::new() };
    let mut pairs = applied.entry.changes.iter().zip(&applied.before);
    let found = pairs.find(|((key, _), _)| names(key, change));
    found
        .map(|((_, after), before)| differences(before.as_ref(), after.as_ref()))
        .unwrap_or_default()
}

/// A kind of resource: where its records are and how one is shown.
trait Resource: Sized {
    type Id: std::str::FromStr<Err = crate::domain::id::BadId> + Ord + Clone;
    type Wire;
    const KIND: &'static str;
    fn key(id: Self::Id) -> RecordKey;
    fn directory_key(id: Self::Id) -> DirectoryKey;
    fn least() -> RecordKey;
    fn pick(record: &Record) -> Option<&Arc<Self>>;
    fn id(&self) -> &str;
    fn name(&self) -> &str;
    fn show(&self) -> Self::Wire;
}

macro_rules! resources {
    ($($image:ident($kind:ident, $word:literal, $id:ident, $show:ident);)*) => {$(
        impl Resource for $image {
            type Id = $id;
            type Wire = pb::$image;
            const KIND: &'static str = $word;
            fn key(id: $id) -> RecordKey {
                RecordKey::$kind(id)
            }
            fn directory_key(id: $id) -> DirectoryKey {
                DirectoryKey::$kind(id)
            }
            fn least() -> RecordKey {
                RecordKey::$kind($id::least())
            }
            fn pick(record: &Record) -> Option<&Arc<Self>> {
                match record {
                    Record::$kind(image) => Some(image),
                    _ => None,
                }
            }
            fn id(&self) -> &str {
                self.id.as_str()
            }
            fn name(&self) -> &str {
                &self.name
            }
            fn show(&self) -> pb::$image {
                to_proto::$show(self)
            }
        }
    )*};
}

resources! {
    Rep(Rep, "rep", RepId, rep);
    Channel(Channel, "channel", ChannelId, channel);
    PresenceStatus(Status, "presence_status", StatusId, status);
    PresenceConfiguration(Configuration, "presence_configuration", ConfigurationId, configuration);
    Profile(Profile, "profile", ProfileId, profile);
    Skill(Skill, "skill", SkillId, skill);
    Queue(Queue, "queue", QueueId, queue);
    Flow(Flow, "flow", FlowId, flow);
}

fn find<R: Resource>(view: &View, id: &R::Id) -> Result<(R::Wire, i64), Problem>
where
    R::Id: std::fmt::Display,
{
    let record = view.state.record(&R::key(id.clone()));
    let found = record.as_ref().and_then(R::pick);
    let found = found.ok_or_else(|| Rejection::not_found(R::KIND, id))?;
    Ok((found.show(), number(view.state.head().revision)))
}

fn matching<'v, R: Resource + 'v>(
    view: &'v View,
    query: &'v str,
) -> impl Iterator<Item = Arc<R>> + 'v {
    view.state
        .range(R::least()..)
        .map_while(R::pick)
        .filter(move |r| contains(r.id(), query) || contains(r.name(), query))
        .map(Arc::clone)
}

/// Is `query`, in lower case, part of `text`?
pub fn contains(text: &str, query: &str) -> bool {
    query.is_empty() || text.to_lowercase().contains(query)
}

fn shown<R: Resource>(done: &Mutation) -> Result<R::Wire, Problem> {
    let found = R::pick(done.record()?);
    found.map(|r| r.show()).ok_or(Problem::Internal("the answer is of another kind"))
}

macro_rules! directory_service {
    (
        $(resource $image:ident $field:ident $many:ident by $parse:ident {
            $get:ident $get_fn:ident $get_in:ident $get_out:ident
            $list:ident $list_fn:ident $list_in:ident $list_out:ident
            $upsert:ident $upsert_fn:ident $upsert_in:ident $upsert_out:ident
            $delete:ident $delete_fn:ident $delete_in:ident $delete_out:ident
        })*
        later { $($later_fn:ident $later_in:ident $later_out:ident)* }
    ) => {
        #[tonic::async_trait]
        impl DirectoryService for Directory {
            async fn apply_directory(
                &self,
                request: Request<pb::ApplyDirectoryRequest>,
            ) -> Result<Response<pb::ApplyDirectoryResponse>, Status> {
                let (caller, mut message) = self.0.admit(APPLY, request)?;
                let directory = from_proto::apply_directory(&message)?;
                let command = Command::ApplyDirectory { directory, prune: message.prune };
                if message.dry_run {
                    return Ok(Response::new(self.dry_run(&caller, &message, command).await?));
                }
                let id = std::mem::take(&mut message.request_id);
                let ask = Ask { rpc: APPLY, message: &message, request_id: &id };
                let done = self.0.mutate(&caller, ask, command).await?;
                let changes = diff(&done.answer)?
                    .iter()
                    .map(|change| to_proto::change(change, committed_differences(&done, change)))
                    .collect();
                let (changes, revision) = (in_order(changes), done.number());
                Ok(Response::new(pb::ApplyDirectoryResponse { changes, revision }))
            }

            async fn get_directory(
                &self,
                request: Request<pb::GetDirectoryRequest>,
            ) -> Result<Response<pb::GetDirectoryResponse>, Status> {
                let (caller, message) = self.0.admit("DirectoryService/GetDirectory", request)?;
                let at_least = from_proto::at_least(message.at_least_revision)?;
                let answer = self.0.read(&caller, at_least, |view| {
                    Ok(pb::GetDirectoryResponse {
                        directory: Some(to_proto::directory(&view.state)),
                        revision: number(view.state.head().revision),
                    })
                });
                Ok(Response::new(answer.await?))
            }

            async fn get_org_settings(
                &self,
                request: Request<pb::GetOrgSettingsRequest>,
            ) -> Result<Response<pb::GetOrgSettingsResponse>, Status> {
                let (caller, message) = self.0.admit("DirectoryService/GetOrgSettings", request)?;
                let at_least = from_proto::at_least(message.at_least_revision)?;
                let answer = self.0.read(&caller, at_least, |view| {
                    Ok(pb::GetOrgSettingsResponse {
                        org_settings: Some(to_proto::settings(&view.state.settings())),
                        revision: number(view.state.head().revision),
                    })
                });
                Ok(Response::new(answer.await?))
            }

            async fn update_org_settings(
                &self,
                request: Request<pb::UpdateOrgSettingsRequest>,
            ) -> Result<Response<pb::UpdateOrgSettingsResponse>, Status> {
                const RPC: &str = "DirectoryService/UpdateOrgSettings";
                let (caller, mut message) = self.0.admit(RPC, request)?;
                let command = Command::ChangeSettings(from_proto::update_settings(&message)?);
                let id = std::mem::take(&mut message.request_id);
                let ask = Ask { rpc: RPC, message: &message, request_id: &id };
                let done = self.0.mutate(&caller, ask, command).await?;
                let Record::Settings(settings) = done.record()? else {
                    return Err(Problem::Internal("the answer is of another kind").into());
                };
                Ok(Response::new(pb::UpdateOrgSettingsResponse {
                    org_settings: Some(to_proto::settings(settings)),
                    revision: done.number(),
                }))
            }

            $(
                async fn $get_fn(
                    &self,
                    request: Request<pb::$get_in>,
                ) -> Result<Response<pb::$get_out>, Status> {
                    const RPC: &str = concat!("DirectoryService/", stringify!($get));
                    let (caller, message) = self.0.admit(RPC, request)?;
                    let (id, at_least) =
                        from_proto::get("id", &message.id, message.at_least_revision)?;
                    let found = self.0.read(&caller, at_least, |view| find::<$image>(view, &id));
                    let (resource, revision) = found.await?;
                    Ok(Response::new(pb::$get_out { $field: Some(resource), revision }))
                }

                async fn $list_fn(
                    &self,
                    request: Request<pb::$list_in>,
                ) -> Result<Response<pb::$list_out>, Status> {
                    const RPC: &str = concat!("DirectoryService/", stringify!($list));
                    let (caller, message) = self.0.admit(RPC, request)?;
                    let query = from_proto::list(
                        message.page_size,
                        message.at_least_revision,
                        &message.query,
                    )?;
                    let window = self.0.window(&caller, RPC, message)?;
                    let answer = self.0.read(&caller, window.at_least, |view| {
                        let all = matching::<$image>(view, &query);
                        let page = self.0.page(&caller, &window, view, all, |r| r.id.to_string());
                        Ok(pb::$list_out {
                            $many: page.items.iter().map(|r| r.show()).collect(),
                            next_page_token: page.next,
                            revision: number(view.state.head().revision),
                        })
                    });
                    Ok(Response::new(answer.await?))
                }

                async fn $upsert_fn(
                    &self,
                    request: Request<pb::$upsert_in>,
                ) -> Result<Response<pb::$upsert_out>, Status> {
                    const RPC: &str = concat!("DirectoryService/", stringify!($upsert));
                    let (caller, mut message) = self.0.admit(RPC, request)?;
                    let directory = from_proto::$parse(&message)?;
                    let id = std::mem::take(&mut message.request_id);
                    let ask = Ask { rpc: RPC, message: &message, request_id: &id };
                    let done = self.0.mutate(&caller, ask, Command::Upsert(directory)).await?;
                    let resource = shown::<$image>(&done)?;
                    let revision = done.number();
                    Ok(Response::new(pb::$upsert_out { $field: Some(resource), revision }))
                }

                async fn $delete_fn(
                    &self,
                    request: Request<pb::$delete_in>,
                ) -> Result<Response<pb::$delete_out>, Status> {
                    const RPC: &str = concat!("DirectoryService/", stringify!($delete));
                    let (caller, mut message) = self.0.admit(RPC, request)?;
                    let (id, move_to) = from_proto::delete(&message)?;
                    let key = <$image as Resource>::directory_key(id);
                    let command = Command::Delete { key, move_to };
                    let id = std::mem::take(&mut message.request_id);
                    let ask = Ask { rpc: RPC, message: &message, request_id: &id };
                    let done = self.0.mutate(&caller, ask, command).await?;
                    let resource = shown::<$image>(&done)?;
                    let revision = done.number();
                    Ok(Response::new(pb::$delete_out { $field: Some(resource), revision }))
                }
            )*

            async fn test_flow(
                &self,
                request: Request<pb::TestFlowRequest>,
            ) -> Result<Response<pb::TestFlowResponse>, Status> {
                let (caller, message) = self.0.admit("DirectoryService/TestFlow", request)?;
                let (asked, at_least) = from_proto::test_flow(&message)?;
                let answer = self.0.read(&caller, at_least, |view| {
                    let trace = Some(flow::test(view, &asked)?);
                    let revision = number(view.state.head().revision);
                    Ok(pb::TestFlowResponse { trace, revision })
                });
                Ok(Response::new(answer.await?))
            }

            $(
                async fn $later_fn(
                    &self,
                    _request: Request<pb::$later_in>,
                ) -> Result<Response<pb::$later_out>, Status> {
                    Err(later(concat!("DirectoryService.", stringify!($later_fn))))
                }
            )*
        }
    };
}

directory_service! {
    resource Rep rep reps by upsert_rep {
        GetRep get_rep GetRepRequest GetRepResponse
        ListReps list_reps ListRepsRequest ListRepsResponse
        UpsertRep upsert_rep UpsertRepRequest UpsertRepResponse
        DeleteRep delete_rep DeleteRepRequest DeleteRepResponse
    }
    resource Channel channel channels by upsert_channel {
        GetChannel get_channel GetChannelRequest GetChannelResponse
        ListChannels list_channels ListChannelsRequest ListChannelsResponse
        UpsertChannel upsert_channel UpsertChannelRequest UpsertChannelResponse
        DeleteChannel delete_channel DeleteChannelRequest DeleteChannelResponse
    }
    resource PresenceStatus presence_status presence_statuses by upsert_status {
        GetPresenceStatus get_presence_status GetPresenceStatusRequest GetPresenceStatusResponse
        ListPresenceStatuses list_presence_statuses ListPresenceStatusesRequest ListPresenceStatusesResponse
        UpsertPresenceStatus upsert_presence_status UpsertPresenceStatusRequest UpsertPresenceStatusResponse
        DeletePresenceStatus delete_presence_status DeletePresenceStatusRequest DeletePresenceStatusResponse
    }
    resource PresenceConfiguration presence_configuration presence_configurations by upsert_configuration {
        GetPresenceConfiguration get_presence_configuration GetPresenceConfigurationRequest GetPresenceConfigurationResponse
        ListPresenceConfigurations list_presence_configurations ListPresenceConfigurationsRequest ListPresenceConfigurationsResponse
        UpsertPresenceConfiguration upsert_presence_configuration UpsertPresenceConfigurationRequest UpsertPresenceConfigurationResponse
        DeletePresenceConfiguration delete_presence_configuration DeletePresenceConfigurationRequest DeletePresenceConfigurationResponse
    }
    resource Profile profile profiles by upsert_profile {
        GetProfile get_profile GetProfileRequest GetProfileResponse
        ListProfiles list_profiles ListProfilesRequest ListProfilesResponse
        UpsertProfile upsert_profile UpsertProfileRequest UpsertProfileResponse
        DeleteProfile delete_profile DeleteProfileRequest DeleteProfileResponse
    }
    resource Skill skill skills by upsert_skill {
        GetSkill get_skill GetSkillRequest GetSkillResponse
        ListSkills list_skills ListSkillsRequest ListSkillsResponse
        UpsertSkill upsert_skill UpsertSkillRequest UpsertSkillResponse
        DeleteSkill delete_skill DeleteSkillRequest DeleteSkillResponse
    }
    resource Queue queue queues by upsert_queue {
        GetQueue get_queue GetQueueRequest GetQueueResponse
        ListQueues list_queues ListQueuesRequest ListQueuesResponse
        UpsertQueue upsert_queue UpsertQueueRequest UpsertQueueResponse
        DeleteQueue delete_queue DeleteQueueRequest DeleteQueueResponse
    }
    resource Flow flow flows by upsert_flow {
        GetFlow get_flow GetFlowRequest GetFlowResponse
        ListFlows list_flows ListFlowsRequest ListFlowsResponse
        UpsertFlow upsert_flow UpsertFlowRequest UpsertFlowResponse
        DeleteFlow delete_flow DeleteFlowRequest DeleteFlowResponse
    }
    later {
        get_partner GetPartnerRequest GetPartnerResponse
        list_partners ListPartnersRequest ListPartnersResponse
        upsert_partner UpsertPartnerRequest UpsertPartnerResponse
        delete_partner DeletePartnerRequest DeletePartnerResponse
    }
}
