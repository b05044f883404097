//! `session`, `transfer` and `history`: what a channel and an owner do with a session.

use super::args::{Open, Session, Transfer};
use super::{Context, json, names, table, target};
use crate::pb;

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
            let state = names::of::<pb::SessionState>(session.state);
            format!("session {}  {state}  {holder}", session.id).trim_end().to_owned()
        },
    );
    Ok(())
}

fn open_request(args: Open) -> pb::OpenSessionRequest {
    use pb::open_session_request::Target;
    let target =
        args.rep.map(Target::Rep).or(args.queue.map(Target::Queue)).or(args.flow.map(Target::Flow));
    pb::OpenSessionRequest {
        channel: args.channel,
        external_reference: args.reference,
        target,
        priority: args.priority,
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
    let transfer = context.client()?.transfer_session(request).await?.transfer.unwrap_or_default();
    show_transfer(context, &transfer);
    Ok(())
}

/// Shows a transfer as a sentence, or as JSON.
pub fn show_transfer(context: &Context, transfer: &pb::Transfer) {
    context.out.one(|| json::of("Transfer", transfer), || transfer_sentence(transfer));
}

fn transfer_sentence(transfer: &pb::Transfer) -> String {
    let to = target::recipient_text(transfer.recipient.as_ref());
    let what = match transfer.state() {
        pb::TransferState::Offered => {
            format!(
                "offered to {}; {} keeps the session until it is accepted",
                transfer.rep, transfer.from_rep
            )
        }
        pb::TransferState::Waiting => {
            format!("waits for {to}; {} has been removed", transfer.from_rep)
        }
        pb::TransferState::Completed => {
            format!("completed: {} → {}", transfer.from_rep, transfer.rep)
        }
        pb::TransferState::Failed => "failed".to_owned(),
        pb::TransferState::SessionEnded => "over: the session ended".to_owned(),
        pb::TransferState::Unspecified => "in a state newer than this program".to_owned(),
    };
    format!("transfer {}  {what}", transfer.id)
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
        assert!(transfer_sentence(&transfer).contains("ana keeps the session until"));
        transfer.state = pb::TransferState::Waiting as i32;
        assert!(transfer_sentence(&transfer).contains("waits for rep:ben; ana has been removed"));
    }
}
