//! The vendor's line: sessions that it is asked to route are acknowledged, wait here, and go to the first of its reps who
//! can take them (N1, N6).

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::handoffs::{NO_ID, name, outcome};
use super::{Vendor, lock};
use crate::client::Failure;
use crate::pb;
use crate::pb::route_session_request::Target;

/// How long an acknowledged request holds, and how often that is renewed: twice may fail.
const LEASE: prost_types::Duration = prost_types::Duration { seconds: 30, nanos: 0 };
const RENEW_EVERY: Duration = Duration::from_secs(10);
/// How often those who wait are tried again, if nothing moves.
const TRY_EVERY: Duration = Duration::from_secs(1);
/// Of the line, how many are tried each time.
const TRIED: usize = 10;
/// Requests in a call, at most.
const RENEWED: usize = 1_000;

impl Vendor {
    /// Begins with a routing request that is asked, and keeps in the line what this worker has acknowledged: also after a
    /// restart, since the snapshot tells it.
    pub(super) fn told_routing(&self, request: pb::RoutingRequest) {
        let id = request.id.clone();
        let waits_here = request.state() == pb::RoutingRequestState::Acknowledged
            && request.partner_reference == self.0.plan.worker;
        if waits_here {
            lock(&self.0.line).insert(id, request);
            self.0.line_moved.notify_one();
        } else if request.state() == pb::RoutingRequestState::Asked {
            if self.begins(&id) {
                let vendor = self.clone();
                tokio::spawn(async move {
                    match vendor.take_routing(&request).await {
                        Ok(done) => vendor.say(&format!("routing request {id}: {done}")),
                        Err(failure) => vendor.say(&format!("routing request {id}: {failure}")),
                    }
                });
            }
        } else {
            lock(&self.0.line).remove(&id);
            self.is_done(&id);
        }
    }

    /// Claims what is asked. That ends the deadline: from now on it waits in the vendor's line, as long as the lease is
    /// renewed. The stream tells of it, and the line takes it up from there.
    async fn take_routing(&self, request: &pb::RoutingRequest) -> Result<String, Failure> {
        let temper = &self.0.plan.temper;
        if temper.never {
            return Ok("isn't answered".to_owned());
        }
        sleep(temper.late).await;
        if temper.wrong {
            return Ok(self.route_wrongly(request).await);
        }
        let times = if temper.twice { 2 } else { 1 };
        for _ in 0..times {
            if let Some(reason) = temper.fail {
                let request = pb::FailRoutingRequest {
                    routing_request: request.id.clone(),
                    failure: "nobody is there".to_owned(),
                    reason: reason as i32,
                    partner_reference: self.0.plan.worker.clone(),
                    ..Default::default()
                };
                self.0.client.fail_routing(request).await?;
            } else {
                let request = pb::AcknowledgeRoutingRequest {
                    routing_request: request.id.clone(),
                    partner_reference: self.0.plan.worker.clone(),
                    lease: Some(LEASE),
                    ..Default::default()
                };
                self.0.client.acknowledge_routing(request).await?;
            }
        }
        Ok(match temper.fail {
            Some(reason) => format!("failed, {}", name(reason)),
            None => format!("session {} waits in the line", request.session),
        })
    }

    /// Keeps what waits, and gives it to whoever can take it.
    pub(super) async fn serve_line(&self) {
        let mut renew_at = Instant::now() + RENEW_EVERY;
        loop {
            // Woken by what is new, and now and then by itself: a rep may have room again.
            let _ = timeout(TRY_EVERY, self.0.line_moved.notified()).await;
            if Instant::now() >= renew_at {
                renew_at = Instant::now() + RENEW_EVERY;
                self.renew_line().await;
            }
            if self.0.plan.temper.ack_only {
                continue;
            }
            let first: Vec<_> = lock(&self.0.line).values().take(TRIED).cloned().collect();
            for request in first {
                self.place(&request).await;
            }
        }
    }

    /// Renews the leases of all that wait, many in a call. What isn't renewed isn't the vendor's any more.
    async fn renew_line(&self) {
        let waiting: Vec<String> = lock(&self.0.line).keys().cloned().collect();
        for some in waiting.chunks(RENEWED) {
            let request = pb::RenewRoutingsRequest {
                routing_requests: some.to_vec(),
                partner_reference: self.0.plan.worker.clone(),
                lease: Some(LEASE),
                ..Default::default()
            };
            match self.0.client.renew_routings(request).await {
                Ok(renewed) => {
                    for lost in renewed.failures {
                        lock(&self.0.line).remove(&lost.id);
                        self.say(&format!(
                            "routing request {}: {} {}",
                            lost.id, lost.reason, lost.text
                        ));
                    }
                }
                Err(failure) => self.say(&format!("couldn't renew the line: {failure}")),
            }
        }
    }

