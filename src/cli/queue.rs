//! `queues`: who waits in them, who is there, what is estimated and how far that was off; and how they are configured.
//!
//! Live states come from the snapshot of a watch, which is the one place where the API shows all of one.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use prost_types::Timestamp;
use tokio::time::timeout;

use super::args::Queues;
use super::pages::pages;
use super::target::span;
use super::{Context, json, names, words};
use crate::client::{Client, WatchEvent};
use crate::output::Table;
use crate::pb;
use crate::pb::watch_object::Object;
use crate::pb::watch_response::Frame;

/// `baton queues`.
pub async fn run(context: &Context, what: Queues) -> anyhow::Result<()> {
    let client = context.client()?;
    match what {
        Queues::List { query, configured } => {
            let queues = pages!(query.limit, token, size => client.list_queues(pb::ListQueuesRequest {
                page_size: size,
                page_token: token.clone(),
                query: query.query.clone(),
                ..Default::default()
            }).await?, queues);
            if configured {
                context.out.list(&queues, |queue| json::of("Queue", queue), configured_table);
                return Ok(());
            }
            let live = live(context, &client, Vec::new()).await?;
            let shown: Vec<Shown> = queues.into_iter().map(|queue| live.of(queue)).collect();
            context.out.list(&shown, Shown::json, |shown| live_table(shown, live.now));
        }
        Queues::Get { id } => {
            let request = pb::GetQueueRequest { id: id.clone(), ..Default::default() };
            let queue = client.get_queue(request).await?.queue.unwrap_or_default();
            let live = live(context, &client, vec![id]).await?;
            let shown = live.of(queue);
            context.out.one(|| shown.json(), || text(&shown, live.now));
        }
    }
    Ok(())
}

/// A queue as configured, and its live state.
struct Shown {
    queue: pb::Queue,
    state: pb::QueueState,
}

impl Shown {
    fn json(&self) -> serde_json::Value {
        let mut value = json::of("Queue", &self.queue);
        value["state"] = json::of("QueueState", &self.state);
        value
    }
}

/// The live states of queues, and when they were so by the server's clock.
struct Live {
    states: BTreeMap<String, pb::QueueState>,
    now: Option<Timestamp>,
}

impl Live {
    fn of(&self, queue: pb::Queue) -> Shown {
        let state = self.states.get(&queue.id).cloned().unwrap_or_default();
        Shown { queue, state }
    }
}

/// Reads the live states of these queues; of all, if none are named.
async fn live(context: &Context, client: &Client, queues: Vec<String>) -> anyhow::Result<Live> {
    let filter = (!queues.is_empty()).then(|| pb::WatchFilter { queues, ..Default::default() });
    let mut watch = client.watch(pb::WatchRequest {
        kinds: vec![pb::WatchKind::Queue as i32],
        filter,
        ..Default::default()
    });
    let mut live = Live { states: BTreeMap::new(), now: None };
    let read = async {
        loop {
            let response = match watch.next().await? {
                WatchEvent::Frame(response) => response,
                WatchEvent::Lost { why, .. } => bail!("can't read the live state: {why}"),
            };
            match response.frame {
                Some(Frame::Snapshot(snapshot)) => {
                    for object in snapshot.objects {
                        if let Some(Object::Queue(state)) = object.object {
                            live.states.insert(state.queue.clone(), state);
                        }
                    }
                }
                Some(Frame::Synced(_)) => return Ok(response.server_time),
                _ => {}
            }
        }
    };
    let read = timeout(context.global.timeout, read).await;
    live.now = read.context("the live state took too long: see --timeout")??;
    Ok(live)
}

fn live_table(shown: &[Shown], now: Option<Timestamp>) -> Table {
    let mut rows = Table::new([
        "QUEUE",
        "NAME",
        "WAITING",
        "IN TRANSFER",
        "OLDEST",
        "AVAILABLE",
        "SIGNED IN",
        "ESTIMATED WAIT",
        "WAS OFF BY",
    ]);
    for Shown { queue, state } in shown {
        rows.row([
            queue.id.clone(),
            queue.name.clone(),
            state.length.to_string(),
            state.waiting_transfers.to_string(),
            oldest(state, now),
            state.available_reps.to_string(),
            state.signed_in_reps.to_string(),
            wait(state.estimated_wait.as_ref()),
            score(state.estimate_score.as_ref()),
        ]);
    }
    rows
}

