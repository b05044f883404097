//! Streams end with their credentials (W10): for good when it was revoked; with a token that goes on where they stopped
//! when it has expired, or says something else by now.

use std::time::{Duration, SystemTime};

use baton::pb;
use baton::pb::directory_service_client::DirectoryServiceClient;
use baton::pb::watch_response::Frame;
use baton::pb::watch_service_client::WatchServiceClient;
use tokio::time::timeout;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::access::{AccessFiles, key_for};
use crate::raw::DEADLINE;

/// Shows a credential with each call.
#[derive(Clone)]
struct Bearer(String);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        let value = format!("Bearer {}", self.0).parse().expect("printable");
        request.metadata_mut().insert("authorization", value);
        Ok(request)
    }
}

struct Holder {
    watches: WatchServiceClient<InterceptedService<Channel, Bearer>>,
    directory: DirectoryServiceClient<InterceptedService<Channel, Bearer>>,
}

impl Holder {
    fn of(address: std::net::SocketAddr, key: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        let line = || InterceptedService::new(endpoint.connect_lazy(), Bearer(key.to_owned()));
        Self {
            watches: WatchServiceClient::new(line()),
            directory: DirectoryServiceClient::new(line()),
        }
    }

    async fn watch(&mut self, resume_token: &str) -> Result<Streaming<pb::WatchResponse>, Status> {
        let request = pb::WatchRequest {
            kinds: vec![pb::WatchKind::Queue.into()],
            resume_token: resume_token.to_owned(),
            ..Default::default()
        };
        Ok(self.watches.watch(request).await?.into_inner())
    }

    /// Adds a queue, which whoever watches queues is told.
    async fn add(&mut self, id: &str) {
        let queue = pb::Queue {
            id: id.to_owned(),
            channel_types: vec![pb::ChannelType::WebChatV2.into()],
            ..Default::default()
        };
        let request = pb::UpsertQueueRequest { queue: Some(queue), ..Default::default() };
        self.directory.upsert_queue(request).await.expect("it is added");
    }
}

/// What a stream has told.
#[derive(Default)]
struct Told {
    queues: Vec<String>,
    token: String,
}

impl Told {
    fn take(&mut self, object: &pb::WatchObject) {
        if let Some(pb::watch_object::Object::Queue(queue)) = &object.object {
            self.queues.push(queue.queue.clone());
        }
    }

    /// Reads until the stream closes, or has told of this queue.
    async fn read(
        &mut self,
        stream: &mut Streaming<pb::WatchResponse>,
        until: Option<&str>,
    ) -> Option<pb::Closing> {
        loop {
            let next = timeout(DEADLINE, stream.message()).await.expect("in time");
            let response = next.expect("no error").expect("it doesn't just end");
            if !response.resume_token.is_empty() {
                self.token = response.resume_token;
            }
            match response.frame.expect("a frame") {
                Frame::Snapshot(snapshot) => snapshot.objects.iter().for_each(|o| self.take(o)),
                Frame::Changes(changes) => {
                    let changes = changes.revisions.iter().flat_map(|r| &r.changes);
                    for change in changes {
                        if let Some(pb::change::Change::Upserted(object)) = &change.change {
                            self.take(object);
                        }
                    }
                }
                Frame::Closing(closing) => return Some(closing),
                _ => {}
            }
            if until.is_some_and(|id| self.queues.iter().any(|told| told == id)) {
                return None;
            }
        }
    }
}

#[tokio::test]
async fn w10_s4_a_revoked_key_ends_its_streams_for_good_and_its_calls() {
    let files = AccessFiles::new("");
    let admin = files.key_of("admin", "root", "acme");
    let wall = files.key_of("dashboard", "wall", "acme");
    let server = files.serve().await;
    let mut admin = Holder::of(server.address, &admin);
    let mut wall = Holder::of(server.address, &wall);
    admin.add("first").await;
    let mut stream = wall.watch("").await.expect("it starts");
    let mut told = Told::default();
    assert!(told.read(&mut stream, Some("first")).await.is_none());
    files.revoke("dashboard-wall");
    let closing = told.read(&mut stream, None).await.expect("it closes");
    assert_eq!(closing.action(), pb::ClosingAction::Stop, "{closing:?}");
    let refused = wall.watch(&told.token).await.expect_err("it isn't believed any more");
    assert_eq!(refused.code(), Code::Unauthenticated);
    admin.add("second").await;
    server.stop().await.expect("it stops");
}

