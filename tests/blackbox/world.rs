//! Servers in this process on ports of their own, the people who call them, and the org they work
//! in. Black-box tests see nothing but gRPC; nothing here knows what is expected.

use std::sync::Arc;
use std::time::Duration;

use baton::engine::Engine;
use baton::pb;
use baton::pb::audit_service_client::AuditServiceClient;
use baton::pb::directory_service_client::DirectoryServiceClient;
use baton::pb::partner_service_client::PartnerServiceClient;
use baton::pb::presence_service_client::PresenceServiceClient;
use baton::pb::server_service_client::ServerServiceClient;
use baton::pb::session_service_client::SessionServiceClient;
use baton::pb::transfer_service_client::TransferServiceClient;
use baton::pb::watch_service_client::WatchServiceClient;
use baton::pb::work_service_client::WorkServiceClient;
use baton::server::{self, Running, ServerOptions};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

/// How long anything that is waited for may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A server, and a connection to it.
pub struct House {
    /// The server.
    pub server: Running,
    channel: Channel,
}

impl House {
    /// A server of its own, with everything in memory.
    pub async fn new() -> Self {
        Self::over(server::embedded()).await
    }

    /// A server over this engine.
    pub async fn over(engine: Engine) -> Self {
        Self::with(engine, ServerOptions::default()).await
    }

