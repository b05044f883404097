//! `baton audit` as an export (S3): cut anywhere and resumed it has every revision, once where it goes on after the last
//! line that is there; and it reads well.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::watching::{changes, forgetful};
use super::world::{DEADLINE, House};

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

/// Follows into a file while changes go on, until so many lines are there, and ends it then as a power cut does.
async fn cut(house: &House, place: &Path, export: &Path, lines: usize) -> i64 {
    let out = File::options().append(true).create(true).open(export).expect("it can be opened");
    let follower = audit(house, &["--follow", "--resume-file", place.to_str().expect("text")])
        .stdout(out)
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let follower = Killed(follower);
    let mut last = 0;
    let follows = async {
        while read(export).lines().count() < lines {
            last = changes(&mut house.admin(), 2).await;
        }
    };
    tokio::time::timeout(DEADLINE, follows).await.expect("it follows");
    drop(follower);
    last
}

/// A program that is ended with the test, as a power cut does it.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The token of the last line, and its revision.
fn last_line(text: &str) -> (String, i64) {
    let line: Value = serde_json::from_str(text.lines().last().expect("some")).expect("whole");
    let token = line["resumeToken"].as_str().expect("each line has one").to_owned();
    (token, line["revision"].as_i64().expect("a record"))
}

/// The revisions from the first to the last.
fn all(last: i64) -> Vec<Option<i64>> {
    (1..=last).map(Some).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_an_export_goes_on_exactly_where_the_one_before_ended() {
    let house = House::over(forgetful(8, 10_000)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("place");
    let resumes = ["--resume-file", place.to_str().expect("text")];
    let mut last = changes(&mut admin, 20).await;
    let mut exported = run(audit(&house, &resumes)).await;
    for _ in 0..3 {
        last = changes(&mut admin, 5).await;
        exported += &run(audit(&house, &resumes)).await;
    }
    assert_eq!(revisions(&exported), all(last));
    assert_eq!(run(audit(&house, &resumes)).await, "", "nothing is new");
    assert_eq!(revisions(&run(audit(&house, &["-o", "json"])).await), all(last), "all at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_an_export_that_is_killed_loses_nothing_and_by_its_last_line_repeats_nothing() {
    let house = House::over(forgetful(8, 10_000)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (place, export) = (folder.path().join("place"), folder.path().join("export"));
    for round in 1..=6 {
        let lines = read(&export).lines().count() + 7 * round;
        let last = cut(&house, &place, &export, lines).await;
        let whole: String =
            read(&export).split_inclusive('\n').filter(|line| line.ends_with('\n')).collect();
        let (token, printed) = last_line(&whole);
        assert_eq!(revisions(&whole), all(printed), "nothing is missing, nothing is there twice");
        // The place may be behind what was printed, never ahead of it.
        let kept = read(&place);
        let rest = run(audit(&house, &["-o", "jsonl", "--resume-after", kept.trim()])).await;
        let next = revisions(&rest).first().copied().flatten().unwrap_or(last + 1);
        assert!(next <= printed + 1, "{next} comes next, and {printed} is the last line");
        let rest = run(audit(&house, &["-o", "jsonl", "--resume-after", &token])).await;
        let exported = whole + &rest;
        assert!(last_line(&exported).1 >= last);
        assert_eq!(revisions(&exported), all(last_line(&exported).1), "round {round}");
        fs::write(&export, &exported).expect("it can be written");
        fs::write(&place, last_line(&exported).0).expect("it can be written");
    }
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
