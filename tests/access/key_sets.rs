//! Key sets: what is taken from one, and how those at a URL are fetched, refreshed, kept and given up.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton::access::gate::Pace;
use baton::access::{Fault, Standing};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::mint::{EC, ED, ED_2, NOW, P384, RSA, STRANGER, Signer, Token, base64url, jwks};
use crate::place::{Hands, figure, of_files};
use crate::reloads::Running;

/// An issuer's web server, which answers every request with what it is told to.
struct Site {
    port: u16,
    answer: Arc<Mutex<String>>,
    asked: Arc<Mutex<usize>>,
    _tasks: JoinSet<()>,
}

impl Site {
    async fn start(tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("it has one").port();
        let (answer, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(Mutex::new(0)));
        let mut tasks = JoinSet::new();
        let (answers, counts) = (Arc::clone(&answer), Arc::clone(&asked));
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        tasks.spawn(async move {
            let mut calls = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.expect("it listens");
                let (answers, counts, tls) =
                    (Arc::clone(&answers), Arc::clone(&counts), tls.clone());
                calls.spawn(async move {
                    match tls {
                        None => serve(stream, &answers, &counts).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &answers, &counts).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, answer, asked, _tasks: tasks }
    }

    /// From now on the answer is this; an empty one never comes.
    fn answers(&self, status: &str, body: &str) {
        let length = body.len();
        *self.answer.lock().expect("not poisoned") = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlocation: /jwks\r\nconnection: close\r\n\r\n{body}"
        );
    }

    fn has_keys(&self, signers: &[&Signer]) {
        self.answers("200 OK", &jwks(signers));
    }

    fn asked(&self) -> usize {
        *self.asked.lock().expect("not poisoned")
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &Mutex<String>,
    counts: &Mutex<usize>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => request.push(byte),
            Err(_) => return,
        }
    }
    *counts.lock().expect("not poisoned") += 1;
    let answer = answers.lock().expect("not poisoned").clone();
    if answer.is_empty() {
        return std::future::pending().await;
    }
    // Whoever asked may have gone; then nobody misses the answer.
    _ = stream.write_all(answer.as_bytes()).await;
    _ = stream.shutdown().await;
}

fn access_file(url: &str, more: &str) -> String {
    format!(
        "[[issuer]]\nissuer = \"https://idp.example.com/\"\naudiences = [\"baton\"]\njwks_url = \"{url}\"\n\
         orgs = [\"acme\"]\nroles = [\"rep\"]\n{more}\n"
    )
}

/// Nothing is fetched again unless something asks for it.
fn still() -> Pace {
    let hour = Duration::from_secs(3_600);
    Pace { refresh: hour, retry: hour, apart: Duration::ZERO, ..Pace::default() }
}

async fn running(url: &str, more: &str, pace: Pace) -> Running {
    Running::of(&[("access.toml", access_file(url, more))], pace).await
}

fn tokens() -> (String, String) {
    (Token::of_idp(&ED).sign(&ED), Token::of_idp(&ED_2).sign(&ED_2))
}

#[tokio::test]
async fn s1_an_issuers_new_key_is_known_soon_and_its_previous_one_stays_good_for_a_while() {
    let site = Site::start(None).await;
    site.has_keys(&[&ED]);
    let running = running(&format!("http://127.0.0.1:{}/jwks", site.port), "", still()).await;
    let (old, new) = tokens();
    let credential = running.believes(&old).expect("its key was fetched at the start");
    assert_eq!(site.asked(), 1);

    site.has_keys(&[&ED_2]);
    let unknown = running.changed_by(|| running.believes(&new)).await;
    assert_eq!(unknown.err(), Some(Fault::UnknownSigningKey));
    assert!(running.believes(&new).is_ok());
    assert!(running.believes(&old).is_ok(), "the previous one, for an hour");
    assert_eq!(running.access.standing(&credential), Standing::Good);
    // It may come back, and go again.
    running.hands.set(NOW + 500);
    site.has_keys(&[&ED, &ED_2]);
    running
        .changed_by(|| running.believes(&Token::of_idp(&EC).sign(&EC)))
        .await
        .expect_err("not yet");
    site.has_keys(&[&ED_2]);
    running
        .changed_by(|| running.believes(&Token::of_idp(&EC).sign(&EC)))
        .await
        .expect_err("not at all");
    let long = Token::of_idp(&ED).with("exp", NOW + 9_000).sign(&ED);
    running.hands.set(NOW + 500 + 3_599);
    assert!(running.believes(&long).is_ok());
    running.changed_by(|| running.hands.set(NOW + 500 + 3_600)).await;
    assert_eq!(running.believes(&long).err(), Some(Fault::UnknownSigningKey));
}

#[tokio::test]
async fn s1_an_operator_can_give_a_stolen_key_no_time_at_all() {
    let site = Site::start(None).await;
    site.has_keys(&[&ED, &ED_2]);
    let url = format!("http://127.0.0.1:{}/jwks", site.port);
    let running = running(&url, "", still()).await;
    let (old, new) = tokens();
    site.has_keys(&[&ED_2]);
    running
        .changed_by(|| running.believes(&Token::of_idp(&EC).sign(&EC)))
        .await
        .expect_err("unknown");
    let credential = running.believes(&old).expect("it is a previous key");
    running
        .changed_by(|| {
            running.write("access.toml", &access_file(&url, "previous_keys_seconds = 0"))
        })
        .await;
    assert_eq!(running.believes(&old).err(), Some(Fault::UnknownSigningKey));
    assert_eq!(running.access.standing(&credential), Standing::Changed);
    assert!(running.believes(&new).is_ok(), "the others are kept");
}

#[tokio::test]
async fn s1_a_server_starts_without_its_issuers_keys_and_gets_them_later() {
    let site = Site::start(None).await;
    site.answers("503 Service Unavailable", "");
    let pace = Pace { retry: Duration::from_millis(5), ..still() };
    let running = running(&format!("http://127.0.0.1:{}/jwks", site.port), "", pace).await;
    let (token, _) = tokens();
    assert_eq!(running.believes(&token).err(), Some(Fault::UnknownSigningKey));
    running.until("several tries", |access| figure(access, "access_failed_jwks_fetches") > 3).await;
    running.changed_by(|| site.has_keys(&[&ED])).await;
    assert!(running.believes(&token).is_ok());
}

#[tokio::test]
async fn d4_an_answer_that_is_no_set_changes_nothing() {
    let site = Site::start(None).await;
    site.has_keys(&[&ED]);
    let pace = Pace {
        refresh: Duration::from_millis(5),
        retry: Duration::from_millis(5),
        retry_most: Duration::from_millis(5),
        give_up: Duration::from_millis(300),
        ..still()
    };
    let running = running(&format!("http://127.0.0.1:{}/jwks", site.port), "", pace).await;
    let (token, _) = tokens();
    let set = jwks(&[&STRANGER]);
    let many = json!({ "keys": vec![ED.jwk(); 101] }).to_string();
    let huge = format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(256 * 1024));
    for (status, body) in [
        ("404 Not Found", set.as_str()),
        ("500 Internal Server Error", &set),
        ("302 Found", &set),
        ("204 No Content", ""),
        ("200 OK", ""),
        ("200 OK", "<html>"),
        ("200 OK", "{}"),
        ("200 OK", "{\"keys\":{}}"),
        ("200 OK", &many),
        ("200 OK", &huge),
    ] {
        let before = figure(&running.access, "access_failed_jwks_fetches");
        site.answers(status, body);
        // One may be under way that was asked for before.
        running
            .until(status, |access| figure(access, "access_failed_jwks_fetches") > before + 1)
            .await;
        assert!(running.believes(&token).is_ok(), "{status} {body:.20}");
    }
    let before = figure(&running.access, "access_failed_jwks_fetches");
    site.answer.lock().expect("not poisoned").clear();
    running
        .until("one is given up", |access| {
            figure(access, "access_failed_jwks_fetches") > before + 1
        })
        .await;
    assert!(running.believes(&token).is_ok());
    // It is empty, and a set: the issuer has withdrawn its keys.
    running.changed_by(|| site.answers("200 OK", "{\"keys\":[]}")).await;
    assert!(running.believes(&token).is_ok(), "for as long as previous keys are");
}