    /// Gives one that waits to a queue of Baton's, or to the first rep who can take it; otherwise it goes on waiting.
    async fn place(&self, request: &pb::RoutingRequest) {
        for target in self.targets(request) {
            let whom = match &target {
                Target::Rep(id) => format!("rep {id}"),
                Target::Queue(id) => format!("queue {id}"),
                Target::Flow(id) => format!("flow {id}"),
                Target::Contact(id) => format!("contact {id}"),
            };
            let routed = self.route(request, target.clone()).await;
            match routed {
                Ok(()) => {
                    lock(&self.0.line).remove(&request.id);
                    self.say(&format!("routing request {}: to {whom}", request.id));
                    if self.0.plan.temper.twice {
                        let again = outcome(&self.route(request, target).await);
                        self.say(&format!("routing request {}: again: {again}", request.id));
                    }
                    return;
                }
                // They can't now: the next one may.
                Err(failure) if stands_in_the_way(&failure) => {}
                Err(failure) => {
                    if is_over(failure.reason()) {
                        lock(&self.0.line).remove(&request.id);
                    }
                    self.say(&format!("routing request {}: {failure}", request.id));
                    return;
                }
            }
        }
    }

    async fn route(&self, request: &pb::RoutingRequest, to: Target) -> Result<(), Failure> {
        let request = pb::RouteSessionRequest {
            routing_request: request.id.clone(),
            target: Some(to),
            partner_reference: self.0.plan.worker.clone(),
            ..Default::default()
        };
        self.0.client.route_session(request).await.map(drop)
    }

    /// Whom to try, in this order: the rep who was asked for, or all who haven't declined or let it time out; if everybody
    /// has, everybody again.
    fn targets(&self, request: &pb::RoutingRequest) -> Vec<Target> {
        use pb::recipient::Recipient;
        if let Some(queue) = &self.0.plan.temper.to_queue {
            return vec![Target::Queue(queue.clone())];
        }
        let reps = self.0.plan.reps.iter().map(|(rep, _)| rep);
        let asked_for = request.asked_for.as_ref().and_then(|asked| asked.recipient.as_ref());
        if let Some(Recipient::Rep(rep)) = asked_for
            && reps.clone().any(|own| own == rep)
            && !request.tried_reps.contains(rep)
        {
            return vec![Target::Rep(rep.clone())];
        }
        let fresh: Vec<&String> =
            reps.clone().filter(|rep| !request.tried_reps.contains(rep)).collect();
        let chosen = if fresh.is_empty() { reps.collect() } else { fresh };
        chosen.into_iter().map(|rep| Target::Rep(rep.clone())).collect()
    }

    /// What mustn't be taken: an answer to something that isn't there, and a rep who isn't.
    async fn route_wrongly(&self, request: &pb::RoutingRequest) -> String {
        let nowhere = pb::RoutingRequest { id: NO_ID.to_owned(), ..Default::default() };
        let to_nobody = Target::Rep("nobody".to_owned());
        let nowhere = self.route(&nowhere, to_nobody.clone()).await;
        let nobody = self.route(request, to_nobody).await;
        format!("what isn't there: {}; to nobody: {}", outcome(&nowhere), outcome(&nobody))
    }
}

/// Whether it is this rep who can't, so that another one may.
fn stands_in_the_way(failure: &Failure) -> bool {
    let of_a_rep = failure.metadata().get("kind").is_some_and(|kind| kind == "rep");
    match failure.reason() {
        "NOT_FOUND" => of_a_rep,
        "MISSING_LICENCE" | "MISSING_PERMISSION" | "SELF_TRANSFER" => true,
        reason => reason.starts_with("RECIPIENT_"),
    }
}

/// Whether nothing is left to be answered: the line has no business with it any more. The stream says so, too.
fn is_over(reason: &str) -> bool {
    const OVER: [&str; 5] =
        ["NOT_FOUND", "HANDOFF_EXPIRED", "SESSION_ENDED", "WRONG_STATE", "CLAIMED_BY_ANOTHER"];
    OVER.contains(&reason)
}
