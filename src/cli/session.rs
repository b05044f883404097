//! `session`, `transfer` and `history`: what a channel and an owner do with a session.

use super::args::{Open, Return, Session, Transfer};
use super::{Context, asked, flow, json, names, table, target, words};
use crate::pb;
use crate::pb::recipient::Recipient;

/// `baton session`.
pub async fn run(context: &Context, what: Session) -> anyhow::Result<()> {
    let client = context.client()?;
    let mut was_there = false;
    let session = match what {
        Session::Open(args) => {
            let opened = client.open_session(open_request(args)).await?;
            was_there = !opened.created;
            opened.session
        }
        Session::End { id, reason } => {
            let reason = reason.map_or(0, Into::into);
            let request = pb::EndSessionRequest { session: id, reason, ..Default::default() };
            client.end_session(request).await?.session
        }
        Session::Return(args) => client.return_session(return_request(args)).await?.session,
        Session::Pause { id } => {
            client
                .pause_session(pb::PauseSessionRequest { session: id, ..Default::default() })
                .await?
                .session
        }
        Session::Resume { id } => {
            client
                .resume_session(pb::ResumeSessionRequest { session: id, ..Default::default() })
                .await?
                .session
        }
        Session::Inactivate { id } => {
            let request = pb::InactivateSessionRequest { session: id, ..Default::default() };
            client.inactivate_session(request).await?.session
        }
    }
    .unwrap_or_default();
    context.out.one(
        || json::of("Session", &session),
        || {
            let holder = table::holder(&session);
            let state = table::state(&session);
            let matched = session.flow_trace.as_ref().map(matched).unwrap_or_default();
            let line = format!("session {}  {state}  {holder}", session.id);
            let before = if was_there { "  (it was there already)" } else { "" };
            format!("{}{before}{matched}", line.trim_end())
        },
    );
    Ok(())
}

fn open_request(args: Open) -> pb::OpenSessionRequest {
    use pb::open_session_request::Target;
    let target =
        args.rep.map(Target::Rep).or(args.queue.map(Target::Queue)).or(args.flow.map(Target::Flow));
    let (target, required_skills, additional_skills) = match target {
        // Skills alone say that anyone with them will do; wishes alone leave it to the channel.
        None if !args.skills.is_empty() => {
            let (required, additional) = (args.skills, args.wishes);
            let anyone = pb::SkillsTarget { required, additional, queue: String::new() };
            (Some(Target::Skills(anyone)), Vec::new(), Vec::new())
        }
        target => (target, args.skills, args.wishes),
    };
    pb::OpenSessionRequest {
        channel: args.channel,
        external_reference: args.reference,
        target,
        priority: args.priority,
        required_skills,
        additional_skills,
        attributes: args.attributes.into_iter().collect(),
        reopen_inactive: args.reopen,
        ..Default::default()
    }
}

fn return_request(args: Return) -> pb::ReturnSessionRequest {
    use pb::return_session_request::Target;
    let target = args.to.and_then(|to| to.recipient).and_then(|to| match to {
        Recipient::Rep(id) => Some(Target::Rep(id)),
        Recipient::Queue(id) => Some(Target::Queue(id)),
        Recipient::Flow(id) => Some(Target::Flow(id)),
        // The arguments take none.
        Recipient::ExternalContact(_) => None,
    });
    pb::ReturnSessionRequest {
        session: args.session,
        target,
        note: args.note,
        reason: args.reason.map_or(0, Into::into),
        ..Default::default()
    }
}

/// `baton transfer`.
pub async fn transfer(context: &Context, args: Transfer) -> anyhow::Result<()> {
    let request = pb::TransferSessionRequest {
        session: args.session,
        recipient: Some(args.to),
        note: args.note,
        ..Default::default()
    };
    let client = context.client()?;
    let answer = client.transfer_session(request).await?;
    let transfer = answer.transfer.unwrap_or_default();
    // Where it waits, and for how long about, the session tells.
    let place = if transfer.state() == pb::TransferState::Waiting && context.out.for_people() {
        let request = pb::GetSessionRequest {
            which: Some(pb::get_session_request::Which::Session(transfer.session.clone())),
            at_least_revision: answer.revision,
        };
        client.get_session(request).await?.session.as_ref().map(table::place)
    } else {
        None
    };
    context.out.one(
        || json::of("Transfer", &transfer),
        || transfer_sentence(&transfer, &place.unwrap_or_default()),
    );
    Ok(())
}

