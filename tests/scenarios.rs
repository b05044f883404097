//! The rules of `docs/rules.md` as tables. Each scenario in `tests/scenarios/*.txt` is a life in lines:
//! time, actor, command, and what came of it: facts (`->`) or a refusal (`!`). The title carries
//! the rule numbers. One small interpreter plays them all on the pure domain, and after each line
//! every invariant is checked and nobody may wait beside a free rep.
//!
//! ```text
//! # T5 T6 the original rep stays until the transfer is accepted
//! 0s ana     transfer s ben -> TransferRequested TransferOffered
//!    ?       s ACTIVE ana
//! 2s ben     accept s       -> RepRemoved TransferCompleted SessionAccepted
//! 3s ana     transfer s ben ! NOT_OWNER
//! ```

mod scenario_world;

use std::fs;
use std::path::Path;

use scenario_world::World;

struct Scenario {
    title: String,
    lines: Vec<(usize, String)>,
}

fn read(path: &Path) -> Vec<Scenario> {
    let text = fs::read_to_string(path).expect("the scenarios are there");
    let mut scenarios: Vec<Scenario> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(title) = line.strip_prefix("# ") {
            scenarios.push(Scenario { title: title.to_owned(), lines: Vec::new() });
        } else if !line.is_empty() && !line.starts_with("//") {
            let scenario = scenarios.last_mut().expect("a line belongs to a scenario");
            scenario.lines.push((number + 1, line.to_owned()));
        }
    }
    scenarios
}

fn play(file: &str) {
    play_in(file, World::new);
}

fn play_in(file: &str, world: fn() -> World) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios").join(file);
    let scenarios = read(&path);
    assert!(!scenarios.is_empty(), "{file} has no scenarios");
    let mut failures = Vec::new();
    for scenario in &scenarios {
        let mut world = world();
        for (number, line) in &scenario.lines {
            if let Err(why) = world.line(line) {
                failures
                    .push(format!("{file}:{number}: {}\n    {line}\n    {why}", scenario.title));
                break;
            }
        }
    }
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n")
    );
}

#[test]
fn transfers() {
    play("transfers.txt");
}

#[test]
fn presence() {
    play("presence.txt");
}

#[test]
fn leaving() {
    play("leaving.txt");
}

#[test]
fn wrap_up() {
    play("wrap_up.txt");
}

#[test]
fn sessions() {
    play("sessions.txt");
}

#[test]
fn capacity() {
    play("capacity.txt");
}

#[test]
fn queues() {
    play("queues.txt");
}

#[test]
fn waits() {
    play("waits.txt");
}

#[test]
fn recipients() {
    play("recipients.txt");
}

#[test]
fn partners() {
    play_in("partners.txt", World::with_partners);
}

#[test]
fn handoffs() {
    play_in("handoffs.txt", World::with_partners);
}

#[test]
fn narrowed() {
    play_in("narrowed.txt", World::with_partners);
}

#[test]
fn limits() {
    play_in("limits.txt", World::with_partners);
}

#[test]
fn directory() {
    play("directory.txt");
}

#[test]
fn ownership() {
    play("ownership.txt");
}

/// A thousand of whom one is taken write what that one writes; of whom none is taken, nothing at all.
#[test]
fn n4_whoever_of_many_is_refused_leaves_nothing() {
    let mut world = World::new();
    world.line("0s admin set drives ana vendor=7").unwrap();
    let refused = ["cleo=available", "nobody=available", "7=secret", "7=available"].repeat(250);
    let before = world.state.clone();
    world.line(&format!("1s vendor online-many {} -> nothing", refused.join(" "))).unwrap();
    assert_eq!(world.state.head(), before.head(), "nothing is committed");
    assert_eq!(world.state.len(), before.len());
    // Ana was named before she could be taken; on her own she is.
    world.line("1s vendor online-many cleo=available 7=available -> PresenceOpened").unwrap();
    assert_eq!(world.state.len(), before.len() + 1, "her presence");
    world.line("2s vendor status-many cleo=busy 7=secret -> nothing").unwrap();
    world.line("2s vendor status-many cleo=busy 7=busy -> StatusChanged").unwrap();
    assert_eq!(world.state.len(), before.len() + 1);
}

#[test]
fn a_wrong_expectation_is_noticed() {
    for (line, wrong) in [
        ("0s channel open s web ana -> SessionOpened", "facts"),
        ("0s ana accept nothing", "no session"),
        ("? ana used 9.00", "used"),
        ("0s ana dance", "unknown"),
    ] {
        let mut world = World::new();
        world.line("0s ana online -> PresenceOpened").unwrap();
        let why = world.line(line).expect_err(line);
        assert!(why.contains(wrong), "{line}: {why}");
    }
}

/// Ten sign-ins a second for a minute, with and without a word of leaving.
#[test]
fn p5_a_flapping_rep_costs_a_bounded_number_of_entries_and_bothers_nobody_else() {
    for leaves in [true, false] {
        let mut world = World::new();
        for line in [
            "0s ben online -> PresenceOpened",
            "0s channel open x web ben",
            "0s ben accept x",
            "0s channel open y chat ben",
            "0s ben accept y",
            "0s channel open s web queue:sales -> SessionOpened SessionWaiting",
        ] {
            world.line(line).unwrap_or_else(|why| panic!("{line}: {why}"));
        }
        let before = world.state.clone();
        let mut refused = 0;
        for at in (1_000..61_000).step_by(100) {
            if world.line(&format!("{at}ms ana online")).is_err() {
                refused += 1;
            } else if leaves {
                world.line(&format!("{at}ms ana offline")).expect("she is signed in");
            }
        }
        let entries = world.state.head().revision.get() - before.head().revision.get();
        // A burst of 20, then one every 2 s.
        let sign_ins = 600 - refused;
        assert!((45..=51).contains(&sign_ins), "{sign_ins} sign-ins");
        assert!(entries <= 2 * sign_ins, "{entries} entries");
        for (key, held) in before.records() {
            let touched = world.state.revision_of(key) != held.revision;
            let about = format!("{key:?}");
            // Her own, and the session that she is offered each time.
            let hers = about.contains("ana") || about.starts_with("Session");
            assert!(!touched || hers, "{about} was touched");
        }
        let x = world.line("? x state: ACTIVE ben");
        x.expect("ben notices nothing");
    }
}

/// What a partner was asked about a session that nobody takes doesn't pile up (O5, C8).
#[test]
fn o5_c8_of_what_a_partner_was_asked_about_a_session_the_last_are_known() {
    let mut world = World::with_partners();
    let mut say = |line: &str| world.line(line).unwrap_or_else(|why| panic!("{line}: {why}"));
    say("0s hal online");
    say("0s channel open s ext none");
    for time in 1..50 {
        say(&format!("{time}s vendor route s hal"));
        say(&format!("{time}s hal decline s"));
    }
    say("? asks s: 33");
    say("? ask s: routing ASKED Declined 50 tried hal");
}