#[tokio::test]
async fn w10_an_expired_key_ends_its_streams_and_the_next_goes_on_where_they_stopped() {
    let files = AccessFiles::new("");
    let admin = files.key_of("admin", "root", "acme");
    let mut brief = key_for("dashboard", "wall", "acme");
    brief.expires = Some(SystemTime::now() + Duration::from_secs(3));
    let (brief, lasting) = (files.key(&brief), files.key_of("dashboard", "wall", "acme"));
    let server = files.serve().await;
    let mut admin = Holder::of(server.address, &admin);
    let mut wall = Holder::of(server.address, &brief);
    admin.add("q-0").await;
    let mut stream = wall.watch("").await.expect("it starts");
    let mut told = Told::default();
    told.read(&mut stream, Some("q-0")).await;
    let reading = async {
        let closing = told.read(&mut stream, None).await.expect("it closes");
        (told, closing)
    };
    // Changes go on all the while, and some are made when nobody watches.
    let changing = async {
        let mut pace = tokio::time::interval(Duration::from_millis(150));
        for n in 1..=30 {
            pace.tick().await;
            admin.add(&format!("q-{n}")).await;
        }
    };
    let ((mut told, closing), ()) = tokio::join!(reading, changing);
    assert_eq!(closing.action(), pb::ClosingAction::Reauthenticate, "{closing:?}");
    let refused = wall.watch(&told.token).await.expect_err("it has expired");
    let reason = refused.get_details_error_info().map(|info| info.reason);
    assert_eq!(
        (refused.code(), reason.as_deref()),
        (Code::Unauthenticated, Some("CREDENTIAL_EXPIRED"))
    );
    let mut wall = Holder::of(server.address, &lasting);
    let mut stream = wall.watch(&told.token).await.expect("it goes on");
    assert!(told.read(&mut stream, Some("q-30")).await.is_none());
    let all: Vec<String> = (0..=30).map(|n| format!("q-{n}")).collect();
    assert_eq!(told.queues, all, "nothing is missed and nothing comes twice");
    server.stop().await.expect("it stops");
}

#[tokio::test]
async fn w10_a_key_that_says_something_else_by_now_has_to_be_shown_anew() {
    let files = AccessFiles::new("");
    let admin = files.key_of("admin", "root", "acme");
    let wall = files.key_of("dashboard", "wall", "acme");
    let server = files.serve().await;
    let mut admin = Holder::of(server.address, &admin);
    let mut wall = Holder::of(server.address, &wall);
    admin.add("first").await;
    let mut stream = wall.watch("").await.expect("it starts");
    let mut told = Told::default();
    told.read(&mut stream, Some("first")).await;
    let keys = std::fs::read_to_string(files.keys()).expect("it is there");
    let (head, last) = keys.rsplit_once("scopes = []").expect("the key names no scope");
    let beside = files.folder().join("keys.next");
    std::fs::write(&beside, format!("{head}scopes = [\"queues\"]{last}")).expect("written");
    std::fs::rename(beside, files.keys()).expect("moved");
    let closing = told.read(&mut stream, None).await.expect("it closes");
    assert_eq!(closing.action(), pb::ClosingAction::Reauthenticate, "{closing:?}");
    // The same key, as it is now, goes on.
    let mut stream = wall.watch(&told.token).await.expect("it goes on");
    admin.add("second").await;
    assert!(told.read(&mut stream, Some("second")).await.is_none());
    assert_eq!(told.queues, ["first", "second"]);
    server.stop().await.expect("it stops");
}

/// A reader who takes nothing gets, once its key is revoked, nothing more than was on its way (W10).
#[tokio::test]
async fn w10_s4_a_stuck_reader_whose_key_is_revoked_gets_no_more_of_it() {
    const QUEUES: usize = 4_000;
    let files = AccessFiles::new("");
    let admin = files.key_of("admin", "root", "acme");
    let key = files.key_of("dashboard", "wall", "acme");
    let server = files.serve().await;
    let mut admin = Holder::of(server.address, &admin);
    let queues = (0..QUEUES).map(|n| pb::Queue {
        id: format!("q-{n}"),
        name: "n".repeat(100),
        channel_types: vec![pb::ChannelType::WebChatV2.into()],
        ..Default::default()
    });
    let directory = pb::Directory { queues: queues.collect(), ..Default::default() };
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    admin.directory.apply_directory(request).await.expect("it is right");
    let endpoint = Endpoint::from_shared(format!("http://{}", server.address));
    let endpoint = endpoint.expect("an address").initial_stream_window_size(65_535);
    let line = InterceptedService::new(endpoint.connect_lazy(), Bearer(key.clone()));
    let mut stuck =
        Holder { watches: WatchServiceClient::new(line), ..Holder::of(server.address, &key) };
    let mut stream = stuck.watch("").await.expect("it starts");
    files.revoke("dashboard-wall");
    let mut other = Holder::of(server.address, &key);
    timeout(DEADLINE, async { while other.watch("").await.is_ok() {} }).await.expect("in force");
    let mut told = Told::default();
    let closing = told.read(&mut stream, None).await.expect("it closes");
    assert_eq!(closing.action(), pb::ClosingAction::Stop, "{closing:?}");
    // A frame has 500 of them; four wait behind the one or two that were on their way.
    assert!(told.queues.len() <= 1_500, "{} of {QUEUES} were told", told.queues.len());
    assert_eq!(told.token, "", "there is nowhere to go on");
    server.stop().await.expect("it stops");
}
