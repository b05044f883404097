//! Keys that somebody removed, spoiled or took from an older copy, and a server that lost everything:
//! it is noticed, it is said what to do, and nothing is written on top of it.

use std::time::{SystemTime, UNIX_EPOCH};

use baton::domain::entry::{Answer, Head};
use baton::domain::id::PresenceId;
use baton::domain::time::Span;
use baton::journal::{Epoch, Journal, Verdict};

use crate::support::redis::RedisServer;
use crate::support::sample::{Decider, change, org, outcome, rep_record};
use crate::{
    FIRST, Raw, commit, connect, insist, is_diverged, load, outcome_of, verdict, why_corrupt,
};
use crate::{behind, send};

const META: &str = "baton:{acme}:meta";
const RECORDS: &str = "baton:{acme}:records";
const JOURNAL: &str = "baton:{acme}:journal";
const HOUR: i64 = 3_600_000;

#[tokio::test]
async fn a_key_of_another_type_stops_a_commit_before_it_writes() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let mut raw = Raw::of(&server);
    let mut me = Decider::default();
    let drafts = [change(1).writes("ana").asked_by(1), change(2).writes("bo")];
    commit(&journal, &mut me, drafts).await;
    // The bucket that it would write to, the next one that it would begin, and the others.
    for (key, hours) in [
        ("baton:{acme}:requests:0", 0),
        ("baton:{acme}:requests:1", 13),
        (RECORDS, 0),
        (JOURNAL, 0),
        (META, 0),
    ] {
        let there: bool = raw.run(&["EXISTS", key]);
        if there {
            raw.does(&["RENAME", key, "aside"]);
        }
        raw.does(&["SET", key, "x"]);
        let before = raw.everything();
        let next = me.clone().decide([
            change(3).writes("cy").at(hours * HOUR + 1_000).asked_by(3),
            change(4).removes("ana").at(hours * HOUR + 1_000),
        ]);
        let why = why_corrupt(send(&journal, &next).await);
        assert!(!why.is_empty(), "{key}");
        assert_eq!(raw.everything(), before, "{key}: something was written");
        raw.does(&["DEL", key]);
        if there {
            raw.does(&["RENAME", "aside", key]);
        }
        let loaded = load(&journal, Some(&me)).await.expect("it is as it was");
        assert_eq!((loaded.epoch, loaded.state.head()), (FIRST, me.confirmed), "{key}");
    }
    let drafts = [change(3).writes("cy").at(13 * HOUR).asked_by(3), change(4).removes("ana")];
    commit(&journal, &mut me, drafts).await;
}

#[tokio::test]
async fn outcomes_that_are_too_old_take_no_room() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let mut me = Decider::default();
    for id in 1..=8 {
        let hours = 13 * i64::try_from(id).expect("it fits");
        commit(&journal, &mut me, [change(id).at(hours * HOUR).asked_by(id)]).await;
    }
    let mut buckets: Vec<String> = Raw::of(&server).run(&["KEYS", "baton:{acme}:requests:*"]);
    buckets.sort_unstable();
    assert_eq!(buckets, [5, 6, 7].map(|number| format!("baton:{{acme}}:requests:{number}")));
}