#[tokio::test]
async fn unknown_keys_ask_an_issuer_no_more_often_than_it_is_allowed() {
    let site = Site::start(None).await;
    site.has_keys(&[&ED]);
    let pace = Pace { apart: Duration::from_secs(3_600), ..still() };
    let url = format!("http://127.0.0.1:{}/jwks", site.port);
    let running = running(&url, "", pace).await;
    for number in 0..500 {
        let token = Token::of_idp(&ED).header("kid", format!("k{number}")).sign(&STRANGER);
        assert_eq!(running.believes(&token).err(), Some(Fault::UnknownSigningKey));
    }
    // By the time that two changes of the file were noticed, one after the other, the loop has come round.
    for seconds in [10, 11] {
        let text = access_file(&url, &format!("max_lifetime = {seconds}000"));
        running.changed_by(|| running.write("access.toml", &text)).await;
    }
    assert_eq!(site.asked(), 1, "only at the start");
    assert_eq!(figure(&running.access, "access_jwks_fetches"), 1);
}

#[tokio::test]
async fn keys_from_another_place_are_another_matter() {
    let (one, two) = (Site::start(None).await, Site::start(None).await);
    one.has_keys(&[&ED]);
    two.has_keys(&[&ED_2]);
    let url = |site: &Site| format!("http://127.0.0.1:{}/jwks", site.port);
    let running = running(&url(&one), "", still()).await;
    let (old, new) = tokens();
    assert!(running.believes(&old).is_ok());
    running.write("access.toml", &access_file(&url(&two), ""));
    running.until("the other's key", |_| running.believes(&new).is_ok()).await;
    assert_eq!(running.believes(&old).err(), Some(Fault::UnknownSigningKey));
}

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self { issuer: CertifiedIssuer::self_signed(params, key).expect("it signs") }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    fn server(&self) -> ServerConfig {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
        let certificate = params.signed_by(&key, &self.issuer).expect("it is signed");
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .expect("there are some")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], private)
            .expect("they fit")
    }
}

