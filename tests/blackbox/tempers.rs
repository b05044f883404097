//! The vendor to copy from (`client::vendor`) does what it should, and by each of its tempers what it shouldn't, and Baton
//! answers both as `docs/partners.md` says.

use std::time::Duration;

use baton::client::vendor::{Temper, Vendor, VendorPlan};
use baton::client::{Client, Failure, Identity, RetryPolicy};
use baton::pb::HandoffFailure;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::guide::Shell;
use super::world::{DEADLINE, House};

/// An org with a partner, rita who has a session of its channel, and a terminal.
async fn stage(url: String) -> Shell {
    shell(Shell::at(&url), |shell| {
        shell.run("baton apply -f examples/org.yaml");
        shell.run("baton apply -f examples/partner.yaml");
        shell.run("baton --role partner --as acme contacts sync examples/contacts.jsonl");
        shell.leave_running("baton online rita --status at-acme");
        shell.run("baton session open --channel acme-chat --reference c-1");
        shell.run("baton routing route REQUEST --to rep:rita --reference w0");
        shell.run("baton accept --next --as rita");
    })
    .await
    .0
}

/// Does something in a terminal, beside what goes on here.
async fn shell<T: Send + 'static>(
    mut shell: Shell,
    does: impl FnOnce(&mut Shell) -> T + Send + 'static,
) -> (Shell, T) {
    let done = tokio::task::spawn_blocking(move || {
        let done = does(&mut shell);
        (shell, done)
    });
    done.await.expect("each command works")
}

/// A vendor at work. It stops when this is dropped: one that went on would find the next server at the same port.
struct Working {
    said: mpsc::UnboundedReceiver<String>,
    _serves: JoinSet<Result<(), Failure>>,
}

/// A vendor of this temper, at work.
async fn vendor(url: &str, temper: Temper) -> Working {
    let identity = Identity {
        org: "demo".into(),
        role: "partner".into(),
        actor: "acme".into(),
        credential: None,
    };
    let client = Client::new(url, &identity, RetryPolicy::default()).expect("a good address");
    let reps = vec![("sam".to_owned(), "READY".to_owned())];
    let plan = VendorPlan { reps, temper, ..VendorPlan::example("w1", 0) };
    let (say, said) = mpsc::unbounded_channel();
    let news = move |news: &str| {
        // At the end of a test nobody listens any more.
        let _ = say.send(news.to_owned());
    };
    let vendor = Vendor::start(client, plan, news).await.expect("it is let in");
    let mut serves = JoinSet::new();
    serves.spawn(async move { vendor.serve().await });
    Working { said, _serves: serves }
}

/// Waits until the vendor says this.
async fn until_said(vendor: &mut Working, wanted: &str) {
    let mut all = Vec::new();
    let heard = timeout(DEADLINE, async {
        while let Some(news) = vendor.said.recv().await {
            let found = news.contains(wanted);
            all.push(news);
            if found {
                return;
            }
        }
    });
    assert!(heard.await.is_ok(), "it never said {wanted}, but {all:?}");
}

fn busy() -> Temper {
    Temper { fail: Some(HandoffFailure::Busy), ..Temper::default() }
}

/// Hands rita's session to a contact of a vendor of this temper, waits until it has said so, and gives transfer and hand-off.
async fn handed_over(temper: Temper, says: &str) -> (Value, Value) {
    let house = House::new().await;
    let url = format!("http://{}", house.server.address);
    let terminal = stage(url.clone()).await;
    let mut vendor = vendor(&url, temper).await;
    let transfer = |shell: &mut Shell| shell.json("baton transfer SESSION --to contact:acme/42");
    let (terminal, transfer) = shell(terminal, transfer).await;
    until_said(&mut vendor, says).await;
    let id = transfer["id"].as_str().expect("an id").to_owned();
    let look = move |shell: &mut Shell| {
        let transfer = shell.json(&format!("baton transfers get {id}"));
        let handoffs = shell.json("baton handoffs list --session SESSION");
        assert_eq!(handoffs.as_array().map(Vec::len), Some(1), "{handoffs}");
        (transfer, handoffs[0].clone())
    };
    shell(terminal, look).await.1
}

