//! Contacts of a partner (N2, N10, L4) and what it says of its queues (E6), by a vendor who supplies them and people who
//! choose among them: on one server in memory, and on two that share a Redis, asked by turns.

use baton::pb;
use pb::list_recipients_request::About;
use pb::recipient_entry::Entry;
use pb::watch_object::Object;
use tonic::Code;

use super::site::{Site, queue, seconds};
use super::stream::{Stream, request};
use super::world::{Caller, House, refusal};

/// The org of these tests, in which acme routes the channel `desk` and the queue `vip`.
async fn sites() -> [Site; 2] {
    let sites = Site::each().await;
    for site in &sites {
        let directory = pb::Directory {
            partners: vec![pb::Partner { id: "acme".into(), ..Default::default() }],
            channels: vec![pb::Channel {
                id: "desk".into(),
                r#type: pb::ChannelType::ByocForCcaas.into(),
                routing_partner: "acme".into(),
                ..Default::default()
            }],
            queues: vec![pb::Queue {
                routing_model: pb::RoutingModel::External.into(),
                partner: "acme".into(),
                partner_queue: "V1".into(),
                ..queue("vip", &[])
            }],
            ..Default::default()
        };
        site.a.admin().configure(directory).await;
    }
    sites
}

fn acme(house: &House) -> Caller {
    house.caller("partner", "acme")
}

fn contact(number: u32) -> pb::Contact {
    pb::Contact {
        id: format!("c-{number:02}"),
        name: format!("Desk {number:02}"),
        r#type: if number.is_multiple_of(2) { "team" } else { "person" }.into(),
        ..Default::default()
    }
}

fn page(generation: i64, page: u32, contacts: Vec<pb::Contact>) -> pb::SyncContactsRequest {
    let mode = pb::SyncMode::Full.into();
    pb::SyncContactsRequest { mode, generation, page, contacts, ..Default::default() }
}

fn last(total: u32, page: pb::SyncContactsRequest) -> pb::SyncContactsRequest {
    pb::SyncContactsRequest { last: true, total, ..page }
}

fn changed(contacts: Vec<pb::Contact>, deleted: &[&str]) -> pb::SyncContactsRequest {
    let deleted = deleted.iter().map(ToString::to_string).collect();
    let mode = pb::SyncMode::Incremental.into();
    pb::SyncContactsRequest { mode, contacts, deleted, ..Default::default() }
}

async fn sync(caller: &mut Caller, request: pb::SyncContactsRequest) -> (pb::ContactSync, i64) {
    let done = caller.partners.sync_contacts(request).await.expect("it is taken").into_inner();
    (done.sync.expect("what it did"), done.revision)
}

/// The ids on each page of a list.
async fn listed(
    caller: &mut Caller,
    request: pb::ListContactsRequest,
    at_least_revision: i64,
) -> Vec<Vec<String>> {
    let (mut pages, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListContactsRequest { page_token, at_least_revision, ..request.clone() };
        let found = caller.partners.list_contacts(request).await.expect("it may").into_inner();
        pages.push(found.contacts.into_iter().map(|contact| contact.id).collect());
        page_token = found.next_page_token;
        if page_token.is_empty() {
            return pages;
        }
    }
}

