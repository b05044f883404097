//! API keys: made, listed and revoked in their file, and shown.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use baton::access::grant::Grant;
use baton::access::key_file::ApiKey;
use baton::access::keys::{self, KeysError, MadeKey, NewKey};
use baton::access::{Access, Fault, Orgs, Peer, Presented, Scope, Standing};
use baton::domain::live::{Actor, Role};
use baton::domain::scope::Narrowing;
use tempfile::TempDir;

use crate::mint::NOW;
use crate::place::{Hands, at, authorization, bearer, of_files};

pub fn new_key(name: &str) -> NewKey {
    let grant = Grant {
        orgs: Orgs::These(["acme".parse().expect("an id")].into()),
        actor: Actor { role: Role::Adapter, id: "web".parse().expect("an id") },
        scopes: BTreeSet::from([Scope::Sessions]),
        narrowing: Narrowing {
            queues: BTreeSet::new(),
            channels: ["web".parse().expect("an id")].into(),
        },
    };
    NewKey { name: name.to_owned(), grant, expires: None }
}

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("keys.toml");
    (folder, file)
}

fn make(file: &Path, name: &str) -> MadeKey {
    keys::create(file, &new_key(name), now()).unwrap_or_else(|why| panic!("{why}"))
}

fn now() -> SystemTime {
    at(NOW)
}

/// An access with these keys.
fn access(file: &Path, hands: &Hands) -> std::sync::Arc<Access> {
    let text = fs::read_to_string(file).expect("it is there");
    let files = [("access.toml", "api_keys = \"keys.toml\"\n".to_owned()), ("keys.toml", text)];
    of_files(&files, hands.clock()).unwrap_or_else(|bad| panic!("{bad}"))
}

#[test]
fn s4_a_key_is_good_for_what_was_asked_for() {
    let (_folder, file) = folder();
    let expires = Some(at(NOW + 100));
    let made = keys::create(&file, &NewKey { expires, ..new_key("web-adapter") }, now());
    let made = made.expect("it is made");
    assert_eq!(keys::list(&file).expect("it is read"), std::slice::from_ref(&made.key));
    assert_eq!((made.key.created, made.key.expires), (now(), expires));
    assert_eq!(made.key.grant, new_key("").grant);

    let hands = Hands::default();
    let access = access(&file, &hands);
    let (org, credential) = bearer(&access, &made.text).expect("it is good");
    assert_eq!((org.as_str(), &*credential.name), ("acme", "key:web-adapter"));
    assert_eq!(credential.scopes.iter().collect::<Vec<_>>(), [Scope::Sessions]);
    assert_eq!(credential.narrowing.as_ref().map(|n| n.channels.len()), Some(1));
    assert_eq!(access.standing(&credential), Standing::Good);
    let named = format!("Bearer {}", made.text);
    assert_eq!(authorization(&access, &[&named], Some("globex")).err(), Some(Fault::OrgMismatch));

    hands.set(NOW + 99);
    assert!(bearer(&access, &made.text).is_ok());
    hands.set(NOW + 100);
    assert_eq!(bearer(&access, &made.text).err(), Some(Fault::Expired));
    assert_eq!(access.standing(&credential), Standing::Expired);
}