    /// The same with these options, but for how long it drains.
    pub async fn with(engine: Engine, options: ServerOptions) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        Self::on(listener, engine, options)
    }

    /// The same on this listener.
    pub fn on(listener: tokio::net::TcpListener, engine: Engine, options: ServerOptions) -> Self {
        let options = ServerOptions { drain: Duration::from_secs(2), ..options };
        let server = server::run(listener, engine, options, String::new()).expect("it starts");
        let channel = connect(&format!("http://{}", server.address));
        Self { server, channel }
    }

    /// Somebody who calls it, in the org `acme`.
    pub fn caller(&self, role: &str, actor: &str) -> Caller {
        Caller::new(self.channel.clone(), "acme", role, actor)
    }

    /// The same in another org.
    pub fn caller_in(&self, org: &str, role: &str, actor: &str) -> Caller {
        Caller::new(self.channel.clone(), org, role, actor)
    }

    /// Somebody in the org `acme` whose credential says more: `baton-scopes`, `baton-queues`, `baton-channels`.
    pub fn limited(&self, role: &str, actor: &str, more: &[(&'static str, &str)]) -> Caller {
        let own = [("baton-org", "acme"), ("baton-role", role), ("baton-actor", actor)];
        Caller::claiming(self.channel.clone(), &[&own[..], more].concat())
    }

    /// The admin.
    pub fn admin(&self) -> Caller {
        self.caller("admin", "root")
    }

    /// A rep.
    pub fn rep(&self, id: &str) -> Caller {
        self.caller("rep", id)
    }
}

/// A connection that comes up when it is used.
pub fn connect(url: &str) -> Channel {
    Endpoint::from_shared(url.to_owned()).expect("a URL").connect_lazy()
}

/// Who calls.
#[derive(Clone)]
pub struct Identity(Arc<[(&'static str, MetadataValue<Ascii>)]>);

impl Interceptor for Identity {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (key, value) in self.0.iter() {
            request.metadata_mut().insert(*key, value.clone());
        }
        Ok(request)
    }
}

type Line = InterceptedService<Channel, Identity>;

/// Somebody who calls, with a client for each service.
#[derive(Clone)]
pub struct Caller {
    pub audits: AuditServiceClient<Line>,
    pub directory: DirectoryServiceClient<Line>,
    pub presence: PresenceServiceClient<Line>,
    pub sessions: SessionServiceClient<Line>,
    pub work: WorkServiceClient<Line>,
    pub transfers: TransferServiceClient<Line>,
    pub watches: WatchServiceClient<Line>,
    pub servers: ServerServiceClient<Line>,
    pub partners: PartnerServiceClient<Line>,
}

impl Caller {
    pub fn new(channel: Channel, org: &str, role: &str, actor: &str) -> Self {
        Self::claiming(channel, &[("baton-org", org), ("baton-role", role), ("baton-actor", actor)])
    }

    /// Somebody who says this of itself.
    pub fn claiming(channel: Channel, pairs: &[(&'static str, &str)]) -> Self {
        let identity = Identity(
            pairs
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(key, value)| (*key, value.parse().expect("printable ASCII")))
                .collect(),
        );
        let line = || InterceptedService::new(channel.clone(), identity.clone());
        Self {
            audits: AuditServiceClient::new(line()),
            directory: DirectoryServiceClient::new(line()),
            presence: PresenceServiceClient::new(line()),
            sessions: SessionServiceClient::new(line()),
            work: WorkServiceClient::new(line()),
            transfers: TransferServiceClient::new(line()),
            watches: WatchServiceClient::new(line()),
            servers: ServerServiceClient::new(line()),
            partners: PartnerServiceClient::new(line()),
        }
    }

    /// Applies the org of these tests.
    pub async fn apply(&mut self) -> i64 {
        let request = pb::ApplyDirectoryRequest { directory: Some(org()), ..Default::default() };
        self.directory
            .apply_directory(request)
            .await
            .expect("the org is right")
            .into_inner()
            .revision
    }

    /// Signs a rep in and answers with the presence's id.
    pub async fn sign_in(&mut self, rep: &str) -> String {
        let request = pb::OpenPresenceRequest {
            rep: rep.to_owned(),
            status: "available".to_owned(),
            ..Default::default()
        };
        let opened = self.presence.open_presence(request).await.expect("the rep may sign in");
        opened.into_inner().presence
    }

    /// Opens a session for a rep, as the channel `wa` would.
    pub async fn open(&mut self, reference: &str, rep: &str) -> pb::Session {
        let request = pb::OpenSessionRequest {
            channel: "wa".to_owned(),
            external_reference: reference.to_owned(),
            target: Some(pb::open_session_request::Target::Rep(rep.to_owned())),
            ..Default::default()
        };
        let opened = self.sessions.open_session(request).await.expect("the session may be opened");
        opened.into_inner().session.expect("a session")
    }

    /// Accepts the work through which a session is offered.
    pub async fn accept(&mut self, session: &pb::Session) -> pb::Work {
        let work = session.offer.as_ref().expect("the session is offered").work.clone();
        let request = pb::AcceptWorkRequest { work, ..Default::default() };
        let accepted = self.work.accept_work(request).await.expect("the work is theirs");
        accepted.into_inner().work.expect("work")
    }

    /// A session that a rep has: opened by a channel, accepted by them.
    pub async fn live_session(&mut self, house: &House, reference: &str, rep: &str) -> String {
        let session = self.open(reference, rep).await;
        house.rep(rep).accept(&session).await;
        session.id
    }

    /// Asks for a transfer to a rep.
    pub async fn transfer(
        &mut self,
        session: &str,
        to: &str,
        request_id: &str,
    ) -> Result<pb::TransferSessionResponse, Status> {
        let request = pb::TransferSessionRequest {
            session: session.to_owned(),
            recipient: Some(to_rep(to)),
            note: "prefers e-mail".to_owned(),
            request_id: request_id.to_owned(),
            ..Default::default()
        };
        self.transfers.transfer_session(request).await.map(tonic::Response::into_inner)
    }

    /// Accepts a transfer.
    pub async fn accept_transfer(
        &mut self,
        transfer: &str,
        request_id: &str,
    ) -> Result<pb::AcceptTransferResponse, Status> {
        let request = pb::AcceptTransferRequest {
            transfer: transfer.to_owned(),
            request_id: request_id.to_owned(),
            ..Default::default()
        };
        self.transfers.accept_transfer(request).await.map(tonic::Response::into_inner)
    }

    /// A session as it is.
    pub async fn session(&mut self, id: &str) -> pb::Session {
        let request = pb::GetSessionRequest {
            which: Some(pb::get_session_request::Which::Session(id.to_owned())),
            ..Default::default()
        };
        let found = self.sessions.get_session(request).await.expect("the session is there");
        found.into_inner().session.expect("a session")
    }

    /// A transfer as it is.
    pub async fn the_transfer(&mut self, id: &str) -> pb::Transfer {
        let request = pb::GetTransferRequest { transfer: id.to_owned(), ..Default::default() };
        let found = self.transfers.get_transfer(request).await.expect("the transfer is there");
        found.into_inner().transfer.expect("a transfer")
    }

    /// What a rep looks like.
    pub async fn rep_presence(&mut self, rep: &str) -> pb::RepPresence {
        let request = pb::GetRepPresenceRequest { rep: rep.to_owned(), ..Default::default() };
        let found = self.presence.get_rep_presence(request).await.expect("the rep is there");
        found.into_inner().rep_presence.expect("a live state")
    }
}

/// A rep as a recipient.
pub fn to_rep(rep: &str) -> pb::Recipient {
    pb::Recipient { recipient: Some(pb::recipient::Recipient::Rep(rep.to_owned())) }
}

/// The code and reason of a refusal.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Status>) -> (Code, String) {
    let status = result.expect_err("it is to be refused");
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    (status.code(), reason)
}

/// The org of these tests: ana, ben and cleo, who carry two sessions each. Their profile has the
/// statuses `available` and `lunch`, but not `training`.
pub fn org() -> pb::Directory {
    let types = [pb::ChannelType::Whatsapp, pb::ChannelType::WebChatV2].map(i32::from);
    pb::Directory {
        settings: Some(pb::OrgSettings {
            skills_based_and_direct_to_rep_routing: Some(true),
            ..Default::default()
        }),
        presence_statuses: vec![
            pb::PresenceStatus {
                id: "available".into(),
                r#type: pb::PresenceStatusType::Online.into(),
                channel_types: types.to_vec(),
                ..Default::default()
            },
            busy("lunch"),
            busy("training"),
        ],
        presence_configurations: vec![pb::PresenceConfiguration {
            id: "standard".into(),
            capacity_centi_units: 200,
            allow_decline: true,
            ..Default::default()
        }],
        profiles: vec![pb::Profile {
            id: "agents".into(),
            presence_statuses: vec!["available".into(), "lunch".into()],
            presence_configuration: "standard".into(),
            ..Default::default()
        }],
        channels: vec![pb::Channel {
            id: "wa".into(),
            r#type: pb::ChannelType::Whatsapp.into(),
            ..Default::default()
        }],
        reps: ["ana", "ben", "cleo"].map(rep).to_vec(),
        ..Default::default()
    }
}

fn busy(id: &str) -> pb::PresenceStatus {
    pb::PresenceStatus {
        id: id.to_owned(),
        r#type: pb::PresenceStatusType::Busy.into(),
        ..Default::default()
    }
}

/// A rep of the org.
pub fn rep(id: &str) -> pb::Rep {
    pb::Rep {
        id: id.to_owned(),
        profile: "agents".to_owned(),
        licences: vec![pb::Licence::MessagingUser.into()],
        permissions: vec![pb::Permission::MessagingAgent.into()],
        ..Default::default()
    }
}