#[tokio::test]
async fn n2_a_full_sync_is_shown_all_at_once_and_then_changes_one_by_one() {
    for site in sites().await {
        let (mut at_a, mut at_b) = (acme(&site.a), acme(site.b()));
        let some = |from: u32, to| (from..to).map(contact).collect::<Vec<_>>();
        sync(&mut at_a, page(5, 2, some(4, 8))).await;
        let (first, at) = sync(&mut at_b, page(5, 1, some(0, 4))).await;
        assert_eq!((first.arrived, first.contacts, first.complete), (8, 0, false));
        let all = pb::ListContactsRequest::default();
        assert_eq!(listed(&mut at_a, all.clone(), at).await, [Vec::<String>::new()], "nothing");

        // A page is lost, and the last one comes: nothing is changed, and both can be sent.
        let end = || last(11, page(5, 4, some(9, 11)));
        let lost = at_a.partners.sync_contacts(end()).await;
        assert_eq!(refusal(lost), (Code::FailedPrecondition, "WRONG_STATE".into()));
        sync(&mut at_b, page(5, 3, some(8, 9))).await;
        let (done, at) = sync(&mut at_a, end()).await;
        assert_eq!((done.created, done.arrived, done.complete), (11, 11, true), "{}", site.name());
        assert_eq!(sync(&mut at_b, end()).await.0, done, "once more the same");

        let pages = listed(&mut at_b, pb::ListContactsRequest { page_size: 5, ..all.clone() }, at);
        let pages = pages.await;
        assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 1]);
        assert_eq!(pages[2], ["c-10"]);

        let renamed = pb::Contact { name: "Front Office Ö".into(), ..contact(3) };
        let (changes, at) = sync(&mut at_b, changed(vec![renamed], &["c-04", "c-99"])).await;
        assert_eq!((changes.updated, changes.deleted, changes.contacts), (1, 1, 10));
        let search = |query: &str| pb::ListContactsRequest { query: query.into(), ..all.clone() };
        assert_eq!(listed(&mut at_a, search("ö FICE"), at).await, [["c-03"]], "parts of words");
        let of_type = pb::ListContactsRequest { types: vec!["team".into()], ..search("desk c-0") };
        let found = listed(&mut at_a, of_type, at).await.concat();
        assert_eq!(found, ["c-00", "c-02", "c-06", "c-08"]);

        let gone = pb::GetContactRequest { contact: "c-04".into(), ..Default::default() };
        let found = at_a.partners.get_contact(gone).await;
        assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
    }
}

#[tokio::test]
async fn t21_a_sync_is_done_once_whichever_server_is_asked() {
    for site in sites().await {
        let request = pb::SyncContactsRequest {
            request_id: "sync-1".into(),
            ..last(2, page(1, 1, vec![contact(0), contact(1)]))
        };
        let first = sync(&mut acme(&site.a), request.clone()).await;
        let (_, later) = sync(&mut acme(&site.a), changed(vec![contact(2)], &[])).await;
        assert!(later > first.1);
        assert_eq!(sync(&mut acme(site.b()), request).await, first, "{}", site.name());
    }
}

fn report(number: u32, availability: pb::ContactAvailability) -> pb::ContactAvailabilityReport {
    pb::ContactAvailabilityReport {
        contact: contact(number).id,
        availability: availability.into(),
        ..Default::default()
    }
}

