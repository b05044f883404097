//! Transfers from click to completion (T4–T8, T16, T20, T21, T24, T25), through gRPC.

use baton::pb;
use tonic::Code;

use super::stream::{ALL, Stream, facts, request, touched};
use super::world::{House, refusal, to_rep};

#[tokio::test]
async fn t5_t6_w4_a_transfer_completes_in_one_revision_that_holds_both_reps() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    admin.sign_in("ben").await;
    let session = admin.live_session(&house, "c-1", "ana").await;
    let (mut stream, _, _) = Stream::synced(&mut admin, request(&ALL)).await;

    let asked = house.rep("ana").transfer(&session, "ben", "").await.expect("ana owns it");
    let transfer = asked.transfer.expect("a transfer");
    assert_eq!(transfer.state(), pb::TransferState::Offered);
    let meanwhile = admin.session(&session).await;
    assert_eq!(meanwhile.owner, "ana", "T5: the original rep keeps it");
    assert_eq!(meanwhile.offer.expect("it is offered").rep, "ben");

    let done = house.rep("ben").accept_transfer(&transfer.id, "").await.expect("ben is asked");
    let completed = done.transfer.expect("a transfer");
    assert_eq!(completed.state(), pb::TransferState::Completed);
    assert_eq!((completed.rep.as_str(), completed.note.as_str()), ("ben", "prefers e-mail"));

    let seen = stream.up_to(done.revision).await;
    let last = seen.last().expect("the completion");
    assert_eq!(last.revision, done.revision);
    assert!(facts(last).contains(&"transfer_completed"), "{last:?}");
    let objects = touched(last);
    for wanted in [("rep", "ana"), ("rep", "ben"), ("session", session.as_str())] {
        assert!(
            objects.contains(&(wanted.0, wanted.1.to_owned())),
            "W4: {wanted:?} in {objects:?}"
        );
    }
    assert!(objects.contains(&("transfer", transfer.id.clone())));
    assert_eq!(objects.iter().filter(|(kind, _)| *kind == "work").count(), 2, "{objects:?}");
    let before = last.changes.iter().find(|c| c.before != 0).map(pb::Change::before);
    assert_eq!(before, Some(pb::TransferState::Offered));

    assert_eq!(admin.session(&session).await.owner, "ben");
    assert_eq!(admin.rep_presence("ana").await.used_centi_units, 0, "T6: freed");
    assert_eq!(admin.rep_presence("ben").await.used_centi_units, 100);
    let again = house.rep("ana").transfer(&session, "cleo", "").await;
    assert_eq!(refusal(again), (Code::FailedPrecondition, "NOT_OWNER".into()), "T20");
}

#[tokio::test]
async fn t7_t8_a_full_rep_can_be_chosen_and_the_original_rep_leaves_at_once() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let first = admin.live_session(&house, "b-1", "ben").await;
    admin.live_session(&house, "b-2", "ben").await;
    let session = admin.live_session(&house, "a-1", "ana").await;

    let quote = pb::QuoteTransferRequest {
        session: session.clone(),
        recipient: Some(to_rep("ben")),
        ..Default::default()
    };
    let quote = house.rep("ana").transfers.quote_transfer(quote).await.expect("T24").into_inner();
    assert!(quote.allowed && quote.would_wait, "T8: {quote:?}");
    assert_eq!(quote.position, 1);

    let asked = house.rep("ana").transfer(&session, "ben", "").await.expect("T8: never an error");
    let transfer = asked.transfer.expect("a transfer");
    assert_eq!(transfer.state(), pb::TransferState::Waiting);
    let waiting = admin.session(&session).await;
    assert_eq!((waiting.owner.as_str(), waiting.state()), ("", pb::SessionState::Waiting), "T7");
    assert_eq!(admin.rep_presence("ana").await.used_centi_units, 0, "T7: freed at once");

    let end = pb::EndSessionRequest { session: first, ..Default::default() };
    let ended = house.rep("ben").sessions.end_session(end).await.expect("ben owns it");
    let ended = ended.into_inner().revision;
    let request =
        pb::GetTransferRequest { transfer: transfer.id.clone(), at_least_revision: ended };
    let offered = admin.transfers.get_transfer(request).await.expect("it is there").into_inner();
    assert_eq!(offered.transfer.expect("a transfer").state(), pb::TransferState::Offered, "R1");
    let done = house.rep("ben").accept_transfer(&transfer.id, "").await.expect("ben is asked");
    assert_eq!(done.transfer.expect("a transfer").state(), pb::TransferState::Completed);
}

#[tokio::test]
async fn t4_a_transfer_cant_be_declined_and_nothing_changes() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-1", "ana").await;
    let asked = house.rep("ana").transfer(&session, "ben", "").await.expect("ana owns it");
    let transfer = asked.transfer.expect("a transfer");
    let decline = pb::DeclineWorkRequest { work: transfer.work.clone(), ..Default::default() };
    let refused = house.rep("ben").work.decline_work(decline).await;
    assert_eq!(refusal(refused), (Code::FailedPrecondition, "TRANSFER_NOT_DECLINABLE".into()));
    let after = admin.the_transfer(&transfer.id).await;
    assert_eq!(after.state(), pb::TransferState::Offered);
    assert_eq!(after.revision, asked.revision, "it changed nothing");
}

