//! What a server is besides its services: health, reflection, clear words when it can't start.

use baton::config::ServerConfig;
use baton::server;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use super::world::{House, connect, refusal};

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
    assert_eq!(refusal(huge).0, Code::OutOfRange);
}

#[tokio::test]
async fn a_port_in_use_and_a_wrong_redis_are_told_in_one_line() {
    let house = House::new().await;
    let taken =
        ServerConfig { listen: house.server.address.to_string(), ..ServerConfig::default() };
    let error = format!("{:#}", server::start(&taken).await.expect_err("it is in use"));
    assert!(error.contains(&house.server.address.to_string()), "{error}");
    assert!(!error.contains('\n'), "{error}");
    let nowhere = ServerConfig {
        listen: "127.0.0.1:0".into(),
        redis: Some("redis://127.0.0.1:1".into()),
        ..ServerConfig::default()
    };
    let error = format!("{:#}", server::start(&nowhere).await.expect_err("nobody is there"));
    assert!(error.contains("Redis"), "{error}");
    assert!(!error.contains('\n'), "{error}");
}