/// What the partner said, who has the session now, and whether trying again makes sense (T23).
fn failure(transfer: &pb::Transfer) -> String {
    let reason = words::set_name::<pb::HandoffFailure>(transfer.failure_reason);
    let said = match transfer.end_detail.as_str() {
        "" => String::new(),
        detail => format!(", “{detail}”"),
    };
    let again = match asked::again(transfer.retryable, transfer.retry_after.as_ref()) {
        again if again.is_empty() => String::new(),
        again => format!("; it may be tried again {again}"),
    };
    let because = match reason.as_str() {
        "" => names::of::<pb::TransferEndReason>(transfer.end_reason),
        _ => reason,
    };
    format!("{because}{said}; {} still has the session{again}", transfer.from_rep)
}

/// The rules that matched on the way through flows, a line each.
fn matched(trace: &pb::FlowTrace) -> String {
    let steps = trace.steps.iter().filter(|step| step.matched);
    steps.map(|step| format!("\n  flow:{} {}", step.flow, flow::rule_name(step))).collect()
}

/// Shows a transfer as a sentence, or as JSON.
pub fn show_transfer(context: &Context, transfer: &pb::Transfer) {
    context.out.one(|| json::of("Transfer", transfer), || transfer_sentence(transfer, ""));
}

fn transfer_sentence(transfer: &pb::Transfer, place: &str) -> String {
    let to = target::recipient_text(transfer.recipient.as_ref());
    let recipient = transfer.recipient.as_ref().and_then(|r| r.recipient.as_ref());
    let what = match transfer.state() {
        pb::TransferState::Offered if transfer.rep.is_empty() => {
            let whom = match recipient {
                Some(Recipient::ExternalContact(contact)) => contact.partner.as_str(),
                _ => "the partner",
            };
            format!(
                "{whom} is asked for {to}; {} keeps the session until it says yes",
                transfer.from_rep
            )
        }
        pb::TransferState::Offered => {
            let queue = match transfer.queue.as_str() {
                "" => String::new(),
                queue => format!(" of queue:{queue}"),
            };
            let meanwhile = if transfer.original_rep_removed_at.is_some() {
                format!("{} has been removed", transfer.from_rep)
            } else {
                format!("{} keeps the session until it is accepted", transfer.from_rep)
            };
            format!("offered to {}{queue}; {meanwhile}", transfer.rep)
        }
        pb::TransferState::Waiting => {
            let line = match (transfer.queue.as_str(), recipient) {
                ("", _) => format!("waits for {to}"),
                (queue, Some(Recipient::Queue(asked))) if queue == asked => {
                    format!("waits in {to}")
                }
                (queue, _) => format!("to {to} waits in queue:{queue}"),
            };
            let stranded = if transfer.stranded { ", stranded" } else { "" };
            format!("{line}{place}{stranded}; {} has been removed", transfer.from_rep)
        }
        pb::TransferState::Completed => {
            let taker = if transfer.rep.is_empty() { &to } else { &transfer.rep };
            format!("completed: {} → {taker}", transfer.from_rep)
        }
        pb::TransferState::Failed => format!("failed: {}", failure(transfer)),
        pb::TransferState::SessionEnded => "over: the session ended".to_owned(),
        pb::TransferState::Unspecified => "in a state newer than this program".to_owned(),
    };
    let matched = transfer.flow_trace.as_ref().map(matched).unwrap_or_default();
    format!("transfer {}  {what}{matched}", transfer.id)
}

