//! `session`, `transfer` and `history`: what a channel and an owner do with a session.

use super::args::{Open, Session, Transfer};
use super::{Context, flow, json, table, target};
use crate::pb;
use crate::pb::recipient::Recipient;

/// `baton session`.
pub async fn run(context: &Context, what: Session) -> anyhow::Result<()> {
    let client = context.client()?;
    let session = match what {
        Session::Open(args) => client.open_session(open_request(args)).await?.session,
        Session::End { id } => {
            client
                .end_session(pb::EndSessionRequest { session: id, ..Default::default() })
                .await?
                .session
        }
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
            format!("{}{matched}", line.trim_end())
        },
    );
    Ok(())
}

fn open_request(args: Open) -> pb::OpenSessionRequest {
    use pb::open_session_request::Target;
    let target =
        args.rep.map(Target::Rep).or(args.queue.map(Target::Queue)).or(args.flow.map(Target::Flow));
    let (target, required_skills, additional_skills) = match target {
        Some(target) => (target, args.skills, args.wishes),
        None => {
            let (required, additional) = (args.skills, args.wishes);
            let anyone = pb::SkillsTarget { required, additional, queue: String::new() };
            (Target::Skills(anyone), Vec::new(), Vec::new())
        }
    };
    pb::OpenSessionRequest {
        channel: args.channel,
        external_reference: args.reference,
        target: Some(target),
        priority: args.priority,
        required_skills,
        additional_skills,
        attributes: args.attributes.into_iter().collect(),
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
            format!("completed: {} → {}", transfer.from_rep, transfer.rep)
        }
        pb::TransferState::Failed => "failed".to_owned(),
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