#[tokio::test]
async fn s1_keys_come_over_tls_from_whom_the_operators_ca_vouches_for() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let site = Site::start(Some(ours.server())).await;
    site.has_keys(&[&ED]);
    let (token, _) = tokens();
    let file = |host: &str, ca: &str| access_file(&format!("https://{host}:{}/", site.port), ca);
    let own = "jwks_ca = \"ca.pem\"";
    for (host, ca, pem, good) in [
        ("localhost", own, ours.pem(), true),
        ("localhost", own, theirs.pem(), false),
        ("127.0.0.1", own, ours.pem(), false),
        ("localhost", "", String::new(), false),
    ] {
        let files = [("access.toml", file(host, ca)), ("ca.pem", pem)];
        let running = Running::of(&files, still()).await;
        assert_eq!(running.believes(&token).is_ok(), good, "{host} {ca}");
        let failed = figure(&running.access, "access_failed_jwks_fetches");
        assert_eq!(failed, i64::from(!good));
    }
}

/// What is said of a file with these keys; nothing if it is taken.
fn said_of(keys: &Value) -> String {
    let file = access_file("x", "").replace("jwks_url = \"x\"", "jwks_file = \"set.json\"");
    let files = [("access.toml", file), ("set.json", json!({ "keys": keys }).to_string())];
    of_files(&files, Hands::default().clock()).err().map(|bad| bad.to_string()).unwrap_or_default()
}

#[test]
fn s1_a_key_is_good_for_one_algorithm_and_large_enough() {
    let with = |signer: &Signer, name: &str, value: Value| {
        let mut jwk = signer.jwk();
        jwk[name] = value;
        jwk
    };
    let good = json!([
        with(&RSA, "alg", "RS256".into()),
        with(&EC, "use", "sig".into()),
        with(&ED, "key_ops", json!(["verify"])),
        // For something else, as sets of others have them.
        with(&P384, "kid", "p384".into()),
        with(&RSA, "use", "enc".into()),
        with(&RSA, "alg", "PS256".into()),
        {"kty": "OKP", "crv": "X25519", "x": "AA"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"},
    ]);
    assert_eq!(said_of(&good), "");
    let short = json!({"kty": "RSA", "n": base64url([0xff; 128]), "e": "AQAB"});
    let padded =
        json!({"kty": "RSA", "n": base64url([[0; 128], [0xff; 128]].concat()), "e": "AQAB"});
    let nearly =
        json!({"kty": "RSA", "n": base64url([&[0x7f][..], &[0xff; 255]].concat()), "e": "AQAB"});
    for (what, key, why) in [
        ("a secret", json!({"kty": "oct", "k": "c2VjcmV0"}), "shared secret"),
        ("a private key", with(&ED, "d", "AA".into()), "private key"),
        ("1,024 bits", short, "has 1024 bits"),
        ("1,024 bits and zeros", padded, "has 1024 bits"),
        ("2,047 bits", nearly, "has 2047 bits"),
        ("a coordinate too short", with(&EC, "x", base64url([1; 31]).into()), "isn't as long"),
        ("a point too long", with(&ED, "x", base64url([1; 33]).into()), "isn't as long"),
        ("without a part", with(&RSA, "n", Value::Null), "lacks a part"),
        ("no base64url", with(&ED, "x", "+/+/".into()), "lacks a part"),
        ("no type", json!({"kid": "x"}), "isn't a JWK"),
        ("a kid that is empty", with(&ED, "kid", "".into()), "`kid`"),
        ("a kid that is a number", with(&ED, "kid", 1.into()), "isn't a JWK"),
        ("only for others", with(&RSA, "alg", "RS512".into()), "no key that can be used"),
    ] {
        let said = said_of(&json!([key]));
        assert!(said.contains(why), "{what}: {said}");
        assert!(!said.contains("c2VjcmV0"), "{what}: {said}");
    }
    assert!(
        said_of(&json!([ED.jwk(), with(&ED_2, "kid", "ed".into())]))
            .contains("the `kid` of another")
    );
    assert!(said_of(&json!(vec![ED.jwk(); 101])).contains("at most 100"));
}
