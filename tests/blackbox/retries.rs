//! Repeated requests (T21): the same id with the same content gives the same answer and happens once,
//! whatever became of things in between. That another server answers alike is `two_servers`' part.

use baton::pb;
use tonic::Code;

use super::world::{Caller, House, refusal};

const REUSED: (Code, &str) = (Code::InvalidArgument, "REQUEST_ID_REUSED");
const SUPERSEDED: (Code, &str) = (Code::FailedPrecondition, "PRESENCE_SUPERSEDED");

async fn house() -> (House, Caller) {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    (house, admin)
}

#[tokio::test]
async fn p5_t21_a_repeated_request_is_answered_alike_when_its_presence_was_taken_over() {
    let (house, mut admin) = house().await;
    let mut ana = house.rep("ana");
    let first = ana.sign_in("ana").await;
    let session = admin.open("c-1", "ana").await;
    let accept = pb::AcceptWorkRequest {
        work: session.offer.expect("ana is there").work,
        presence: first.clone(),
        request_id: "accept".into(),
    };
    let accepted = ana.work.accept_work(accept.clone()).await.expect("it is hers").into_inner();
    let status = |request_id: &str| pb::SetStatusRequest {
        whose: Some(pb::set_status_request::Whose::Presence(first.clone())),
        status: "lunch".into(),
        request_id: request_id.into(),
        ..Default::default()
    };
    let chosen = ana.presence.set_status(status("lunch")).await.expect("it is hers").into_inner();
    ana.sign_in("ana").await;
    ana.sign_in("ana").await;

    let again = ana.work.accept_work(accept.clone()).await.expect("as before").into_inner();
    assert_eq!(again, accepted);
    let again = ana.presence.set_status(status("lunch")).await.expect("as before").into_inner();
    assert_eq!(again.revision, chosen.revision);
    // Both the one just taken over and those before it are told so.
    let pause = |presence: &str, request_id: &str| pb::PauseSessionRequest {
        session: session.id.clone(),
        presence: presence.into(),
        request_id: request_id.into(),
    };
    let old = ana.sign_in("ana").await;
    ana.sign_in("ana").await;
    let (code, reason) = refusal(ana.sessions.pause_session(pause(&old, "pause")).await);
    assert_eq!((code, reason.as_str()), SUPERSEDED);
    let (code, reason) = refusal(ana.presence.set_status(status("another")).await);
    assert_eq!((code, reason.as_str()), SUPERSEDED);
    let shown = ana.session(&session.id).await;
    assert_eq!(shown.state(), pb::SessionState::Active, "nothing changed");
}

#[tokio::test]
async fn t21_an_answer_that_changed_nothing_is_given_again() {
    let (house, mut admin) = house().await;
    admin.sign_in("ana").await;
    let session = admin.live_session(&house, "c-1", "ana").await;
    let resume = |request_id: &str| pb::ResumeSessionRequest {
        session: session.clone(),
        request_id: request_id.into(),
        ..Default::default()
    };
    let before = admin.session(&session).await.revision;
    let answered = admin.sessions.resume_session(resume("r1")).await.expect("it is active");
    let answered = answered.into_inner();
    assert!(answered.revision >= before);

    let pause = pb::PauseSessionRequest { session: session.clone(), ..Default::default() };
    let paused = admin.sessions.pause_session(pause).await.expect("it is active").into_inner();
    assert!(paused.revision > answered.revision, "answering took no revision of its own");
    let again = admin.sessions.resume_session(resume("r1")).await.expect("as before").into_inner();
    assert_eq!(again, answered);
    assert_eq!(admin.session(&session).await.state(), pb::SessionState::Paused);

    let end = pb::EndSessionRequest {
        session: session.clone(),
        request_id: "r1".into(),
        ..Default::default()
    };
    let (code, reason) = refusal(admin.sessions.end_session(end).await);
    assert_eq!((code, reason.as_str()), REUSED);
    let resumed = admin.sessions.resume_session(resume("r2")).await.expect("it is paused");
    assert!(resumed.into_inner().revision > paused.revision);
}

#[tokio::test]
async fn o2_t21_a_session_may_be_called_by_a_url_and_is_opened_once() {
    let (_house, mut admin) = house().await;
    admin.sign_in("ana").await;
    for reference in ["https://chat.example/c/1?x=a b", "+49 170 1234567"] {
        let opened = admin.open(reference, "ana").await;
        assert_eq!(opened.external_reference, reference);
        assert_eq!(admin.open(reference, "ana").await.id, opened.id);
        let request = pb::GetSessionRequest {
            which: Some(pb::get_session_request::Which::Reference(pb::SessionReference {
                channel: "wa".into(),
                external_reference: reference.into(),
            })),
            ..Default::default()
        };
        let found = admin.sessions.get_session(request).await.expect("it is there").into_inner();
        assert_eq!(found.session.map(|s| s.id), Some(opened.id));
    }
}
