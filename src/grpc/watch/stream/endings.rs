//! What a stream says last: that the server goes away (W7), or that its credential isn't good any more (W10).

use std::time::Duration;

use rand::Rng as _;

use super::{End, Watcher};
use crate::access::gate::Standing;
use crate::grpc::token::Position;
use crate::pb;
use pb::watch_response::Frame;

impl Watcher {
    pub(super) async fn say_goodbye(&self) -> Result<(), End> {
        let wait = Duration::from_millis(rand::rng().next_u64() % 2_000);
        let closing = pb::Closing {
            action: pb::ClosingAction::Resume.into(),
            reason: "the server is going away; come back with the last resume token".to_owned(),
            retry_after: prost_types::Duration::try_from(wait).ok(),
        };
        self.say(Frame::Closing(closing), None).await
    }

    /// The credential's end is the stream's, and the reader goes on where it stopped with the next one; or not at all (W10).
    pub(super) async fn say_credential(&self, standing: Standing, at: Position) -> Result<(), End> {
        let (action, reason, token) = match standing {
            Standing::Revoked => (pb::ClosingAction::Stop, "the credential was revoked", None),
            Standing::Good | Standing::Expired | Standing::Changed => (
                pb::ClosingAction::Reauthenticate,
                "the credential has expired or says something else by now; come back with a current one and the last \
                 resume token",
                Some(at),
            ),
        };
        let wait = Duration::from_millis(rand::rng().next_u64() % 500);
        let closing = pb::Closing {
            action: action.into(),
            reason: reason.to_owned(),
            retry_after: prost_types::Duration::try_from(wait).ok(),
        };
        self.say(Frame::Closing(closing), token).await
    }
}