#[test]
fn s1_a_text_that_isnt_a_keys_is_refused() {
    let (_folder, file) = folder();
    let (good, other) = (make(&file, "a"), make(&file, "b"));
    let gone = make(&file, "gone");
    keys::revoke(&file, "gone", now()).expect("it is revoked");
    let access = access(&file, &Hands::default());
    let (head, secret) = good.text.rsplit_once('_').expect("three parts");
    let turned: String = secret.chars().rev().collect();
    assert_ne!(turned, secret);
    assert!(bearer(&access, &good.text).is_ok());
    let (wrong, malformed) = (Fault::WrongSecret, Fault::Malformed);
    let cases = [
        (format!("{head}_{turned}"), wrong),
        (format!("{head}_{}", other.text.rsplit_once('_').expect("parts").1), wrong),
        (format!("{}x", good.text), wrong),
        (good.text[..good.text.len() - 1].to_owned(), wrong),
        (format!("{head}_{}", secret.to_uppercase()), wrong),
        (format!("baton_{}_{secret}", "a".repeat(16)), Fault::UnknownKey),
        (gone.text, Fault::RevokedKey),
        (format!("{head}_"), malformed),
        (head.to_owned(), malformed),
        (format!("{head}_{}", "a".repeat(42)), malformed),
        (format!("{head}_{}", "a".repeat(257)), malformed),
        (format!("{head}_{secret}_"), malformed),
        (format!("{head}_{secret}="), malformed),
        (format!("{head}_{}", "+".repeat(52)), malformed),
        (format!("Baton{}", &good.text[5..]), malformed),
        (format!("baton_{}_{secret}", "A".repeat(16)), malformed),
        (format!("baton_{}_{secret}", "a".repeat(15)), malformed),
        ("baton_".to_owned(), malformed),
        ("baton__".to_owned(), malformed),
        (secret.to_owned(), malformed),
    ];
    for (text, fault) in cases {
        assert_eq!(bearer(&access, &text).err(), Some(fault), "{text}");
    }
}

#[test]
fn of_a_key_only_a_digest_is_kept_and_only_for_its_owner() {
    let (folder, file) = folder();
    let made = make(&file, "web");
    let (_, secret) = made.text.rsplit_once('_').expect("three parts");
    assert!(secret.len() * 5 >= 256, "32 random bytes");
    let text = fs::read_to_string(&file).expect("it is there");
    assert!(!text.contains(secret), "{text}");
    let shown = format!("{made:?}");
    assert!(shown.contains("web") && !shown.contains(secret), "{shown}");
    let mode = |file: &Path| fs::metadata(file).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_ne!(make(&file, "web").text, made.text);
    assert_eq!(mode(&file), 0o600);
    // Who lets others read it, a server of another user for example, goes on doing so.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("it is ours");
    make(&file, "web");
    assert_eq!(mode(&file), 0o644);
    let left: Vec<_> = fs::read_dir(folder.path()).expect("it is there").collect();
    assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
}

#[test]
fn s4_a_key_is_narrowed_to_64_channels_at_most() {
    let (_folder, file) = folder();
    let mut new = new_key("wide");
    new.grant.narrowing.channels =
        (0..64).map(|number| format!("c{number}").parse().expect("an id")).collect();
    keys::create(&file, &new, now()).expect("64 are taken");
    new.grant.narrowing.channels.insert("one-more".parse().expect("an id"));
    let before = fs::read(&file).expect("it is there");
    let refused = keys::create(&file, &new, now()).expect_err("65 aren't").to_string();
    assert!(refused.contains("`channels` names 65"), "{refused}");
    assert_eq!(fs::read(&file).expect("it is there"), before);
}

#[test]
fn what_is_shown_of_a_caller_is_without_its_secret() {
    let (authorization, peer) = (["Bearer baton_secret"], Peer::default());
    let shown =
        Presented { authorization: &authorization, org: None, forwarded: None, peer: &peer };
    assert!(!format!("{shown:?}").contains("secret"));
}

#[test]
fn what_isnt_touched_stays_as_it_is_written() {
    let (_folder, file) = folder();
    let one = make(&file, "one");
    let by_hand = fs::read_to_string(&file).expect("it is there").replace(
        "role = \"adapter\"",
        "role = 'adapter'   # Ana asked for it\n\n  # and Ben agreed",
    );
    fs::write(&file, &by_hand).expect("it is written");
    let two = make(&file, "two");
    let after = fs::read_to_string(&file).expect("it is there");
    assert!(after.starts_with(&by_hand), "{after}");

    let revoked = keys::revoke(&file, "one", at(NOW + 5)).expect("it is revoked");
    assert_eq!((revoked.id, revoked.revoked), (one.key.id.clone(), Some(at(NOW + 5))));
    let last = fs::read_to_string(&file).expect("it is there");
    let added: Vec<&str> = last.lines().filter(|line| !after.contains(line)).collect();
    assert_eq!(added, ["revoked = 2027-01-15T08:00:05Z"]);
    let found = keys::list(&file).expect("it is read");
    assert_eq!(found.iter().map(|key| key.revoked.is_some()).collect::<Vec<_>>(), [true, false]);
    assert_eq!(found[1], two.key);
}

