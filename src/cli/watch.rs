//! `watch`: prints what is there and what changes, line by line, across reconnects.

use super::args::WatchArgs;
use super::{Context, json, names, table, words};
use crate::client::WatchEvent;
use crate::pb::change::Change as ChangeKind;
use crate::pb::watch_response::Frame;
use crate::{output, pb};

/// `baton watch`: until Ctrl-C or a refusal.
pub async fn run(context: &Context, args: WatchArgs) -> anyhow::Result<()> {
    let mut kinds = args.kinds;
    kinds.extend(args.more_kinds);
    if kinds.is_empty() {
        kinds = kinds_for(&context.identity().role);
    }
    let mut watch = context.client()?.watch(pb::WatchRequest {
        kinds: kinds.into_iter().map(|kind| kind as i32).collect(),
        filter: Some(pb::WatchFilter {
            reps: args.reps,
            queues: args.queues,
            sessions: args.sessions,
            channels: args.channels,
            transfers: args.transfers,
            partner: args.partner,
        })
        .filter(|filter| *filter != pb::WatchFilter::default()),
        resume_token: args.resume,
        live_only: args.live,
        ..Default::default()
    });
    loop {
        let event = tokio::select! {
            event = watch.next() => event?,
            stopped = crate::launch::interrupted() => return stopped,
        };
        match event {
            WatchEvent::Lost { why, pause } => {
                output::note(&format!("{why}; back in {:.1} s", pause.as_secs_f64()));
            }
            WatchEvent::Frame(response) if context.out.for_people() => {
                print_lines(context, &response)
            }
            WatchEvent::Frame(response) => {
                context.out.event(|| json::of("WatchResponse", &response), String::new);
            }
        }
    }
}

/// All that this role may watch.
fn kinds_for(role: &str) -> Vec<pb::WatchKind> {
    use pb::WatchKind::{Handoff, Partner, Queue, Rep, RoutingRequest, Session, Transfer, Work};
    let mut kinds = vec![Rep, Queue, Session, Transfer, Work];
    // What partners are asked isn't told to reps and adapters.
    if !matches!(role, "rep" | "adapter") {
        kinds.extend([Handoff, RoutingRequest, Partner]);
    }
    kinds
}

fn print_lines(context: &Context, response: &pb::WatchResponse) {
    match &response.frame {
        Some(Frame::Snapshot(snapshot)) => {
            for object in &snapshot.objects {
                let (kind, line) = table::watched(object);
                context.out.say(&format!("             has     {kind:8}  {line}"));
            }
        }
        Some(Frame::Synced(synced)) => {
            context.out.say(&format!("— as of revision {} —", synced.revision))
        }
        Some(Frame::Changes(changes)) => {
            for revision in &changes.revisions {
                print_revision(context, revision);
            }
        }
        Some(Frame::Reset(reset)) => {
            let why = names::of::<pb::ResetReason>(reset.reason);
            context.out.say(&format!("— starting again from a snapshot: {why} —"));
        }
        Some(Frame::Started(started)) if started.mode() == pb::StartMode::Resumed => {
            context.out.say(&format!("— resumed after revision {} —", started.revision));
        }
        // Heartbeats and the start are for programs; what Closing means, the client says.
        _ => {}
    }
}

fn print_revision(context: &Context, revision: &pb::RevisionChanges) {
    let time = words::clock(revision.time.as_ref());
    for change in &revision.changes {
        let line = change_line(change);
        context.out.say(&format!("{time} r{:<6} {line}", revision.revision));
    }
}

fn change_line(change: &pb::Change) -> String {
    let facts = if change.facts.is_empty() {
        String::new()
    } else {
        format!("  [{}]", change.facts.join(" "))
    };
    match &change.change {
        Some(ChangeKind::Upserted(object)) => {
            let (kind, line) = table::watched(object);
            let before = match object.object {
                Some(pb::watch_object::Object::Transfer(_)) if change.before != 0 => {
                    format!("  was {}", names::of::<pb::TransferState>(change.before))
                }
                _ => String::new(),
            };
            format!("{kind:8}  {line}{before}{facts}")
        }
        Some(ChangeKind::Removed(removed)) => {
            let object = removed.object.clone().unwrap_or_default();
            let kind = names::of::<pb::WatchKind>(object.kind);
            let why = names::of::<pb::RemovalReason>(removed.reason);
            format!("{kind:8}  {}  gone: {why}{facts}", object.id)
        }
        None => "a change newer than this program".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n3_a_rep_isnt_refused_for_kinds_that_it_never_asked_for() {
        assert_eq!(kinds_for("rep").len(), 5);
        assert!(kinds_for("partner").contains(&pb::WatchKind::Handoff));
    }

    #[test]
    fn a_completed_transfer_reads_as_a_line() {
        let transfer = pb::Transfer {
            id: "t1".into(),
            session: "s1".into(),
            from_rep: "ana".into(),
            recipient: Some(super::super::target::recipient("rep:ben").unwrap()),
            state: pb::TransferState::Completed as i32,
            note: "speaks French".into(),
            ..Default::default()
        };
        let change = pb::Change {
            change: Some(ChangeKind::Upserted(pb::WatchObject {
                object: Some(pb::watch_object::Object::Transfer(transfer)),
            })),
            facts: vec!["transfer_accepted".into(), "transfer_completed".into()],
            before: pb::TransferState::Offered as i32,
            ..Default::default()
        };
        assert_eq!(
            change_line(&change),
            "TRANSFER  t1  COMPLETED  ana → rep:ben  session s1  “speaks French”  was OFFERED  \
             [transfer_accepted transfer_completed]"
        );
    }
}
