//! Hand-offs: taken, refused, or, by temper, answered as they shouldn't be (T23, N9).

use tokio::time::sleep;

use super::Vendor;
use crate::client::Failure;
use crate::pb;

/// An id that nothing has.
pub(super) const NO_ID: &str = "00000000-0000-7000-8000-000000000000";

impl Vendor {
    /// Begins with a hand-off that is asked, or that this worker had claimed before it was started again.
    pub(super) fn told_handoff(&self, handoff: pb::Handoff) {
        let ours = match handoff.state() {
            pb::HandoffState::Asked => true,
            pb::HandoffState::Acknowledged => handoff.partner_reference == self.0.plan.worker,
            _ => false,
        };
        if !ours {
            self.is_done(&handoff.id);
        } else if self.begins(&handoff.id) {
            let vendor = self.clone();
            tokio::spawn(async move {
                let id = &handoff.id;
                match vendor.take_handoff(&handoff).await {
                    Ok(done) => vendor.say(&format!("hand-off {id}: {done}")),
                    // CLAIMED_BY_ANOTHER: another worker has it. HANDOFF_EXPIRED, SESSION_ENDED: it is over. Whichever it
                    // is, whatever was begun for the customer at the vendor's is to be taken back.
                    Err(failure) => vendor.say(&format!("hand-off {id}: {failure}")),
                }
            });
        }
    }

    /// From the ask to the last answer; what became of it, in words.
    async fn take_handoff(&self, handoff: &pb::Handoff) -> Result<String, Failure> {
        let temper = &self.0.plan.temper;
        if temper.never {
            return Ok("isn't answered".to_owned());
        }
        sleep(temper.late).await;
        if temper.wrong {
            return Ok(self.answer_handoff_wrongly(handoff).await);
        }
        // Claimed first, so that no other worker begins too. It doesn't move the deadline.
        let claim = pb::AcknowledgeHandoffRequest {
            handoff: handoff.id.clone(),
            partner_reference: self.0.plan.worker.clone(),
            ..Default::default()
        };
        self.0.client.acknowledge_handoff(claim).await?;
        if temper.ack_only {
            return Ok("acknowledged, and left".to_owned());
        }
        let said = self.finish_handoff(handoff).await?;
        if temper.twice {
            // Another request with the same answer changes nothing, and is told the same.
            let again = self.finish_handoff(handoff).await?;
            return Ok(format!("{said}; again: {again}"));
        }
        Ok(said)
    }

    /// The vendor's own part would come here: open the conversation at the contact, give it note and attributes. COMPLETED
    /// says that the vendor has it, not that a person has answered.
    async fn finish_handoff(&self, handoff: &pb::Handoff) -> Result<String, Failure> {
        let (client, worker) = (&self.0.client, self.0.plan.worker.clone());
        let id = handoff.id.clone();
        let contact = handoff.contact.as_ref().map(|contact| contact.contact.as_str());
        let contact = contact.unwrap_or_default();
        let Some(reason) = self.0.plan.temper.fail else {
            let request = pb::CompleteHandoffRequest {
                handoff: id,
                partner_reference: worker,
                ..Default::default()
            };
            let handoff = client.complete_handoff(request).await?.handoff.unwrap_or_default();
            return Ok(format!("contact {contact} has session {}", handoff.session));
        };
        let retryable = may_be_tried_again(reason);
        let request = pb::FailHandoffRequest {
            handoff: id,
            reason: reason as i32,
            failure: format!("contact {contact} can't take it"),
            retryable,
            retry_after: retryable.then_some(prost_types::Duration { seconds: 30, nanos: 0 }),
            partner_reference: worker,
            ..Default::default()
        };
        client.fail_handoff(request).await?;
        Ok(format!("failed, {}", name(reason)))
    }

    /// What mustn't be taken: an answer to something that isn't there, and one to what another worker has claimed.
    async fn answer_handoff_wrongly(&self, handoff: &pb::Handoff) -> String {
        let client = &self.0.client;
        let worker = self.0.plan.worker.clone();
        let nowhere = pb::CompleteHandoffRequest {
            handoff: NO_ID.to_owned(),
            partner_reference: worker.clone(),
            ..Default::default()
        };
        let nowhere = client.complete_handoff(nowhere).await.map(drop);
        let claim = pb::AcknowledgeHandoffRequest {
            handoff: handoff.id.clone(),
            partner_reference: format!("{worker}-colleague"),
            ..Default::default()
        };
        let claim = client.acknowledge_handoff(claim).await.map(drop);
        let another_s = pb::CompleteHandoffRequest {
            handoff: handoff.id.clone(),
            partner_reference: worker,
            ..Default::default()
        };
        let another_s = client.complete_handoff(another_s).await.map(drop);
        format!(
            "what isn't there: {}; claimed by a colleague: {}; and still completed: {}",
            outcome(&nowhere),
            outcome(&claim),
            outcome(&another_s)
        )
    }
}

/// Whether the same contact may well take it a bit later.
fn may_be_tried_again(reason: pb::HandoffFailure) -> bool {
    use pb::HandoffFailure::{Busy, NoAnswer, Overloaded};
    matches!(reason, Busy | NoAnswer | Overloaded)
}

/// As people write it.
pub(super) fn name(reason: pb::HandoffFailure) -> &'static str {
    reason.as_str_name().trim_start_matches("HANDOFF_FAILURE_")
}

/// `taken`, or the reason of the refusal.
pub(super) fn outcome(result: &Result<(), Failure>) -> String {
    result.as_ref().map_or_else(Failure::label, |()| "taken".to_owned())
}
