//! The audit as a stream that comes back by itself: reconnects with full jitter and goes on after the last token, so that
//! whoever reads it gets each record once. It never begins anew on its own: what can't be gone on with is an error, since
//! an export must not repeat or leave out anything silently.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::Streaming;

use super::watch::{DEFAULT_HEARTBEAT, LONGEST_PAUSE, mendable};
use super::{Client, Failure};
use crate::pb;
use crate::pb::watch_audit_response::Frame;

/// What the audit has to say.
#[derive(Clone, Debug)]
pub enum AuditEvent {
    /// A frame of the server.
    Frame(Box<pb::WatchAuditResponse>),
    /// The stream ended before its time; it will go on after the pause.
    Lost {
        /// Why, for people.
        why: String,
        /// How long until the next attempt.
        pause: Duration,
    },
    /// Everything that was asked for has been told.
    End,
}

/// A stream of the audit that survives its connections.
#[derive(Debug)]
pub struct AuditFeed {
    client: Client,
    request: pb::WatchAuditRequest,
    stream: Option<Streaming<pb::WatchAuditResponse>>,
    heartbeat: Duration,
    attempt: u32,
    not_before: Option<Instant>,
    started_before: bool,
    caught_up: bool,
}

impl Client {
    /// Streams what `request` says. Nothing is sent until the first `AuditFeed::next`.
    #[must_use]
    pub fn watch_audit(&self, request: pb::WatchAuditRequest) -> AuditFeed {
        AuditFeed {
            client: self.clone(),
            request,
            stream: None,
            heartbeat: DEFAULT_HEARTBEAT,
            attempt: 0,
            not_before: None,
            started_before: false,
            caught_up: false,
        }
    }
}

impl AuditFeed {
    /// The next frame, or news of the connection. An error is final: the request is refused, or the server said not to
    /// come back. Before the first connection ever, failing to connect within the client's deadline is final too.
    pub async fn next(&mut self) -> Result<AuditEvent, Failure> {
        if self.caught_up && !self.request.follow {
            return Ok(AuditEvent::End);
        }
        if let Some(at) = self.not_before.take() {
            tokio::time::sleep_until(at).await;
        }
        if self.stream.is_none()
            && let Some(lost) = self.connect().await?
        {
            return Ok(lost);
        }
        let stream = self.stream.as_mut().expect("connected just above");
        // Silence of two and a half heartbeats is a dead stream (W5).
        match timeout(self.heartbeat.mul_f64(2.5), stream.message()).await {
            Err(_) => Ok(self.lost("no sign of life for two and a half heartbeats", None)),
            Ok(Ok(None)) => Ok(self.lost("the server ended the stream", None)),
            Ok(Err(status)) => {
                let failure = self.client.failure(&status);
                self.refused(failure)
            }
            Ok(Ok(Some(response))) => self.took(response),
        }
    }

    async fn connect(&mut self) -> Result<Option<AuditEvent>, Failure> {
        let deadline = Instant::now() + self.client.policy.deadline();
        let mut shown_another = false;
        loop {
            let sent = self.client.shown.headers();
            let request = Client::request(self.request.clone(), &sent);
            let mut service =
                pb::audit_service_client::AuditServiceClient::new(self.client.channel.clone());
            let opened =
                timeout(self.client.policy.attempt_timeout(), service.watch_audit(request)).await;
            let status = match opened {
                Ok(Ok(response)) => {
                    self.stream = Some(response.into_inner());
                    return Ok(None);
                }
                Ok(Err(status)) => status,
                Err(_) => tonic::Status::unavailable("no answer in time"),
            };
            let failure = self.client.failure(&status);
            if !shown_another && self.client.may_show_another(&failure, &sent) {
                shown_another = true;
                continue;
            }
            if self.started_before {
                return self.refused(failure).map(Some);
            }
            let pause = self.client.policy.pause(self.attempt, rand::random());
            self.attempt += 1;
            if !mendable(&failure) || Instant::now() + pause > deadline {
                return Err(failure);
            }
            sleep(pause).await;
        }
    }

    fn refused(&mut self, failure: Failure) -> Result<AuditEvent, Failure> {
        if mendable(&failure) {
            Ok(self.lost(&failure.to_string(), failure.retry_after()))
        } else {
            Err(failure)
        }
    }

    fn took(&mut self, response: pb::WatchAuditResponse) -> Result<AuditEvent, Failure> {
        self.attempt = 0;
        self.started_before = true;
        if !response.resume_token.is_empty() {
            self.request.resume_token.clone_from(&response.resume_token);
            // A token says where to go on, whatever the stream began with.
            self.request.live_only = false;
            self.request.from_time = None;
        }
        match &response.frame {
            Some(Frame::Started(started)) => {
                let said = started.heartbeat_interval.and_then(|d| Duration::try_from(d).ok());
                self.heartbeat = said.unwrap_or(DEFAULT_HEARTBEAT).max(Duration::from_millis(100));
            }
            Some(Frame::CaughtUp(_)) => self.caught_up = true,
            Some(Frame::Closing(closing)) => return self.closing(closing),
            _ => {}
        }
        Ok(AuditEvent::Frame(Box::new(response)))
    }

    fn closing(&mut self, closing: &pb::Closing) -> Result<AuditEvent, Failure> {
        if closing.action() == pb::ClosingAction::Stop {
            return Err(Failure::local(
                format!("the server ended the stream for good: {}", closing.reason),
                "it isn't to be tried again",
            ));
        }
        if closing.action() == pb::ClosingAction::Reauthenticate {
            self.client.renew();
        }
        let pause = closing.retry_after.and_then(|d| Duration::try_from(d).ok());
        Ok(self.lost(&format!("the server is closing: {}", closing.reason), pause))
    }

    fn lost(&mut self, why: &str, pause: Option<Duration>) -> AuditEvent {
        self.stream = None;
        let pause = pause
            .unwrap_or_else(|| self.client.policy.pause(self.attempt, rand::random()))
            .min(LONGEST_PAUSE);
        self.attempt += 1;
        self.not_before = Some(Instant::now() + pause);
        AuditEvent::Lost { why: why.to_owned(), pause }
    }
}
