//! Deterministic simulation: three engines over a simulated journal, with delays, conflicts, lost replies and crashes,
//! under random commands, all out of one seed. After every entry the oracle checks the invariants; when all is quiet,
//! all engines must agree. `actors` runs the real actors, on real tasks, over the same store.
//!
//! `BATON_SIM_SEEDS=100000` runs more seeds; `BATON_SIM_SEED=17` replays one and prints its trace.
//!
//! Bugs planted by `planted_bugs_are_caught`, and what catches each:
//!
//! | planted bug | where | caught by |
//! |---|---|---|
//! | `SkipHeadCheck` | the journal takes what was decided on an older state | invariants, limits, R1, D3 |
//! | `ChainByRequest` | a batch counts as sent before if its request is known, not its entry | engines differ from the journal |
//! | `RaceIsRollback` | a lost race is taken for an unreadable history | answers, or engines that don't come to rest |
//! | `IgnoreTxnId` | the journal forgets which requests it has seen | T21: a request happened twice, or was refused after it was done |
//! | `IgnoreFingerprint` | a reused id counts as a repeated request | T21: answered with something else |
//! | `FreeTwice` | ended work gives its capacity back twice | C7: used isn't the sum of the work |
//! | `ForgetMark` | nobody marks a rep who has room, so nothing is offered to them | R1: somebody waits beside a free rep |
//! | `ForgetUndo` | a piece of a refused decision stays in the state | invariants (O1, C7) |
//! | `ApplyOutOfOrder` | a catch-up delivers two entries' changes swapped | engines differ from the journal, or contend for ever |
//! | `StaleRefusal` | refusals aren't checked against the head | no state since it was asked gives that answer |
//! | `AckWithoutWrite` | the journal says accepted and forgets the rest of the batch | engines differ from the journal |
//! | `HalfABatch` | a batch breaks off in the middle | engines differ from the journal |
//! | `ForgetUnchanged` | the journal forgets requests that changed nothing | T21: answered, and nobody will know it |
//! | `RefusedHereDoneThere` | a refusal isn't kept after a try of unknown fate | T21: refused here, done there |

#[path = "simulation/actors.rs"]
mod actors;
#[path = "simulation/asks.rs"]
mod asks;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "simulation/shelf.rs"]
mod shelf;
#[path = "simulation/store.rs"]
mod store;
#[path = "simulation/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use store::Mutation;
use world::{Report, World};

fn play(
    seed: u64,
    mutation: Option<Mutation>,
    traced: bool,
) -> (Result<Report, String>, Vec<String>) {
    let played = catch_unwind(AssertUnwindSafe(|| World::new(seed, mutation, traced).play()));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|t| (*t).to_owned()));
        (Err(format!("panicked: {}", text.unwrap_or_default())), Vec::new())
    })
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")))
}

/// The first failing seed below `seeds`, and why; every thread takes every so manyeth.
fn first_failure(seeds: u64, entries: &AtomicU64) -> Option<(u64, String)> {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get().min(8)) as u64;
    let failures = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|worker| {
                scope.spawn(move || {
                    (worker..seeds).step_by(threads as usize).find_map(|seed| {
                        match play(seed, None, false).0 {
                            Ok(report) => {
                                entries.fetch_add(report.entries, Ordering::Relaxed);
                                None
                            }
                            Err(what) => Some((seed, what)),
                        }
                    })
                })
            })
            .collect();
        let found = workers.into_iter().filter_map(|w| w.join().expect("panics are caught"));
        found.collect::<Vec<_>>()
    });
    failures.into_iter().min()
}

#[test]
fn random_schedules_keep_every_invariant() {
    if let Some(seed) = number("BATON_SIM_SEED") {
        let (result, trace) = play(seed, None, true);
        println!("{}", trace.join("\n"));
        let report = result.unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        println!("seed {seed}: {} entries, {} calls, all well", report.entries, report.calls);
        return;
    }
    let seeds = number("BATON_SIM_SEEDS").unwrap_or(1_000);
    let entries = AtomicU64::new(0);
    if let Some((seed, what)) = first_failure(seeds, &entries) {
        panic!(
            "seed {seed}: {what}\nreplay it with: \
             BATON_SIM_SEED={seed} cargo test --test simulation random_schedules -- --nocapture"
        );
    }
    let average = entries.load(Ordering::Relaxed) / seeds.max(1);
    assert!(average > 60, "the seeds do too little to mean anything: {average} entries each");
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in [1, 2, 3, 4, 5] {
        let (first, second) = (play(seed, None, true).1, play(seed, None, true).1);
        assert!(first.len() > 500, "seed {seed}: the trace is too short to mean anything");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn planted_bugs_are_caught() {
    for mutation in Mutation::ALL {
        let caught = (0..1_000).find_map(|seed| {
            let what = play(seed, Some(mutation), false).0.err()?;
            // Only what goes well without the bug shows that it was the bug.
            play(seed, None, false).0.is_ok().then_some((seed, what))
        });
        let (seed, what) = caught.unwrap_or_else(|| panic!("{mutation:?} isn't caught"));
        println!("{mutation:?}: seed {seed}: {what}");
    }
}
