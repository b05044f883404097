//! How the API's objects look as rows, and as lines of a watch.

use super::target::{recipient_text, span};
use super::words::{
    actor, attributes, channel_types, clock, labelled, percent, set_name, skills, units,
};
use super::{asked, flow, names, queue};
use crate::output::Table;
use crate::pb;
use crate::pb::recipient::Recipient;
use crate::pb::waiting_line::Line;

/// Live states of reps.
pub fn reps(reps: &[pb::RepPresence]) -> Table {
    let mut table = Table::new([
        "REP",
        "NAME",
        "STATUS",
        "MEANS",
        "CONNECTED",
        "USED",
        "UNITS",
        "WORK",
        "AVAILABLE FOR",
    ]);
    for rep in reps {
        table.row([
            rep.rep.clone(),
            rep.name.clone(),
            status(rep),
            names::of::<pb::PresenceStatusType>(rep.status_type),
            if rep.connected { "yes" } else { "no" }.to_owned(),
            percent(rep.used_centi_percent),
            format!("{}/{}", units(rep.used_centi_units), units(rep.capacity_centi_units)),
            rep.open_work.to_string(),
            channel_types(&rep.available_channel_types),
        ]);
    }
    table
}

/// Sessions.
pub fn sessions(sessions: &[pb::Session]) -> Table {
    let mut table =
        Table::new(["SESSION", "CHANNEL", "REFERENCE", "STATE", "WITH", "TRANSFER", "OPENED"]);
    for session in sessions {
        table.row([
            session.id.clone(),
            session.channel.clone(),
            session.external_reference.clone(),
            state(session),
            holder(session),
            session.transfer.clone(),
            clock(session.opened_at.as_ref()),
        ]);
    }
    table
}

/// Transfers.
pub fn transfers(transfers: &[pb::Transfer]) -> Table {
    let mut table =
        Table::new(["TRANSFER", "SESSION", "STATE", "FROM", "TO", "REP", "ASKED", "ENDED", "NOTE"]);
    for transfer in transfers {
        table.row([
            transfer.id.clone(),
            transfer.session.clone(),
            transfer_state(transfer),
            transfer.from_rep.clone(),
            recipient_text(transfer.recipient.as_ref()),
            transfer.rep.clone(),
            clock(transfer.requested_at.as_ref()),
            clock(transfer.ended_at.as_ref()),
            transfer.note.clone(),
        ]);
    }
    table
}

/// Work.
pub fn work(work: &[pb::Work]) -> Table {
    let mut table = Table::new([
        "WORK", "REP", "SESSION", "STATE", "HOLDS", "TAB", "QUEUE", "TRANSFER", "OFFERED", "END",
    ]);
    for work in work {
        table.row([
            work.id.clone(),
            work.rep.clone(),
            work.session.clone(),
            match wrap_up(work) {
                Some(after) => format!("{} ({after})", names::of::<pb::WorkState>(work.state)),
                None => names::of::<pb::WorkState>(work.state),
            },
            format!("{}/{}", units(work.holds_centi_units), units(work.weight_centi_units))
                + if work.interruptible { " interruptible" } else { "" },
            if work.tab_open { "open" } else { "" }.to_owned(),
            work.queue.clone(),
            work.transfer.clone(),
            clock(work.offered_at.as_ref()),
            set_name::<pb::WorkEndReason>(work.end_reason),
        ]);
    }
    table
}

/// Until when after-conversation work goes on, and how often it can be extended (C6).
pub fn wrap_up(work: &pb::Work) -> Option<String> {
    let until = clock(Some(work.wrap_up_until.as_ref()?));
    Some(match work.wrap_up_extensions_left {
        0 => format!("until {until}"),
        1 => format!("until {until}, can be extended once"),
        left => format!("until {until}, can be extended {left} times"),
    })
}

