//! `online`, `status`, `offline`: reps signing in and out. Signing in and staying so is the client's.

use anyhow::bail;

use super::args::{Offline, Online, Status};
use super::{Context, json, names, rep, table};
use crate::client::{keep_signed_in, sign_in};
use crate::pb::{close_presence_request, set_status_request};
use crate::{output, pb};

/// `baton online`: until Ctrl-C, which signs out.
pub async fn online(context: &Context, args: &Online) -> anyhow::Result<()> {
    let client = context.client_as(&context.identity_of_rep(&args.rep))?;
    let signed_in = sign_in(&client, &args.rep, &args.status, &args.device).await?;
    let presence = signed_in.presences[0].clone();
    context.out.event(
        || serde_json::json!({"rep": args.rep, "status": args.status, "presence": presence}),
        || format!("{} is {} (presence {presence}); Ctrl-C signs out", args.rep, args.status),
    );
    let mut last = String::new();
    tokio::select! {
        () = keep_signed_in(&client, signed_in, |text| {
            output::note(&format!("{}: {text}", args.rep));
            text.clone_into(&mut last);
        }) => bail!("{}: {last}", args.rep),
        stopped = crate::launch::interrupted() => stopped?,
    }
    let whose = Some(close_presence_request::Whose::Presence(presence));
    client.close_presence(pb::ClosePresenceRequest { whose, ..Default::default() }).await?;
    context.out.say(&format!("{} is offline", args.rep));
    Ok(())
}

/// `baton status`.
pub async fn status(context: &Context, args: &Status) -> anyhow::Result<()> {
    // A rep changes its own current presence; others name the rep.
    let identity = context.identity();
    let whose = (identity.role != "rep").then(|| set_status_request::Whose::Rep(args.rep.clone()));
    if identity.role == "rep" && identity.actor != args.rep {
        bail!(
            "{} can't change the status of {}: leave --as away, or use --role supervisor",
            identity.actor,
            args.rep
        );
    }
    let request = pb::SetStatusRequest {
        whose,
        status: args.status.clone(),
        when_current_work_is_done: args.when_done,
        ..Default::default()
    };
    let rep =
        context.client_as(&identity)?.set_status(request).await?.rep_presence.unwrap_or_default();
    show(context, &rep);
    Ok(())
}

/// `baton offline`.
pub async fn offline(context: &Context, args: &Offline) -> anyhow::Result<()> {
    let identity = context.identity();
    let whose =
        (identity.role != "rep").then(|| close_presence_request::Whose::Rep(args.rep.clone()));
    if identity.role == "rep" && identity.actor != args.rep {
        bail!(
            "{} can't sign {} out: leave --as away, or use --role supervisor",
            identity.actor,
            args.rep
        );
    }
    let request = pb::ClosePresenceRequest {
        whose,
        when_current_work_is_done: args.when_done,
        ..Default::default()
    };
    let rep = context
        .client_as(&identity)?
        .close_presence(request)
        .await?
        .rep_presence
        .unwrap_or_default();
    show(context, &rep);
    Ok(())
}

fn show(context: &Context, rep: &pb::RepPresence) {
    context.out.one(
        || json::of("RepPresence", rep),
        || format!("{}\n\n{}", rep::choice(rep), table::reps(std::slice::from_ref(rep)).text()),
    );
}

impl names::Named for pb::PresenceCause {
    const PREFIX: &'static str = "PRESENCE_CAUSE_";

    fn proto_name(self) -> &'static str {
        self.as_str_name()
    }
}
