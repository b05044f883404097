//! Lives the day: opens each session when it is due, and is the rep who takes it.
//!
//! A rep is busy from the moment the offer is on the screen until the handling time is over; accepting falls into that
//! time. Bounded: what wasn't offered by some time after the day's end is ended and counted as such. Sleeps are the
//! day's own times, scaled.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::desks::{Desks, Offered};
use super::super::setup::CHANNEL;
use super::{Arrival, HOUR, Plan, QUEUE};
use crate::client::{Client, Failure};
use crate::output;
use crate::pb;

/// How long the line has to empty after the day, in mean handling times, and at least in real seconds.
const DRAIN: (f64, f64) = (20.0, 30.0);

/// What a played session needs.
#[derive(Debug)]
pub struct Stage {
    clients: Vec<Vec<Client>>,
    desks: Desks,
    speed: f64,
}

/// What came of one session.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// What was planned.
    pub arrival: Arrival,
    /// What happened, or the reason why it wasn't served.
    pub served: Result<Served, String>,
}

/// A session that was served. Times are real seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Served {
    /// How much later than planned it was opened.
    pub late: f64,
    /// Whether it waited in the line, rather than being offered at once.
    pub waited: bool,
    /// Its wait in the line, by the server's clock.
    pub wait: f64,
    /// From the call that opened it to the offer on the rep's screen.
    pub opened_to_seen: f64,
    /// When the offer was seen, since the day began.
    pub seen: f64,
    /// How long it held the rep's capacity, by the server's clock.
    pub held: f64,
    /// The wait that was estimated when it was opened and had to wait.
    pub estimate: Option<f64>,
    /// How long the calls took: open, accept, end.
    pub calls: [f64; 3],
}

impl Stage {
    /// Clients by server and connection, the reps' streams, and how many times faster than the day it goes.
    pub fn new(clients: Vec<Vec<Client>>, desks: Desks, speed: f64) -> Self {
        Self { clients, desks, speed }
    }

    fn client(&self, number: usize, server: usize) -> &Client {
        let connections = &self.clients[server % self.clients.len()];
        &connections[number / self.clients.len() % connections.len()]
    }

    fn scaled(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds / self.speed)
    }

    /// One session, from its opening to its end.
    async fn serve(
        &self,
        number: usize,
        arrival: Arrival,
        (began, last): (Instant, Instant),
    ) -> Result<Served, String> {
        let reason = |failure: Failure| failure.label();
        let channel = self.client(number, number);
        let opening = Instant::now();
        let open = pb::OpenSessionRequest {
            channel: CHANNEL.to_owned(),
            external_reference: format!("day-{number}"),
            target: Some(pb::open_session_request::Target::Queue(QUEUE.to_owned())),
            ..Default::default()
        };
        let session = channel.open_session(open).await.map_err(reason)?.session.unwrap_or_default();
        let opened = Instant::now();
        let left = last.saturating_duration_since(opened);
        let Some(offered) = self.desks.offer(&session.id, left).await else {
            let end = pb::EndSessionRequest { session: session.id, ..Default::default() };
            // It counts as not offered, whatever comes of ending it.
            let _ = channel.end_session(end).await;
            return Err("NOT_OFFERED".to_owned());
        };
        let rep = self.client(number, offered.seat);
        let accepting = Instant::now();
        let accept = pb::AcceptWorkRequest { work: offered.work.clone(), ..Default::default() };
        rep.accept_work(accept).await.map_err(reason)?;
        let accepted = Instant::now();
        sleep_until(offered.at + self.scaled(arrival.handling)).await;
        let ending = Instant::now();
        let end = pb::EndSessionRequest { session: session.id.clone(), ..Default::default() };
        let ended = rep.end_session(end).await.map_err(reason)?.session.unwrap_or_default();
        let over = Instant::now();
        let due = began + self.scaled(arrival.at);
        Ok(Served {
            late: (opening - due).as_secs_f64(),
            opened_to_seen: offered.at.saturating_duration_since(opening).as_secs_f64(),
            seen: offered.at.saturating_duration_since(began).as_secs_f64(),
            calls: [opened - opening, accepted - accepting, over - ending]
                .map(|took| took.as_secs_f64()),
            ..by_the_server(&session, &offered, &ended)
        })
    }
}

