//! The audit (S3): each change has one record that says who, for whom, through which call and what, the same at every
//! server; and nobody reads it but the org's admins.

use baton::pb;
use pb::{AuditAction as Action, AuditKind as Kind, Role};
use tonic::{Code, Response};

use super::audited::{AuditStream, after, following, listed, revisions, streamed};
use super::site::{Site, routed_org, seconds};
use super::world::{Caller, House, org, refusal, to_rep};

/// What customers and people typed; nowhere in the audit.
const TYPED: &str = "canary";

/// What a call must have left in the audit.
struct Expected {
    revision: i64,
    call_id: String,
    who: (Role, &'static str),
    on_behalf_of: &'static str,
    rpc: &'static str,
    changes: Vec<(Kind, &'static str, Action)>,
}

/// The name that the answer gives its call.
fn call_id<T>(response: &Response<T>) -> String {
    let id = response.metadata().get("baton-call-id").expect("every answer has one");
    id.to_str().expect("printable").to_owned()
}

/// Who does what in a day of an org, and what is to be read of it.
struct Day<'h> {
    house: &'h House,
    expected: Vec<Expected>,
}

macro_rules! does {
    ($day:ident, $who:expr, $for:literal, $service:ident.$method:ident($request:expr), $rpc:literal, $changes:expr) => {{
        let (role, id): (Role, &'static str) = $who;
        let name = role.as_str_name().trim_start_matches("ROLE_").to_lowercase();
        let mut caller = $day.house.caller(&name, id);
        let response = caller.$service.$method($request).await.expect("it may");
        let call_id = call_id(&response);
        let answer = response.into_inner();
        $day.expected.push(Expected {
            revision: answer.revision,
            call_id,
            who: (role, id),
            on_behalf_of: $for,
            rpc: $rpc,
            changes: $changes.to_vec(),
        });
        answer
    }};
}

const ROOT: (Role, &str) = (Role::Admin, "root");
const SUE: (Role, &str) = (Role::Supervisor, "sue");
const ANA: (Role, &str) = (Role::Rep, "ana");

impl Day<'_> {
    async fn people_come(&mut self) {
        let mut directory = org();
        directory.reps[0].name = TYPED.to_owned();
        let request =
            pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
        let new = [(Kind::Rep, "ana", Action::Created), (Kind::Channel, "wa", Action::Created)];
        does!(
            self,
            ROOT,
            "",
            directory.apply_directory(request),
            "DirectoryService/ApplyDirectory",
            new
        );
        let skill = pb::Skill { id: "es".into(), name: TYPED.into() };
        for action in [Action::Created, Action::Changed] {
            let name = format!("{TYPED} {action:?}");
            let skill = Some(pb::Skill { name, ..skill.clone() });
            let request = pb::UpsertSkillRequest { skill, ..Default::default() };
            let changes = [(Kind::Skill, "es", action)];
            does!(
                self,
                ROOT,
                "",
                directory.upsert_skill(request),
                "DirectoryService/UpsertSkill",
                changes
            );
        }
        let request = pb::DeleteSkillRequest { id: "es".into(), ..Default::default() };
        let gone = [(Kind::Skill, "es", Action::Deleted)];
        does!(
            self,
            ROOT,
            "",
            directory.delete_skill(request),
            "DirectoryService/DeleteSkill",
            gone
        );
        let opened = |rep: &str| pb::OpenPresenceRequest {
            rep: rep.to_owned(),
            status: "available".into(),
            device: TYPED.into(),
            ..Default::default()
        };
        let (ana, ben) = (
            [(Kind::RepPresence, "ana", Action::Created)],
            [(Kind::RepPresence, "ben", Action::Created)],
        );
        does!(
            self,
            ANA,
            "",
            presence.open_presence(opened("ana")),
            "PresenceService/OpenPresence",
            ana
        );
        does!(
            self,
            SUE,
            "ben",
            presence.open_presence(opened("ben")),
            "PresenceService/OpenPresence",
            ben
        );
    }

    async fn a_session_comes(&mut self) -> String {
        let request = pb::OpenSessionRequest {
            channel: "wa".into(),
            external_reference: format!("+49-{TYPED}"),
            target: Some(pb::open_session_request::Target::Rep("ana".into())),
            attributes: [(TYPED.to_owned(), TYPED.to_owned())].into(),
            ..Default::default()
        };
        let new = [(Kind::Session, "", Action::Created), (Kind::Work, "", Action::Created)];
        let opened = does!(
            self,
            ROOT,
            "",
            sessions.open_session(request),
            "SessionService/OpenSession",
            new
        );
        let session = opened.session.expect("a session");
        let work = session.offer.expect("ana is asked").work;
        let accept = pb::AcceptWorkRequest { work, ..Default::default() };
        let taken = [(Kind::Session, "", Action::Changed), (Kind::Work, "", Action::Changed)];
        does!(self, ANA, "", work.accept_work(accept), "WorkService/AcceptWork", taken);
        let request = pb::UpdateSessionRequest {
            session: session.id.clone(),
            set_attributes: [(TYPED.to_owned(), format!("{TYPED} 2"))].into(),
            ..Default::default()
        };
        let changed = [(Kind::Session, "", Action::Changed)];
        does!(
            self,
            SUE,
            "ana",
            sessions.update_session(request),
            "SessionService/UpdateSession",
            changed
        );
        session.id
    }

    async fn it_is_handed_on(&mut self, session: String) {
        let request = pb::TransferSessionRequest {
            session: session.clone(),
            recipient: Some(to_rep("ben")),
            note: TYPED.into(),
            request_id: "click-1".into(),
            ..Default::default()
        };
        let asked = [(Kind::Transfer, "", Action::Created), (Kind::Work, "", Action::Created)];
        let handed = does!(
            self,
            SUE,
            "ana",
            transfers.transfer_session(request),
            "TransferService/TransferSession",
            asked
        );
        let transfer = handed.transfer.expect("a transfer").id;
        let request =
            pb::AcceptTransferRequest { transfer, rep: "ben".into(), ..Default::default() };
        let taken = [(Kind::Transfer, "", Action::Changed), (Kind::Session, "", Action::Changed)];
        does!(
            self,
            SUE,
            "ben",
            transfers.accept_transfer(request),
            "TransferService/AcceptTransfer",
            taken
        );
        let whose = Some(pb::set_status_request::Whose::Rep("ben".into()));
        let request = pb::SetStatusRequest { whose, status: "lunch".into(), ..Default::default() };
        let away = [(Kind::RepPresence, "ben", Action::Changed)];
        does!(self, SUE, "ben", presence.set_status(request), "PresenceService/SetStatus", away);
        let request = pb::EndSessionRequest { session, ..Default::default() };
        let ended = [(Kind::Session, "", Action::Changed), (Kind::Work, "", Action::Changed)];
        does!(self, SUE, "ben", sessions.end_session(request), "SessionService/EndSession", ended);
        let whose = Some(pb::close_presence_request::Whose::Rep("ben".into()));
        let request = pb::ClosePresenceRequest { whose, ..Default::default() };
        let gone = [(Kind::RepPresence, "ben", Action::Changed)];
        does!(
            self,
            SUE,
            "ben",
            presence.close_presence(request),
            "PresenceService/ClosePresence",
            gone
        );
    }
}

fn holds(record: &pb::AuditRecord, expected: &Expected, context: &str) {
    let actor = record.actor.clone().expect("somebody");
    assert_eq!((actor.role(), actor.id.as_str()), expected.who, "{context}: {record:?}");
    assert_eq!(record.on_behalf_of, expected.on_behalf_of, "{context}: {record:?}");
    assert_eq!(record.rpc, format!("baton.v1.{}", expected.rpc), "{context}: {record:?}");
    assert_eq!(record.call_id, expected.call_id, "{context}: {record:?}");
    assert_eq!(record.credential, "", "claims are no credential");
    for (kind, id, action) in &expected.changes {
        let found = record.changes.iter().any(|change| {
            change.kind() == *kind
                && change.action() == *action
                && (id.is_empty() || change.id == *id)
        });
        assert!(found, "{context}: {kind:?} {id} {action:?} isn't in {record:?}");
    }
}

#[tokio::test]
async fn s3_each_change_has_one_record_with_who_for_whom_call_and_what_and_no_text_of_anybody() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let name = site.name();
        let mut day = Day { house: &site.a, expected: Vec::new() };
        day.people_come().await;
        let session = day.a_session_comes().await;
        day.it_is_handed_on(session).await;
        let told = streamed(&mut site.a.admin()).await;
        let head = told.last().expect("something").revision;
        assert_eq!(
            revisions(&told),
            (1..=head).collect::<Vec<_>>(),
            "{name}: one for each revision"
        );
        assert!(told.windows(2).all(|pair| pair[0].time.map(|t| (t.seconds, t.nanos))
            <= pair[1].time.map(|t| (t.seconds, t.nanos))));
        for expected in &day.expected {
            let at = usize::try_from(expected.revision - 1).expect("from 1");
            holds(&told[at], expected, name);
        }
        let all = format!("{told:?}");
        assert!(!all.contains(TYPED), "{name}: somebody's text is in {all}");
        let by_id = told.iter().find(|record| record.request_id == "click-1").expect("kept");
        assert!(by_id.facts.contains(&"transfer_requested".to_owned()), "{by_id:?}");

