//! How what partners are asked, and how they do, looks: rows, lines of a watch, and all that is known of one.

use super::names;
use super::target::{recipient_text, span};
use super::words::{actor, attributes, clock, labelled, set_name, skills, units};
use crate::output::Table;
use crate::pb;

/// Hand-offs.
pub fn handoffs(handoffs: &[pb::Handoff]) -> Table {
    let mut table = Table::new([
        "HANDOFF", "STATE", "CONTACT", "NAME", "SESSION", "FROM", "WORKER", "ASKED", "UNTIL",
        "NOTE",
    ]);
    for handoff in handoffs {
        table.row([
            handoff.id.clone(),
            handoff_state(handoff),
            contact(handoff.contact.as_ref()),
            handoff.contact_name.clone(),
            handoff.session.clone(),
            handoff.from_rep.clone(),
            handoff.partner_reference.clone(),
            clock(handoff.asked_at.as_ref()),
            if is_open(handoff) { clock(handoff.deadline.as_ref()) } else { String::new() },
            handoff.note.clone(),
        ]);
    }
    table
}

/// Routing requests.
pub fn routing_requests(requests: &[pb::RoutingRequest]) -> Table {
    let mut table = Table::new([
        "REQUEST",
        "STATE",
        "CAUSE",
        "ATTEMPT",
        "SESSION",
        "QUEUE",
        "ASKED FOR",
        "ROUTED TO",
        "WORKER",
        "ASKED",
        "UNTIL",
    ]);
    for request in requests {
        table.row([
            request.id.clone(),
            routing_state(request),
            set_name::<pb::RoutingCause>(request.cause),
            request.attempt.to_string(),
            request.session.clone(),
            request.queue.clone(),
            recipient_text(request.asked_for.as_ref()),
            recipient_text(request.routed_to.as_ref()),
            request.partner_reference.clone(),
            clock(request.asked_at.as_ref()),
            if waits(request) { clock(request.deadline.as_ref()) } else { String::new() },
        ]);
    }
    table
}

/// How partners do.
pub fn partners(states: &[pb::PartnerState]) -> Table {
    let mut table = Table::new([
        "PARTNER",
        "NAME",
        "STATE",
        "HANDOFFS",
        "ASKED",
        "IN ITS LINE",
        "EXPIRED",
        "STREAMS",
        "CONTACTS",
    ]);
    for state in states {
        table.row([
            state.partner.clone(),
            state.name.clone(),
            standing(state),
            state.open_handoffs.to_string(),
            state.asked_routing_requests.to_string(),
            state.acknowledged_routing_requests.to_string(),
            format!("{} of {}", state.expired_of_recent, state.recent),
            state.streams.to_string(),
            state.contacts.to_string(),
        ]);
    }
    table
}

/// A hand-off as the line of a watch.
pub fn handoff_line(handoff: &pb::Handoff) -> String {
    let mut line = format!(
        "{}  {}  {}  session {}",
        handoff.id,
        handoff_state(handoff),
        contact(handoff.contact.as_ref()),
        handoff.session
    );
    if !handoff.from_rep.is_empty() {
        line += &format!("  from {}", handoff.from_rep);
    }
    line += &by(&handoff.partner_reference);
    if is_open(handoff) {
        line += &format!("  until {}", clock(handoff.deadline.as_ref()));
    }
    for said in [&handoff.note, &handoff.failure] {
        line += &quoted(said);
    }
    line
}

/// A routing request as the line of a watch.
pub fn routing_line(request: &pb::RoutingRequest) -> String {
    let mut line = format!(
        "{}  {}  {} {}  session {}",
        request.id,
        routing_state(request),
        set_name::<pb::RoutingCause>(request.cause),
        request.attempt,
        request.session
    );
    if !request.queue.is_empty() {
        line += &format!("  queue:{}", request.queue);
    }
    if request.asked_for.is_some() {
        line += &format!("  for {}", recipient_text(request.asked_for.as_ref()));
    }
    if request.routed_to.is_some() {
        line += &format!("  → {}", recipient_text(request.routed_to.as_ref()));
    }
    line += &by(&request.partner_reference);
    if waits(request) {
        line += &format!("  until {}", clock(request.deadline.as_ref()));
    }
    line + &quoted(&request.failure)
}