#[test]
fn a_key_is_revoked_by_its_id_or_by_a_name_that_means_one() {
    let (_folder, file) = folder();
    let revoke = |which: &str| keys::revoke(&file, which, now()).map(|key: ApiKey| key.id);
    assert!(matches!(revoke("a"), Err(KeysError::Unknown(_))), "there is no file yet");
    let (one, two) = (make(&file, "web").key.id, make(&file, "web").key.id);
    let Err(KeysError::SeveralNamed(ids)) = revoke("web") else { panic!("two have that name") };
    assert_eq!(ids, [one.to_string(), two.to_string()]);
    assert_eq!(revoke(&one).ok(), Some(one.clone()));
    assert_eq!(revoke("web").ok(), Some(two.clone()), "only one is left of that name");
    for again in [&*one, "web"] {
        assert!(matches!(revoke(again), Err(KeysError::AlreadyRevoked(_))), "{again}");
    }
    assert!(matches!(revoke("nobody"), Err(KeysError::Unknown(_))));
}

#[test]
fn two_writers_dont_lose_each_others_keys() {
    let (_folder, file) = folder();
    make(&file, "first");
    let made = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let file = &file;
                scope.spawn(move || {
                    // Whoever finds the lock taken tries again, as whoever is told so would.
                    (0..5)
                        .map(|n| {
                            loop {
                                match keys::create(file, &new_key(&format!("k{writer}-{n}")), now())
                                {
                                    Ok(made) => break made.key.id,
                                    Err(KeysError::Locked(_)) => std::thread::yield_now(),
                                    Err(why) => panic!("{why}"),
                                }
                            }
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().expect("it ends"))
            .collect::<BTreeSet<_>>()
    });
    let found = keys::list(&file).expect("it is whole");
    assert_eq!(found.len(), 41);
    assert!(made.iter().all(|id| found.iter().any(|key| key.id == *id)));
}

#[test]
fn a_file_that_somebody_writes_or_that_is_wrong_isnt_touched() {
    let (_folder, file) = folder();
    let made = make(&file, "web");
    let before = fs::read_to_string(&file).expect("it is there");
    let lock = file.with_extension("toml.new");
    fs::write(&lock, "").expect("it is written");
    assert!(matches!(keys::create(&file, &new_key("b"), now()), Err(KeysError::Locked(_))));
    assert!(matches!(keys::revoke(&file, "web", now()), Err(KeysError::Locked(_))));
    assert!(lock.exists(), "another's lock isn't taken away");
    assert_eq!(keys::list(&file).expect("reading goes on"), [made.key]);
    fs::remove_file(&lock).expect("it is there");

    for wrong in ["[[key]]\nid = 1\n", "x = 1\n", "[[key]\n"] {
        fs::write(&file, format!("{before}{wrong}")).expect("it is written");
        assert!(
            matches!(keys::create(&file, &new_key("b"), now()), Err(KeysError::Bad(_))),
            "{wrong}"
        );
        assert!(matches!(keys::revoke(&file, "web", now()), Err(KeysError::Bad(_))), "{wrong}");
        assert!(!lock.exists(), "its own lock is");
        let left = fs::read_to_string(&file).expect("it is there");
        assert_eq!(left, format!("{before}{wrong}"));
    }
    let inline =
        before.split_once("[[key]]\n").expect("one key").1.lines().collect::<Vec<_>>().join(", ");
    fs::write(&file, format!("key = [{{ {inline} }}]\n")).expect("it is written");
    assert!(keys::list(&file).is_ok());
    assert!(matches!(keys::revoke(&file, "web", now()), Err(KeysError::Unwritable(_))));
    assert!(matches!(keys::create(&file, &new_key("b b"), now()), Err(KeysError::Bad(_))));
}