        // The other server tells the same, as a stream and as pages from either end.
        let mut other = site.b().admin();
        assert_eq!(streamed(&mut other).await, told, "{name}");
        let pages = pb::ListAuditRecordsRequest { page_size: 3, ..Default::default() };
        assert_eq!(listed(&mut other, pages.clone()).await.0, told, "{name}");
        let backwards = pb::ListAuditRecordsRequest { newest_first: true, ..pages };
        let (mut listed, gaps) = listed(&mut other, backwards).await;
        listed.reverse();
        assert_eq!((listed, gaps), (told, Vec::new()), "{name}");
    }
}

/// A rep who doesn't take an offer in time: nobody calls.
#[tokio::test]
async fn s3_what_baton_does_by_itself_is_the_servers_and_says_what_it_was_about() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let mut admin = site.a.admin();
        let mut directory = routed_org();
        directory.presence_configurations[0].push_timeout = seconds(1);
        admin.configure(directory).await;
        admin.sign_in("ana").await;
        let mut stream =
            AuditStream::open(&mut site.b().admin(), following()).await.expect("it may");
        admin.enqueue("c-1", "billing").await;
        let told =
            stream.until(|record| record.facts.contains(&"offer_timed_out".to_owned())).await;
        let last = told.last().expect("it came");
        let actor = last.actor.clone().expect("somebody");
        assert_eq!((actor.role(), actor.id.as_str()), (Role::Server, ""), "{last:?}");
        assert_eq!((last.rpc.as_str(), last.on_behalf_of.as_str()), ("timer", ""), "{last:?}");
        assert_eq!((last.call_id.as_str(), last.request_id.as_str()), ("", ""), "{last:?}");
        let filter = pb::AuditFilter { role: Role::Server.into(), ..Default::default() };
        let request = pb::ListAuditRecordsRequest {
            filter: Some(filter),
            at_least_revision: last.revision,
            ..Default::default()
        };
        let own = listed(&mut admin, request).await.0;
        assert!(own.iter().any(|record| record.revision == last.revision), "{own:?}");
        assert!(own.iter().all(|record| !record.rpc.contains('/')), "{own:?}");
    }
}

