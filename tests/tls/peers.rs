//! Servers that speak TLS pass calls on to each other over TLS, and only to those whom their peer CA vouches for.

use std::path::Path;

use baton::client::{Client, ClientTls};
use baton::config::ServerConfig;
use baton::pb;
use baton::server::{self, Running};
use tokio::time::timeout;

use super::certified::{DEADLINE, call, client, files};
use super::support::certificates::{Authority, write};
use super::support::redis::RedisServer;

async fn start(redis: &RedisServer, folder: &Path) -> Running {
    let config = ServerConfig {
        listen: "127.0.0.1:0".into(),
        redis: Some(redis.url()),
        token_key: Some("7a".repeat(32)),
        tls: Some(files(folder)),
        ..ServerConfig::default()
    };
    server::start(&config).await.expect("it starts")
}

fn sum(servers: &[Running], name: &str) -> u64 {
    let of = |server: &Running| {
        let all = server.counters.all();
        all.into_iter().find(|(known, _)| *known == name).expect("it is counted").1
    };
    servers.iter().map(of).sum()
}

/// Both serve, and know it of each other.
async fn joined(clients: &[Client]) {
    let wanted = async {
        for client in clients {
            loop {
                let listed = client.list_servers(pb::ListServersRequest::default()).await;
                let listed = listed.expect("anybody may ask").servers;
                let serving = listed.iter().filter(|s| s.state() == pb::ServerState::Serving);
                if serving.count() == 2 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
    };
    timeout(DEADLINE, wanted).await.expect("they see each other");
}

/// Makes a change at each of them.
async fn change(clients: &[Client]) {
    for client in clients {
        let skill = pb::Skill { id: "s".into(), ..Default::default() };
        let directory = pb::Directory { skills: vec![skill], ..Default::default() };
        let request =
            pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
        client.apply_directory(request).await.expect("it is done, here or there");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_pass_calls_on_over_tls_and_believe_their_peer_ca_alone() {
    let redis = RedisServer::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (at, authority) = (folder.path(), Authority::new("servers"));
    authority.server(&["127.0.0.1"]).write(at, "server");
    write(at, "ca.pem", &authority.pem());
    write(at, "clients.pem", &authority.pem());
    let known = write(at, "known.pem", &authority.pem());
    let servers = [start(&redis, at).await, start(&redis, at).await];
    let tls = ClientTls { ca: Some(known), ..ClientTls::default() };
    let clients = servers.each_ref().map(|s| client(&format!("https://{}", s.address), &tls));
    joined(&clients).await;
    change(&clients).await;
    assert!(sum(&servers, "passed_on") >= 1, "one of them isn't the org's home");
    assert_eq!(sum(&servers, "passed_on"), sum(&servers, "done_for_others"));
    assert_eq!(sum(&servers, "passed_in_vain"), 0);

    // The peers are believed no longer: connections made with the old CA aren't used any more either.
    write(at, "ca.pem", &Authority::new("strangers").pem());
    let noticed = async {
        while sum(&servers, "passed_in_vain") == 0 {
            change(&clients).await;
        }
    };
    timeout(DEADLINE, noticed).await.expect("the CA is exchanged without a restart");
    let passed = sum(&servers, "passed_on");
    change(&clients).await;
    assert_eq!(sum(&servers, "passed_on"), passed, "nothing goes to whom nobody vouches for");

    // And again.
    write(at, "ca.pem", &authority.pem());
    let noticed = async {
        while sum(&servers, "passed_on") == passed {
            change(&clients).await;
        }
    };
    timeout(DEADLINE, noticed).await.expect("the CA is exchanged without a restart");
    for client in &clients {
        call(client).await.expect("nobody was cut");
    }
}