/// `baton history`.
pub async fn history(context: &Context, session: String) -> anyhow::Result<()> {
    let request = pb::GetSessionHistoryRequest { session, ..Default::default() };
    let history = context.client()?.get_session_history(request).await?;
    context.out.one(
        || json::of("GetSessionHistoryResponse", &history),
        || {
            let session = history.session.clone().unwrap_or_default();
            let mut text = table::sessions(std::slice::from_ref(&session)).text();
            if !history.transfers.is_empty() {
                text += &format!("\n{}", table::transfers(&history.transfers).text());
            }
            text += &format!("\n{}", table::events(&history.events).text());
            if history.truncated {
                text += "(earlier events aren't kept)\n";
            }
            text
        },
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_says_who_has_the_session_meanwhile() {
        let mut transfer = pb::Transfer {
            id: "t1".into(),
            from_rep: "ana".into(),
            rep: "ben".into(),
            recipient: Some(target::recipient("rep:ben").unwrap()),
            state: pb::TransferState::Offered as i32,
            ..Default::default()
        };
        assert!(transfer_sentence(&transfer, "").contains("ana keeps the session until"));
        transfer.state = pb::TransferState::Waiting as i32;
        let waits = transfer_sentence(&transfer, ", place 1");
        assert!(waits.contains("waits for rep:ben, place 1; ana has been removed"), "{waits}");
        transfer.recipient = Some(target::recipient("queue:care").unwrap());
        transfer.queue = "care".into();
        let waits = transfer_sentence(&transfer, ", place 2, about 40s");
        assert!(waits.contains("waits in queue:care, place 2, about 40s; ana"), "{waits}");
        transfer.recipient = Some(target::recipient("flow:triage").unwrap());
        let waits = transfer_sentence(&transfer, "");
        assert!(waits.contains("to flow:triage waits in queue:care; ana"), "{waits}");
        transfer.state = pb::TransferState::Offered as i32;
        transfer.original_rep_removed_at = Some(prost_types::Timestamp::default());
        let offered = transfer_sentence(&transfer, "");
        assert!(
            offered.contains("offered to ben of queue:care; ana has been removed"),
            "{offered}"
        );
    }

    #[test]
    fn t23_a_transfer_to_a_contact_says_what_the_partner_said() {
        let mut transfer = pb::Transfer {
            id: "t1".into(),
            from_rep: "ana".into(),
            recipient: Some(target::recipient("contact:acme/42").unwrap()),
            state: pb::TransferState::Offered as i32,
            ..Default::default()
        };
        let asked = transfer_sentence(&transfer, "");
        assert!(
            asked.ends_with(
                "acme is asked for contact:acme/42; ana keeps the session until it says yes"
            ),
            "{asked}"
        );
        transfer.state = pb::TransferState::Completed as i32;
        assert!(transfer_sentence(&transfer, "").ends_with("completed: ana → contact:acme/42"));
        transfer.state = pb::TransferState::Failed as i32;
        transfer.end_reason = pb::TransferEndReason::HandoffFailed as i32;
        transfer.failure_reason = pb::HandoffFailure::Busy as i32;
        transfer.end_detail = "in a call".into();
        transfer.retryable = true;
        transfer.retry_after = Some(prost_types::Duration { seconds: 30, nanos: 0 });
        let failed = transfer_sentence(&transfer, "");
        assert!(
            failed.ends_with(
                "failed: BUSY, “in a call”; ana still has the session; it may be tried again in 30s"
            ),
            "{failed}"
        );
    }

    #[test]
    fn o6_a_return_goes_where_it_is_told_or_where_the_channel_s_sessions_go() {
        use pb::return_session_request::Target;
        let back = |to: Option<&str>| {
            return_request(Return {
                session: "s1".into(),
                to: to.map(|to| target::inner_recipient(to).unwrap()),
                note: "paid".into(),
                reason: Some(pb::SessionReturnReason::Done),
            })
        };
        assert_eq!(back(Some("rep:ana")).target, Some(Target::Rep("ana".into())));
        assert_eq!(back(Some("flow:triage")).target, Some(Target::Flow("triage".into())));
        let nowhere = back(None);
        assert_eq!((nowhere.target.as_ref(), nowhere.note.as_str()), (None, "paid"));
        assert_eq!(nowhere.reason(), pb::SessionReturnReason::Done);
    }

    #[test]
    fn r10_skills_without_a_queue_are_a_target_of_their_own() {
        use pb::open_session_request::Target;
        let open = |queue: Option<&str>| {
            open_request(Open {
                channel: "web".into(),
                reference: "c-1".into(),
                rep: None,
                queue: queue.map(Into::into),
                flow: None,
                skills: vec![target::skill("es=3").unwrap()],
                wishes: vec![target::wish("vip=1:30s").unwrap()],
                attributes: Vec::new(),
                priority: None,
                reopen: false,
            })
        };
        let alone = open(None);
        let Some(Target::Skills(skills)) = alone.target else { panic!("{alone:?}") };
        assert_eq!((skills.required.len(), skills.additional.len()), (1, 1));
        assert_eq!(alone.required_skills, []);
        let queued = open(Some("care"));
        assert_eq!(queued.target, Some(Target::Queue("care".into())));
        assert_eq!((queued.required_skills.len(), queued.additional_skills.len()), (1, 1));
    }
}
