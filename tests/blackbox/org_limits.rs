//! How much one org may have (D1), through gRPC: what is refused, with which words for a program, and when to come back.

use baton::access::Limits;
use baton::pb;
use baton::server::{self, ServerOptions};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::site::{into_queue, opening, queue, routed_org};
use super::vendor::partner_org;
use super::world::{Caller, House, rep};

/// A server with these limits, and the org of the partners.
async fn house(limits: Limits) -> House {
    let options = ServerOptions {
        limits: tokio::sync::watch::Sender::new(limits).subscribe(),
        ..ServerOptions::default()
    };
    House::with(server::embedded(), options).await
}

/// Asserts that something was refused for this limit.
fn refused_for<T: std::fmt::Debug>(
    result: Result<T, Status>,
    limit: &str,
    allowed: &str,
) -> Status {
    let status = result.expect_err("it is one too many");
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    let info = status.get_details_error_info().expect("a reason");
    assert_eq!(info.reason, "LIMIT_EXCEEDED");
    assert_eq!(
        (info.metadata["limit"].as_str(), info.metadata["allowed"].as_str()),
        (limit, allowed)
    );
    assert!(status.message().contains(limit), "{status:?}");
    status
}

async fn upsert_queue(admin: &mut Caller, id: &str) -> Result<pb::UpsertQueueResponse, Status> {
    let request = pb::UpsertQueueRequest { queue: Some(queue(id, &["ana"])), ..Default::default() };
    admin.directory.upsert_queue(request).await.map(tonic::Response::into_inner)
}

async fn apply(
    admin: &mut Caller,
    directory: pb::Directory,
    prune: bool,
) -> Result<pb::ApplyDirectoryResponse, Status> {
    let directory = Some(directory);
    let request = pb::ApplyDirectoryRequest { directory, prune, ..Default::default() };
    admin.directory.apply_directory(request).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn d1_one_session_too_many_is_told_when_to_come_back() {
    let house = house(Limits { sessions_per_org: 2, ..Limits::default() }).await;
    let mut admin = house.admin();
    admin.configure(routed_org()).await;
    let (first, _) = admin.enqueue("c-1", "billing").await;
    admin.enqueue("c-2", "billing").await;
    let mut waits = Vec::new();
    for number in 3..13 {
        let third = admin.open_with(opening(&format!("c-{number}"), into_queue("billing"))).await;
        let status = refused_for(third, "sessions_per_org", "2");
        let retry = status.get_details_retry_info().and_then(|info| info.retry_delay);
        waits.push(retry.expect("it says when").as_millis());
    }
    assert!(waits.iter().all(|wait| (5_000..=7_500).contains(wait)), "{waits:?}");
    assert!(waits.iter().any(|wait| *wait != waits[0]), "spread: {waits:?}");
    let same = admin.open_with(opening("c-1", into_queue("billing"))).await.expect("it is there");
    assert!(!same.created);
    // Another org has limits of its own.
    let mut other = house.caller_in("globex", "admin", "root");
    other.configure(routed_org()).await;
    other.enqueue("c-1", "billing").await;
    admin.end(&first.id).await;
    admin.enqueue("c-3", "billing").await;
}

#[tokio::test]
async fn d1_the_directory_is_judged_as_it_would_be_after_all_of_it() {
    let house = house(Limits { queues_per_org: 2, reps_per_org: 3, ..Limits::default() }).await;
    let mut admin = house.admin();
    admin.configure(routed_org()).await;
    refused_for(upsert_queue(&mut admin, "third").await, "queues_per_org", "2");
    upsert_queue(&mut admin, "care").await.expect("that one is there");
    let dora = pb::UpsertRepRequest { rep: Some(rep("dora")), ..Default::default() };
    refused_for(admin.directory.upsert_rep(dora).await, "reps_per_org", "3");
    let mut more = routed_org();
    more.reps.push(rep("dora"));
    refused_for(apply(&mut admin, more, false).await, "reps_per_org", "3");
    // One goes and another comes, in one apply.
    let mut other = routed_org();
    other.queues = vec![queue("billing", &["ana"]), queue("new", &["ben"])];
    refused_for(apply(&mut admin, other.clone(), false).await, "queues_per_org", "2");
    apply(&mut admin, other, true).await.expect("there are as many as before");
    let list = admin.directory.list_queues(pb::ListQueuesRequest::default()).await;
    assert_eq!(list.expect("a list").into_inner().queues.len(), 2);
}

fn page(generation: i64, page: u32, ids: std::ops::Range<u32>) -> pb::SyncContactsRequest {
    let contact =
        |n| pb::Contact { id: format!("desk-{n}"), name: "Desk".into(), ..Default::default() };
    pb::SyncContactsRequest {
        partner: "acme".into(),
        mode: pb::SyncMode::Full.into(),
        generation,
        page,
        contacts: ids.map(contact).collect(),
        ..Default::default()
    }
}

#[tokio::test]
async fn d1_a_partner_has_so_many_contacts_and_a_full_sync_may_replace_them() {
    let house = house(Limits { contacts_per_partner: 3, ..Limits::default() }).await;
    let mut admin = house.admin();
    admin.configure(partner_org()).await;
    let incremental =
        |ids| pb::SyncContactsRequest { mode: pb::SyncMode::Incremental.into(), ..page(0, 0, ids) };
    admin.partners.sync_contacts(incremental(0..3)).await.expect("three are allowed");
    refused_for(admin.partners.sync_contacts(incremental(3..4)).await, "contacts_per_partner", "3");
    admin.partners.sync_contacts(incremental(0..3)).await.expect("they are there");
    let list = pb::ListContactsRequest { partner: "acme".into(), ..Default::default() };
    let listed = admin.partners.list_contacts(list).await.expect("a list").into_inner();
    assert_eq!(listed.contacts.len(), 3, "nothing of what was refused stays");
    admin.partners.sync_contacts(page(1, 1, 10..12)).await.expect("staged beside them");
    refused_for(
        admin.partners.sync_contacts(page(1, 2, 12..14)).await,
        "contacts_per_partner",
        "3",
    );
    let last = pb::SyncContactsRequest { last: true, total: 3, ..page(1, 2, 12..13) };
    let synced = admin.partners.sync_contacts(last).await.expect("three again").into_inner();
    assert_eq!(synced.sync.expect("what came of it").contacts, 3);
}
