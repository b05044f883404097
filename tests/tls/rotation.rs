//! Certificates are exchanged while everything runs, and nobody notices but those who shouldn't be believed any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use baton::client::ClientTls;
use tokio::time::timeout;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use super::certified::{Certified, DEADLINE, call, client};
use super::stream::{ALL, Stream, request};
use super::support::certificates::{Authority, of_server, write};
use super::world::Caller;

/// Streams that are open all along, on one connection.
const STREAMS: usize = 100;
/// How often everything is exchanged.
const EXCHANGES: usize = 3;

/// A connection that believes this authority.
fn connect(url: &str, ca: &str) -> Channel {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca));
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
    endpoint.tls_config(tls).expect("the CA is right").connect_lazy()
}

/// Calls until it is answered.
async fn until_taken(house: &Certified, tls: &ClientTls) {
    let taken = async {
        while call(&client(&house.url(), tls)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, taken).await.expect("what is new holds soon");
}

/// Calls, or connects and calls, again and again until it is told to stop; how often.
fn busy<F>(
    stop: &Arc<AtomicBool>,
    each: impl Fn() -> F + Send + 'static,
) -> tokio::task::JoinHandle<u64>
where
    F: Future<Output = Result<(), String>> + Send,
{
    let (stop, calls) = (Arc::clone(stop), AtomicU64::new(0));
    tokio::spawn(async move {
        while !stop.load(Ordering::SeqCst) {
            each().await.expect("no call fails");
            calls.fetch_add(1, Ordering::SeqCst);
        }
        calls.into_inner()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_exchanged_under_load_and_nobody_loses_anything() {
    let house = Certified::start().await;
    let at = house.folder.path();
    let authorities: Vec<_> = (0..EXCHANGES).map(|n| Authority::new(&format!("ca {n}"))).collect();
    let first = house.authority.pem();
    let all: String = authorities.iter().map(Authority::pem).collect();
    write(at, "all.pem", &format!("{first}{all}"));
    let believes_all = ClientTls { ca: Some(at.join("all.pem")), ..ClientTls::default() };

    let channel = connect(&house.url(), &first);
    let caller = |role, actor| Caller::new(channel.clone(), "acme", role, actor);
    let mut admin = caller("admin", "root");
    admin.apply().await;
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(Stream::synced(&mut admin, request(&ALL)).await.0);
    }
    let stop = Arc::new(AtomicBool::new(false));
    // On the connection of the streams, and each on a connection of its own.
    let asking = admin.clone();
    let calls = busy(&stop, move || {
        let mut asking = asking.clone();
        async move {
            timeout(DEADLINE, asking.rep_presence("ana")).await.map(drop).map_err(|e| e.to_string())
        }
    });
    let (url, tls) = (house.url(), believes_all.clone());
    let connections = busy(&stop, move || {
        let client = client(&url, &tls);
        async move { call(&client).await }
    });

    for (n, authority) in authorities.iter().enumerate() {
        authority.server(&["127.0.0.1"]).write(at, "server");
        let believes = write(at, &format!("ca-{n}.pem"), &authority.pem());
        until_taken(&house, &ClientTls { ca: Some(believes), ..ClientTls::default() }).await;
        // Each stream gets what happens now.
        let presence = admin.sign_in(["ana", "ben", "cleo"][n]).await;
        assert!(!presence.is_empty());
        for stream in &mut streams {
            stream.until(|changes| !changes.changes.is_empty()).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    let calls = timeout(DEADLINE, calls).await.expect("it stops").expect("no call failed");
    let connections = timeout(DEADLINE, connections).await.expect("it stops").expect("none failed");
    assert!(calls > 100, "{calls} calls on the connection of the streams");
    assert!(connections > 20, "{connections} new connections");
    assert!(house.figure("certificates_exchanged") >= 3);
    let refused = call(&house.client()).await.expect_err("it believes the first CA alone");
    assert!(refused.contains("isn't trusted"), "{refused}");
}

#[tokio::test]
async fn what_becomes_wrong_leaves_the_last_good_files_in_force() {
    let house = Certified::start().await;
    let at = house.folder.path();
    let next = Authority::new("next").sign(&of_server(&["127.0.0.1"]));
    for (n, (name, content)) in
        [("server.pem", next.cert.as_str()), ("server.pem", "half"), ("clients.pem", "")]
            .into_iter()
            .enumerate()
    {
        write(at, name, content);
        let noticed = async {
            while house.figure("certificates_refused") <= i64::try_from(n).expect("few") {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, noticed).await.expect("it is looked at");
        call(&house.client()).await.expect("the last good ones are in force");
    }
    assert_eq!(house.figure("certificates_exchanged"), 0);
}

#[tokio::test]
async fn another_client_ca_holds_for_new_connections() {
    let house = Certified::start().await;
    let others = Authority::new("other clients");
    let old = house.showing(&house.clients.client("spiffe://acme/web"));
    let running = client(&house.url(), &old);
    call(&running).await.expect("it is taken");
    write(house.folder.path(), "clients.pem", &others.pem());
    let new = {
        let pair = others.client("spiffe://acme/web");
        let (cert, key) = pair.write(house.folder.path(), "new-client");
        ClientTls { cert: Some(cert), key: Some(key), ..house.trusting() }
    };
    until_taken(&house, &new).await;
    call(&running).await.expect("no running connection is cut");
    let refused = call(&client(&house.url(), &old)).await.expect_err("its CA isn't believed now");
    assert!(refused.contains("doesn't take this client's certificate"), "{refused}");
}
