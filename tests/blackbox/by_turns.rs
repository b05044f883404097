//! Two servers, by turns: whatever is written was answered by one, and the other then searches, counts
//! or refers, many times over (D3, T9, T10, R1–R3, R8, R9, E1). Nothing is concurrent here; each step
//! waits for the answer to the one before. A server that decides on anything but the newest state
//! shows here. The servers don't see each other, so that each decides itself.

use baton::pb;
use tonic::{Code, Status};

use super::site::{Site, decide, into_queue, level, opening, queue, routed_org, rule, to_queue};
use super::world::{Caller, House, refusal, rep, to_rep};

/// Rounds of each rule.
const ROUNDS: usize = 200;

/// Both servers, whichever comes first this time.
struct Turns {
    site: Site,
}

impl Turns {
    async fn new() -> Self {
        let site = Site::of_two_homes().await;
        let mut directory = routed_org();
        directory.flows = vec![pb::Flow {
            id: "by-length".into(),
            rules: vec![rule("long", "queues[\"short\"].length >= 2", decide("care"))],
            fallback: Some(decide("short")),
            ..Default::default()
        }];
        directory.queues.push(pb::Queue { max_length: 2, ..queue("short", &[]) });
        site.a.admin().configure(directory).await;
        Self { site }
    }

    fn each(&self, round: usize) -> (&House, &House) {
        let (a, b) = (&self.site.a, self.site.b());
        if round.is_multiple_of(2) { (a, b) } else { (b, a) }
    }
}

async fn delete_queue(by: &mut Caller, id: &str, move_to: &str) -> Result<i64, Status> {
    let (id, move_to) = (id.to_owned(), move_to.to_owned());
    let request = pb::DeleteQueueRequest { id, move_to, ..Default::default() };
    by.directory.delete_queue(request).await.map(|deleted| deleted.into_inner().revision)
}

async fn put(by: &mut Caller, directory: pb::Directory) {
    by.configure(directory).await;
}

/// A rep comes back from lunch, or goes; signing in and out so often would be refused.
async fn choose(by: &mut Caller, name: &str, status: &str) -> i64 {
    let whose = Some(pb::set_status_request::Whose::Rep(name.to_owned()));
    let request = pb::SetStatusRequest { whose, status: status.to_owned(), ..Default::default() };
    let chosen = by.presence.set_status(request).await.expect("the profile allows it");
    chosen.into_inner().revision
}

async fn at_lunch(by: &mut Caller, names: &[&str]) {
    for name in names {
        by.arrive(name).await;
        choose(by, name, "lunch").await;
    }
}

fn in_use<T: std::fmt::Debug>(refused: Result<T, Status>, round: usize) {
    assert_eq!(refusal(refused).1, "IN_USE", "round {round}");
}

#[tokio::test]
async fn d3_what_was_just_used_at_one_server_is_not_deleted_at_the_other() {
    let turns = Turns::new().await;
    for round in 0..ROUNDS {
        let (one, other) = turns.each(round);
        let (mut here, mut there) = (one.admin(), other.admin());
        let (name, more) = (format!("c-{round}"), format!("extra-{round}"));
        let extras = pb::Directory {
            queues: vec![queue(&more, &[])],
            skills: vec![pb::Skill { id: more.clone(), name: String::new() }],
            channels: vec![pb::Channel {
                id: more.clone(),
                r#type: pb::ChannelType::Whatsapp.into(),
                ..Default::default()
            }],
            reps: vec![rep(&more)],
            ..Default::default()
        };
        put(&mut there, extras).await;
        let opened = here.open_to(&name, into_queue(&more)).await.expect("the queue is there");
        let id = opened.session.expect("a session").id;
        in_use(delete_queue(&mut there, &more, "").await, round);
        let skilled = pb::OpenSessionRequest {
            channel: more.clone(),
            required_skills: vec![level(&more, 1)],
            ..opening(&name, into_queue("care"))
        };
        let asking = here.open_with(skilled).await.expect("all is there").session.expect("it");
        let request = pb::DeleteSkillRequest { id: more.clone(), ..Default::default() };
        in_use(there.directory.delete_skill(request).await, round);
        let request = pb::DeleteChannelRequest { id: more.clone(), ..Default::default() };
        in_use(there.directory.delete_channel(request).await, round);
        let direct = pb::open_session_request::Target::Rep(more.clone());
        let direct = here.open_to(&format!("d-{round}"), direct).await.expect("she is there");
        let request = pb::DeleteRepRequest { id: more.clone(), ..Default::default() };
        in_use(there.directory.delete_rep(request).await, round);
        // With somewhere to go, it goes there in the same step.
        let deleted = delete_queue(&mut there, &more, "billing").await.expect("it is moved");
        let moved = here.session_since(&id, deleted).await;
        let line = moved.waiting_line.and_then(|line| line.line);
        assert_eq!(line, Some(pb::waiting_line::Line::Queue("billing".into())), "round {round}");
        for session in [id, asking.id, direct.session.expect("a session").id] {
            here.end(&session).await;
        }
    }
}

