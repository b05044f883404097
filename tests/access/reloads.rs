//! Files that change while a server runs, and files that are wrong: what is in force then, and what is said.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use baton::access::gate::Pace;
use baton::access::{Access, Credential, Fault, Limits, Presented, Standing, keys};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::keys::new_key;
use crate::mint::{EC, ED, ED_2, IDP, NAMELESS, NOW, PARTNER, PARTNER_EC, RSA, Token, jwks};
use crate::place::{Hands, access_file, at, bearer, figure, of_files, peer};

/// How long something may take that happens within milliseconds.
const DEADLINE: Duration = Duration::from_secs(20);

/// A folder with an access file and what it names, and an access that is kept current.
pub struct Running {
    pub folder: TempDir,
    pub hands: Hands,
    pub access: Arc<Access>,
    upkeep: JoinSet<()>,
}

impl Running {
    /// With these files, whose looks follow each other fast.
    pub async fn of(files: &[(&str, String)], pace: Pace) -> Self {
        let soon = Duration::from_millis(5);
        Self::at(files, Pace { look: soon, settle: soon, ..pace }).await
    }

    /// With these files, at this pace.
    async fn at(files: &[(&str, String)], pace: Pace) -> Self {
        let folder = TempDir::new().expect("a folder");
        for (name, text) in files {
            fs::write(folder.path().join(name), text).expect("it is written");
        }
        let hands = Hands::default();
        let access = Access::open_at(&folder.path().join("access.toml"), hands.clock(), pace).await;
        let access = access.unwrap_or_else(|bad| panic!("{bad}"));
        let mut upkeep = JoinSet::new();
        upkeep.spawn(Arc::clone(&access).keep_current());
        Self { folder, hands, access, upkeep }
    }

    async fn start() -> Self {
        Self::of(&Self::files(), Pace::default()).await
    }

    fn files() -> [(&'static str, String); 5] {
        let file = format!("api_keys = \"keys.toml\"\n{}", access_file());
        [
            ("access.toml", file),
            ("keys.toml", String::new()),
            ("idp.json", jwks(&[&RSA, &EC, &ED, &ED_2])),
            ("partner.json", jwks(&[&PARTNER, &PARTNER_EC])),
            ("plain.json", jwks(&[&NAMELESS])),
        ]
    }

    /// Changes a file as a careful person does: all of it at once.
    pub fn write(&self, name: &str, text: &str) {
        let (new, file) = (self.folder.path().join("next"), self.folder.path().join(name));
        fs::write(&new, text).and_then(|()| fs::rename(&new, &file)).expect("it is written");
    }

    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.folder.path().join(name)).expect("it is there");
        assert!(text.contains(from), "{from} isn't in {name}");
        self.write(name, &text.replace(from, to));
    }

    /// Does something, and waits until something else is in force.
    pub async fn changed_by<T>(&self, act: impl FnOnce() -> T) -> T {
        let mut changes = self.access.changes();
        let done = act();
        let changed = timeout(DEADLINE, changes.changed()).await;
        changed.expect("it is noticed in time").expect("the access is there");
        done
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, so: impl Fn(&Access) -> bool) {
        let mut looks = tokio::time::interval(Duration::from_millis(2));
        let waited = timeout(DEADLINE, async {
            while !so(&self.access) {
                looks.tick().await;
            }
        });
        assert!(waited.await.is_ok(), "not in time: {what}");
    }

    pub fn believes(&self, token: &str) -> Result<Arc<Credential>, Fault> {
        bearer(&self.access, token).map(|(_, credential)| credential)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.upkeep.abort_all();
    }
}

