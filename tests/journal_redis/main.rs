//! What only Redis can do to its journal: die, hang, come back with an older history, lose a part of
//! it, be set up so that it can't keep what it is given.

mod damage;
mod outages;
mod pace;
mod refusals;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton::domain::entry::{Entry, Outcome};
use baton::domain::id::TxnId;
use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::journal::{Batch, Epoch, Journal, JournalError, Loaded, Verdict};

use support::redis::RedisServer;
use support::sample::{Decider, EntryDraft, org, txn};

/// How long the journals here wait for an answer before they doubt the connection.
const RESPONSE: Duration = Duration::from_millis(300);

/// How long something may take that happens in the end.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(server: &RedisServer) -> RedisJournal {
    let options = RedisOptions { response_timeout: RESPONSE, ..RedisOptions::at(server.url()) };
    RedisJournal::connect(options).await.expect("Redis is there")
}

/// Has these decided and accepted.
async fn commit(
    journal: &RedisJournal,
    by: &mut Decider,
    drafts: impl IntoIterator<Item = EntryDraft>,
) -> Batch {
    let batch = by.decide(drafts);
    assert_eq!(verdict(journal, &batch).await, Verdict::Accepted);
    by.confirm();
    batch
}

async fn send(journal: &RedisJournal, batch: &Batch) -> Result<Verdict, JournalError> {
    journal.commit(&org("acme"), batch).await.map(|reply| reply.verdict)
}

async fn verdict(journal: &RedisJournal, batch: &Batch) -> Verdict {
    send(journal, batch).await.expect("answered")
}

async fn load(journal: &RedisJournal, known: Option<&Decider>) -> Result<Loaded, JournalError> {
    journal.load(&org("acme"), known.map(|known| (known.epoch, known.confirmed))).await
}

/// Sends the identical batch again until there is an answer, as the engine does.
async fn insist(journal: &RedisJournal, batch: &Batch) -> Result<Verdict, JournalError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match send(journal, batch).await {
            Err(JournalError::Unavailable(_) | JournalError::Unknown(_))
                if Instant::now() < deadline =>
            {
                tokio::task::yield_now().await;
            }
            result => return result,
        }
    }
}

/// What a batch missed, and what is known of its requests.
fn behind(verdict: Verdict) -> (Vec<Arc<Entry>>, Vec<(TxnId, Outcome)>) {
    match verdict {
        Verdict::Behind { missed, known } => (missed, known),
        Verdict::Accepted => panic!("it was accepted"),
    }
}

/// What is known of the request of this number.
async fn outcome_of(journal: &RedisJournal, me: &Decider, request: u128) -> Option<Outcome> {
    let asked = Batch { asked: vec![txn(request)], ..Batch::barrier(me.epoch, me.confirmed) };
    match verdict(journal, &asked).await {
        Verdict::Accepted => None,
        verdict => behind(verdict).1.pop().map(|(_, outcome)| outcome),
    }
}

/// The text of a refusal that says that what is stored can't be used.
fn why_corrupt<T: std::fmt::Debug>(result: Result<T, JournalError>) -> String {
    match result {
        Err(JournalError::Corrupt(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// Redis itself, past the journal.
struct Raw(redis::Connection);

impl Raw {
    fn of(server: &RedisServer) -> Self {
        let client = redis::Client::open(server.url()).expect("a good URL");
        Self(client.get_connection().expect("Redis is there"))
    }

    fn run<T: redis::FromRedisValue>(&mut self, command: &[&str]) -> T {
        let (name, arguments) = command.split_first().expect("a command");
        redis::cmd(name).arg(arguments).query(&mut self.0).unwrap_or_else(|error| {
            panic!("{command:?}: {error}");
        })
    }

    fn does(&mut self, command: &[&str]) {
        self.run::<redis::Value>(command);
    }

    /// Everything that is there, byte by byte, but for what says only that this Redis takes writes.
    fn everything(&mut self) -> BTreeMap<String, Vec<u8>> {
        let keys: Vec<String> = self.run(&["KEYS", "*"]);
        let keys = keys.into_iter().filter(|key| key != "baton:probe");
        keys.map(|key| (key.clone(), self.run(&["DUMP", &key]))).collect()
    }
}

/// Whoever was at `epoch` finds another one.
fn is_diverged<T>(result: &Result<T, JournalError>) -> bool {
    matches!(result, Err(JournalError::Diverged(_)))
}

/// The first epoch of an org.
const FIRST: Epoch = Epoch(1);
