//! A Redis that isn't used: what is wrong with it is said when the server starts.

use baton::journal::redis::{ConnectError, RedisJournal, RedisOptions};
use baton::journal::{Journal, JournalError, ServerId, Verdict};

use baton::domain::entry::Revision;
use baton::domain::id::PresenceId;
use baton::domain::time::Span;

use crate::support::redis::RedisServer;
use crate::support::sample::{Decider, change, org};
use crate::{Raw, commit, connect, insist, is_diverged, load, outcome_of, send, verdict};

/// Every command that Baton can't do without.
const COMMANDS: [&str; 27] = [
    "INFO",
    "PING",
    "TIME",
    "SCAN",
    "HSET",
    "HSETNX",
    "HGET",
    "HMGET",
    "HLEN",
    "HGETALL",
    "HSCAN",
    "HDEL",
    "EXISTS",
    "XADD",
    "XRANGE",
    "XREVRANGE",
    "XTRIM",
    "ZADD",
    "ZRANGE",
    "ZSCORE",
    "ZREMRANGEBYSCORE",
    "ZREM",
    "PUBLISH",
    "UNLINK",
    "EVALSHA",
    "SCRIPT LOAD",
    "PSUBSCRIBE",
];

/// The rules for a user who may do just that, as the operators' page has them.
const RULES: [&str; 6] = ["reset", "on", ">secret", "~baton:*", "&baton:{*}:wake", "-@all"];

fn allow(raw: &mut Raw, user: &str, but: Option<&str>) {
    let commands = COMMANDS.iter().filter(|command| Some(**command) != but);
    let commands: Vec<_> =
        commands.map(|command| format!("+{}", command.to_lowercase().replace(' ', "|"))).collect();
    let mut rules = vec!["ACL", "SETUSER", user];
    rules.extend(RULES);
    rules.extend(commands.iter().map(String::as_str));
    raw.does(&rules);
}

async fn connect_as(server: &RedisServer, user: &str) -> Result<RedisJournal, ConnectError> {
    let url = format!("redis://{user}:secret@127.0.0.1:{}/", server.port());
    RedisJournal::connect(RedisOptions::at(url)).await
}

#[tokio::test]
async fn a_user_who_lacks_a_command_is_refused_by_its_name() {
    let server = RedisServer::start();
    let mut raw = Raw::of(&server);
    for command in COMMANDS {
        allow(&mut raw, "app", Some(command));
        let refused = connect_as(&server, "app").await.err();
        let forbidden = ConnectError::Forbidden { commands: command.to_owned() };
        assert_eq!(refused, Some(forbidden.clone()), "without {command}");
        assert!(forbidden.to_string().contains("PSUBSCRIBE on the pattern baton:{*}:wake"));
    }
    // Keys, or channels, that it may not use.
    allow(&mut raw, "app", None);
    raw.does(&["ACL", "SETUSER", "app", "resetchannels"]);
    let refused = connect_as(&server, "app").await.err();
    let both = ConnectError::Forbidden { commands: "PUBLISH, PSUBSCRIBE".to_owned() };
    assert_eq!(refused, Some(both));
    raw.does(&["ACL", "SETUSER", "app", "resetkeys", "~other:*"]);
    let refused = connect_as(&server, "app").await.err();
    assert!(
        matches!(refused, Some(ConnectError::Forbidden { commands }) if commands.contains("XADD"))
    );
    // What was tried without UNLINK is still there, in each case; otherwise nothing is.
    let left: Vec<String> = raw.run(&["KEYS", "*"]);
    let known = |key: &String| key.contains("{selftest-") || key == "baton:probe";
    assert!(left.len() <= 4 && left.iter().all(known), "{left:?}");
}

#[tokio::test]
async fn a_server_that_lacks_a_command_is_refused_by_its_name() {
    let server = RedisServer::with(&["--rename-command", "HSETNX", ""]);
    let refused = RedisJournal::connect(RedisOptions::at(server.url())).await.err();
    assert_eq!(refused, Some(ConnectError::Forbidden { commands: "HSETNX".to_owned() }));
}

