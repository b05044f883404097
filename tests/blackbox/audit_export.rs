//! `baton audit` as an export (S3): cut anywhere and resumed it has every revision, once where it goes on after the last
//! line that is there; and it reads well.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::watching::{changes, forgetful};
use super::world::House;

/// `baton audit` at this server, for the org of these tests.
fn audit(house: &House, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
    command
        .args(["audit", "--org", "acme", "--server", &format!("http://{}", house.server.address)])
        .args(more)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

/// The revisions of the lines of an export; `None`: a line that isn't whole.
fn revisions(text: &str) -> Vec<Option<i64>> {
    let line = |line: &str| serde_json::from_str::<Value>(line).ok()?["revision"].as_i64();
    text.lines().map(line).collect()
}

/// Runs a command to its end; what it printed.
async fn run(mut command: Command) -> String {
    let ran = tokio::task::spawn_blocking(move || command.output().expect("it starts"));
    let output = ran.await.expect("it ends");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout).expect("text")
}

/// Follows into a file until so many lines have come, and then ends it as a power cut does.
async fn cut(house: &House, place: &Path, lines: usize) -> String {
    let place = place.to_str().expect("text");
    let mut child = audit(house, &["--follow", "--resume-file", place])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let read = tokio::task::spawn_blocking(move || {
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        let read: Vec<String> = out.lines().take(lines).map_while(Result::ok).collect();
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        read
    });
    read.await.expect("it ends").iter().map(|line| format!("{line}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_an_export_that_is_cut_and_resumed_has_every_revision() {
    let house = House::over(forgetful(8, 10_000)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("place");
    let resumes = ["--resume-file", place.to_str().expect("text")];
    let mut last = changes(&mut admin, 20).await;

    // Whole runs, between which changes go on: each goes on exactly where the one before ended.
    let mut exported = run(audit(&house, &resumes)).await;
    for _ in 0..3 {
        last = changes(&mut admin, 5).await;
        exported += &run(audit(&house, &resumes)).await;
    }
    let all = |last: i64| (1..=last).map(Some).collect::<Vec<_>>();
    assert_eq!(revisions(&exported), all(last));
    assert_eq!(run(audit(&house, &resumes)).await, "", "nothing is new");

    // One that is killed while it follows: nothing is missing, and going on after the token of the last whole line
    // repeats nothing.
    for lines in [1, 3] {
        last = changes(&mut admin, 6).await;
        let before = exported.clone();
        let read = cut(&house, &place, lines).await;
        let token = read.lines().last().and_then(|line| {
            let line: Value = serde_json::from_str(line).ok()?;
            Some(line["resumeToken"].as_str()?.to_owned())
        });
        let token = token.expect("a whole line, with its token");
        exported =
            before + &read + &run(audit(&house, &["-o", "jsonl", "--resume-after", &token])).await;
        assert_eq!(revisions(&exported), all(last), "cut after {lines} lines");
        // The file may be behind what was printed, never ahead of it.
        let kept = fs::read_to_string(&place).expect("it was written");
        let again = run(audit(&house, &["-o", "jsonl", "--resume-after", kept.trim()])).await;
        let first = revisions(&again).first().copied().flatten().unwrap_or(last + 1);
        assert!(first <= last + 1, "{first}");
        fs::write(&place, exported_token(&exported)).expect("it can be written");
    }
    let text = run(audit(&house, &["-o", "json"])).await;
    assert_eq!(revisions(&text), all(last), "the whole of it at once");
}

/// The token of the last line.
fn exported_token(text: &str) -> String {
    let line: Value = serde_json::from_str(text.lines().last().expect("some")).expect("whole");
    line["resumeToken"].as_str().expect("each line has one").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_for_people_the_audit_is_a_table_and_a_place_that_is_no_token_is_refused() {
    let house = House::over(forgetful(4, 16)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    house.caller("supervisor", "sue").presence.set_status(lunch()).await.expect("for ana");
    let text = run(audit(&house, &["--for", "ana", "--actor", "sue"])).await;
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("TIME"), "{text}");
    for (heading, cell) in [
        ("REV", "3 "),
        ("WHO", "supervisor sue "),
        ("VIA", "- "),
        ("FOR", "ana "),
        ("CALL", "PresenceService/SetStatus "),
        ("WHAT", "rep_presence ana changed"),
    ] {
        let at = lines[0].find(heading).expect("a column");
        assert!(lines[1][at..].starts_with(cell), "{heading}: {text}");
    }
    changes(&mut admin, 100).await;
    let text = run(audit(&house, &[])).await;
    assert!(text.contains("aren't kept any more"), "{text}");

    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("place");
    File::create(&place).expect("it can be made");
    let mut wrong = audit(&house, &["--resume-file", place.to_str().expect("text")]);
    let output = wrong.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("is empty"), "{told}");
}

fn lunch() -> baton::pb::SetStatusRequest {
    baton::pb::SetStatusRequest {
        whose: Some(baton::pb::set_status_request::Whose::Rep("ana".into())),
        status: "lunch".into(),
        ..Default::default()
    }
}
