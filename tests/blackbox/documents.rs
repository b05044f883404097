//! What the documents tell people to write works: every example of `docs/routing.md` and
//! `docs/presence.md` is given to the program, on a server with the example org.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::world::House;

/// The program, with `input` as its standard input.
async fn baton(url: String, arguments: Vec<String>, input: String) -> Output {
    let run = move || {
        let mut child = Command::new(env!("CARGO_BIN_EXE_baton"))
            .args(["--server", &url, "--org", "acme", "--timeout", "10s"])
            .args(arguments)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(input.as_bytes()).expect("it reads all of it");
        drop(stdin);
        child.wait_with_output().expect("it ends")
    };
    tokio::task::spawn_blocking(run).await.expect("it doesn't panic")
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

/// The text inside each fence of this language.
fn examples(document: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(document);
    let text = std::fs::read_to_string(path).expect("the document is there");
    let fence = format!("```{language}\n");
    let inside = |rest: &str| rest.split("```").next().map(str::to_owned);
    text.split(&fence).skip(1).filter_map(inside).collect()
}

#[tokio::test]
async fn r8_the_flows_and_queues_of_the_documents_can_be_used_as_they_stand() {
    let house = House::new().await;
    let url = format!("http://{}", house.server.address);
    let run = |line: &str, input: &str| baton(url.clone(), words(line), input.to_owned());
    let applied = run("apply -f examples/org.yaml", "").await;
    assert!(applied.status.success(), "{applied:?}");
    let presence = examples("docs/presence.md", "yaml");
    assert_eq!(presence.len(), 2, "the examples aren't found");
    let (flows, orgs): (Vec<_>, Vec<_>) = examples("docs/routing.md", "yaml")
        .into_iter()
        .chain(presence)
        .partition(|example| example.contains("\nfallback:"));
    assert!(flows.len() >= 2 && !orgs.is_empty(), "the examples aren't found");
    for org in &orgs {
        let told = run("apply --dry-run -f -", org).await;
        assert!(told.status.success(), "{org}\n{told:?}");
    }
    for flow in &flows {
        let tried = run("flows test - --channel web", flow).await;
        assert!(tried.status.success(), "{flow}\n{tried:?}");
        assert!(String::from_utf8_lossy(&tried.stdout).contains("→ "), "{tried:?}");
        let broken = run("flows test - --channel web", &flow.replace("session.", "sesion.")).await;
        assert!(!broken.status.success(), "a condition with a mistake is refused");
        let lost = run("flows test - --channel web", &flow.replace("general", "gone")).await;
        assert!(!lost.status.success(), "a queue that isn't there is refused");
    }
}
