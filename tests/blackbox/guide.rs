//! What `docs/partners.md` and `baton dev --partner` tell people to write works, in the order in which it stands there.
//!
//! Each command is given to a shell, with the ids that the ones before have brought about in place of SESSION and the like.
//! Commands that go on (`watch`, `online`) run beside the others once they have said something, and are ended with the test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Instant;

use serde_json::Value;

use super::world::{DEADLINE, House};

const BATON: &str = env!("CARGO_BIN_EXE_baton");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A terminal at one server, and what still runs in it.
pub struct Shell {
    url: String,
    /// The session that was opened last.
    pub session: String,
    running: Vec<Child>,
}

impl Drop for Shell {
    fn drop(&mut self) {
        for child in &mut self.running {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Shell {
    pub fn at(url: &str) -> Self {
        Self { url: url.to_owned(), session: String::new(), running: Vec::new() }
    }

    fn command(&self, line: &str) -> Command {
        let folder = Path::new(BATON).parent().expect("it is somewhere").display();
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(ROOT)
            .env("PATH", format!("{folder}:{path}"))
            .env("BATON_SERVER", &self.url)
            .env("BATON_ORG", "demo")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a line to its end; what it printed.
    pub fn run(&mut self, line: &str) -> String {
        let line = self.filled_in(line);
        let output = self.command(&line).output().expect("it starts");
        let (said, told) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{line}\n{said}{told}");
        if line.contains("session open") {
            let id = said.strip_prefix("session ").and_then(|rest| rest.split(' ').next());
            self.session = id.expect("it says which session").to_owned();
        }
        said.into_owned()
    }

    /// Runs a line again until it prints this.
    fn run_until(&mut self, line: &str, wanted: &str) {
        let until = Instant::now() + DEADLINE;
        while !self.run(line).contains(wanted) {
            assert!(Instant::now() < until, "{line}: it never said {wanted}");
        }
    }

    /// What a line prints, as JSON.
    pub fn json(&mut self, line: &str) -> Value {
        serde_json::from_str(&self.run(&format!("{line} -o json"))).expect("JSON")
    }

    /// Starts a line that goes on, and waits for the first thing that it says.
    pub fn leave_running(&mut self, line: &str) {
        let line = self.filled_in(line);
        // The program itself takes the shell's place, so that it is the one to be ended.
        let mut child = self.command(&format!("exec {line}")).spawn().expect("it starts");
        first_line(&mut child, &line, |_| true);
        self.running.push(child);
    }

    /// With the ids that are meant here.
    fn filled_in(&self, line: &str) -> String {
        let mut line = line.replace("SESSION", &self.session);
        for (name, list) in [
            ("HANDOFF", "handoffs list"),
            ("REQUEST", "routing list"),
            ("WORK", "work list --state offered"),
        ] {
            if line.split(' ').any(|word| word == name) {
                line = line.replace(name, &self.newest(list));
            }
        }
        line
    }

    /// The id of what was listed last: ids are made in the order of time.
    fn newest(&self, list: &str) -> String {
        let output = self.command(&format!("baton {list} -o json")).output().expect("it starts");
        let listed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let ids = listed.as_array().into_iter().flatten().filter_map(|one| one["id"].as_str());
        ids.max().unwrap_or_else(|| panic!("{list}: nothing is there, {output:?}")).to_owned()
    }

    /// Runs each line in order; how many there were.
    fn play(&mut self, lines: &[String]) -> usize {
        for line in lines {
            let goes_on =
                ["watch", "online"].iter().any(|word| line.split(' ').any(|w| w == *word));
            if goes_on {
                self.leave_running(line);
            } else if line.contains("handoffs list --session") {
                // The vendor answers in its own time, and what follows here rests on the answer.
                self.run_until(line, "COMPLETED");
            } else {
                self.run(line);
            }
        }
        lines.len()
    }
}

/// Waits for a line of standard output that is wanted, and gives all up to it; somebody goes on reading what follows.
fn first_line(child: &mut Child, what: &str, wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let out = child.stdout.take().expect("it is piped");
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            // Whoever waited may have seen enough.
            let _ = tell.send(line);
        }
    });
    let (until, mut lines) = (Instant::now() + DEADLINE, Vec::new());
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let Ok(line) = told.recv_timeout(left) else {
            let _ = child.kill();
            panic!("{what}: it didn't say what was waited for, but {lines:?}");
        };
        lines.push(line);
        if lines.last().is_some_and(|line| wanted(line)) {
            return lines;
        }
    }
}

/// The lines of a document's shell examples that call the program, without their comments.
fn commands(document: &str) -> Vec<String> {
    let text = std::fs::read_to_string(Path::new(ROOT).join(document)).expect("it is there");
    let examples = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = examples.flat_map(str::lines).map(|line| line.split(" #").next().unwrap_or(line));
    lines.map(|line| line.trim_end().to_owned()).filter(|line| line.contains("baton ")).collect()
}

#[tokio::test]
async fn t23_n2_n6_the_guide_for_partners_can_be_followed_to_the_letter() {
    let house = House::new().await;
    let url = format!("http://{}", house.server.address);
    let played = tokio::task::spawn_blocking(move || {
        let mut shell = Shell::at(&url);
        shell.run("baton apply -f examples/org.yaml");
        let lines = commands("docs/partners.md");
        let (starts, lines): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.starts_with("baton dev"));
        assert_eq!(starts, ["baton dev --partner"], "another test plays it");
        let played = shell.play(&lines);
        let story = shell.run("baton history SESSION");
        for fact in ["routing_asked", "routing_routed", "the rep declined", "session_ended"] {
            assert!(story.contains(fact), "{fact} isn't in the story:\n{story}");
        }
        played
    });
    assert!(played.await.expect("each command works") > 35, "the commands aren't found");
}

#[tokio::test]
async fn n2_what_dev_with_a_partner_tells_to_paste_works() {
    let played = tokio::task::spawn_blocking(|| {
        let mut server = Command::new(BATON)
            .args(["dev", "--partner", "--listen", "127.0.0.1:0"])
            .current_dir(ROOT)
            .env_remove("CARGO")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let last = "watch handoff routing-request partner";
        let said = first_line(&mut server, "dev", |line| line.ends_with(last));
        let mut shell = Shell::at("");
        shell.running.push(server);
        let at = said.iter().position(|line| line.starts_with("A partner")).expect("it is told");
        let pasted = said[at..].iter().filter_map(|line| line.strip_prefix("  "));
        shell.play(&pasted.map(str::to_owned).collect::<Vec<_>>())
    });
    assert_eq!(played.await.expect("each command works"), 9);
}