/// What happened to a session, and beneath each offer out of a queue who else was considered, and why not they (R3).
pub fn events(events: &[pb::SessionEvent]) -> Table {
    // Where it isn't known of any, a column of dashes would say nothing.
    let known = events.iter().any(|event| event.revision != 0);
    let mut headings = vec!["TIME", "WHAT", "BY", "REP", "QUEUE", "TEXT"];
    if known {
        headings.insert(0, "REVISION");
    }
    let mut table = Table::new(headings);
    for event in events {
        let revision = if event.revision == 0 { String::new() } else { event.revision.to_string() };
        let cells = [
            clock(event.time.as_ref()),
            event.kind.clone(),
            actor(event.actor.as_ref()),
            event.rep.clone(),
            event.queue.clone(),
            event.text.clone(),
        ];
        table.row(known.then_some(revision).into_iter().chain(cells));
        for candidate in event.assignment.iter().flat_map(|a| &a.candidates) {
            table.beneath(&format!("not {}: {}", candidate.rep, why_not(candidate)));
        }
    }
    table
}

/// Why not they, without repeating who.
fn why_not(candidate: &pb::Candidate) -> String {
    let text = candidate.text.strip_prefix(&candidate.rep).unwrap_or(&candidate.text);
    format!("{} ({})", text.trim_start(), candidate.rule)
}

/// One object of a watch: its kind, and the rest of its line.
pub fn watched(object: &pb::WatchObject) -> (&'static str, String) {
    use pb::watch_object::Object;
    match &object.object {
        Some(Object::RepPresence(rep)) => ("REP", rep_line(rep)),
        Some(Object::Session(s)) => {
            let state = names::of::<pb::SessionState>(s.state);
            (
                "SESSION",
                format!(
                    "{}  {state:9}  {} {}  {}",
                    s.id,
                    s.channel,
                    s.external_reference,
                    holder(s)
                ),
            )
        }
        Some(Object::Transfer(t)) => ("TRANSFER", format!("{}  {}", t.id, transfer_line(t))),
        Some(Object::Work(w)) => ("WORK", work_line(w)),
        Some(Object::Queue(q)) => ("QUEUE", queue::line(q)),
        Some(Object::Handoff(h)) => ("HANDOFF", asked::handoff_line(h)),
        Some(Object::RoutingRequest(r)) => ("ROUTING", asked::routing_line(r)),
        Some(Object::Partner(p)) => ("PARTNER", asked::partner_line(p)),
        None => ("?", "an object newer than this program".to_owned()),
    }
}

/// The status chosen, and what follows it when the current work is done (P10).
fn status(rep: &pb::RepPresence) -> String {
    match &rep.presence {
        Some(presence) if presence.close_when_done => format!("{} (then OFFLINE)", rep.status),
        Some(presence) if !presence.next_status.is_empty() => {
            format!("{} (then {})", rep.status, presence.next_status)
        }
        _ => rep.status.clone(),
    }
}

fn rep_line(rep: &pb::RepPresence) -> String {
    let status = if rep.status.is_empty() { "offline".to_owned() } else { status(rep) };
    let gone = if rep.presence.is_some() && !rep.connected { ", disconnected" } else { "" };
    format!(
        "{}  {status}{gone}  {} ({}/{} units)  {} work",
        rep.rep,
        percent(rep.used_centi_percent),
        units(rep.used_centi_units),
        units(rep.capacity_centi_units),
        rep.open_work
    )
}

fn transfer_line(transfer: &pb::Transfer) -> String {
    let mut line = format!(
        "{:9}  {} → {}  session {}",
        names::of::<pb::TransferState>(transfer.state),
        transfer.from_rep,
        recipient_text(transfer.recipient.as_ref()),
        transfer.session
    );
    if !transfer.rep.is_empty() && !matches!(kind(transfer), Some(Recipient::Rep(_))) {
        line += &format!("  rep {}", transfer.rep);
    }
    if !transfer.note.is_empty() {
        line += &format!("  “{}”", transfer.note);
    }
    line
}

fn kind(transfer: &pb::Transfer) -> Option<&Recipient> {
    transfer.recipient.as_ref().and_then(|r| r.recipient.as_ref())
}