#[tokio::test]
async fn t23_n9_a_vendor_s_temper_decides_what_becomes_of_a_handoff() {
    let cases = [
        (Temper::default(), "contact 42 has session", "COMPLETED", "COMPLETED"),
        (
            Temper { twice: true, ..Temper::default() },
            "again: contact 42",
            "COMPLETED",
            "COMPLETED",
        ),
        (
            Temper { late: Duration::from_millis(50), ..Temper::default() },
            "contact 42 has session",
            "COMPLETED",
            "COMPLETED",
        ),
        (busy(), "failed, BUSY", "FAILED", "FAILED"),
        (
            Temper { ack_only: true, ..Temper::default() },
            "acknowledged, and left",
            "OFFERED",
            "ACKNOWLEDGED",
        ),
        (Temper { never: true, ..Temper::default() }, "isn't answered", "OFFERED", "ASKED"),
        (
            Temper { wrong: true, ..Temper::default() },
            "NOT_FOUND; claimed by a colleague: taken; and still completed: CLAIMED_BY_ANOTHER",
            "OFFERED",
            "ACKNOWLEDGED",
        ),
    ];
    for (temper, says, of_transfer, of_handoff) in cases {
        let told = format!("{temper:?}");
        let fails = temper.fail.is_some();
        let (transfer, handoff) = handed_over(temper, says).await;
        assert_eq!(transfer["state"], of_transfer, "{told}: {transfer}");
        assert_eq!(handoff["state"], of_handoff, "{told}: {handoff}");
        if fails {
            assert_eq!(transfer["failureReason"], "BUSY", "{transfer}");
            assert_eq!(
                (&transfer["retryable"], &transfer["retryAfter"]),
                (&true.into(), &"30s".into())
            );
        }
    }
}

#[tokio::test]
async fn n6_n1_a_vendor_s_temper_decides_what_becomes_of_a_routing_request() {
    let to_queue = Temper { to_queue: Some("acme-fallback".into()), ..Temper::default() };
    let cases = [
        (Temper::default(), "to rep sam", "ROUTED"),
        (Temper { twice: true, ..Temper::default() }, "again: taken", "ROUTED"),
        (busy(), "failed, BUSY", "FAILED"),
        (to_queue, "to queue acme-fallback", "ROUTED"),
        (Temper { ack_only: true, ..Temper::default() }, "waits in the line", "ACKNOWLEDGED"),
        (Temper { never: true, ..Temper::default() }, "isn't answered", "ASKED"),
        (
            Temper { wrong: true, ..Temper::default() },
            "what isn't there: NOT_FOUND; to nobody: NOT_FOUND",
            "ASKED",
        ),
    ];
    for (temper, says, state) in cases {
        let told = format!("{temper:?}");
        let house = House::new().await;
        let url = format!("http://{}", house.server.address);
        let terminal = stage(url.clone()).await;
        let mut vendor = vendor(&url, temper).await;
        let open = |shell: &mut Shell| {
            shell.run("baton session open --channel acme-chat --reference c-2");
        };
        let (terminal, ()) = shell(terminal, open).await;
        until_said(&mut vendor, says).await;
        let look = |shell: &mut Shell| shell.json("baton routing list --session SESSION");
        let (_terminal, requests) = shell(terminal, look).await;
        assert_eq!(requests[0]["state"], state, "{told}: {requests}");
    }
}

#[tokio::test]
async fn n9_a_worker_that_comes_back_goes_on_with_what_it_had() {
    let house = House::new().await;
    let url = format!("http://{}", house.server.address);
    let terminal = stage(url.clone()).await;
    let claim = |shell: &mut Shell| {
        shell.run("baton session open --channel acme-chat --reference c-2");
        shell.run("baton --role partner --as acme routing ack REQUEST --reference w1");
        let open = shell.session.clone();
        let sessions = shell.json("baton sessions list --rep rita");
        shell.session = sessions[0]["id"].as_str().expect("an id").to_owned();
        shell.run("baton transfer SESSION --to contact:acme/42");
        shell.run("baton --role partner --as acme handoffs ack HANDOFF --reference w1");
        shell.session = open;
    };
    let (terminal, ()) = shell(terminal, claim).await;
    // Started only now: what w1 has claimed is in the snapshot.
    let mut vendor = vendor(&url, Temper::default()).await;
    let (mut routed, mut taken) = (false, false);
    let both = timeout(DEADLINE, async {
        while !(routed && taken) {
            let news = vendor.said.recv().await.expect("it goes on");
            routed |= news.contains("to rep sam");
            taken |= news.contains("contact 42 has session");
        }
    });
    assert!(both.await.is_ok(), "routed: {routed}, taken: {taken}");
    drop(terminal);
}
