//! Simulated customers and reps, through the public API, so that there is something to watch.
//!
//! Bounded: a fixed number of sessions live at once, and a rate that can't be kept is not caught up with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::dev::Stage;
use super::output;
use crate::client::Failure;
use crate::pb;

/// The simulated reps. The example org leaves the others to people.
pub const REPS: [&str; 4] = ["eve", "finn", "gita", "hugo"];
/// Sessions alive at once: below what the reps can carry, so that some transfers wait, but not all.
const LIVE: usize = 12;
/// Seconds of a session's life at an easy pace, about.
const EASY_LIFE: f64 = 12.0;

/// Opens sessions at this rate per minute for as long as it is polled.
pub async fn run(stage: Stage, per_minute: u32) {
    let live = Arc::new(Semaphore::new(LIVE));
    let per_second = f64::from(per_minute) / 60.0;
    // At high rates lives are shortened so that the rate can be kept.
    let pace = (LIVE as f64 * 0.7 / (per_second * EASY_LIFE)).min(1.0);
    let mut ticks = interval(Duration::from_secs_f64(1.0 / per_second));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let Ok(permit) = Arc::clone(&live).try_acquire_owned() else {
            continue;
        };
        let stage = stage.clone();
        tokio::spawn(async move {
            if let Err(failure) = life(&stage, pace).await {
                output::note(&format!("simulated traffic: {failure}"));
            }
            drop(permit);
        });
    }
}

/// One session from its opening to its end.
async fn life(stage: &Stage, pace: f64) -> Result<(), Failure> {
    let first = one_of(&REPS);
    let channel = one_of(&["web", "whatsapp"]);
    let session = stage.open(&format!("sim-{:08x}", rand::random::<u32>()), channel, first).await?;
    let mut owner = first;
    let ended = match offered(stage, &session.id).await? {
        Some(work) => {
            pause(pace, 0.3, 1.5).await;
            accept(stage, owner, work).await?
        }
        None => true,
    };
    let hops = if ended { 0 } else { rand::random_range(0..=2) };
    for _ in 0..hops {
        pause(pace, 1.0, 5.0).await;
        let next = one_of(&REPS);
        if next == owner {
            continue;
        }
        let request = pb::TransferSessionRequest {
            session: session.id.clone(),
            recipient: Some(pb::Recipient {
                recipient: Some(pb::recipient::Recipient::Rep(next.to_owned())),
            }),
            note: one_of(&["", "speaks French", "billing question", "second call today"])
                .to_owned(),
            ..Default::default()
        };
        stage.rep(owner)?.transfer_session(request).await?;
        let Some(work) = offered(stage, &session.id).await? else {
            break;
        };
        pause(pace, 0.5, 3.0).await;
        accept(stage, next, work).await?;
        owner = next;
    }
    pause(pace, 1.0, 4.0).await;
    stage
        .admin()
        .end_session(pb::EndSessionRequest { session: session.id, ..Default::default() })
        .await
        .map(drop)
}

/// The work offered for a session, waited for; None if nobody is asked within a minute.
async fn offered(stage: &Stage, session: &str) -> Result<Option<String>, Failure> {
    for _ in 0..120 {
        let request = pb::GetSessionRequest {
            which: Some(pb::get_session_request::Which::Session(session.to_owned())),
            ..Default::default()
        };
        let now = stage.admin().get_session(request).await?.session.unwrap_or_default();
        if let Some(offer) = now.offer {
            return Ok(Some(offer.work));
        }
        sleep(Duration::from_millis(500)).await;
    }
    Ok(None)
}

/// Accepts; true if the offer had gone meanwhile, because someone plays along.
async fn accept(stage: &Stage, rep: &str, work: String) -> Result<bool, Failure> {
    match stage.rep(rep)?.accept_work(pb::AcceptWorkRequest { work, ..Default::default() }).await {
        Ok(_) => Ok(false),
        Err(failure)
            if matches!(failure.reason(), "WORK_ENDED" | "WORK_NOT_OFFERED" | "NOT_FOUND") =>
        {
            Ok(true)
        }
        Err(failure) => Err(failure),
    }
}

async fn pause(pace: f64, least: f64, most: f64) {
    sleep(Duration::from_secs_f64(rand::random_range(least..most) * pace)).await;
}

fn one_of(choices: &[&'static str]) -> &'static str {
    choices[rand::random_range(0..choices.len())]
}