/// The contacts that can be chosen, page by page.
async fn recipients(caller: &mut Caller, page_size: i32, at_least_revision: i64) -> Vec<String> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListRecipientsRequest {
            r#type: pb::RecipientType::ExternalContact.into(),
            about: Some(About::Channel("desk".into())),
            page_size,
            page_token,
            at_least_revision,
            ..Default::default()
        };
        let page = caller.transfers.list_recipients(request).await.expect("it may").into_inner();
        for entry in page.entries {
            assert!(entry.transferable, "{:?}", entry.reasons);
            let Some(Entry::ExternalContact(contact)) = entry.entry else {
                panic!("no contact: {entry:?}");
            };
            all.push(contact.contact.expect("which").contact);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn l4_external_contacts_are_listed_the_most_available_first() {
    use pb::ContactAvailability::{Available, Busy, Unavailable};
    for site in sites().await {
        let (mut at_a, mut at_b) = (acme(&site.a), acme(site.b()));
        sync(&mut at_a, last(6, page(1, 1, (0..6).map(contact).collect()))).await;
        let quick =
            pb::ContactAvailabilityReport { estimated_wait: seconds(5), ..report(4, Available) };
        let request = pb::ReportAvailabilityRequest {
            contacts: vec![
                report(0, Unavailable),
                report(1, Busy),
                report(3, Available),
                quick,
                report(9, Busy),
            ],
            ..Default::default()
        };
        let done = at_b.partners.report_availability(request).await.expect("it is taken");
        let done = done.into_inner();
        let taken = done.report.expect("what it did");
        assert_eq!((taken.accepted, taken.failed), (4, 1));
        assert_eq!(taken.failures[0].reason, "NOT_FOUND");
        let order = ["c-04", "c-03", "c-02", "c-05", "c-01", "c-00"];
        let mut admin = site.a.admin();
        assert_eq!(recipients(&mut admin, 0, done.revision).await, order, "{}", site.name());
        assert_eq!(recipients(&mut admin, 2, done.revision).await, order);

        // T12: a channel that the partner doesn't route has none.
        let elsewhere = pb::ListRecipientsRequest {
            r#type: pb::RecipientType::ExternalContact.into(),
            about: Some(About::Channel("wa".into())),
            ..Default::default()
        };
        let refused = admin.transfers.list_recipients(elsewhere).await;
        let expected = (Code::FailedPrecondition, "EXTERNAL_CONTACT_NOT_AVAILABLE".into());
        assert_eq!(refusal(refused), expected);
    }
}

#[tokio::test]
async fn n10_an_older_report_never_wins_and_what_is_not_mentioned_stays() {
    use pb::ContactAvailability::{Available, Busy};
    for site in sites().await {
        let (mut at_a, mut at_b) = (acme(&site.a), acme(site.b()));
        sync(&mut at_a, last(1, page(1, 1, vec![contact(0)]))).await;
        let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        let newer = pb::ContactAvailabilityReport { observed_at: at(2_000), ..report(0, Busy) };
        let older =
            pb::ContactAvailabilityReport { observed_at: at(1_000), ..report(0, Available) };
        let wait = pb::ContactAvailabilityReport {
            contact: contact(0).id,
            estimated_wait: seconds(30),
            ..Default::default()
        };
        let one =
            |report| pb::ReportAvailabilityRequest { contacts: vec![report], ..Default::default() };
        let mut outdated = Vec::new();
        let mut revision = 0;
        for (at, report) in [(&site.a, newer), (site.b(), older), (&site.a, wait)] {
            let done = acme(at).partners.report_availability(one(report)).await.expect("taken");
            let done = done.into_inner();
            outdated.push(done.report.expect("what it did").outdated);
            revision = done.revision;
        }
        assert_eq!(outdated, [0, 1, 0]);
        // A sync that doesn't mention them leaves them.
        let (_, synced) = sync(&mut at_b, last(1, page(2, 1, vec![contact(0)]))).await;
        let request = pb::GetContactRequest {
            contact: contact(0).id,
            at_least_revision: synced.max(revision),
            ..Default::default()
        };
        let found = at_a.partners.get_contact(request).await.expect("it is there").into_inner();
        let known = found.contact.expect("a contact");
        assert_eq!((known.availability(), known.estimated_wait), (Busy, seconds(30)));
    }
}

#[tokio::test]
async fn e6_a_partner_says_the_wait_in_its_queue_until_that_runs_out() {
    for site in sites().await {
        let mut admin = site.a.admin();
        let filter = Some(pb::WatchFilter { queues: vec!["vip".into()], ..Default::default() });
        // What only time has changed is told with the heartbeats.
        let heartbeat_interval = seconds(1);
        let watched =
            pb::WatchRequest { filter, heartbeat_interval, ..request(&[pb::WatchKind::Queue]) };
        let (mut board, _, _) = Stream::synced(&mut admin, watched).await;
        let of_queue = pb::QueueWaitReport {
            queue: "V1".into(),
            estimated_wait: seconds(90),
            samples: 12,
            valid_for: seconds(1),
            ..Default::default()
        };
        let foreign = pb::QueueWaitReport { queue: "billing".into(), ..of_queue.clone() };
        let request =
            pb::ReportAvailabilityRequest { queues: vec![of_queue, foreign], ..Default::default() };
        let done = acme(site.b()).partners.report_availability(request).await.expect("taken");
        let report = done.into_inner().report.expect("what it did");
        assert_eq!((report.accepted, report.failures[0].index), (1, 1));
        assert_eq!(report.failures[0].reason, "NOT_FOUND");
        let told = |changes: &pb::RevisionChanges| -> Vec<pb::EstimatedWait> {
            let queues = changes.changes.iter().filter_map(|c| match c.change.as_ref()? {
                pb::change::Change::Upserted(object) => match object.object.as_ref()? {
                    Object::Queue(queue) => queue.estimated_wait,
                    _ => None,
                },
                pb::change::Change::Removed(_) => None,
            });
            queues.collect()
        };
        let supplied = |wait: &pb::EstimatedWait| {
            (wait.wait, wait.samples, wait.from_partner) == (seconds(90), 12, true)
        };
        board.until(|changes| told(changes).iter().any(supplied)).await;
        // Nothing happens, and it is told all the same that it doesn't hold any more.
        let over = |wait: &pb::EstimatedWait| wait.wait.is_none() && !wait.from_partner;
        board.until(|changes| told(changes).iter().any(over)).await;
    }
}