async fn put_queue(by: &mut Caller, queue: pb::Queue, move_to: &str) -> Result<i64, Status> {
    let (queue, move_to) = (Some(queue), move_to.to_owned());
    let request = pb::UpsertQueueRequest { queue, move_to, ..Default::default() };
    by.directory.upsert_queue(request).await.map(|put| put.into_inner().revision)
}

#[tokio::test]
async fn r11_a_queue_is_not_left_by_the_last_who_could_at_one_server_when_something_waits_at_the_other()
 {
    let turns = Turns::new().await;
    for round in 0..ROUNDS {
        let (one, other) = turns.each(round);
        let (mut here, mut there) = (one.admin(), other.admin());
        let name = format!("q-{round}");
        put_queue(&mut there, queue(&name, &["ana"]), "").await.expect("a new one");
        let opened = here.open_to(&name, into_queue(&name)).await.expect("it is there");
        let session = opened.session.expect("a session");
        assert!(!session.stranded, "round {round}");
        in_use(put_queue(&mut there, queue(&name, &[]), "").await, round);
        let moved = put_queue(&mut there, queue(&name, &[]), "billing").await.expect("it is moved");
        let line = here.session_since(&session.id, moved).await.waiting_line.and_then(|l| l.line);
        assert_eq!(line, Some(pb::waiting_line::Line::Queue("billing".into())), "round {round}");
        here.end(&session.id).await;
        // What comes to nobody is stranded, until somebody comes to it.
        let stranded = here.open_to(&format!("s-{round}"), into_queue(&name)).await.expect("taken");
        let stranded = stranded.session.expect("a session");
        assert!(stranded.stranded, "round {round}");
        let put = put_queue(&mut there, queue(&name, &["ben"]), "").await.expect("a member more");
        assert!(!here.session_since(&stranded.id, put).await.stranded, "round {round}");
        here.end(&stranded.id).await;
    }
}

#[tokio::test]
async fn t9_r1_nobody_waits_beside_a_rep_who_came_to_the_other_server() {
    let turns = Turns::new().await;
    let mut owner = turns.site.a.admin();
    owner.arrive("cleo").await;
    at_lunch(&mut owner, &["ana"]).await;
    for round in 0..ROUNDS {
        let (one, other) = turns.each(round);
        let session = owner.live_session(&turns.site.a, &format!("c-{round}"), "cleo").await;
        choose(&mut one.admin(), "ana", "available").await;
        let handed = other.rep("cleo").hand_on(&session, to_queue("billing")).await;
        let transfer = handed.expect("she owns it").transfer.expect("a transfer");
        assert_eq!((transfer.state(), &*transfer.rep), (pb::TransferState::Offered, "ana"));
        one.rep("ana").take(&transfer.work).await.expect("it is offered to her");
        one.admin().end(&session).await;
        choose(&mut other.admin(), "ana", "lunch").await;
    }
}

#[tokio::test]
async fn t9_a_rep_is_not_offered_their_own_transfer_while_the_other_member_is_there() {
    let turns = Turns::new().await;
    turns.site.a.admin().arrive("ana").await;
    at_lunch(&mut turns.site.a.admin(), &["ben"]).await;
    for round in 0..ROUNDS {
        let (one, other) = turns.each(round);
        let session = one.admin().live_session(one, &format!("c-{round}"), "ana").await;
        choose(&mut one.admin(), "ben", "available").await;
        let handed = other.rep("ana").hand_on(&session, to_queue("billing")).await;
        let transfer = handed.expect("she owns it").transfer.expect("a transfer");
        assert_eq!((transfer.state(), &*transfer.rep), (pb::TransferState::Offered, "ben"));
        one.rep("ben").take(&transfer.work).await.expect("it is offered to him");
        other.admin().end(&session).await;
        choose(&mut other.admin(), "ben", "lunch").await;
    }
}

#[tokio::test]
async fn r9_r8_limits_and_flows_count_what_the_other_server_has_just_added() {
    let turns = Turns::new().await;
    for round in 0..ROUNDS {
        let (one, other) = turns.each(round);
        let (mut here, mut there) = (one.admin(), other.admin());
        let open = |n: usize| opening(&format!("c-{round}-{n}"), into_queue("short"));
        let first = here.open_with(open(1)).await.expect("there is room").session.expect("it");
        let second = there.open_with(open(2)).await.expect("there is room").session.expect("it");
        let third = here.open_with(open(3)).await;
        assert_eq!(refusal(third).0, Code::ResourceExhausted, "round {round}: two are enough");
        let flow = pb::open_session_request::Target::Flow("by-length".into());
        let routed = there.open_to(&format!("f-{round}"), flow).await.expect("it decides");
        let routed = routed.session.expect("a session");
        let line = routed.waiting_line.clone().and_then(|line| line.line);
        assert_eq!(line, Some(pb::waiting_line::Line::Queue("care".into())), "round {round}");
        for session in [first, second, routed] {
            there.end(&session.id).await;
        }
    }
}