#[tokio::test]
async fn s3_s2_the_audit_is_the_admins_and_each_orgs_own() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    for role in ["supervisor", "rep", "adapter", "partner", "dashboard"] {
        let mut caller = house.caller(role, "ana");
        let list = caller.audits.list_audit_records(pb::ListAuditRecordsRequest::default()).await;
        assert_eq!(refusal(list), (Code::PermissionDenied, "PERMISSION_DENIED".into()), "{role}");
        let watch = AuditStream::open(&mut caller, following()).await.map(|_| ());
        assert_eq!(refusal(watch), (Code::PermissionDenied, "PERMISSION_DENIED".into()), "{role}");
    }
    let mut stream = AuditStream::open(&mut admin, following()).await.expect("an admin may");
    stream.until(|record| record.revision == 1).await;

    let mut other = house.caller_in("zeta", "admin", "root");
    assert_eq!(streamed(&mut other).await, [], "nothing of acme's");
    let foreign = AuditStream::open(&mut other, after(&stream.token)).await.map(|_| ());
    assert_eq!(refusal(foreign), (Code::InvalidArgument, "INVALID_TOKEN".into()));
    let skill = Some(pb::Skill { id: "zz".into(), name: "zz".into() });
    let request = pb::UpsertSkillRequest { skill, ..Default::default() };
    other.directory.upsert_skill(request).await.expect("in its own org");
    let own = streamed(&mut other).await;
    assert_eq!((own.len(), own[0].changes[0].id.as_str()), (1, "zz"));
    assert_eq!(revisions(&streamed(&mut admin).await), [1], "nothing of zeta's");
}

/// What a session's story says of it, by who asks.
async fn for_whom(caller: &mut Caller, session: &str) -> String {
    let request =
        pb::GetSessionHistoryRequest { session: session.to_owned(), ..Default::default() };
    let story = caller.sessions.get_session_history(request).await.expect("it may").into_inner();
    let asked = story.events.into_iter().find(|event| event.kind == "transfer_requested");
    let asked = asked.expect("it was transferred");
    assert_eq!(asked.actor.expect("somebody").role(), Role::Supervisor);
    asked.on_behalf_of
}

#[tokio::test]
async fn s3_a_sessions_story_says_for_whom_it_was_done_to_those_who_run_the_org() {
    for site in [Site::in_memory().await, Site::on_redis().await] {
        let mut admin = site.a.admin();
        admin.apply().await;
        for rep in ["ana", "ben"] {
            admin.sign_in(rep).await;
        }
        let session = admin.live_session(&site.a, "c-1", "ana").await;
        site.a.caller("supervisor", "sue").transfer(&session, "ben", "").await.expect("for ana");
        for role in ["admin", "supervisor"] {
            assert_eq!(for_whom(&mut site.a.caller(role, "x"), &session).await, "ana", "{role}");
        }
        for (role, id) in [("rep", "ana"), ("dashboard", "wall")] {
            assert_eq!(for_whom(&mut site.a.caller(role, id), &session).await, "", "{role}");
        }
    }
}