/// How a partner does, as the line of a watch.
pub fn partner_line(state: &pb::PartnerState) -> String {
    format!(
        "{}  {}  open: {} hand-offs, {} asked, {} in its line  {} contacts",
        state.partner,
        standing(state),
        state.open_handoffs,
        state.asked_routing_requests,
        state.acknowledged_routing_requests,
        state.contacts
    )
}

/// One hand-off with all that is known of it.
pub fn handoff(handoff: &pb::Handoff) -> String {
    let mut text = labelled(&[
        ("hand-off", handoff.id.clone()),
        ("state", handoff_state(handoff)),
        ("contact", contact(handoff.contact.as_ref())),
        ("name", handoff.contact_name.clone()),
        ("session", handoff.session.clone()),
        ("transfer", handoff.transfer.clone()),
        ("channel", format!("{}  {}", handoff.channel, handoff.external_reference)),
        ("channel type", set_name::<pb::ChannelType>(handoff.channel_type)),
        ("from", handoff.from_rep.clone()),
        ("asked by", actor(handoff.asked_by.as_ref())),
        ("note", handoff.note.clone()),
        ("priority", handoff.priority.to_string()),
        ("skills", wanted(&handoff.required_skills, &handoff.wished_skills)),
        ("attributes", attributes(&handoff.attributes)),
        ("session opened", clock(handoff.session_opened_at.as_ref())),
        ("asked", clock(handoff.asked_at.as_ref())),
        ("deadline", clock(handoff.deadline.as_ref())),
        ("acknowledged", clock(handoff.acknowledged_at.as_ref())),
        ("worker", handoff.partner_reference.clone()),
        ("ended", clock(handoff.ended_at.as_ref())),
        ("said", handoff.failure.clone()),
        ("try again", again(handoff.retryable, handoff.retry_after.as_ref())),
    ]);
    for link in &handoff.chain {
        let to = if link.returned { "returned to " } else { "→ " };
        let ended = if link.completed { "" } else { "  not completed" };
        let (at, rep) = (clock(link.requested_at.as_ref()), &link.from_rep);
        text += &format!(
            "before  {at}  {rep} {to}{}{ended}\n",
            recipient_text(link.recipient.as_ref())
        );
    }
    text
}

/// One routing request with all that is known of it.
pub fn routing_request(request: &pb::RoutingRequest) -> String {
    let partner_queue = match request.partner_queue.as_str() {
        "" => request.queue.clone(),
        own => format!("{} (the partner's {own})", request.queue),
    };
    labelled(&[
        ("routing request", request.id.clone()),
        ("state", routing_state(request)),
        ("partner", request.partner.clone()),
        ("cause", set_name::<pb::RoutingCause>(request.cause)),
        ("attempt", request.attempt.to_string()),
        ("reps tried", request.tried_reps.join(", ")),
        ("asked for", recipient_text(request.asked_for.as_ref())),
        ("queue", partner_queue),
        ("session", request.session.clone()),
        ("transfer", request.transfer.clone()),
        ("channel", format!("{}  {}", request.channel, request.external_reference)),
        ("channel type", set_name::<pb::ChannelType>(request.channel_type)),
        ("note", request.note.clone()),
        ("priority", request.priority.to_string()),
        ("weight", weight(request.weight.as_ref())),
        ("skills", wanted(&request.required_skills, &request.wished_skills)),
        ("attributes", attributes(&request.attributes)),
        ("session opened", clock(request.session_opened_at.as_ref())),
        ("asked", clock(request.asked_at.as_ref())),
        ("answer until", clock(request.deadline.as_ref())),
        ("acknowledged", clock(request.acknowledged_at.as_ref())),
        ("worker", request.partner_reference.clone()),
        ("routed to", recipient_text(request.routed_to.as_ref())),
        ("work", request.work.clone()),
        ("ended", clock(request.ended_at.as_ref())),
        ("said", request.failure.clone()),
    ])
}