#[tokio::test]
async fn a_key_that_is_made_or_revoked_counts_at_once() {
    let running = Running::start().await;
    let file = running.folder.path().join("keys.toml");
    let made = running.changed_by(|| keys::create(&file, &new_key("web"), at(NOW))).await;
    let made = made.expect("it is made");
    let credential = running.believes(&made.text).expect("it is good");
    assert_eq!(running.access.standing(&credential), Standing::Good);

    running.changed_by(|| running.edit("keys.toml", "actor = \"web\"", "actor = \"mail\"")).await;
    assert_eq!(running.access.standing(&credential), Standing::Changed);
    let credential = running.believes(&made.text).expect("it is good");
    assert_eq!(credential.actor.id.as_str(), "mail");

    running.changed_by(|| keys::revoke(&file, "web", at(NOW))).await.expect("it is revoked");
    assert_eq!(running.believes(&made.text).err(), Some(Fault::RevokedKey));
    assert_eq!(running.access.standing(&credential), Standing::Revoked);

    running.changed_by(|| running.write("keys.toml", "# none\nkey = []\n")).await;
    assert_eq!(running.believes(&made.text).err(), Some(Fault::UnknownKey));
    assert_eq!(running.access.standing(&credential), Standing::Revoked);
}

#[tokio::test]
async fn what_becomes_of_tokens_when_their_issuer_is_bound_otherwise() {
    let running = Running::start().await;
    let (token, jti) =
        (Token::of_idp(&ED).sign(&ED), Token::of_idp(&ED).with("jti", "j").sign(&ED));
    let plain = running.believes(&Token::plain().sign(&NAMELESS)).expect("it is good");
    let (one, named) =
        (running.believes(&token).expect("good"), running.believes(&jti).expect("good"));
    let standing = |credential: &Credential| running.access.standing(credential);
    running.changed_by(|| running.edit("access.toml", "id = \"stolen\"", "id = \"j\"")).await;
    assert_eq!((standing(&named), standing(&one)), (Standing::Revoked, Standing::Good));
    assert_eq!(running.believes(&jti).err(), Some(Fault::RevokedToken), "though it was remembered");

    running.changed_by(|| running.edit("access.toml", "\"supervisor\", \"rep\", ", "")).await;
    assert_eq!((standing(&one), standing(&plain)), (Standing::Changed, Standing::Good));
    assert_eq!(running.believes(&token).err(), Some(Fault::RoleNotAllowed));

    let before =
        format!(", {{ issuer = \"{IDP}\", before = 2027-01-14T00:00:00Z }}]\ncertificates");
    running.changed_by(|| running.edit("access.toml", "]\ncertificates", &before)).await;
    assert_eq!(standing(&one), Standing::Changed, "it was issued later");
    running.changed_by(|| running.edit("access.toml", "2027-01-14", "2027-01-16")).await;
    assert_eq!(standing(&one), Standing::Revoked);

    running.hands.set(NOW + 630);
    assert_eq!((standing(&one), standing(&plain)), (Standing::Revoked, Standing::Expired));
}

#[tokio::test]
async fn what_becomes_of_certificates_when_their_rule_changes() {
    let running = Running::start().await;
    let web = peer("203.0.113.9", Some(&["spiffe://corp.example/baton/web"]));
    let presented = Presented { authorization: &[], org: None, forwarded: None, peer: &web };
    let (_, credential) = running.access.authenticate(&presented).expect("it is good");
    let standing = || running.access.standing(&credential);
    running
        .changed_by(|| {
            running.edit(
                "access.toml",
                "\"sessions\"]\n\n[[certificate",
                "\"audit\"]\n\n[[certificate",
            )
        })
        .await;
    assert_eq!(standing(), Standing::Changed);
    running.changed_by(|| running.edit("access.toml", "baton/old\"]", "baton/web\"]")).await;
    assert_eq!(standing(), Standing::Revoked);
    assert_eq!(running.access.authenticate(&presented).err(), Some(Fault::RevokedCertificate));
}

#[tokio::test]
async fn a_file_that_has_become_wrong_changes_nothing_and_is_told_once() {
    let running = Running::start().await;
    let token = Token::of_idp(&ED).sign(&ED);
    let failed =
        |times: i64| move |access: &Access| figure(access, "access_failed_reloads") == times;
    let good = fs::read_to_string(running.folder.path().join("access.toml")).expect("it is there");
    running.write("access.toml", &good.replace("orgs = [\"acme\"", "ogrs = [\"acme\""));
    running.until("the first fault", failed(1)).await;
    running.write("idp.json", "{}");
    running.until("the second fault", failed(2)).await;
    assert!(running.believes(&token).is_ok());
    fs::remove_file(running.folder.path().join("access.toml")).expect("it is there");
    running.until("the third fault", failed(3)).await;
    assert!(running.believes(&token).is_ok());
    assert_eq!(
        (figure(&running.access, "access_reloads"), *running.access.changes().borrow()),
        (0, 0)
    );

    running.write("idp.json", &jwks(&[&ED]));
    running
        .changed_by(|| running.write("access.toml", &format!("{good}\n[limits]\nstreams = 7\n")))
        .await;
    assert!(running.believes(&token).is_ok());
    assert_eq!(running.access.limits(), Limits { streams: 7, ..Limits::default() });
    assert_eq!(figure(&running.access, "access_failed_reloads"), 3, "each was told once");
}

