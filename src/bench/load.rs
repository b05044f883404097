//! The load: workers that live sessions one after another, as fast as they can or at a given pace.
//!
//! Baton and the echo are put under it by the same code, slice by slice, so that what disturbs the machine disturbs
//! both.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::echo::EchoClient;
use super::routing::Lines;
use super::sight::Sight;
use super::tally::{TRANSFER, Tally};
use crate::client::Client;
use crate::pb;

/// What is put under load.
#[derive(Debug)]
pub enum Subject {
    /// Servers under test, whose sessions are transferred.
    Baton(Servers),
    /// Servers under test, whose sessions wait in queues.
    Lines(Lines),
    /// The echo: a client per connection.
    Echo(Vec<EchoClient>),
}

/// Servers under test.
#[derive(Debug)]
pub struct Servers {
    /// Clients, by server and connection.
    pub clients: Vec<Vec<Client>>,
    /// The reps.
    pub reps: Vec<String>,
    /// Who looks at streams.
    pub sight: Sight,
}

impl Subject {
    /// Whether no more lives are wanted.
    pub fn is_spent(&self) -> bool {
        matches!(self, Self::Lines(lines) if lines.is_spent())
    }

    /// Lives one session, or the echo's like: as many calls, one after another.
    pub async fn life(&self, worker: usize, until: Instant, tally: &mut Tally) {
        match self {
            Self::Baton(servers) => {
                if servers.life(worker, until, tally).await.is_none() {
                    // What refuses everything isn't to be asked in a tight loop.
                    sleep(Duration::from_millis(5)).await;
                }
            }
            Self::Lines(lines) => {
                if lines.life(worker, until, tally).await.is_none() {
                    sleep(Duration::from_millis(5)).await;
                }
            }
            Self::Echo(clients) => {
                let client = &clients[worker % clients.len()];
                for step in 0..tally.steps.len() {
                    tally
                        .step(step, until, client.message(), async |message| {
                            client.call(message).await
                        })
                        .await;
                }
            }
        }
    }
}

impl Servers {
    /// The client of a worker at a server.
    fn client(&self, worker: usize, server: usize) -> &Client {
        let connections = &self.clients[server];
        &connections[worker / self.clients.len() % connections.len()]
    }

    async fn life(&self, worker: usize, until: Instant, tally: &mut Tally) -> Option<()> {
        // The original rep's server, the next rep's, and the one where someone looks on.
        let count = self.clients.len();
        let (home, away) = (worker % count, (worker + 1) % count);
        let (at_home, at_away) = (self.client(worker, home), self.client(worker, away));
        let from = rand::random_range(0..self.reps.len());
        let to = (from + rand::random_range(1..self.reps.len())) % self.reps.len();

        let open = pb::OpenSessionRequest {
            channel: "web".to_owned(),
            external_reference: format!("{:032x}", rand::random::<u128>()),
            target: Some(pb::open_session_request::Target::Rep(self.reps[from].clone())),
            ..Default::default()
        };
        let session =
            tally.step(0, until, open, async |m| at_home.open_session(m).await).await?.session?;
        let moved = self
            .hand_on(&session, (from, to), (at_home, at_away, (away + 1) % count), until, tally)
            .await;
        let end = pb::EndSessionRequest { session: session.id, ..Default::default() };
        if moved.is_none() {
            // Not to be counted: only so that nothing is left behind. If it fails too, the error is counted already.
            let _ = at_home.end_session(end).await;
            return None;
        }
        tally.step(4, until, end, async |m| at_home.end_session(m).await).await.map(drop)
    }

    /// Accept, transfer, accept.
    async fn hand_on(
        &self,
        session: &pb::Session,
        (from, to): (usize, usize),
        (at_home, at_away, onlooker): (&Client, &Client, usize),
        until: Instant,
        tally: &mut Tally,
    ) -> Option<()> {
        let Some(offer) = &session.offer else {
            *tally.errors.entry("NOT_OFFERED_AT_ONCE".to_owned()).or_default() += 1;
            return None;
        };
        let accept = pb::AcceptWorkRequest { work: offer.work.clone(), ..Default::default() };
        tally.step(1, until, accept, async |m| at_home.accept_work(m).await).await?;
        let transfer = pb::TransferSessionRequest {
            session: session.id.clone(),
            recipient: Some(pb::Recipient {
                recipient: Some(pb::recipient::Recipient::Rep(self.reps[to].clone())),
            }),
            note: "prefers e-mail".to_owned(),
            ..Default::default()
        };
        let click = Instant::now();
        let answer = tally
            .step(TRANSFER, until, transfer, async |m| at_home.transfer_session(m).await)
            .await?;
        let transfer = answer.transfer?;
        if self.sight.watches(from) || self.sight.watches(to) {
            self.sight.clicked(onlooker, transfer.id.clone(), click);
        }
        let accept = pb::AcceptTransferRequest {
            transfer: transfer.id,
            rep: self.reps[to].clone(),
            ..Default::default()
        };
        tally.step(3, until, accept, async |m| at_away.accept_transfer(m).await).await.map(drop)
    }
}

/// How fast workers begin lives.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// The next as soon as the last is over.
    Closed,
    /// So many lives a second among all workers, begun when due; a worker that is late begins at once.
    Open(f64),
}

/// Puts the subject under load for a while; every tally is one worker's.
pub async fn slice(
    subject: &Arc<Subject>,
    tallies: Vec<Tally>,
    length: Duration,
    pace: Pace,
) -> Vec<Tally> {
    let workers = tallies.len();
    let began = Instant::now();
    let until = began + length;
    let mut running = JoinSet::new();
    for (worker, mut tally) in tallies.into_iter().enumerate() {
        let subject = Arc::clone(subject);
        running.spawn(async move {
            let mut number = 0.0;
            loop {
                if let Pace::Open(rate) = pace {
                    let due = Duration::from_secs_f64(
                        (number * workers as f64 + worker as f64) / rate.max(0.1),
                    );
                    if due >= length {
                        return tally;
                    }
                    sleep_until(began + due).await;
                    number += 1.0;
                }
                if Instant::now() >= until || subject.is_spent() {
                    return tally;
                }
                subject.life(worker, until, &mut tally).await;
            }
        });
    }
    running.join_all().await
}