#[tokio::test]
async fn a_user_who_may_do_just_what_is_needed_can_do_everything() {
    let server = RedisServer::start();
    let mut raw = Raw::of(&server);
    allow(&mut raw, "app", None);
    let journal = connect_as(&server, "app").await.expect("nothing is missing");
    assert_eq!(raw.everything().len(), 0, "the self-test leaves nothing");
    // Until then it asked for a setting, which it can do without.
    raw.does(&["ACL", "LOG", "RESET"]);
    let (acme, mut me) = (org("acme"), Decider::default());
    let drafts =
        [change(1).writes("ana").asked_by(1), change(2).writes("bo"), change(3).removes("bo")];
    commit(&journal, &mut me, drafts).await;
    journal.read(&acme, Revision::ZERO, 10).await.expect("read");
    assert_eq!(load(&journal, Some(&me)).await.expect("loaded").state.head(), me.confirmed);
    let presence = PresenceId::from_u128(1);
    journal.renew(&acme, &[(presence, Span::from_ms(0))]).await.expect("renewed");
    journal.start(&acme, &[(presence, Span::from_ms(0))]).await.expect("started");
    journal.lapsed(&acme, ServerId(1), 10).await.expect("looked");
    journal.forget(&acme, &[presence]).await.expect("forgotten");
    journal.release(&acme, &[presence]).await.expect("released");
    journal.leave(&acme, ServerId(1)).await.expect("left");
    // A bucket is dropped, a history that contradicts is bumped, an org is given up.
    let day = 24 * 3_600_000;
    for (id, days) in [(4, 1), (5, 2), (6, 3)] {
        commit(&journal, &mut me, [change(id).at(days * day).asked_by(id)]).await;
    }
    let mut ahead = me.clone();
    ahead.decide([change(9)]);
    ahead.confirm();
    load(&journal, Some(&ahead)).await.expect("loaded");
    journal.forget_org(&acme).await.expect("forgotten");
    let denied: Vec<redis::Value> = raw.run(&["ACL", "LOG"]);
    assert!(denied.is_empty(), "{denied:?}");
}

#[tokio::test]
async fn a_command_that_is_taken_away_later_leaves_nothing_half_done() {
    let server = RedisServer::start();
    let mut raw = Raw::of(&server);
    allow(&mut raw, "app", None);
    let journal = connect_as(&server, "app").await.expect("nothing is missing");
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    raw.does(&["ACL", "SETUSER", "app", "-hset"]);
    let next = me.clone().decide([change(2).writes("bo").asked_by(2)]);
    let unknown = send(&journal, &next).await;
    assert!(matches!(unknown, Err(JournalError::Unknown(_))), "{unknown:?}");
    raw.does(&["ACL", "SETUSER", "app", "+hset"]);
    // The journal has it and the head doesn't: whoever loads the org completes it.
    let refused = insist(&journal, &next).await;
    assert!(is_diverged(&refused), "{refused:?}");
    let loaded = load(&journal, Some(&me)).await.expect("loaded");
    assert_eq!(loaded.state.head(), next.head());
    let me = Decider::of(&loaded);
    assert_eq!(outcome_of(&journal, &me, 2).await.as_ref(), Some(&next.outcomes[0].1));
    assert_eq!(verdict(&journal, &next).await, Verdict::Accepted);
    // Without the right to run scripts nothing begins.
    raw.does(&["ACL", "SETUSER", "app", "-evalsha"]);
    let refused = send(&journal, &me.clone().decide([change(3).writes("cy")])).await;
    assert!(matches!(refused, Err(JournalError::Unavailable(_))), "{refused:?}");
}

#[tokio::test]
async fn unfit_servers_are_refused_with_what_to_change() {
    let evicting = ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"];
    let server = RedisServer::with(&evicting);
    let refused = RedisJournal::connect(RedisOptions::at(server.url())).await.err();
    assert_eq!(refused, Some(ConnectError::Evicts { policy: "allkeys-lru".to_owned() }));
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &server.port().to_string()]);
    let refused = RedisJournal::connect(RedisOptions::at(replica.url())).await.err();
    assert_eq!(refused, Some(ConnectError::Replica));
    let refused = RedisJournal::connect(RedisOptions::at("http://127.0.0.1")).await.err();
    assert!(matches!(refused, Some(ConnectError::Url(_))), "{refused:?}");
    let mut gone = RedisServer::start();
    gone.stop();
    let refused = RedisJournal::connect(RedisOptions::at(gone.url())).await.err();
    assert!(matches!(refused, Some(ConnectError::Unreachable(_))), "{refused:?}");
}

#[tokio::test]
async fn durability_is_said_in_words() {
    let cases: [(&[&str], &str); 3] = [
        (&["--appendonly", "no"], "memory only"),
        (&["--appendonly", "yes", "--appendfsync", "everysec"], "appendfsync everysec"),
        (&["--appendonly", "yes", "--appendfsync", "always"], "appendfsync always"),
    ];
    for (options, words) in cases {
        let server = RedisServer::with(options);
        let journal = connect(&server).await;
        assert!(journal.durability().contains(words), "{}", journal.durability());
    }
}