#[tokio::test]
async fn a_file_that_is_emptied_to_be_written_anew_changes_nothing() {
    let running = Running::start().await;
    let path = running.folder.path().join("access.toml");
    let token = Token::of_idp(&ED).sign(&ED);
    let credential = running.believes(&token).expect("it is good");
    let failed = |times| move |access: &Access| figure(access, "access_failed_reloads") == times;
    let good = fs::read_to_string(&path).expect("it is there");
    for (times, empty) in [(1, ""), (2, "\n  # soon more\n")] {
        fs::write(&path, empty).expect("it is written");
        running.until("the fault", failed(times)).await;
        assert_eq!(running.access.standing(&credential), Standing::Good, "{empty:?}");
    }
    let next = format!("{good}\n[limits]\nstreams = 7\n");
    running.changed_by(|| fs::write(&path, next)).await.expect("it is written");
    assert_eq!(running.access.standing(&credential), Standing::Good);
    assert_eq!(figure(&running.access, "access_failed_reloads"), 2);
}

#[tokio::test]
async fn a_file_is_taken_when_two_looks_have_shown_the_same() {
    let pace = Pace {
        look: Duration::from_millis(5),
        settle: Duration::from_millis(500),
        ..Pace::default()
    };
    let running = Running::at(&Running::files(), pace).await;
    let path = running.folder.path().join("access.toml");
    let good = fs::read_to_string(&path).expect("it is there");
    let half = good.split("[[certificate]]").next().expect("a part");
    let mut writes = tokio::time::interval(Duration::from_millis(20));
    for line in 0..40 {
        writes.tick().await;
        fs::write(&path, format!("{half}\n# {line}\n")).expect("it is written");
        assert_eq!(*running.access.changes().borrow(), 0, "half of it isn't taken");
    }
    let next = format!("{good}\n[limits]\nstreams = 7\n");
    running.changed_by(|| fs::write(&path, next)).await.expect("it is written");
    assert_eq!(running.access.limits(), Limits { streams: 7, ..Limits::default() });
    assert_eq!(figure(&running.access, "access_reloads"), 1);
}

#[tokio::test]
async fn s1_a_key_that_is_taken_out_of_a_file_is_dead_unless_it_is_given_time() {
    let running = Running::start().await;
    let (token, other) = (Token::of_idp(&ED).sign(&ED), Token::of_idp(&ED_2).sign(&ED_2));
    let credential = running.believes(&token).expect("it is good");
    running.changed_by(|| running.write("idp.json", &jwks(&[&ED_2]))).await;
    assert_eq!(running.believes(&token).err(), Some(Fault::UnknownSigningKey));
    assert_eq!(running.access.standing(&credential), Standing::Changed);

    running
        .changed_by(|| {
            running.edit(
                "access.toml",
                "jwks_file = \"idp.json\"",
                "jwks_file = \"idp.json\"\nprevious_keys_seconds = 60",
            )
        })
        .await;
    running.changed_by(|| running.write("idp.json", &jwks(&[&ED]))).await;
    assert!(running.believes(&token).is_ok());
    let credential = running.believes(&other).expect("it is good for a minute");
    running.hands.set(NOW + 59);
    assert!(running.believes(&other).is_ok());
    running.changed_by(|| running.hands.set(NOW + 60)).await;
    assert_eq!(running.believes(&other).err(), Some(Fault::UnknownSigningKey));
    assert_eq!(running.access.standing(&credential), Standing::Changed);

    let revoked = format!("[revoked]\nsigning_keys = [{{ issuer = \"{IDP}\", kid = \"ed\" }}]\n");
    let credential = running.believes(&token).expect("it is good");
    running.changed_by(|| running.edit("access.toml", "[revoked]\n", &revoked)).await;
    assert_eq!(running.believes(&token).err(), Some(Fault::RevokedToken));
    assert_eq!(running.access.standing(&credential), Standing::Revoked);
}

