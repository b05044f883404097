//! A stream that comes back by itself: reconnects with full jitter, resumes by token, notices silence.
//!
//! It gives every frame to the caller, and says when a connection was lost and when it will be back; the caller keeps
//! what it has, and forgets it on `Reset` and on a `Started` that announces a snapshot. Only what can't be mended by
//! coming back ends it.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tonic::Streaming;

use super::{Client, Failure};
use crate::pb;
use crate::pb::watch_response::Frame;

/// The heartbeat in force until the server says another (W5).
pub(super) const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);
/// Longest wait that a server's `Closing` may impose.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What a watch has to say.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// A frame of the server.
    Frame(Box<pb::WatchResponse>),
    /// The stream ended; it will be back after the pause, resumed if that is possible.
    Lost {
        /// Why, for people.
        why: String,
        /// How long until the next attempt.
        pause: Duration,
    },
}

/// A stream of changes that survives its connections.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    request: pb::WatchRequest,
    stream: Option<Streaming<pb::WatchResponse>>,
    heartbeat: Duration,
    attempt: u32,
    not_before: Option<Instant>,
    started_before: bool,
}

impl Client {
    /// Watches what `request` says. Nothing is sent until the first `Watch::next`.
    #[must_use]
    pub fn watch(&self, request: pb::WatchRequest) -> Watch {
        Watch {
            client: self.clone(),
            request,
            stream: None,
            heartbeat: DEFAULT_HEARTBEAT,
            attempt: 0,
            not_before: None,
            started_before: false,
        }
    }
}

impl Watch {
    /// The next frame, or news of the connection. An error is final: the request is refused, or the server said not to
    /// come back. Before the first connection ever, failing to connect within the client's deadline is final too.
    pub async fn next(&mut self) -> Result<WatchEvent, Failure> {
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

    async fn connect(&mut self) -> Result<Option<WatchEvent>, Failure> {
        let deadline = Instant::now() + self.client.policy.deadline();
        let mut shown_another = false;
        loop {
            let sent = self.client.shown.headers();
            let request = Client::request(self.request.clone(), &sent);
            let mut service =
                pb::watch_service_client::WatchServiceClient::new(self.client.channel.clone());
            let opened =
                timeout(self.client.policy.attempt_timeout(), service.watch(request)).await;
            let failure = match opened {
                Ok(Ok(response)) => {
                    self.stream = Some(response.into_inner());
                    return Ok(None);
                }
                Ok(Err(status)) => self.client.failure(&status),
                Err(_) => self.client.failure(&tonic::Status::unavailable("no answer in time")),
            };
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

    /// What a failure of the stream means: begin anew, come back, or give up.
    fn refused(&mut self, failure: Failure) -> Result<WatchEvent, Failure> {
        if matches!(failure.reason(), "INVALID_TOKEN" | "RESUME_NOT_POSSIBLE")
            && !self.request.resume_token.is_empty()
            && self.request.resume_policy != pb::ResumePolicy::Strict as i32
        {
            self.request.resume_token.clear();
            return Ok(
                self.lost("the resume token is of no more use: starting from a snapshot", None)
            );
        }
        if mendable(&failure) {
            Ok(self.lost(&failure.to_string(), failure.retry_after()))
        } else {
            Err(failure)
        }
    }

    fn took(&mut self, response: pb::WatchResponse) -> Result<WatchEvent, Failure> {
        self.attempt = 0;
        self.started_before = true;
        if !response.resume_token.is_empty() {
            self.request.resume_token.clone_from(&response.resume_token);
            // A token says where to go on; the wish to leave out the snapshot is fulfilled.
            self.request.live_only = false;
        }
        match &response.frame {
            Some(Frame::Started(started)) => {
                if let Some(interval) =
                    started.heartbeat_interval.and_then(|d| Duration::try_from(d).ok())
                {
                    self.heartbeat = interval.max(Duration::from_millis(100));
                }
            }
            // Half a snapshot can't be resumed.
            Some(Frame::Reset(_)) => self.request.resume_token.clear(),
            Some(Frame::Closing(closing)) => return self.closing(closing),
            _ => {}
        }
        Ok(WatchEvent::Frame(Box::new(response)))
    }

    fn closing(&mut self, closing: &pb::Closing) -> Result<WatchEvent, Failure> {
        match closing.action() {
            pb::ClosingAction::Stop => {
                return Err(Failure::local(
                    format!("the server ended the stream for good: {}", closing.reason),
                    "it isn't to be tried again",
                ));
            }
            pb::ClosingAction::Resnapshot => self.request.resume_token.clear(),
            // With whatever credential its file holds by then.
            pb::ClosingAction::Reauthenticate => self.client.renew(),
            pb::ClosingAction::Resume | pb::ClosingAction::Unspecified => {}
        }
        let pause = closing.retry_after.and_then(|d| Duration::try_from(d).ok());
        Ok(self.lost(&format!("the server is closing: {}", closing.reason), pause))
    }

    fn lost(&mut self, why: &str, pause: Option<Duration>) -> WatchEvent {
        self.stream = None;
        let pause = pause
            .unwrap_or_else(|| self.client.policy.pause(self.attempt, rand::random()))
            .min(LONGEST_PAUSE);
        self.attempt += 1;
        self.not_before = Some(Instant::now() + pause);
        WatchEvent::Lost { why: why.to_owned(), pause }
    }
}

/// Whether coming back can help.
pub(super) fn mendable(failure: &Failure) -> bool {
    failure.may_retry() || failure.reason() == "INTERNAL"
}
