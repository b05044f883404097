//! A server with an org in which everything goes on that calls can be about: reps who are signed in, sessions that wait,
//! are had, handed on and over, partners that are asked. And who calls there.

use std::time::Duration;

use baton::pb;
use prost_reflect::{DynamicMessage, MessageDescriptor, MethodDescriptor, Value};
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::raw::{DEADLINE, Raw, path_of};
use super::world::{self, House};

/// How long is waited for the first message of a stream, which may have nothing to say.
const FIRST: Duration = Duration::from_millis(20);
/// What is remembered of what the server says.
const KNOWN: usize = 200;

/// Who calls, by role and id.
const CALLERS: [(&str, &str); 12] = [
    ("admin", "root"),
    ("rep", "ana"),
    ("rep", "ben"),
    ("rep", "cleo"),
    ("adapter", "web"),
    ("adapter", "bridge"),
    ("partner", "acme"),
    ("partner", "zeta"),
    ("supervisor", "sue"),
    ("dashboard", "wall"),
    ("rep", "nobody"),
    ("admin", "ana"),
];

/// What a caller is narrowed to, in the metadata of a server that believes its callers; mostly nothing.
const NARROWED: [Option<(&str, &str)>; 5] = [
    None,
    None,
    Some(("baton-queues", "billing care")),
    Some(("baton-channels", "wa")),
    Some(("baton-scopes", "read-only")),
];

/// Words that mean something: ids, names of fields, conditions.
const WORDS: [&str; 30] = [
    "",
    "acme",
    "zeta",
    "ana",
    "ben",
    "cleo",
    "wa",
    "ccaas",
    "billing",
    "care",
    "vips",
    "es",
    "triage",
    "agents",
    "standard",
    "available",
    "lunch",
    "desk",
    "q-7",
    "a-1",
    "ref-1",
    "ref-2",
    "bridge",
    "name",
    "attributes",
    "priority",
    "session.priority < 5",
    "queues.billing.length > 0 && ",
    "not an id/",
    "\u{0}\u{7f}\u{202e}",
];

pub struct Place {
    house: House,
    channel: Channel,
    /// What can be named.
    pub known: Vec<String>,
    /// How much of it as it begins.
    first: usize,
}

impl Place {
    pub async fn new() -> Self {
        let house = House::new().await;
        let channel = world::connect(&format!("http://{}", house.server.address));
        let mut place = Self { house, channel, known: WORDS.map(str::to_owned).to_vec(), first: 0 };
        place.fill().await;
        place.first = place.known.len();
        place
    }

    /// Has everything go on. What comes first has the lowest number among what is known: see `calls`.
    async fn fill(&mut self) {
        let mut admin = self.house.admin();
        let directory =
            pb::ApplyDirectoryRequest { directory: Some(directory()), ..Default::default() };
        admin.directory.apply_directory(directory).await.expect("the org is right");
        for rep in ["ana", "ben"] {
            let presence = admin.sign_in(rep).await;
            self.known.push(presence);
        }
        let contact = pb::Contact { id: "desk".into(), name: "Desk".into(), ..Default::default() };
        let contacts = pb::SyncContactsRequest {
            partner: "acme".into(),
            mode: pb::SyncMode::Incremental.into(),
            contacts: vec![contact],
            ..Default::default()
        };
        admin.partners.sync_contacts(contacts).await.expect("it is right");
        let had = admin.live_session(&self.house, "ref-1", "ana").await;
        let handed_on = admin.live_session(&self.house, "ref-2", "ana").await;
        let offered = admin.open("ref-3", "ben").await;
        let transfer = self.house.rep("ana").transfer(&handed_on, "ben", "r-1").await;
        let transfer = transfer.expect("it is handed on").transfer.expect("a transfer");
        let work = offered.offer.expect("it is offered").work;
        self.known.extend([had, handed_on, offered.id, work, transfer.id, "r-1".to_owned()]);
        let routed = pb::OpenSessionRequest {
            channel: "ccaas".into(),
            external_reference: "ref-4".into(),
            ..Default::default()
        };
        let routed = admin.sessions.open_session(routed).await.expect("it may be opened");
        let routed = routed.into_inner().session.expect("a session");
        self.known.extend([routed.id, routed.routing_request]);
    }

    /// Who this number is.
    pub fn caller(&self, number: u8) -> (&'static str, &'static str) {
        CALLERS[usize::from(number) % CALLERS.len()]
    }