#[tokio::test]
async fn t10_direct_routing_switched_off_at_one_server_is_off_at_the_other() {
    let turns = Turns::new().await;
    let mut admin = turns.site.a.admin();
    for name in ["ana", "ben"] {
        admin.arrive(name).await;
    }
    let session = admin.live_session(&turns.site.a, "c", "ana").await;
    for round in 0..ROUNDS {
        let (one, other) = turns.each(round);
        let switch = |on| {
            let settings = pb::OrgSettings {
                skills_based_and_direct_to_rep_routing: Some(on),
                ..Default::default()
            };
            let paths = vec!["skills_based_and_direct_to_rep_routing".to_owned()];
            pb::UpdateOrgSettingsRequest {
                org_settings: Some(settings),
                update_mask: Some(prost_types::FieldMask { paths }),
                ..Default::default()
            }
        };
        let mut here = one.admin();
        here.directory.update_org_settings(switch(false)).await.expect("it may be switched");
        let refused = other.rep("ana").hand_on(&session, to_rep("ben")).await;
        assert_eq!(refusal(refused).1, "DIRECT_TO_REP_ROUTING_DISABLED", "round {round}");
        here.directory.update_org_settings(switch(true)).await.expect("it may be switched");
        let quote = pb::QuoteTransferRequest {
            session: session.clone(),
            recipient: Some(to_rep("ben")),
            at_least_revision: here.session_since(&session, 0).await.revision,
        };
        let quoted = other.rep("ana").transfers.quote_transfer(quote).await;
        quoted.expect("a quote");
    }
}

#[tokio::test]
async fn r2_r3_the_oldest_goes_first_and_to_whoever_has_least_wherever_it_was_asked() {
    let turns = Turns::new().await;
    at_lunch(&mut turns.site.a.admin(), &["ana", "ben"]).await;
    for round in 0..ROUNDS {
        let (one, other) = turns.each(round);
        let (mut here, mut there) = (one.admin(), other.admin());
        let (old, _) = here.enqueue(&format!("o-{round}"), "billing").await;
        let (young, _) = there.enqueue(&format!("y-{round}"), "billing").await;
        let arrived = choose(&mut there, "ana", "available").await;
        // She carries two: both are hers, the older one first.
        let offered = here.work_of(&old.id, arrived).await;
        assert_eq!(offered.last().map(|work| &*work.rep), Some("ana"), "round {round}");
        here.end(&old.id).await;
        choose(&mut here, "ben", "available").await;
        // Ana has one, ben none.
        let (next, _) = there.enqueue(&format!("n-{round}"), "billing").await;
        assert_eq!(next.offer.as_ref().map(|offer| &*offer.rep), Some("ben"), "round {round}");
        for session in [&young.id, &next.id] {
            here.end(session).await;
        }
        for name in ["ana", "ben"] {
            choose(&mut there, name, "lunch").await;
        }
    }
}

#[tokio::test]
async fn e1_samples_count_wherever_they_were_accepted() {
    let turns = Turns::new().await;
    turns.site.a.admin().arrive("cleo").await;
    for round in 0..12 {
        let (one, other) = turns.each(round);
        let (session, revision) = one.admin().enqueue(&format!("c-{round}"), "care").await;
        let work = other.admin().work_of(&session.id, revision).await;
        let accepted = other.rep("cleo").take(&work[0].id).await.expect("it is offered to her");
        let revision = one.admin().end(&session.id).await;
        let list = pb::ListRecipientsRequest {
            r#type: pb::RecipientType::Queue.into(),
            at_least_revision: revision.max(accepted.revision),
            ..Default::default()
        };
        let listed = other.admin().transfers.list_recipients(list).await.expect("a list");
        let entry = listed.into_inner().entries.into_iter().find_map(|listed| match listed.entry {
            Some(pb::recipient_entry::Entry::Queue(queue)) if queue.queue == "care" => Some(queue),
            _ => None,
        });
        let estimate = entry.and_then(|queue| queue.estimated_wait).expect("what is known");
        assert_eq!(usize::try_from(estimate.samples), Ok(round + 1));
        assert_eq!(estimate.wait.is_some(), round + 1 >= 10, "round {round}");
    }
}