#[test]
fn d1_every_fault_of_all_files_is_told_at_once_with_its_place() {
    let file = r#"api_keys = "keys.toml"
trusted_proxies = ["10.0.0.1/8"]
colour = "red"

[limits]
streams = 0
strems = 1

[[issuer]]
issuer = "a"
audiences = []
jwks_file = "none.json"
jwks_url = "https://a.example/"
algorithms = ["HS256"]
orgs = ["*", "a b"]
roles = ["server", "partner"]
claims = { team = "x" }

[[issuer]]
issuer = "b"
audiences = ["x"]
jwks_url = "http://b.example/"
orgs = []
roles = ["rep"]
role = "admin"
max_lifetime = -1
partners = ["p"]

[[issuer]]
issuer = "d"
audiences = ["x"]
jwks_file = "set.json"
orgs = ["acme"]
roles = ["rep"]

[[certificate]]
uri = "https://a.example"
orgs = ["acme"]
role = "rep"

[revoked]
tokens = [{ issuer = "c", id = "1" }]
issued_before = [{ issuer = "a", before = 2026-11-01 }]
"#;
    let keys = "[[key]]\nid = \"short\"\nname = \"a\"\n";
    let set = r#"{"keys":[{"kty":"oct","k":"AA"}]}"#;
    let files = [
        ("access.toml", file.to_owned()),
        ("keys.toml", keys.to_owned()),
        ("set.json", set.to_owned()),
    ];
    let bad =
        of_files(&files, Hands::default().clock()).expect_err("much of it is wrong").to_string();
    let told = [
        "access.toml:2:20: `trusted_proxies` has \"10.0.0.1/8\"; did you mean 10.0.0.0/8?",
        "access.toml:3:1: `colour` is no key of this table",
        "access.toml:6:11: `streams` isn't a whole number from 1 to 1000000",
        "access.toml:7:10: `strems` is no limit",
        "access.toml:9:1: `audiences` names none",
        "access.toml:9:1: either `jwks_file` or `jwks_url` is needed",
        "access.toml:14:15: `algorithms` has \"HS256\"; there are RS256, ES256 and EdDSA",
        "access.toml:15:14: `orgs` has \"a b\", which contains ' '; allowed are A-Z a-z 0-9 . _ : @ -",
        "access.toml:16:10: `roles` has \"server\"; the roles are admin, supervisor, rep, adapter, partner, dashboard",
        "access.toml:17:12: `team` is no key of this table",
        "access.toml:19:1: `orgs` names none: no token of this issuer could be good",
        "access.toml:19:1: `partners` names some, and `roles` hasn't \"partner\"",
        "access.toml:22:12: `jwks_url` is http://, which is for loopback alone",
        "access.toml:25:8: `role` isn't among `roles`",
        "access.toml:26:16: `max_lifetime` isn't a whole number from 1 to 31622400",
        "access.toml:36:1: `actor` is missing",
        "access.toml:37:7: `uri` has \"https://a.example\", which isn't like spiffe://corp.example/web",
        "access.toml:42:22: there is no [[issuer]] \"c\"",
        "access.toml:43:43: `before` isn't a moment such as 2026-11-01T00:00:00Z (no quotes)",
        "keys.toml:1:1: `sha256` is missing",
        "keys.toml:1:1: `orgs` is missing",
        "keys.toml:1:1: `role` is missing",
        "keys.toml:1:1: `actor` is missing",
        "keys.toml:1:1: `created` is missing",
        "keys.toml:2:6: `id` isn't 16 characters of a-z and 0-9",
        "set.json: key 1 is a shared secret; only public keys are taken",
    ];
    assert_eq!(bad.lines().collect::<Vec<_>>(), told);
    let absent = of_files(&[], Hands::default().clock()).expect_err("it isn't there");
    assert_eq!(absent.0.len(), 1);
    assert_eq!(absent.0[0].file, Path::new("access.toml"));
}
