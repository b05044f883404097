//! What the core does with requests that change nothing, or that are repeated (T21).

use std::sync::Arc;

use super::{Core, Next};
use crate::domain::command::{Command, Directory, Request};
use crate::domain::directory::Settings;
use crate::domain::entry::{Answer, Entry, Fingerprint, Outcome, Revision};
use crate::domain::time::Timestamp;
use crate::engine::entropy::Randomness;
use crate::engine::options::EngineOptions;
use crate::engine::own_request::server_request;
use crate::engine::refusal::Refusal;
use crate::journal::{Loaded, Reply, Verdict};

const NOW: Timestamp = Timestamp::from_ms(1_000_000);

/// A core that was asked for nothing, and with which request id.
fn asked(request_id: Option<&str>) -> (Core<&'static str>, Request) {
    let options = EngineOptions::default();
    let bits = Randomness::from_seed(1);
    let mut core = Core::new(Loaded::default(), options, NOW, bits, Arc::default());
    let txn = Randomness::from_seed(2).transaction();
    let mut request = server_request("Test", Command::Upsert(Directory::default()), txn);
    request.cause.request_id = request_id.map(Arc::from);
    core.submit(request.clone(), "asker");
    (core, *request)
}

const ACCEPTED: Reply = Reply { verdict: Verdict::Accepted, store_time: NOW };

#[test]
fn t21_that_nothing_is_to_do_is_remembered_for_who_asks_by_an_id() {
    let (mut core, request) = asked(Some("r1"));
    let (round, batch) = core.begin(NOW).unwrap();
    assert!(batch.entries.is_empty());
    assert_eq!(batch.outcomes[0].0, request.txn);
    let step = core.on_reply(NOW, round, ACCEPTED);
    assert_eq!((step.answers.len(), step.next), (1, Next::Go));
    assert!(step.answers[0].1.is_ok());
    assert_eq!(core.view().state.head().revision, Revision::ZERO);
    assert!(core.view().recent.is_empty() && core.is_quiet());
    // Who asks again is answered without asking anybody.
    core.submit(Box::new(request), "again");
    assert!(core.begin(NOW).is_none());
    assert!(matches!(core.take_answered()[..], [("again", Ok(_))]));
}

#[test]
fn t21_another_content_under_the_same_id_is_told_so() {
    let (mut core, request) = asked(Some("r1"));
    let (round, _) = core.begin(NOW).unwrap();
    let fingerprint = Fingerprint(9);
    let other = Outcome { revision: Revision::ZERO, fingerprint, answer: Answer::Nothing };
    let known = vec![(request.txn, other)];
    let verdict = Verdict::Behind { missed: Vec::new(), known };
    let step = core.on_reply(NOW, round, Reply { verdict, store_time: NOW });
    assert!(matches!(step.answers[..], [("asker", Err(Refusal::RequestIdReused))]));
}

#[test]
fn without_an_id_nothing_is_kept_and_the_answer_is_still_sure() {
    let (mut core, _) = asked(None);
    let (round, batch) = core.begin(NOW).unwrap();
    assert!(batch.entries.is_empty() && batch.outcomes.is_empty() && batch.asked.is_empty());
    let step = core.on_reply(NOW, round, ACCEPTED);
    assert!(matches!(step.answers[..], [("asker", Ok(_))]));
}

/// What another server commits: its first entry.
fn of_another_server() -> Vec<Arc<Entry>> {
    let bits = Randomness::from_seed(7);
    let mut core: Core<&str> =
        Core::new(Loaded::default(), EngineOptions::default(), NOW, bits, Arc::default());
    let settings = Some(Settings { max_transfers_per_session: 9, ..Settings::default() });
    let directory = Command::Upsert(Directory { settings, ..Directory::default() });
    core.submit(server_request("Test", directory, Randomness::from_seed(3).transaction()), "other");
    core.begin(NOW).unwrap().1.entries.clone()
}

#[test]
fn what_was_found_is_decided_on_unless_something_is_in_flight() {
    let found = of_another_server();
    let (mut core, _) = asked(None);
    let (round, _) = core.begin(NOW).unwrap();
    // What is in flight was decided without it, and fails with it.
    assert_eq!(core.on_found(NOW, &found).next, Next::Go);
    assert_eq!(core.view().state.head().revision, Revision::ZERO);
    core.on_reply(NOW, round, ACCEPTED);
    assert_eq!(core.on_found(NOW, &found).next, Next::Go);
    assert_eq!(core.view().state.head(), found[0].head());
    assert_eq!(core.reaches(), found[0].revision, "the next decision is made on it");
    // Twice is once, and what doesn't follow is another history.
    assert_eq!(core.on_found(NOW, &found).next, Next::Go);
    let other = Entry { revision: Revision::new(2), ..(*found[0]).clone() };
    assert_eq!(core.on_found(NOW, &[Arc::new(other)]).next, Next::Reload);
}