/// One queue with all that is known of it.
fn text(shown: &Shown, now: Option<Timestamp>) -> String {
    let Shown { queue, state } = shown;
    let mut waiting = state.length.to_string();
    if state.waiting_transfers > 0 {
        waiting += &format!(", of which {} in transfer", state.waiting_transfers);
    }
    if state.oldest_waiting_since.is_some() {
        waiting += &format!("; the oldest for {}", oldest(state, now));
    }
    let mut rows = vec![
        ("queue", format!("{}  {}", queue.id, queue.name)),
        ("waiting", waiting),
        (
            "reps",
            format!(
                "{} available, {} signed in, {} members",
                state.available_reps,
                state.signed_in_reps,
                queue.reps.len()
            ),
        ),
        ("estimated wait", wait_in_full(state.estimated_wait.as_ref())),
        ("estimates", score_in_full(state.estimate_score.as_ref())),
        ("members", queue.reps.join(", ")),
        ("serves", serves(queue)),
        ("picks", names::of::<pb::RoutingModel>(queue.routing_model)),
        ("weight", weight(queue.weight)),
        ("push time-out", queue.push_timeout.as_ref().map(span).unwrap_or_default()),
        ("overflows to", overflow(queue.overflow.as_ref())),
        ("priority", queue.default_priority.to_string()),
    ];
    if queue.max_length > 0 {
        rows.push(("refuses at", format!("{} waiting", queue.max_length)));
    }
    words::labelled(&rows)
}

/// A queue in one line of a watch.
pub fn line(state: &pb::QueueState) -> String {
    let in_transfer = match state.waiting_transfers {
        0 => String::new(),
        n => format!(" ({n} in transfer)"),
    };
    format!(
        "{}  {} waiting{in_transfer}, {} of {} available, estimated wait {}",
        state.queue,
        state.length,
        state.available_reps,
        state.signed_in_reps,
        wait(state.estimated_wait.as_ref())
    )
}

/// `20.7s`, or why there is no estimate: `absent (3 of 10)`.
pub fn wait(estimate: Option<&pb::EstimatedWait>) -> String {
    let Some(estimate) = estimate else {
        return "absent".to_owned();
    };
    match &estimate.wait {
        Some(wait) => span(wait),
        None if estimate.samples_needed > 0 => {
            format!("absent ({} of {})", estimate.samples, estimate.samples_needed)
        }
        None => format!("absent ({})", estimate.samples),
    }
}

fn wait_in_full(estimate: Option<&pb::EstimatedWait>) -> String {
    let mut text = wait(estimate);
    let Some(estimate) = estimate else {
        return text;
    };
    if let (Some(least), Some(most)) = (&estimate.shortest, &estimate.longest) {
        text += &format!(", lately {} to {}", span(least), span(most));
    }
    if let Some(age) = &estimate.newest_sample_age {
        let accepted = match estimate.samples {
            1 => "1 accepted lately".to_owned(),
            n => format!("{n} accepted lately"),
        };
        text += &format!("; {accepted}, the newest {} ago", span(age));
    }
    text
}

/// How far estimates were off, and how many that is the mean of; empty without any.
fn score(score: Option<&pb::EstimateScore>) -> String {
    match score {
        Some(pb::EstimateScore { samples, mean_absolute_error: Some(off), .. }) => {
            format!("{} ({samples})", span(off))
        }
        _ => String::new(),
    }
}

fn score_in_full(score: Option<&pb::EstimateScore>) -> String {
    let Some(pb::EstimateScore {
        samples,
        mean_error: Some(error),
        mean_absolute_error: Some(off),
    }) = score
    else {
        return String::new();
    };
    let sessions = if *samples == 1 { "session" } else { "sessions" };
    let early = error.seconds < 0 || error.nanos < 0;
    let of = prost_types::Duration { seconds: error.seconds.abs(), nanos: error.nanos.abs() };
    let bias = match (of.seconds, of.nanos) {
        (0, 0) => "neither too short nor too long on average".to_owned(),
        _ if early => format!("on average {} too long", span(&of)),
        _ => format!("on average {} too short", span(&of)),
    };
    format!("off by {}, {bias} ({samples} {sessions})", span(off))
}

