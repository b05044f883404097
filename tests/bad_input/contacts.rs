//! Bad contacts, syncs and reports: what is wrong with the call is refused with each field, what is wrong with one of many
//! is said of that one, and the others are taken (N2, N10, D1, D4).

use baton::pb;

use super::routing::seconds;
use super::world::{Caller, House, refusal};
use super::{INVALID, MISSING, fields, house, long, state, text};

/// A server on which acme routes the channel `desk`, and acme.
async fn vendor() -> (House, Caller) {
    let (house, mut admin) = house().await;
    let directory = pb::Directory {
        partners: ["acme", "umbra"]
            .map(|id| pb::Partner { id: id.into(), ..Default::default() })
            .to_vec(),
        channels: vec![pb::Channel {
            id: "desk".into(),
            r#type: pb::ChannelType::ByocForCcaas.into(),
            routing_partner: "acme".into(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    admin.directory.apply_directory(request).await.expect("the org is right");
    let acme = house.caller("partner", "acme");
    (house, acme)
}

fn contact(id: &str) -> pb::Contact {
    pb::Contact { id: text(id), name: text("Desk"), ..Default::default() }
}

fn full(generation: i64, page: u32, contacts: Vec<pb::Contact>) -> pb::SyncContactsRequest {
    let mode = pb::SyncMode::Full.into();
    pb::SyncContactsRequest { mode, generation, page, contacts, ..Default::default() }
}

fn last(total: u32, page: pb::SyncContactsRequest) -> pb::SyncContactsRequest {
    pb::SyncContactsRequest { last: true, total, ..page }
}

fn changed(contacts: Vec<pb::Contact>) -> pb::SyncContactsRequest {
    let mode = pb::SyncMode::Incremental.into();
    pb::SyncContactsRequest { mode, contacts, ..Default::default() }
}

async fn sync(caller: &mut Caller, request: pb::SyncContactsRequest) -> pb::ContactSync {
    let done = caller.partners.sync_contacts(request).await.expect("it is taken");
    done.into_inner().sync.expect("what it did")
}

#[tokio::test]
async fn what_is_wrong_with_the_call_is_refused_with_each_field() {
    let (house, mut acme) = vendor().await;
    let gone = |request| pb::SyncContactsRequest { deleted: vec![text("x")], ..request };
    let negative = pb::SyncContactsRequest { total: 3, ..gone(full(-1, 0, Vec::new())) };
    let confused = pb::SyncContactsRequest {
        mode: pb::SyncMode::Incremental.into(),
        allow_mass_deletion: true,
        ..last(1, full(1, 1, Vec::new()))
    };
    let many = changed((0..10_001).map(|n| contact(&n.to_string())).collect());
    for (request, wrong) in [
        (pb::SyncContactsRequest::default(), vec!["mode"]),
        (negative, vec!["deleted", "total", "page", "generation"]),
        (confused, vec!["generation", "page", "last", "total", "allow_mass_deletion"]),
        (many, vec!["contacts"]),
        (pb::SyncContactsRequest { partner: text("a b"), ..changed(Vec::new()) }, vec!["partner"]),
    ] {
        let refused = acme.partners.sync_contacts(request).await.expect_err("it is wrong");
        assert_eq!(fields(&refused), wrong, "{refused}");
    }
    let unnamed = house.admin().partners.sync_contacts(changed(Vec::new())).await;
    assert_eq!(fields(&unnamed.expect_err("whose?")), ["partner"]);
}

#[tokio::test]
async fn n3_another_partners_contacts_are_not_there() {
    let (house, mut acme) = vendor().await;
    sync(&mut acme, last(1, full(1, 1, vec![contact("42")]))).await;
    let mut umbra = house.caller("partner", "umbra");
    let theirs = |request| pb::SyncContactsRequest { partner: text("acme"), ..request };
    let get = pb::GetContactRequest { partner: text("acme"), ..Default::default() };
    let get = pb::GetContactRequest { contact: text("42"), ..get };
    let list = pb::ListContactsRequest { partner: text("acme"), ..Default::default() };
    let report = pb::ReportAvailabilityRequest { partner: text("acme"), ..Default::default() };
    let mut admin = house.admin();
    refused! {
        "another's": umbra.partners, sync_contacts(theirs(changed(Vec::new()))) => MISSING;
        "another's": umbra.partners, report_availability(report) => MISSING;
        "another's": umbra.partners, get_contact(get.clone()) => MISSING;
        "another's": umbra.partners, list_contacts(list) => MISSING;
        "not there": admin.partners, list_contacts(pb::ListContactsRequest {
            partner: text("nobody"),
            ..Default::default()
        }) => MISSING;
        "bad page": acme.partners, list_contacts(pb::ListContactsRequest {
            page_size: 501,
            ..Default::default()
        }) => INVALID;
        "no id": acme.partners, get_contact(pb::GetContactRequest::default()) => INVALID;
    }
    let found = admin.partners.get_contact(get).await.expect("an admin may").into_inner();
    assert_eq!(found.contact.expect("a contact").id, "42");
}

#[tokio::test]
async fn n2_one_bad_contact_does_not_keep_the_others_out() {
    let (_house, mut acme) = vendor().await;
    let soon = std::time::SystemTime::now() + std::time::Duration::from_secs(3_600);
    let on = |channel: &str, id: &str| pb::Contact { channels: vec![text(channel)], ..contact(id) };
    let contacts = vec![
        contact("1"),
        contact("a b"),
        contact("1"),
        pb::Contact { name: String::new(), r#type: long(65), ..contact("2") },
        on("wa", "3"),
        on("nowhere", "4"),
        on("desk", "5"),
        pb::Contact { observed_at: Some(soon.into()), availability: 1, ..contact("6") },
        pb::Contact { name: text("a\u{1b}[2J"), ..contact("7") },
        pb::Contact { availability: 99, estimated_wait: seconds(-1), ..contact("8") },
        pb::Contact { fields: [(String::new(), long(1_100))].into(), ..contact("9") },
    ];
    let done = sync(&mut acme, changed(contacts)).await;
    assert_eq!((done.created, done.failed), (2, 9));
    let told: Vec<u32> = done.failures.iter().map(|failure| failure.index).collect();
    assert_eq!(told, [1, 2, 3, 4, 5, 7, 8, 9, 10]);
    assert!(done.failures.iter().all(|f| f.reason == "INVALID_FIELD" && f.list == "contacts"));
    let of = |index: u32| {
        let found = done.failures.iter().find(|failure| failure.index == index);
        found.expect("it failed").text.as_str()
    };
    assert!(of(1).starts_with("id contains ' '"), "{}", of(1));
    assert_eq!(of(2), "id is 1 again; give each once");
    assert!(of(3).contains("name is empty") && of(3).contains("type is 65 bytes long"));
    assert!(of(4).contains("wa, which isn't a channel that acme routes"), "{}", of(4));
    assert!(of(7).starts_with("observed_at is 3"), "{}", of(7));
    assert!(of(9).contains("availability") && of(9).contains("estimated_wait"), "{}", of(9));
}

#[tokio::test]
async fn n2_generations_in_another_order_are_refused_and_pages_are_not_mixed() {
    let (_house, mut acme) = vendor().await;
    sync(&mut acme, full(5, 1, vec![contact("five")])).await;
    sync(&mut acme, full(6, 1, vec![contact("six")])).await;
    refused! {
        "superseded": acme.partners, sync_contacts(full(5, 2, vec![contact("late")]))
            => state("WRONG_STATE");
        "a page is lost": acme.partners, sync_contacts(last(2, full(6, 3, vec![contact("7")])))
            => state("WRONG_STATE");
        "too few": acme.partners, sync_contacts(last(3, full(6, 2, vec![contact("7")])))
            => state("WRONG_STATE");
    }
    let done = sync(&mut acme, last(2, full(6, 2, vec![contact("7")]))).await;
    assert_eq!((done.contacts, done.complete), (2, true), "five never shows");
    refused! {
        "complete": acme.partners, sync_contacts(full(6, 1, vec![contact("six")]))
            => state("WRONG_STATE");
        "lower": acme.partners, sync_contacts(full(1, 1, Vec::new())) => state("WRONG_STATE");
    }
}

#[tokio::test]
async fn n10_a_full_sync_of_ten_over_many_deletes_nothing_unless_it_says_so() {
    let (_house, mut acme) = vendor().await;
    let many = (0..500).map(|n| contact(&format!("c{n}"))).collect();
    sync(&mut acme, last(500, full(1, 1, many))).await;
    let ten = || last(10, full(2, 1, (0..10).map(|n| contact(&format!("c{n}"))).collect()));
    let refused = acme.partners.sync_contacts(ten()).await.expect_err("it would delete 490");
    assert!(refused.message().contains("490 of 500"), "{refused}");
    let (code, reason) = refusal::<()>(Err(refused));
    assert_eq!((code, reason.as_str()), state("SYNC_DELETES_TOO_MANY"));
    let get = pb::GetContactRequest { contact: text("c499"), ..Default::default() };
    acme.partners.get_contact(get).await.expect("nothing was deleted");
    let meant = pb::SyncContactsRequest { allow_mass_deletion: true, ..ten() };
    assert_eq!(sync(&mut acme, meant).await.deleted, 490);
}

#[tokio::test]
async fn n10_one_bad_report_does_not_keep_the_others_out() {
    let (_house, mut acme) = vendor().await;
    sync(&mut acme, last(1, full(1, 1, vec![contact("1")]))).await;
    let of = |id: &str| pb::ContactAvailabilityReport {
        contact: text(id),
        availability: 2,
        ..Default::default()
    };
    let unsure = pb::ContactAvailabilityReport {
        estimated_wait: seconds(1),
        estimated_wait_unknown: true,
        ..of("2")
    };
    let long_ago = pb::QueueWaitReport {
        queue: text("nowhere"),
        valid_for: seconds(86_401),
        ..Default::default()
    };
    let request = pb::ReportAvailabilityRequest {
        contacts: vec![of("1"), of("1"), of("nobody"), of("?"), unsure],
        queues: vec![long_ago],
        ..Default::default()
    };
    let done = acme.partners.report_availability(request).await.expect("one is good");
    let report = done.into_inner().report.expect("what it did");
    assert_eq!((report.accepted, report.failed), (1, 5));
    let told: Vec<(&str, u32, &str)> = report
        .failures
        .iter()
        .map(|failure| (failure.list.as_str(), failure.index, failure.reason.as_str()))
        .collect();
    let invalid = "INVALID_FIELD";
    let expected = [
        ("contacts", 1, invalid),
        ("contacts", 2, "NOT_FOUND"),
        ("contacts", 3, invalid),
        ("contacts", 4, invalid),
        ("queues", 0, "NOT_FOUND"),
    ];
    assert_eq!(told, expected);
}