fn work_line(work: &pb::Work) -> String {
    let reason = set_name::<pb::WorkEndReason>(work.end_reason);
    let reason = if reason.is_empty() { reason } else { format!(" ({reason})") };
    let queue =
        if work.queue.is_empty() { String::new() } else { format!("  from queue:{}", work.queue) };
    format!(
        "{}  {}{reason}  {}  holds {}  session {}{queue}",
        work.id,
        names::of::<pb::WorkState>(work.state),
        work.rep,
        units(work.holds_centi_units),
        work.session
    )
}

fn transfer_state(transfer: &pb::Transfer) -> String {
    names::of::<pb::TransferState>(transfer.state) + stranded(transfer.stranded)
}

const fn stranded(is_so: bool) -> &'static str {
    if is_so { " (stranded)" } else { "" }
}

/// One transfer with all that is known of it.
pub fn transfer(transfer: &pb::Transfer) -> String {
    let state = transfer_state(transfer);
    let queue = match transfer.queue.as_str() {
        "" => String::new(),
        queue => format!("queue:{queue}"),
    };
    let mut text = labelled(&[
        ("transfer", transfer.id.clone()),
        ("session", transfer.session.clone()),
        ("state", state),
        ("from", transfer.from_rep.clone()),
        ("asked by", actor(transfer.asked_by.as_ref())),
        ("to", recipient_text(transfer.recipient.as_ref())),
        ("line", queue),
        ("rep", transfer.rep.clone()),
        ("work", transfer.work.clone()),
        ("note", transfer.note.clone()),
        ("asked", clock(transfer.requested_at.as_ref())),
        ("waits since", clock(transfer.waiting_since.as_ref())),
        ("rep gone since", clock(transfer.rep_absent_since.as_ref())),
        ("offered", clock(transfer.offered_at.as_ref())),
        ("accepted", clock(transfer.accepted_at.as_ref())),
        ("original rep removed", clock(transfer.original_rep_removed_at.as_ref())),
        ("ended", clock(transfer.ended_at.as_ref())),
        ("because", set_name::<pb::TransferEndReason>(transfer.end_reason)),
        ("failure", set_name::<pb::HandoffFailure>(transfer.failure_reason)),
        ("said", transfer.end_detail.clone()),
        ("try again", asked::again(transfer.retryable, transfer.retry_after.as_ref())),
        ("hand-off", transfer.handoff.clone()),
        ("routing request", transfer.routing_request.clone()),
    ]);
    if let Some(trace) = &transfer.flow_trace {
        text += &format!("\n{}", flow::steps(&trace.steps).text());
    }
    text
}

/// Who has a session, or where it waits, or who is asked.
pub fn holder(session: &pb::Session) -> String {
    let mut text = match &session.external_contact {
        Some(_) => asked::contact(session.external_contact.as_ref()),
        None => session.owner.clone(),
    };
    if let Some(offer) = &session.offer {
        text = if text.is_empty() {
            format!("offered to {}", offer.rep)
        } else {
            format!("{text}, offered to {}", offer.rep)
        };
    } else if text.is_empty()
        && let Some(line) = session.waiting_line.as_ref().and_then(|w| w.line.as_ref())
    {
        text = match line {
            Line::Rep(rep) => format!("waits for {rep}"),
            Line::Queue(queue) => format!("waits in queue:{queue}"),
            Line::Partner(partner) => format!("waits for partner:{partner}"),
        };
        text += &place(session);
    }
    text
}

/// `, place 2, about 40s`; empty unless it waits.
pub fn place(session: &pb::Session) -> String {
    let Some(estimate) = &session.estimate else {
        return String::new();
    };
    let wait = estimate.estimated_wait.as_ref();
    let wait = wait.map(|wait| format!(", about {}", span(wait))).unwrap_or_default();
    format!(", place {}{wait}", estimate.position)
}

/// A session's state, and whether nobody is there for it.
pub fn state(session: &pb::Session) -> String {
    names::of::<pb::SessionState>(session.state) + stranded(session.stranded)
}

