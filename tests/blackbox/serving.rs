//! What a server is besides its services: health, reflection, the admin listener, clear words when it can't start.

use std::net::SocketAddr;

use baton::config::ServerConfig;
use baton::server;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::support::redis::RedisServer;
use super::world::{Caller, DEADLINE, House, connect, refusal};

/// What an admin listener answers at a path: the status and the word.
pub async fn admin_says(admin: SocketAddr, path: &str) -> (u16, String) {
    let mut connection = TcpStream::connect(admin).await.expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nhost: {admin}\r\nconnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    let read = tokio::time::timeout(DEADLINE, connection.read_to_string(&mut answer));
    read.await.expect("it answers in time").expect("it answers");
    let (head, word) = answer.split_once("\r\n\r\n").expect("HTTP/1");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), word.to_owned())
}

/// Asks an admin listener until it answers so.
pub async fn until_admin_says(admin: SocketAddr, path: &str, wanted: (u16, &str)) {
    let asked = tokio::time::timeout(DEADLINE, async {
        while admin_says(admin, path).await != (wanted.0, wanted.1.to_owned()) {
            tokio::task::yield_now().await;
        }
    });
    asked.await.unwrap_or_else(|_| panic!("{path} never said {wanted:?}"));
}

#[tokio::test]
async fn health_is_told_for_each_service_and_reflection_lists_them() {
    let house = House::new().await;
    house.admin().apply().await;
    let channel = connect(&format!("http://{}", house.server.address));
    let mut health = HealthClient::new(channel.clone());
    for service in ["", "baton.v1.TransferService", "baton.v1.WatchService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let status = health.check(request).await.expect("it is known").into_inner().status;
        assert_eq!(status, 1, "{service} serves");
    }
    let request = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut reflection = ServerReflectionClient::new(channel);
    let asked = tokio_stream::once(request);
    let answers = reflection.server_reflection_info(asked).await.expect("it is there");
    let answer = answers.into_inner().message().await.expect("an answer").expect("an answer");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list");
    };
    let names: Vec<_> = list.service.iter().map(|s| s.name.as_str()).collect();
    assert!(names.contains(&"baton.v1.PartnerService"), "{names:?}");
}

#[tokio::test]
async fn d4_a_message_that_is_too_large_is_refused() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let huge = admin.transfer(&"x".repeat(300 * 1024), "ben", "").await;
    assert_eq!(refusal(huge), (Code::ResourceExhausted, "LIMIT_EXCEEDED".to_owned()));
}

#[tokio::test]
async fn a_port_in_use_and_a_wrong_redis_are_told_in_one_line() {
    let house = House::new().await;
    let taken =
        ServerConfig { listen: house.server.address.to_string(), ..ServerConfig::default() };
    let error = format!("{:#}", server::start(&taken).await.expect_err("it is in use"));
    assert!(error.contains(&house.server.address.to_string()), "{error}");
    assert!(!error.contains('\n'), "{error}");
    let taken = ServerConfig {
        listen: "127.0.0.1:0".into(),
        admin: Some(house.server.address.to_string()),
        ..ServerConfig::default()
    };
    let error = format!("{:#}", server::start(&taken).await.expect_err("it is in use"));
    let told = format!("the admin listener: can't listen on {}", house.server.address);
    assert!(error.starts_with(&told) && !error.contains('\n'), "{error}");
    let nowhere = ServerConfig {
        listen: "127.0.0.1:0".into(),
        redis: Some("redis://127.0.0.1:1".into()),
        ..ServerConfig::default()
    };
    let error = format!("{:#}", server::start(&nowhere).await.expect_err("nobody is there"));
    assert!(error.contains("Redis"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}

#[tokio::test]
async fn d1_a_server_that_has_lost_redis_lives_and_is_not_ready() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let config = ServerConfig {
        listen: "127.0.0.1:0".into(),
        admin: Some("127.0.0.1:0".into()),
        redis: Some(redis.url()),
        ..ServerConfig::default()
    };
    let server = server::start(&config).await.expect("it starts");
    let admin = server.admin.expect("it was to have one");
    let channel = connect(&format!("http://{}", server.address));
    Caller::new(channel, "acme", "admin", "root").apply().await;
    assert_eq!(admin_says(admin, "/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(admin_says(admin, "/metrics").await.0, 404);
    redis.stop();
    until_admin_says(admin, "/readyz", (503, "journal\n")).await;
    assert_eq!(admin_says(admin, "/livez").await, (200, "alive\n".to_owned()));
    redis.restart();
    until_admin_says(admin, "/readyz", (200, "ready\n")).await;
    server.stop().await.expect("it drains");
    assert!(TcpStream::connect(admin).await.is_err(), "the admin listener goes with the server");
}

#[tokio::test]
async fn there_is_no_admin_listener_unless_one_is_asked_for() {
    let config = ServerConfig { listen: "127.0.0.1:0".into(), ..ServerConfig::default() };
    assert_eq!(server::start(&config).await.expect("it starts").admin, None);
}
