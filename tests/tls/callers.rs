//! What a caller is told when TLS is why a server isn't reached: one line, with what to do. And the command line, from
//! flags and from the environment.

use std::process::Command;

use baton::client::ClientTls;
use baton::config::ServerConfig;
use baton::server;

use super::certified::{Certified, call, client};
use super::support::certificates::{Authority, expired, of_server, write};

#[tokio::test]
async fn what_is_wrong_with_a_server_is_said_with_what_to_do() {
    for (what, said, todo) in [
        ("another CA", "of a CA that isn't trusted here", "--ca"),
        ("another CA of its name", "of a CA that isn't trusted here", "--ca"),
        ("expired", "that has expired", "renewed"),
        ("another name", "for another name", "--server"),
    ] {
        let house = Certified::start().await;
        let at = house.folder.path();
        match what {
            "another CA" => drop(write(at, "ca.pem", &Authority::new("others").pem())),
            "another CA of its name" => drop(write(at, "ca.pem", &Authority::new("servers").pem())),
            "expired" => {
                let pair = house.authority.sign(&expired(of_server(&["127.0.0.1"])));
                drop(pair.write(at, "server"));
            }
            _ => drop(house.authority.server(&["baton.acme.test"]).write(at, "server")),
        }
        let line = loop {
            match call(&house.client()).await {
                // The files are looked at once a second.
                Ok(()) => tokio::task::yield_now().await,
                Err(line) => break line,
            }
        };
        assert!(line.contains(said) && line.contains(todo), "{what}: {line}");
        assert!(line.contains(&house.url()), "{what}: {line}");
    }
}

#[tokio::test]
async fn tls_where_there_is_none_and_the_reverse() {
    let house = Certified::start().await;
    let plain = format!("http://{}", house.server.address);
    let line = call(&client(&plain, &ClientTls::default())).await.expect_err("it speaks TLS");
    assert!(line.contains("speaks TLS") && line.contains("https://"), "{line}");
    let config = ServerConfig { listen: "127.0.0.1:0".into(), ..ServerConfig::default() };
    let other = server::start(&config).await.expect("it starts");
    let encrypted = format!("https://{}", other.address);
    let line = call(&client(&encrypted, &house.trusting())).await.expect_err("it doesn't");
    assert!(line.contains("TLS") && line.contains("http://"), "{line}");
}

#[tokio::test]
async fn files_that_a_caller_names_are_looked_at_before_any_call() {
    let house = Certified::start().await;
    let at = house.folder.path();
    let pair = house.clients.client("spiffe://acme/web");
    let (cert, key) = pair.write(at, "client");
    let refused = |tls: ClientTls| {
        let policy = baton::client::RetryPolicy::default();
        let identity = super::certified::identity("admin", "root");
        baton::client::Client::over(&house.url(), &identity, policy, &tls).unwrap_err().to_string()
    };
    let alone = refused(ClientTls { cert: Some(cert.clone()), ..house.trusting() });
    assert!(alone.contains("--cert and --key"), "{alone}");
    let missing = refused(ClientTls { ca: Some(at.join("nowhere.pem")), ..ClientTls::default() });
    assert!(missing.contains("nowhere.pem can't be read"), "{missing}");
    let other = refused(ClientTls {
        cert: Some(cert),
        key: Some(at.join("server.key")),
        ..house.trusting()
    });
    assert!(other.contains("server.key isn't the key of"), "{other}");
    assert!(key.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_speaks_tls() {
    let house = Certified::start().await;
    let ca = house.folder.path().join("ca.pem");
    let (cert, key) =
        house.clients.client("spiffe://acme/web").write(house.folder.path(), "client");
    let baton = || {
        let mut baton = Command::new(env!("CARGO_BIN_EXE_baton"));
        baton.args(["servers", "--server", &house.url(), "--timeout", "1s"]);
        baton
    };
    let said = |mut command: Command| {
        let output = command.output().expect("it runs");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mut with_flags = baton();
    with_flags.arg("--ca").arg(&ca).arg("--cert").arg(&cert).arg("--key").arg(&key);
    assert_eq!(said(with_flags), (true, String::new()));
    let mut from_environment = baton();
    from_environment.env("BATON_CA", &ca).env("BATON_CERT", &cert).env("BATON_KEY", &key);
    assert_eq!(said(from_environment), (true, String::new()));
    // The system's roots, as the variable that every such program knows has them.
    let mut of_the_system = baton();
    of_the_system.env("SSL_CERT_FILE", &ca);
    assert_eq!(said(of_the_system), (true, String::new()));
    let (done, line) = said(baton());
    assert!(!done && line.contains("CA that isn't trusted") && line.contains("--ca"), "{line}");
}