/// How long the oldest has waited.
fn oldest(state: &pb::QueueState, now: Option<Timestamp>) -> String {
    let (Some(since), Some(now)) = (state.oldest_waiting_since, now) else {
        return String::new();
    };
    // Clocks of two servers may differ by a little: nobody waits since tomorrow.
    let ms = (now.seconds - since.seconds) * 1_000 + i64::from(now.nanos - since.nanos) / 1_000_000;
    span(&prost_types::Duration { seconds: ms.max(0) / 1_000, nanos: 0 })
}

fn configured_table(queues: &[pb::Queue]) -> Table {
    let mut rows = Table::new([
        "QUEUE",
        "NAME",
        "REPS",
        "SERVES",
        "PICKS",
        "WEIGHT",
        "PUSH",
        "OVERFLOWS",
        "REFUSES AT",
        "PRIORITY",
    ]);
    for queue in queues {
        rows.row([
            queue.id.clone(),
            queue.name.clone(),
            queue.reps.join(","),
            serves(queue),
            names::of::<pb::RoutingModel>(queue.routing_model),
            weight(queue.weight),
            queue.push_timeout.as_ref().map(span).unwrap_or_default(),
            overflow(queue.overflow.as_ref()),
            if queue.max_length > 0 { queue.max_length.to_string() } else { String::new() },
            queue.default_priority.to_string(),
        ]);
    }
    rows
}

fn serves(queue: &pb::Queue) -> String {
    match queue.channel_types.as_slice() {
        [] => "all".to_owned(),
        types => words::channel_types(types),
    }
}

fn overflow(overflow: Option<&pb::Overflow>) -> String {
    let Some(overflow) = overflow else {
        return String::new();
    };
    let mut limits = Vec::new();
    if overflow.max_length > 0 {
        limits.push(format!("{} waiting", overflow.max_length));
    }
    limits.extend(overflow.max_wait.as_ref().map(span));
    format!("{} at {}", overflow.queue, limits.join(" or "))
}

fn weight(weight: Option<pb::Weight>) -> String {
    use pb::weight::Weight;
    match weight.and_then(|w| w.weight) {
        Some(Weight::CentiUnits(n)) => words::units(n),
        Some(Weight::CentiPercent(n)) => words::percent(n.into()),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> prost_types::Duration {
        prost_types::Duration { seconds, nanos: 0 }
    }

    fn busy() -> pb::QueueState {
        pb::QueueState {
            queue: "billing".into(),
            length: 2,
            waiting_transfers: 1,
            oldest_waiting_since: Some(Timestamp { seconds: 100, nanos: 0 }),
            available_reps: 0,
            signed_in_reps: 3,
            estimated_wait: Some(pb::EstimatedWait {
                samples: 3,
                samples_needed: 10,
                newest_sample_age: Some(seconds(12)),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn e1_an_absent_estimate_says_how_many_there_are_of_how_many() {
        assert_eq!(
            line(&busy()),
            "billing  2 waiting (1 in transfer), 0 of 3 available, estimated wait absent (3 of 10)"
        );
        let known =
            pb::EstimatedWait { wait: Some(seconds(95)), samples: 12, ..Default::default() };
        assert_eq!(wait(Some(&known)), "1m35s");
    }

    #[test]
    fn e5_a_queue_tells_how_far_its_estimates_were_off() {
        let told = |error, off| {
            score_in_full(Some(&pb::EstimateScore {
                samples: 7,
                mean_error: Some(seconds(error)),
                mean_absolute_error: Some(seconds(off)),
            }))
        };
        assert_eq!(told(5, 15), "off by 15s, on average 5s too short (7 sessions)");
        assert_eq!(told(-4, 4), "off by 4s, on average 4s too long (7 sessions)");
        assert_eq!(score_in_full(Some(&pb::EstimateScore::default())), "");
    }

    #[test]
    fn one_queue_reads_as_lines() {
        let both =
            pb::Overflow { max_length: 5, max_wait: Some(seconds(90)), queue: "general".into() };
        let queue = pb::Queue {
            id: "billing".into(),
            name: "Billing".into(),
            reps: vec!["ana".into(), "ben".into()],
            overflow: Some(both),
            ..Default::default()
        };
        let now = Some(Timestamp { seconds: 145, nanos: 0 });
        let text = text(&Shown { queue, state: busy() }, now);
        for line in [
            "waiting         2, of which 1 in transfer; the oldest for 45s\n",
            "estimated wait  absent (3 of 10); 3 accepted lately, the newest 12s ago\n",
            "overflows to    general at 5 waiting or 1m30s\n",
        ] {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains("refuses at"), "{text}");
    }
}
