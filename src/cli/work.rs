//! `accept`, `decline`, `close`, `extend` and `finish`: what a rep does with work.

use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::timeout;

use super::args::Accept;
use super::{Context, json, names, session, table, words};
use crate::client::{Client, WatchEvent};
use crate::pb::watch_object::Object;
use crate::pb::watch_response::Frame;
use crate::{output, pb};

/// `baton accept`.
pub async fn accept(context: &Context, args: &Accept) -> anyhow::Result<()> {
    let client = context.client()?;
    if let Some(id) = &args.id {
        return accept_id(context, &client, id).await;
    }
    let rep = context.global.actor.clone().context("who accepts? Give --as REP")?;
    let work = next_offer(&client, &rep, args.wait).await?;
    accept_work(context, &client, &work).await
}

/// Accepts what the id names: a transfer, or else work.
async fn accept_id(context: &Context, client: &Client, id: &str) -> anyhow::Result<()> {
    let request = pb::GetTransferRequest { transfer: id.to_owned(), ..Default::default() };
    match client.get_transfer(request).await {
        Ok(found) => {
            let transfer = found.transfer.unwrap_or_default();
            // A rep accepts for itself; others name the rep who is being asked.
            let rep = context.global.actor.clone().unwrap_or(transfer.rep);
            let request =
                pb::AcceptTransferRequest { transfer: transfer.id, rep, ..Default::default() };
            let transfer = client.accept_transfer(request).await?.transfer.unwrap_or_default();
            session::show_transfer(context, &transfer);
            Ok(())
        }
        Err(failure) if failure.reason() == "NOT_FOUND" => {
            accept_work(context, client, &pb::Work { id: id.to_owned(), ..Default::default() })
                .await
        }
        Err(failure) => Err(failure.into()),
    }
}

async fn accept_work(context: &Context, client: &Client, offered: &pb::Work) -> anyhow::Result<()> {
    let request = pb::AcceptWorkRequest { work: offered.id.clone(), ..Default::default() };
    let work = client.accept_work(request).await?.work.unwrap_or_default();
    show_work(context, &work);
    Ok(())
}

/// The oldest offer that the rep has, or the first that they get.
async fn next_offer(
    client: &Client,
    rep: &str,
    wait: Option<Duration>,
) -> anyhow::Result<pb::Work> {
    let request = pb::ListWorkRequest {
        page_size: 500,
        rep: rep.to_owned(),
        states: vec![pb::WorkState::Offered as i32],
        ..Default::default()
    };
    let offered = client.list_work(request).await?.work;
    // Of what was offered in the same moment, whoever came first; ids of sessions sort by that.
    let order = |work: &pb::Work| {
        let at = work.offered_at.unwrap_or_default();
        (at.seconds, at.nanos, work.session.clone())
    };
    if let Some(work) = offered.into_iter().min_by_key(order) {
        return Ok(work);
    }
    let Some(wait) = wait else {
        bail!("nothing is offered to {rep} now (--wait 30s waits for an offer)");
    };
    output::note(&format!("waiting for an offer to {rep}"));
    match timeout(wait, watch_for_offer(client, rep)).await {
        Ok(found) => found,
        Err(_) => bail!("nothing was offered to {rep} within {wait:?}"),
    }
}

/// The first offer that the rep has or gets.
pub(super) async fn watch_for_offer(client: &Client, rep: &str) -> anyhow::Result<pb::Work> {
    let mut watch = client.watch(pb::WatchRequest {
        kinds: vec![pb::WatchKind::Work as i32],
        filter: Some(pb::WatchFilter { reps: vec![rep.to_owned()], ..Default::default() }),
        ..Default::default()
    });
    loop {
        let WatchEvent::Frame(response) = watch.next().await? else {
            continue;
        };
        let objects: Vec<pb::WatchObject> = match response.frame {
            Some(Frame::Snapshot(snapshot)) => snapshot.objects,
            Some(Frame::Changes(changes)) => changes
                .revisions
                .into_iter()
                .flat_map(|revision| revision.changes)
                .filter_map(|change| match change.change {
                    Some(pb::change::Change::Upserted(object)) => Some(object),
                    _ => None,
                })
                .collect(),
            _ => continue,
        };
        for object in objects {
            if let Some(Object::Work(work)) = object.object
                && work.state() == pb::WorkState::Offered
            {
                return Ok(work);
            }
        }
    }
}

/// `baton decline`.
pub async fn decline(context: &Context, work: String) -> anyhow::Result<()> {
    let request = pb::DeclineWorkRequest { work, ..Default::default() };
    let work = context.client()?.decline_work(request).await?.work.unwrap_or_default();
    show_work(context, &work);
    Ok(())
}

/// `baton close`.
pub async fn close(context: &Context, work: String, end: bool) -> anyhow::Result<()> {
    let request = pb::CloseWorkRequest { work, end_session: end, ..Default::default() };
    let work = context.client()?.close_work(request).await?.work.unwrap_or_default();
    show_work(context, &work);
    Ok(())
}

/// `baton extend`.
pub async fn extend(context: &Context, work: String) -> anyhow::Result<()> {
    let request = pb::ExtendWrapUpRequest { work, ..Default::default() };
    let work = context.client()?.extend_wrap_up(request).await?.work.unwrap_or_default();
    show_work(context, &work);
    Ok(())
}

/// `baton finish`.
pub async fn finish(context: &Context, work: String) -> anyhow::Result<()> {
    let request = pb::EndWrapUpRequest { work, ..Default::default() };
    let work = context.client()?.end_wrap_up(request).await?.work.unwrap_or_default();
    show_work(context, &work);
    Ok(())
}

fn show_work(context: &Context, work: &pb::Work) {
    context.out.one(
        || json::of("Work", work),
        || {
            let transfer = if work.transfer.is_empty() {
                String::new()
            } else {
                format!("  transfer {}", work.transfer)
            };
            let state = names::of::<pb::WorkState>(work.state);
            let reason = words::set_name::<pb::WorkEndReason>(work.end_reason);
            let end = if reason.is_empty() { reason } else { format!(" ({reason})") };
            let after = table::wrap_up(work).map_or_else(String::new, |text| format!(" ({text})"));
            format!(
                "work {}  {state}{after}{end}  {} has session {}{transfer}",
                work.id, work.rep, work.session
            )
            .replace(
                " has session",
                match work.state() {
                    pb::WorkState::Ended | pb::WorkState::WrappingUp => " no longer has session",
                    _ => " has session",
                },
            )
        },
    );
}
