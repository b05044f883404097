//! `online`, `status`, `offline`: reps signing in and out; and the keeping alive that `dev` and `bench` use too.

use std::time::Duration;

use anyhow::bail;
use tokio::time::sleep;

use super::args::{Offline, Online, Status};
use super::{Context, json, names, output, rep, table};
use crate::client::{Client, Failure};
use crate::pb;
use crate::pb::{close_presence_request, set_status_request};

/// Presences that are open, and how often to renew them.
#[derive(Debug)]
pub struct SignedIn {
    /// Ids of the presences.
    pub presences: Vec<String>,
    /// How often to renew.
    pub renew_every: Duration,
}

/// Signs a rep in.
pub async fn sign_in(
    client: &Client,
    rep: &str,
    status: &str,
    device: &str,
) -> Result<SignedIn, Failure> {
    let request = pb::OpenPresenceRequest {
        rep: rep.to_owned(),
        status: status.to_owned(),
        device: device.to_owned(),
        ..Default::default()
    };
    let opened = client.open_presence(request).await?;
    Ok(SignedIn { presences: vec![opened.presence], renew_every: every(opened.renew_every) })
}

fn every(duration: Option<prost_types::Duration>) -> Duration {
    duration
        .and_then(|d| Duration::try_from(d).ok())
        .unwrap_or(Duration::from_secs(10))
        .max(Duration::from_millis(100))
}

/// Renews presences until none is left, and tells `news` of each that ended and of trouble. A failure is no reason to
/// stop: the server may be back before the grace is over (P4).
pub async fn keep_alive(client: &Client, mut signed_in: SignedIn, mut news: impl FnMut(&str)) {
    let mut renew_in = signed_in.renew_every;
    while !signed_in.presences.is_empty() {
        sleep(renew_in).await;
        let request = pb::KeepAliveRequest { presences: signed_in.presences.clone() };
        match client.keep_alive(request).await {
            Ok(response) => {
                renew_in = every(response.renew_every);
                for result in &response.results {
                    if let Some(over) = ended(result) {
                        signed_in.presences.retain(|id| *id != result.presence);
                        news(&over);
                    }
                }
            }
            Err(failure) => {
                news(&format!("couldn't renew, trying on: {failure}"));
                renew_in = Duration::from_secs(1);
            }
        }
    }
}

/// What to say of a presence that won't be renewed any more.
fn ended(result: &pb::KeepAliveResult) -> Option<String> {
    let cause = table::set_name::<pb::PresenceCause>(result.cause);
    match result.verdict() {
        pb::KeepAliveVerdict::Renewed
        | pb::KeepAliveVerdict::Reconnected
        | pb::KeepAliveVerdict::Unspecified => None,
        pb::KeepAliveVerdict::Superseded => {
            Some("signed in elsewhere: this sign-in is over".to_owned())
        }
        pb::KeepAliveVerdict::Closed => Some(format!("signed out ({cause})")),
        pb::KeepAliveVerdict::NotFound => {
            Some("the server doesn't know this sign-in any more".to_owned())
        }
        pb::KeepAliveVerdict::Invalid => {
            Some(format!("the server refuses the presence id {}", result.presence))
        }
    }
}

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
        () = keep_alive(&client, signed_in, |text| {
            output::note(&format!("{}: {text}", args.rep));
            text.clone_into(&mut last);
        }) => bail!("{}: {last}", args.rep),
        stopped = super::serve::interrupted() => stopped?,
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
