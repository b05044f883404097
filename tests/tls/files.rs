//! What is wrong with a server's files is said when it starts, in one line.

use baton::config::{ServerConfig, TlsFiles};
use baton::server;

use super::certified::files;
use super::support::certificates::{Authority, write};

/// What starting a server with these files comes to.
async fn fault(files: TlsFiles) -> String {
    let config =
        ServerConfig { listen: "127.0.0.1:0".into(), tls: Some(files), ..ServerConfig::default() };
    let error = server::start(&config).await.expect_err("they can't be used");
    let line = format!("{error:#}");
    assert!(!line.contains('\n'), "{line}");
    line
}

#[tokio::test]
async fn each_fault_of_the_files_is_one_line_that_names_the_file() {
    let authority = Authority::new("servers");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let good = authority.server(&["127.0.0.1"]);
    good.write(at, "server");
    write(at, "ca.pem", &authority.pem());
    write(at, "clients.pem", &authority.pem());
    let other = authority.server(&["127.0.0.1"]);
    for (name, content, said) in [
        ("server.pem", "", "server.pem has no certificate in it"),
        ("server.pem", &good.cert[..200], "server.pem is damaged"),
        ("server.key", "", "server.key has no private key in it"),
        ("server.key", &good.key[..80], "server.key has no private key in it"),
        ("server.key", &other.key, "server.key isn't the key of the first certificate in"),
        ("clients.pem", "nonsense", "clients.pem has no certificate in it"),
        ("ca.pem", &good.key, "ca.pem has no certificate in it"),
    ] {
        let kept = std::fs::read_to_string(at.join(name)).expect("it is there");
        write(at, name, content);
        let line = fault(files(at)).await;
        assert!(line.contains(said), "{name}: {line}");
        write(at, name, &kept);
    }
    let missing = TlsFiles { key: at.join("nowhere.key"), ..files(at) };
    let line = fault(missing).await;
    assert!(line.contains("nowhere.key can't be read"), "{line}");
    let config = ServerConfig {
        listen: "127.0.0.1:0".into(),
        tls: Some(files(at)),
        ..ServerConfig::default()
    };
    let right = server::start(&config).await.expect("all is right again");
    right.stop().await.expect("it drains");
}