/// Takes copies of keys, and puts them back.
struct Copies(Vec<&'static str>);

impl Copies {
    fn of(raw: &mut Raw, keys: &[&'static str]) -> Self {
        for key in keys {
            let _: bool = raw.run(&["COPY", key, &format!("copy:{key}"), "REPLACE"]);
        }
        Self(keys.to_vec())
    }

    fn put_back(&self, raw: &mut Raw) {
        for key in &self.0 {
            let there: bool = raw.run(&["COPY", &format!("copy:{key}"), key, "REPLACE"]);
            if !there {
                raw.does(&["DEL", key]);
            }
        }
    }
}

#[tokio::test]
async fn a_journal_that_goes_on_past_its_head_is_completed() {
    // How far the writes behind the journal had come: to none, to records, to records and outcomes.
    let requests = "baton:{acme}:requests:0";
    for lost in [&[META, RECORDS, requests][..], &[META, requests], &[META]] {
        let server = RedisServer::start();
        let [journal, other] = [connect(&server).await, connect(&server).await];
        let mut raw = Raw::of(&server);
        let mut me = Decider::default();
        let drafts = [change(1).writes("ana").asked_by(1), change(2).writes("bo")];
        commit(&journal, &mut me, drafts).await;
        let before = me.clone();
        // The org has been at rest for five hours before what breaks off.
        raw.does(&["HINCRBY", META, "store_time", &(-5 * HOUR).to_string()]);
        let copies = Copies::of(&mut raw, lost);
        let drafts = [
            change(3).writes("cy").at(5 * HOUR).asked_by(3),
            change(4).removes("bo").at(5 * HOUR),
            change(5).asked_by(5),
        ];
        let whole = commit(&journal, &mut me, drafts).await;
        copies.put_back(&mut raw);
        // Whoever commits then is sent to load it, and has lost nothing.
        let meanwhile = before.clone().decide([change(6).writes("dee").asked_by(6)]);
        let refused = send(&other, &meanwhile).await;
        assert!(is_diverged(&refused), "{lost:?}: {refused:?}");
        let (one, two) = tokio::join!(load(&journal, Some(&before)), load(&other, None));
        let (one, two) = (one.expect("loaded"), two.expect("loaded"));
        for loaded in [&one, &two] {
            assert_eq!((loaded.epoch, loaded.state.head()), (FIRST, me.confirmed), "{lost:?}");
            assert_eq!(loaded.state.records().count(), 2, "ana and cy");
            let late = loaded.now.since(me.confirmed.time);
            assert!(late < Span::from_secs(60), "the time went on by {late:?}");
        }
        // T21: what broke off is known as what it was.
        let done = outcome_of(&journal, &me, 3).await.expect("it is known");
        assert_eq!(done, whole.outcomes[0].1);
        let by_entry = rep_record("cy", &format!("cy by {}", whole.entries[0].id));
        assert_eq!(done.answer, Answer::Record(by_entry));
        assert_eq!(outcome_of(&journal, &me, 5).await, Some(outcome(5, me.confirmed).1));
        assert_eq!(outcome_of(&journal, &me, 6).await, None);
        assert_eq!(verdict(&journal, &whole).await, Verdict::Accepted, "sent again");
        // The one that came meanwhile is decided again.
        commit(&other, &mut Decider::of(&two), [change(6).writes("dee").asked_by(6)]).await;
        let (missed, _) = behind(verdict(&journal, &me.decide([])).await);
        assert_eq!(missed.len(), 1);
    }
}

#[tokio::test]
async fn the_very_first_entry_is_completed_too() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let mut raw = Raw::of(&server);
    let mut me = Decider::default();
    let mut nothing = me.decide([]);
    nothing.outcomes.push(outcome(9, me.confirmed));
    assert_eq!(verdict(&journal, &nothing).await, Verdict::Accepted);
    let copies = Copies::of(&mut raw, &[META, RECORDS]);
    commit(&journal, &mut me, [change(1).writes("ana").asked_by(1)]).await;
    copies.put_back(&mut raw);
    let loaded = load(&journal, None).await.expect("loaded");
    assert_eq!(loaded.state.head(), me.confirmed);
    commit(&journal, &mut me, [change(2).writes("ana").asked_by(2)]).await;
}

/// An org that was there is gone: as long as nobody says what to do, nobody writes to it.
async fn gone_until_it_is_forgotten(server: &RedisServer, mut me: Decider) {
    let journal = connect(server).await;
    let commit_why = why_corrupt(send(&journal, &me.clone().decide([change(50)])).await);
    let load_why = why_corrupt(load(&journal, Some(&me)).await);
    for why in [&commit_why, &load_why] {
        assert!(why.contains("org acme") && why.contains("nothing is left of it"), "{why}");
        assert!(why.contains("Bring the store's data back"), "{why}");
        assert!(why.contains("`baton org forget acme`"), "{why}");
    }
    let mut raw = Raw::of(server);
    assert_eq!(raw.everything().len(), 0, "nothing was written");
    let epoch = journal.forget_org(&org("acme")).await.expect("forgotten");
    let refused = send(&journal, &me.decide([change(51)])).await;
    assert!(is_diverged(&refused), "{refused:?}");
    me.predicted = me.confirmed;
    let loaded = load(&journal, Some(&me)).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (epoch, Head::default()));
    let mut anew = Decider::of(&loaded);
    assert_eq!(outcome_of(&journal, &anew, 1).await, None, "requests are of the old history");
    commit(&journal, &mut anew, [change(52).writes("ana").asked_by(1)]).await;
    assert_eq!(load(&journal, Some(&anew)).await.expect("loaded").epoch, epoch);
}

#[tokio::test]
async fn an_org_whose_server_was_flushed_is_missed() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana").asked_by(1)]).await;
    Raw::of(&server).does(&["FLUSHALL"]);
    gone_until_it_is_forgotten(&server, me).await;
}

#[tokio::test]
async fn an_org_whose_server_came_back_empty_is_missed() {
    let mut server = RedisServer::start();
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana").asked_by(1)]).await;
    server.kill();
    server.restart();
    let why = why_corrupt(insist(&journal, &me.decide([])).await);
    assert!(why.contains("nothing is left of it"), "{why}");
    gone_until_it_is_forgotten(&server, me).await;
}

