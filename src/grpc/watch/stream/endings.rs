//! How a stream ends, and what it says last: that the server goes away (W7), or that its credential isn't good any more (W10).

use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use tokio::time::timeout;

use super::super::frames;
use super::{End, Plan, Watcher};
use crate::access::gate::Standing;
use crate::grpc::credentials::{LAST_WORD, closing_for, credential_end};
use crate::pb;
use pb::watch_response::Frame;

impl Watcher {
    /// Runs the stream until somebody ends it.
    pub async fn run(mut self, plan: Plan) {
        let credential = Arc::clone(&self.caller.credential);
        let ended = credential_end(self.api.access.clone(), credential);
        // Whatever the stream is doing, also while its reader takes nothing.
        let end = tokio::select! {
            biased;
            standing = ended => End::Credential(standing),
            live = self.live(plan) => match live {
                Ok(never) => match never {},
                Err(end) => end,
            },
        };
        match end {
            End::Reader => {}
            End::Closing => drop(self.say_goodbye().await),
            End::Credential(standing) => self.say_credential(standing).await,
            End::Failed(problem) => drop(self.out.send(Err(problem.into())).await),
        }
    }

    async fn say_goodbye(&self) -> Result<(), End> {
        self.say(Frame::Closing(frames::going_away()), None).await
    }

    /// The credential's end is the stream's. Who goes on with the next one does so where this one stopped; who may not go on
    /// gets nothing more, also of what it has been sent and not taken (W10).
    async fn say_credential(&self, standing: Standing) {
        let last_token = self.last_token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let response = pb::WatchResponse {
            resume_token: if standing == Standing::Revoked { String::new() } else { last_token },
            server_time: Some(SystemTime::now().into()),
            frame: Some(Frame::Closing(closing_for(standing))),
        };
        if standing == Standing::Revoked {
            self.cut.cut(response);
        } else {
            // A reader that doesn't take it goes on by the token that it has.
            drop(timeout(LAST_WORD, self.out.send(Ok(response))).await);
        }
    }
}
