//! Simulated customers and reps, queues and a flow among them, through the public API, so that there is something to
//! watch.
//!
//! Bounded: a fixed number of sessions live at once, and a rate that can't be kept is not caught up with.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::dev::{self, Stage};
use crate::client::Failure;
use crate::pb::open_session_request::Target;
use crate::pb::recipient::Recipient;
use crate::{output, pb};

/// The simulated reps. The example org leaves the others to people.
pub const REPS: [&str; 4] = ["eve", "finn", "gita", "hugo"];
/// Queues of which only simulated reps are members.
const QUEUES: [&str; 2] = ["orders", "returns"];
/// The flow that leads to them, by what the customer wants.
const FLOW: &str = "triage";
const TOPICS: [&str; 2] = ["order", "return"];
/// Sessions alive at once: more than the reps can carry, so that lines form now and then.
const LIVE: usize = 20;
/// Seconds of a session's life at an easy pace, about.
const EASY_LIFE: f64 = 26.0;
/// Offers that one session gets before nobody seems to want it.
const OFFERS: usize = 5;

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
    let channel = one_of(&["web", "whatsapp"]);
    let session = stage.open(opened(channel)).await?.id;
    let mut owner = accepted(stage, &session, pace).await?;
    for _ in 0..rand::random_range(0..=2) {
        let Some(rep) = owner.clone() else { break };
        pause(pace, 6.0, 16.0).await;
        let request = pb::TransferSessionRequest {
            session: session.clone(),
            recipient: Some(pb::Recipient { recipient: Some(recipient(&rep)) }),
            note: one_of(&["", "speaks French", "billing question", "second call today"])
                .to_owned(),
            ..Default::default()
        };
        stage.rep(&rep)?.transfer_session(request).await?;
        owner = accepted(stage, &session, pace).await?;
    }
    if owner.is_some() {
        pause(pace, 6.0, 16.0).await;
    }
    stage
        .admin()
        .end_session(pb::EndSessionRequest { session, ..Default::default() })
        .await
        .map(drop)
}

/// A customer, who comes to a rep, to a queue, or through the flow.
fn opened(channel: &str) -> pb::OpenSessionRequest {
    match rand::random_range(0..10) {
        0..3 => dev::opening("sim", channel, Some(Target::Rep(one_of(&REPS).to_owned()))),
        3..6 => dev::opening("sim", channel, Some(Target::Queue(one_of(&QUEUES).to_owned()))),
        _ => pb::OpenSessionRequest {
            attributes: [("topic".to_owned(), one_of(&TOPICS).to_owned())].into(),
            ..dev::opening("sim", channel, Some(Target::Flow(FLOW.to_owned())))
        },
    }
}

/// Another rep, or a queue.
fn recipient(owner: &str) -> Recipient {
    let others: Vec<&'static str> = REPS.into_iter().filter(|rep| *rep != owner).collect();
    match rand::random_range(0..2) {
        0 => Recipient::Rep(one_of(&others).to_owned()),
        _ => Recipient::Queue(one_of(&QUEUES).to_owned()),
    }
}

/// Lets whoever is asked accept after a moment: who it was. None if it comes to nothing, because nobody is asked, or
/// because someone plays along.
async fn accepted(stage: &Stage, session: &str, pace: f64) -> Result<Option<String>, Failure> {
    for _ in 0..OFFERS {
        let Some(offer) = offered(stage, session).await? else { break };
        pause(pace, 0.5, 3.0).await;
        let request = pb::AcceptWorkRequest { work: offer.work, ..Default::default() };
        match stage.rep(&offer.rep)?.accept_work(request).await {
            Ok(_) => return Ok(Some(offer.rep)),
            // Offered to somebody else meanwhile.
            Err(failure)
                if matches!(failure.reason(), "WORK_ENDED" | "WORK_NOT_OFFERED" | "NOT_FOUND") => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(None)
}

/// The offer of a session, waited for; None if nobody is asked within a minute, or it has ended.
async fn offered(stage: &Stage, session: &str) -> Result<Option<pb::Offer>, Failure> {
    for _ in 0..120 {
        let request = pb::GetSessionRequest {
            which: Some(pb::get_session_request::Which::Session(session.to_owned())),
            ..Default::default()
        };
        let now = stage.admin().get_session(request).await?.session.unwrap_or_default();
        if now.offer.is_some() || now.state() == pb::SessionState::Ended {
            return Ok(now.offer);
        }
        sleep(Duration::from_millis(500)).await;
    }
    Ok(None)
}

async fn pause(pace: f64, least: f64, most: f64) {
    sleep(Duration::from_secs_f64(rand::random_range(least..most) * pace)).await;
}

fn one_of(choices: &[&'static str]) -> &'static str {
    choices[rand::random_range(0..choices.len())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::org_file;

    #[test]
    fn simulated_sessions_go_nowhere_that_people_have_to_answer() {
        let org = org_file::read(include_str!("../../examples/org.yaml"), true).good().unwrap();
        for id in QUEUES {
            let queue =
                org.queues.iter().find(|queue| queue.id == id).expect("it is in the example");
            assert!(queue.reps.iter().all(|rep| REPS.contains(&rep.as_str())), "{queue:?}");
            let to = queue.overflow.as_ref().map(|overflow| overflow.queue.as_str());
            assert!(to.is_none_or(|to| QUEUES.contains(&to)), "{queue:?}");
        }
        assert!(org.flows.iter().any(|flow| flow.id == FLOW));
    }
}