/// How one partner does, and how it is configured.
pub fn partner(partner: &pb::Partner, state: &pb::PartnerState) -> String {
    let limit = |span_of: Option<&prost_types::Duration>| span_of.map(span).unwrap_or_default();
    let guard = partner.sync_deletion_guard_percent.unwrap_or(20);
    let away_after = if partner.away_after == 0 { 5 } else { partner.away_after };
    let synced = match state.contacts_generation {
        0 => String::new(),
        generation => {
            format!(", generation {generation} at {}", clock(state.contacts_synced_at.as_ref()))
        }
    };
    labelled(&[
        ("partner", partner.id.clone()),
        ("name", partner.name.clone()),
        ("state", standing(state)),
        ("asked again", clock(state.next_probe_at.as_ref())),
        ("last asked", clock(state.last_asked_at.as_ref())),
        ("last progress", clock(state.last_progress_at.as_ref())),
        ("open hand-offs", state.open_handoffs.to_string()),
        (
            "open routing requests",
            format!(
                "{} asked, {} in its line",
                state.asked_routing_requests, state.acknowledged_routing_requests
            ),
        ),
        ("oldest open since", clock(state.oldest_open_since.as_ref())),
        ("expired", format!("{} of the last {}", state.expired_of_recent, state.recent)),
        ("streams at this server", state.streams.to_string()),
        ("contacts", format!("{}{synced}", state.contacts)),
        ("hand-off deadline", limit(partner.handoff_deadline.as_ref())),
        ("routing deadline", limit(partner.routing_deadline.as_ref())),
        ("routing lease", limit(partner.routing_lease.as_ref())),
        ("away after", format!("{away_after} expired in a row")),
        ("a full sync may delete", format!("{guard} % of its contacts, and 100 at least")),
    ])
}

/// Whether a partner is away, or on the way there.
fn standing(state: &pb::PartnerState) -> String {
    let row = state.expired_in_a_row;
    match (state.away, row) {
        (true, _) => format!("away since {}, {row} expired", clock(state.away_since.as_ref())),
        (false, 0) => "there".to_owned(),
        (false, _) => format!("there, {row} expired in a row"),
    }
}

/// A contact as people write it.
pub fn contact(contact: Option<&pb::ExternalContactRef>) -> String {
    contact.map(|c| format!("contact:{}/{}", c.partner, c.contact)).unwrap_or_default()
}

/// A session's return from an external contact (O6), as a line.
pub fn returned(back: &pb::SessionReturn) -> String {
    let to = match recipient_text(back.target.as_ref()) {
        to if to.is_empty() => "where its channel's sessions go".to_owned(),
        to => to,
    };
    let reason = match set_name::<pb::SessionReturnReason>(back.reason) {
        reason if reason.is_empty() => reason,
        reason => format!(" ({reason})"),
    };
    let (at, from) = (clock(back.time.as_ref()), contact(back.from.as_ref()));
    let (by, note) = (actor(back.by.as_ref()), quoted(&back.note));
    format!("returned  {at}  {from} → {to}  by {by}{reason}{note}\n")
}

/// Whether and when trying again makes sense.
pub fn again(retryable: bool, after: Option<&prost_types::Duration>) -> String {
    match (retryable, after) {
        (false, _) => String::new(),
        (true, None) => "at once".to_owned(),
        (true, Some(after)) => format!("in {}", span(after)),
    }
}

fn handoff_state(handoff: &pb::Handoff) -> String {
    let state = names::of::<pb::HandoffState>(handoff.state);
    match handoff.failure_reason() {
        pb::HandoffFailure::Unspecified | pb::HandoffFailure::Expired => state,
        _ => format!("{state} ({})", names::of::<pb::HandoffFailure>(handoff.failure_reason)),
    }
}

fn routing_state(request: &pb::RoutingRequest) -> String {
    let state = names::of::<pb::RoutingRequestState>(request.state);
    match request.failure_reason() {
        pb::HandoffFailure::Unspecified | pb::HandoffFailure::Expired => state,
        _ => format!("{state} ({})", names::of::<pb::HandoffFailure>(request.failure_reason)),
    }
}