    /// Calls; of a stream the first message, or nothing if it doesn't come at once.
    pub async fn call(
        &self,
        method: &MethodDescriptor,
        caller: u8,
        message: Vec<u8>,
    ) -> Result<Vec<u8>, Status> {
        let (role, actor) = self.caller(caller);
        let mut request = Request::new(message);
        let narrowed = NARROWED[usize::from(caller) / CALLERS.len() % NARROWED.len()];
        let claims = [("baton-org", "acme"), ("baton-role", role), ("baton-actor", actor)];
        for (key, value) in claims.into_iter().chain(narrowed) {
            request.metadata_mut().insert(key, value.parse().expect("printable"));
        }
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        grpc.ready().await.expect("it connects");
        if !method.is_server_streaming() {
            let answer = grpc.unary(request, path_of(method), Raw);
            let answer = tokio::time::timeout(DEADLINE, answer).await.expect("it answers");
            return answer.map(tonic::Response::into_inner);
        }
        let first = async {
            let mut stream =
                grpc.server_streaming(request, path_of(method), Raw).await?.into_inner();
            stream.message().await
        };
        match tokio::time::timeout(FIRST, first).await {
            Ok(first) => first.map(Option::unwrap_or_default),
            Err(_) => Ok(Vec::new()),
        }
    }

    /// Remembers what an answer names.
    pub fn learn(&mut self, kind: &MessageDescriptor, answer: &[u8]) {
        let answer = DynamicMessage::decode(kind.clone(), answer).expect("it is of its type");
        self.note(&Value::Message(answer));
    }

    fn note(&mut self, value: &Value) {
        match value {
            Value::String(text) if self.known.len() < KNOWN && !self.known.contains(text) => {
                self.known.push(text.clone());
            }
            Value::Message(inner) => inner.fields().for_each(|(_, value)| self.note(value)),
            Value::List(items) => items.iter().for_each(|item| self.note(item)),
            _ => {}
        }
    }

    /// Forgets what it has learned since it began.
    pub fn forget(&mut self) {
        self.known.truncate(self.first);
    }

    /// Does the server still answer?
    pub async fn is_well(&self) {
        let mut health = HealthClient::new(self.channel.clone());
        let well = health.check(HealthCheckRequest::default());
        let well = tokio::time::timeout(DEADLINE, well).await.expect("it answers");
        let well = well.expect("it is there").into_inner();
        assert_eq!(well.status(), tonic_health::pb::health_check_response::ServingStatus::Serving);
    }

    /// Ends the server.
    pub async fn leave(self) {
        let House { server, .. } = self.house;
        drop(self.channel);
        let stopped = tokio::time::timeout(DEADLINE, server.stop()).await;
        stopped.expect("it stops in time").expect("it stops");
    }
}

/// The org of the black-box tests with queues, a flow, and two partners, of which acme routes the channel `ccaas`.
fn directory() -> pb::Directory {
    let mut directory = world::org();
    let queue = |id: &str, reps: &[&str], partner: &str| pb::Queue {
        id: id.into(),
        reps: reps.iter().map(ToString::to_string).collect(),
        partner: partner.into(),
        partner_queue: if partner.is_empty() { String::new() } else { "q-7".into() },
        ..Default::default()
    };
    directory.skills = vec![pb::Skill { id: "es".into(), name: "Spanish".into() }];
    directory.partners =
        ["acme", "zeta"].map(|id| pb::Partner { id: id.into(), ..Default::default() }).to_vec();
    directory.queues = vec![
        queue("billing", &["ana", "ben"], ""),
        queue("care", &["cleo"], ""),
        queue("vips", &[], "acme"),
    ];
    directory.channels.push(pb::Channel {
        id: "ccaas".into(),
        r#type: pb::ChannelType::ByocForCcaas.into(),
        routing_partner: "acme".into(),
        adapters: vec!["bridge".into()],
        ..Default::default()
    });
    let byoc = pb::ChannelType::ByocForCcaas.into();
    directory.presence_statuses[0].channel_types.push(byoc);
    let alias = pb::PartnerAlias { partner: "acme".into(), id: "a-1".into() };
    directory.reps[0].partners = vec![alias];
    directory.reps[0].skills = vec![pb::SkillLevel { skill: "es".into(), level: 80 }];
    directory.reps[1].permissions.push(pb::Permission::RunFlows.into());
    directory.presence_configurations[0].capacity_centi_units = 500;
    let to = |queue: &str| pb::FlowDecision {
        target: Some(pb::flow_decision::Target::Queue(queue.into())),
        ..Default::default()
    };
    let (name, condition) = ("billing".to_owned(), "session.priority < 5".to_owned());
    let rule = pb::FlowRule { name, condition, decision: Some(to("billing")) };
    directory.flows = vec![pb::Flow {
        id: "triage".into(),
        rules: vec![rule],
        fallback: Some(to("care")),
        ..Default::default()
    }];
    directory
}