#[tokio::test]
async fn t21_a_repeated_request_is_answered_the_same_and_done_once() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-1", "ana").await;
    let mut ana = house.rep("ana");
    let first = ana.transfer(&session, "ben", "once").await.expect("ana owns it");
    let second = ana.transfer(&session, "ben", "once").await.expect("the same request");
    assert_eq!(first, second);
    let other = ana.transfer(&session, "cleo", "once").await;
    assert_eq!(refusal(other), (Code::InvalidArgument, "REQUEST_ID_REUSED".into()));
    let anew = ana.transfer(&session, "ben", "twice").await;
    assert_eq!(refusal(anew), (Code::FailedPrecondition, "TRANSFER_IN_PROGRESS".into()), "T16");

    let id = first.transfer.expect("a transfer").id;
    let mut ben = house.rep("ben");
    let accepted = ben.accept_transfer(&id, "take").await.expect("ben is asked");
    assert_eq!(ben.accept_transfer(&id, "take").await.expect("the same request"), accepted);
    let late = ana.transfer(&session, "ben", "once").await.expect("still the same request");
    assert_eq!(late.revision, first.revision, "also after it has gone on");
}

#[tokio::test]
async fn t25_a_session_tells_its_story_and_lists_go_page_by_page() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    for rep in ["ana", "ben", "cleo"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-1", "ana").await;
    for (from, to) in [("ana", "ben"), ("ben", "cleo")] {
        let asked = house.rep(from).transfer(&session, to, "").await.expect("they own it");
        let id = asked.transfer.expect("a transfer").id;
        house.rep(to).accept_transfer(&id, "").await.expect("they are asked");
    }
    let request = pb::GetSessionHistoryRequest { session: session.clone(), ..Default::default() };
    let history = admin.sessions.get_session_history(request).await.expect("there").into_inner();
    let chain: Vec<_> =
        history.transfers.iter().map(|t| (t.from_rep.as_str(), t.rep.as_str())).collect();
    assert_eq!(chain, [("ana", "ben"), ("ben", "cleo")]);
    assert_eq!(history.events.first().map(|e| e.kind.as_str()), Some("session_opened"));
    for transfer in &history.transfers {
        let of_it = history.events.iter().filter(|e| e.transfer == transfer.id);
        // Whatever happened in the same millisecond.
        let kinds: Vec<_> = of_it.map(|e| e.kind.as_str()).collect();
        let story = [
            "transfer_requested",
            "work_offered",
            "rep_removed",
            "transfer_completed",
            "work_accepted",
        ];
        assert!(kinds.starts_with(&story), "{kinds:?}");
    }

    let mut token = String::new();
    let mut listed = Vec::new();
    loop {
        let request = pb::ListTransfersRequest {
            page_size: 1,
            page_token: std::mem::take(&mut token),
            session: session.clone(),
            ..Default::default()
        };
        let page = admin.transfers.list_transfers(request).await.expect("a page").into_inner();
        assert!(page.transfers.len() <= 1);
        listed.extend(page.transfers.into_iter().map(|t| t.id));
        if page.next_page_token.is_empty() {
            break;
        }
        token = page.next_page_token;
    }
    let all: Vec<_> = history.transfers.into_iter().map(|t| t.id).collect();
    assert_eq!(listed, all);
}

#[tokio::test]
async fn l1_l6_the_list_the_explanation_and_the_capacity_agree() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-1", "ana").await;
    admin.live_session(&house, "c-2", "ben").await;
    let mut ana = house.rep("ana");
    let request = pb::ListRecipientsRequest {
        r#type: pb::RecipientType::Rep.into(),
        about: Some(pb::list_recipients_request::About::Session(session.clone())),
        ..Default::default()
    };
    let list = ana.transfers.list_recipients(request).await.expect("T10 is on").into_inner();
    let shown: Vec<_> = list
        .entries
        .iter()
        .filter_map(|e| match &e.entry {
            Some(pb::recipient_entry::Entry::Rep(rep)) => {
                Some((rep.rep.as_str(), rep.used_centi_percent))
            }
            _ => None,
        })
        .collect();
    assert!(shown.contains(&("ben", 5_000)), "{shown:?}");
    assert!(!shown.iter().any(|(rep, _)| *rep == "cleo"), "L1: cleo isn't signed in");

    let request = pb::ExplainRecipientRequest {
        recipient: Some(to_rep("cleo")),
        about: Some(pb::explain_recipient_request::About::Session(session)),
        ..Default::default()
    };
    let told = ana.transfers.explain_recipient(request).await.expect("L6").into_inner();
    assert!(!told.listed && !told.transferable);
    let offline =
        told.verdicts.iter().any(|v| v.reason() == pb::ErrorReason::RecipientOffline && !v.passed);
    assert!(offline, "{told:?}");

    let request = pb::ExplainCapacityRequest { rep: "ben".into(), ..Default::default() };
    let filled = admin.presence.explain_capacity(request).await.expect("C7").into_inner();
    let filled = filled.explanation.expect("an explanation");
    let sum: i64 = filled.lines.iter().map(|line| line.holds_centi_units).sum();
    assert_eq!((sum, filled.used_centi_units), (100, 100), "C7");
}