#[tokio::test]
async fn an_org_that_is_given_up_begins_anew() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let (mut me, acme) = (Decider::default(), org("acme"));
    for (id, hours) in [(1, 0), (2, 13), (3, 26)] {
        commit(&journal, &mut me, [change(id).writes("ana").at(hours * HOUR).asked_by(id)]).await;
    }
    let presence = PresenceId::from_u128(1);
    journal.renew(&acme, &[(presence, Span::from_ms(60_000))]).await.expect("renewed");
    let neighbour = Decider::default().decide([change(1).writes("ana")]);
    journal.commit(&org("acme2"), &neighbour).await.expect("committed");
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let first = journal.forget_org(&acme).await.expect("forgotten");
    assert!(first >= Epoch(seconds.saturating_sub(60)), "{first:?}");
    let keys: Vec<_> = Raw::of(&server).everything().into_keys().collect();
    let theirs = ["baton:{acme2}:journal", "baton:{acme2}:meta", "baton:{acme2}:records"];
    assert_eq!(keys, [&theirs[..], &[META]].concat());
    // A server that knew it finds another history, and an empty one.
    assert!(is_diverged(&send(&journal, &me.clone().decide([])).await));
    let loaded = load(&journal, Some(&me)).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (first, Head::default()));
    let started =
        journal.renew(&acme, &[(presence, Span::from_ms(60_000))]).await.expect("renewed");
    assert_eq!(started, [presence]);
    // Also within the same second, and after epochs that were counted up.
    let mut anew = Decider::of(&loaded);
    commit(&journal, &mut anew, [change(1).writes("ana").asked_by(1)]).await;
    let mut ahead = anew.clone();
    ahead.decide([change(2)]);
    ahead.confirm();
    let bumped = load(&journal, Some(&ahead)).await.expect("loaded").epoch;
    let second = journal.forget_org(&acme).await.expect("forgotten");
    assert!(first < bumped && bumped < second, "{first:?} {bumped:?} {second:?}");
    let mut anew = Decider::of(&load(&journal, Some(&anew)).await.expect("loaded"));
    assert_eq!((anew.epoch, anew.confirmed), (second, Head::default()));
    assert_eq!(outcome_of(&journal, &anew, 1).await, None);
    commit(&journal, &mut anew, [change(1).writes("ana").asked_by(1)]).await;
    // What only keeps its name, of the wrong type.
    let mut raw = Raw::of(&server);
    raw.does(&["DEL", META]);
    raw.does(&["SET", META, "x"]);
    journal.forget_org(&acme).await.expect("forgotten");
    load(&journal, None).await.expect("loaded");
}

#[tokio::test]
async fn records_that_are_missing_or_too_many_are_noticed() {
    let spoil: [(&[&str], &str); 3] = [
        (&["DEL", RECORDS], "it has 0 records, and its head counts 2"),
        (&["HDEL", RECORDS, "rep:bo"], "it has 1 records, and its head counts 2"),
        (&["HSET", RECORDS, "rep:cy", "x"], "its head counts 2"),
    ];
    for (command, named) in spoil {
        let server = RedisServer::start();
        let journal = connect(&server).await;
        let mut raw = Raw::of(&server);
        let mut me = Decider::default();
        let batch =
            commit(&journal, &mut me, [change(1).writes("ana"), change(2).writes("bo")]).await;
        raw.does(command);
        let before = raw.everything();
        for batch in [me.clone().decide([change(3).writes("cy")]), batch, me.clone().decide([])] {
            let why = why_corrupt(send(&journal, &batch).await);
            assert!(why.contains(named) && why.contains("org acme"), "{command:?}: {why}");
        }
        if command[0] != "HSET" {
            for known in [None, Some(&me)] {
                let why = why_corrupt(load(&journal, known).await);
                assert!(why.contains(named) && why.contains("org acme"), "{command:?}: {why}");
            }
        }
        assert_eq!(raw.everything(), before, "{command:?}");
    }
}

#[tokio::test]
async fn what_another_release_wrote_is_refused_with_what_to_do() {
    let cases: [(&[&str], &str); 3] = [
        (&["HSET", META, "format", "1"], "format 1, of a preview that was never released"),
        (&["HSET", META, "format", "3"], "format 3, which this release doesn't know: upgrade"),
        (&["HSET", META, "level", "99"], "at level 99 of the stored form"),
    ];
    for (command, named) in cases {
        for why in refused_after(command).await {
            assert!(why.contains(named) && why.contains("org acme"), "{command:?}: {why}");
        }
    }
}

/// Why nobody can write to an org, or load it, after its store was given that command; neither writes.
async fn refused_after(command: &[&str]) -> [String; 2] {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    let mut raw = Raw::of(&server);
    raw.does(command);
    let before = raw.everything();
    let next = me.clone().decide([change(2).writes("bo")]);
    let refused = why_corrupt(send(&journal, &next).await);
    let unread = why_corrupt(load(&journal, Some(&me)).await);
    assert_eq!(raw.everything(), before, "{command:?}");
    [refused, unread]
}

#[tokio::test]
async fn a_head_that_is_gone_or_broken_is_noticed() {
    let spoil: [&[&str]; 4] = [
        &["DEL", META],
        &["HDEL", META, "entry"],
        &["HDEL", META, "records"],
        &["HSET", META, "revision", "7"],
    ];
    for command in spoil {
        for why in refused_after(command).await {
            assert!(why.contains("org acme"), "{command:?}: {why}");
        }
    }
}