/// One session with all that is known of it.
pub fn session(session: &pb::Session) -> String {
    let state = state(session);
    let expires = session.offer.as_ref().and_then(|offer| offer.expires_at.as_ref());
    let mut text = labelled(&[
        ("session", session.id.clone()),
        ("channel", format!("{}  {}", session.channel, session.external_reference)),
        ("state", state),
        ("with", holder(session)),
        ("offer until", clock(expires)),
        ("work", session.work.clone()),
        ("transfer", session.transfer.clone()),
        ("transfers", session.transfers.to_string()),
        ("hand-off", session.handoff.clone()),
        ("routing request", session.routing_request.clone()),
        ("priority", session.priority.to_string()),
        ("skills", skills(&session.required_skills, &session.additional_skills)),
        ("attributes", attributes(&session.attributes)),
        ("opened", clock(session.opened_at.as_ref())),
        ("waits since", clock(session.waiting_since.as_ref())),
        ("ended", clock(session.ended_at.as_ref())),
        ("ended by", actor(session.ended_by.as_ref())),
        ("because", set_name::<pb::SessionEndReason>(session.end_reason)),
    ]);
    text.extend(session.returns.iter().map(asked::returned));
    if let Some(trace) = &session.flow_trace {
        text += &format!("\n{}", flow::steps(&trace.steps).text());
    }
    text
}

#[cfg(test)]
mod tests {
    use prost_types::Timestamp;

    use super::*;

    #[test]
    fn r3_an_offer_out_of_a_queue_says_why_not_the_others() {
        let candidate = pb::Candidate {
            rep: "ben".into(),
            rule: "R3".into(),
            text: "ben has more work".into(),
        };
        let offered = pb::SessionEvent {
            kind: "work_offered".into(),
            rep: "ana".into(),
            assignment: Some(pb::Assignment { candidates: vec![candidate], ..Default::default() }),
            ..Default::default()
        };
        let text = events(&[offered]).text();
        assert!(text.ends_with("\n    not ben: has more work (R3)\n"), "{text}");
    }

    #[test]
    fn p10_a_list_shows_what_follows() {
        let mut rep = pb::RepPresence { status: "available".into(), ..Default::default() };
        assert_eq!(status(&rep), "available");
        let next_status = "busy".to_owned();
        rep.presence = Some(pb::Presence { next_status, ..Default::default() });
        assert!(rep_line(&rep).contains("available (then busy), disconnected"));
    }

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(
            [0, 5, 50, 100, 250, -125].map(units),
            ["0", "0.05", "0.5", "1", "2.5", "-1.25"]
        );
        assert_eq!(percent(10_000), "100%");
        let time = Timestamp { seconds: 86_400 + 3_661, nanos: 7_000_000 };
        assert_eq!(clock(Some(&time)), "01:01:01.007");
    }

    #[test]
    fn a_session_says_who_has_it() {
        let mut session = pb::Session { owner: "ana".into(), ..Default::default() };
        assert_eq!(holder(&session), "ana");
        session.offer = Some(pb::Offer { rep: "ben".into(), ..Default::default() });
        assert_eq!(holder(&session), "ana, offered to ben");
        session = pb::Session {
            waiting_line: Some(pb::WaitingLine { line: Some(Line::Rep("cleo".into())) }),
            ..Default::default()
        };
        assert_eq!(holder(&session), "waits for cleo");
        session.waiting_line = Some(pb::WaitingLine { line: Some(Line::Queue("care".into())) });
        session.estimate = Some(pb::WaitingEstimate { position: 2, estimated_wait: None });
        assert_eq!(holder(&session), "waits in queue:care, place 2");
        let wait = prost_types::Duration { seconds: 40, nanos: 0 };
        session.estimate = Some(pb::WaitingEstimate { position: 2, estimated_wait: Some(wait) });
        assert_eq!(holder(&session), "waits in queue:care, place 2, about 40s");
    }
}
