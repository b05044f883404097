//! A credential in a file that something else renews: whoever calls with it goes on, streams included.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use baton::access::keys;
use baton::client::{Client, Credential, Identity, RetryPolicy, Watch, WatchEvent};
use baton::config::ServerConfig;
use baton::pb::{WatchKind, WatchRequest, WhoAmIRequest, watch_response::Frame};
use baton::server;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::keys::new_key;

/// How long something may take that happens within seconds.
const DEADLINE: Duration = Duration::from_secs(30);

fn make(folder: &Path, name: &str, expires: Option<SystemTime>) -> String {
    let mut new = new_key(name);
    new.expires = expires;
    let made = keys::create(&folder.join("keys.toml"), &new, SystemTime::now());
    made.expect("it is made").text
}

/// Puts a credential where the client finds it.
fn give(folder: &Path, text: &str) {
    let next = folder.join("next");
    let written = fs::write(&next, format!("{text}\n"));
    written.and_then(|()| fs::rename(next, folder.join("credential"))).expect("it is written");
}

/// Waits until the stream has started; also says whether it was lost before.
async fn started(watch: &mut Watch) -> bool {
    let mut lost = false;
    let begins = timeout(DEADLINE, async {
        loop {
            match watch.next().await.expect("it goes on") {
                WatchEvent::Lost { .. } => lost = true,
                WatchEvent::Frame(frame) => {
                    if let Some(Frame::Started(_)) = frame.frame {
                        return;
                    }
                }
            }
        }
    });
    begins.await.expect("it starts in time");
    lost
}

#[tokio::test]
async fn w10_who_has_a_credential_in_a_file_goes_on_with_the_next_one_there() {
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    let hour = SystemTime::now() + Duration::from_secs(3);
    give(folder, &make(folder, "first", Some(hour)));
    let second = make(folder, "second", None);
    fs::write(folder.join("access.toml"), "api_keys = \"keys.toml\"\n").expect("it is written");
    let config = ServerConfig {
        listen: "127.0.0.1:0".to_owned(),
        access: Some(folder.join("access.toml")),
        ..ServerConfig::default()
    };
    let running = server::start(&config).await.expect("it starts");
    let url = format!("http://{}", running.address);
    let credential = Some(Credential::File(folder.join("credential")));
    let identity = Identity { credential, ..Identity::default() };
    let client = || Client::new(&url, &identity, RetryPolicy::default()).expect("a client");
    let (watching, calling) = (client(), client());
    let who = async || calling.who_am_i(WhoAmIRequest {}).await.map(|said| said.credential);

    let kinds = vec![WatchKind::Session.into()];
    let mut watch = watching.watch(WatchRequest { kinds, ..WatchRequest::default() });
    assert!(!started(&mut watch).await);
    assert_eq!(who().await.ok().as_deref(), Some("key:first"));
    give(folder, &second);
    assert_eq!(who().await.ok().as_deref(), Some("key:first"), "as long as it is good");
    assert!(started(&mut watch).await, "it comes back when the first has expired");
    assert_eq!(who().await.ok().as_deref(), Some("key:second"));
    running.stop().await.expect("it stops");
}
