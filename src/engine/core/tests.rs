//! What the core does with requests that change nothing (T21).

use std::sync::Arc;

use super::{Core, Next, server_request};
use crate::domain::command::{Command, Directory, Request};
use crate::domain::entry::{Answer, Fingerprint, Outcome, Revision};
use crate::domain::time::Timestamp;
use crate::engine::Refusal;
use crate::engine::entropy::Randomness;
use crate::engine::options::EngineOptions;
use crate::journal::{Committed, Loaded, Verdict};

const NOW: Timestamp = Timestamp::from_ms(1_000_000);

/// A core that was asked for nothing, and with which request id.
fn asked(request_id: Option<&str>) -> (Core<&'static str>, Request) {
    let options = EngineOptions::default();
    let mut core = Core::new(Loaded::default(), options, Randomness::from_seed(1), Arc::default());
    let txn = Randomness::from_seed(2).transaction();
    let mut request = server_request("Test", Command::Upsert(Directory::default()), txn);
    request.cause.request_id = request_id.map(Arc::from);
    core.submit(request.clone(), "asker");
    (core, *request)
}

fn nothing_found() -> Committed {
    Committed { found: vec![None], ..Committed::default() }
}

#[test]
fn t21_that_nothing_is_to_do_is_remembered_once_it_is_sure() {
    let (mut core, request) = asked(Some("r1"));
    let first = core.begin(NOW).unwrap();
    assert_eq!((first.transactions.len(), first.lookups.as_slice()), (0, &[request.txn][..]));
    let step = core.on_committed(NOW, &nothing_found());
    assert!(step.answers.is_empty(), "it isn't remembered yet");
    let second = core.begin(NOW).unwrap();
    assert!(second.transactions[0].changes_nothing());
    assert_eq!(second.transactions[0].id, request.txn);
    let verdicts = vec![Verdict::Committed(Revision::ZERO)];
    let step = core.on_committed(NOW, &Committed { verdicts, ..Committed::default() });
    assert_eq!((step.answers.len(), step.next), (1, Next::Go));
    assert!(step.answers[0].1.is_ok());
    assert_eq!(core.view().state.head().revision, Revision::ZERO);
    assert!(core.view().recent.is_empty() && core.is_quiet());
}

#[test]
fn t21_another_content_under_the_same_id_is_told_so() {
    let (mut core, _) = asked(Some("r1"));
    core.begin(NOW).unwrap();
    let fingerprint = Fingerprint(9);
    let other = Outcome { revision: Revision::ZERO, fingerprint, answer: Answer::Nothing };
    let found = vec![Some(other)];
    let step = core.on_committed(NOW, &Committed { found, ..Committed::default() });
    assert!(matches!(step.answers[..], [("asker", Err(Refusal::RequestIdReused))]));
}

#[test]
fn without_an_id_nothing_is_remembered() {
    let (mut core, _) = asked(None);
    core.begin(NOW).unwrap();
    let step = core.on_committed(NOW, &nothing_found());
    assert!(matches!(step.answers[..], [("asker", Ok(_))]));
    assert!(core.begin(NOW).is_none());
}