/// What the server's clock says.
fn by_the_server(session: &pb::Session, offered: &Offered, ended: &pb::Session) -> Served {
    let waited = session.state() == pb::SessionState::Waiting;
    let estimate = session.estimate.as_ref().and_then(|estimate| estimate.estimated_wait);
    let wait = between(session.opened_at.as_ref(), offered.offered_at.as_ref());
    Served {
        waited,
        wait: if waited { wait } else { 0.0 },
        held: between(offered.offered_at.as_ref(), ended.ended_at.as_ref()),
        estimate: estimate
            .filter(|_| waited)
            .and_then(|estimate| Duration::try_from(estimate).ok())
            .map(|estimate| estimate.as_secs_f64()),
        ..Served::default()
    }
}

/// Seconds from one to the other; 0 if either isn't known.
fn between(from: Option<&prost_types::Timestamp>, to: Option<&prost_types::Timestamp>) -> f64 {
    let (Some(from), Some(to)) = (from, to) else {
        return 0.0;
    };
    let whole = (to.seconds - from.seconds) as f64;
    (whole + f64::from(to.nanos - from.nanos) / 1e9).max(0.0)
}

/// Plays the whole day; what came of each session, in the order in which they came.
pub async fn play(stage: Stage, plan: &Plan) -> anyhow::Result<Vec<Passage>> {
    let stage = Arc::new(stage);
    let began = Instant::now() + Duration::from_millis(100);
    let drain = (DRAIN.0 * plan.mean_handling() / plan.speed).max(DRAIN.1);
    let last = began + plan.length() + Duration::from_secs_f64(drain);
    let mut lives = JoinSet::new();
    let mut passages: Vec<Option<Passage>> = vec![None; plan.arrivals.len()];
    let mut hour = 0;
    for (number, &arrival) in plan.arrivals.iter().enumerate() {
        let next = plan.hour(arrival.at);
        if next > hour && plan.length() > Duration::from_secs(20) {
            let real = next as f64 * HOUR / plan.speed;
            output::note(&format!("{} of {} hours, {real:.0} s", next, plan.loads.len()));
        }
        hour = next;
        sleep_until(began + stage.scaled(arrival.at)).await;
        let stage = Arc::clone(&stage);
        lives.spawn(async move {
            let served = stage.serve(number, arrival, (began, last)).await;
            (number, Passage { arrival, served })
        });
        while let Some(done) = lives.try_join_next() {
            let (number, passage) = done?;
            passages[number] = Some(passage);
        }
    }
    // Handling may be under way when the last are offered: as much time again.
    let end = last + Duration::from_secs_f64(drain);
    while let Ok(Some(done)) = timeout_at(end, lives.join_next()).await {
        let (number, passage) = done?;
        passages[number] = Some(passage);
    }
    let unfinished = |&arrival: &Arrival| Passage { arrival, served: Err("NOT_OVER".to_owned()) };
    let all = passages.into_iter().zip(&plan.arrivals);
    Ok(all.map(|(passage, arrival)| passage.unwrap_or_else(|| unfinished(arrival))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_the_servers_and_never_negative() {
        let at = |seconds, nanos| prost_types::Timestamp { seconds, nanos };
        assert_eq!(between(Some(&at(1, 900_000_000)), Some(&at(2, 150_000_000))), 0.25);
        assert_eq!(between(Some(&at(2, 0)), Some(&at(1, 0))), 0.0);
        assert_eq!(between(None, Some(&at(1, 0))), 0.0);
    }
}
