//! What a stream says last: that the server goes away (W7), or that its credential isn't good any more (W10).

use super::super::frames;
use super::{End, Watcher};
use crate::access::gate::Standing;
use crate::grpc::credentials::closing_for;
use crate::grpc::token::Position;
use crate::pb;
use pb::watch_response::Frame;

impl Watcher {
    pub(super) async fn say_goodbye(&self) -> Result<(), End> {
        self.say(Frame::Closing(frames::going_away()), None).await
    }

    /// The credential's end is the stream's, and the reader goes on where it stopped with the next one; or not at all (W10).
    pub(super) async fn say_credential(&self, standing: Standing, at: Position) -> Result<(), End> {
        let token = (standing != Standing::Revoked).then_some(at);
        self.say(Frame::Closing(closing_for(standing)), token).await
    }
}