fn is_open(handoff: &pb::Handoff) -> bool {
    matches!(handoff.state(), pb::HandoffState::Asked | pb::HandoffState::Acknowledged)
}

fn waits(request: &pb::RoutingRequest) -> bool {
    use pb::RoutingRequestState::{Acknowledged, Asked};
    matches!(request.state(), Asked | Acknowledged)
}

fn by(worker: &str) -> String {
    if worker.is_empty() { String::new() } else { format!("  by {worker}") }
}

fn quoted(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("  “{text}”") }
}

fn wanted(required: &[pb::SkillLevel], wished: &[pb::SkillLevel]) -> String {
    let wish =
        |skill: &pb::SkillLevel| pb::AdditionalSkill { skill: Some(skill.clone()), timeout: None };
    skills(required, &wished.iter().map(wish).collect::<Vec<_>>())
}

fn weight(weight: Option<&pb::Weight>) -> String {
    use pb::weight::Weight;
    match weight.and_then(|weight| weight.weight.as_ref()) {
        Some(Weight::CentiUnits(centi)) => units(*centi),
        Some(Weight::CentiPercent(centi)) => format!("{}%", units(i64::from(*centi))),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> pb::Handoff {
        pb::Handoff {
            id: "h1".into(),
            session: "s1".into(),
            from_rep: "ana".into(),
            contact: Some(pb::ExternalContactRef { partner: "acme".into(), contact: "42".into() }),
            state: pb::HandoffState::Asked as i32,
            deadline: Some(prost_types::Timestamp { seconds: 60, nanos: 0 }),
            note: "prefers e-mail".into(),
            ..Default::default()
        }
    }

    #[test]
    fn t23_a_handoff_reads_as_a_line() {
        let mut handoff = asked();
        assert_eq!(
            handoff_line(&handoff),
            "h1  ASKED  contact:acme/42  session s1  from ana  until 00:01:00.000  “prefers e-mail”"
        );
        handoff.state = pb::HandoffState::Failed as i32;
        handoff.failure_reason = pb::HandoffFailure::Busy as i32;
        handoff.failure = "in a call".into();
        handoff.partner_reference = "w1".into();
        handoff.note.clear();
        assert_eq!(
            handoff_line(&handoff),
            "h1  FAILED (BUSY)  contact:acme/42  session s1  from ana  by w1  “in a call”"
        );
    }

    #[test]
    fn n6_a_routing_request_says_why_it_is_asked_and_where_it_went() {
        let mut request = pb::RoutingRequest {
            id: "r1".into(),
            session: "s1".into(),
            cause: pb::RoutingCause::Declined as i32,
            attempt: 2,
            tried_reps: vec!["rita".into()],
            state: pb::RoutingRequestState::Acknowledged as i32,
            partner_reference: "w1".into(),
            deadline: Some(prost_types::Timestamp { seconds: 60, nanos: 0 }),
            ..Default::default()
        };
        assert_eq!(
            routing_line(&request),
            "r1  ACKNOWLEDGED  DECLINED 2  session s1  by w1  until 00:01:00.000"
        );
        request.state = pb::RoutingRequestState::Routed as i32;
        request.routed_to = Some(super::super::target::recipient("rep:sam").unwrap());
        assert!(routing_line(&request).contains("→ rep:sam"));
        assert!(routing_request(&request).contains("reps tried       rita\n"));
    }

    #[test]
    fn n7_a_partner_that_is_away_says_so() {
        let mut state = pb::PartnerState { partner: "acme".into(), ..Default::default() };
        assert!(partner_line(&state).starts_with("acme  there  open: 0 hand-offs"));
        state.expired_in_a_row = 5;
        assert!(partner_line(&state).starts_with("acme  there, 5 expired in a row"));
        state.away = true;
        state.away_since = Some(prost_types::Timestamp { seconds: 60, nanos: 0 });
        assert!(partner_line(&state).starts_with("acme  away since 00:01:00.000, 5 expired"));
        let text = partner(&pb::Partner { id: "acme".into(), ..Default::default() }, &state);
        assert!(
            text.contains("20 % of its contacts") && text.contains("5 expired in a row"),
            "{text}"
        );
    }
}
