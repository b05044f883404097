"""Sessions that a rep hands on to the vendor's contact, played by vendor.py: refused as busy and tried again, taken,
brought back, answered too late, and refused at once while the vendor is away. What comes too late does so by the
vendor's own deadline of a second, the end of which the stream tells.
"""

import grpc

from wire import equal, refused, request_id

from baton.v1 import directory_service_pb2 as directory_api
from baton.v1 import channel_pb2 as channels
from baton.v1 import handoff_pb2 as asked_types
from baton.v1 import partner_service_pb2 as partner_api
from baton.v1 import recipient_pb2 as recipients
from baton.v1 import session_pb2 as sessions
from baton.v1 import session_service_pb2 as session_api
from baton.v1 import transfer_pb2 as transfers
from baton.v1 import transfer_service_pb2 as transfer_api
from baton.v1 import work_pb2 as work_types
from baton.v1 import work_service_pb2 as work_api

FAILED = grpc.StatusCode.FAILED_PRECONDITION
DESK = recipients.ExternalContactRef(partner="acme", contact="desk-001")
TO_DESK = recipients.Recipient(external_contact=DESK)


def request_to_desk(session, identifier=""):
    return transfer_api.TransferSessionRequest(
        session=session, recipient=TO_DESK, note="wants a refund", request_id=identifier
    )


def hand_on(rep, session):
    """A rep hands the session on to the vendor's front office."""
    return rep.TransferSession(request_to_desk(session, request_id())).transfer


class Handoffs:
    """The scenarios; each goes on where the one before ended."""

    def __init__(self, play):
        self.play = play

    def scenarios(self):
        return [
            self.is_asked_to_take_a_session_and_claims_it,
            self.is_busy_and_the_rep_still_has_it,
            self.takes_the_session_when_the_rep_tries_again,
            self.brings_it_back_with_a_note,
            self.answers_too_late,
            self.is_away_after_expiries_and_back_by_a_renewal,
        ]

    def asked_for(self, transfer):
        """The hand-off of a transfer, as the vendor is told."""
        return self.play.until("handoff", transfer.handoff, asked_types.HANDOFF_STATE_ASKED)

    def transfer(self, transfer, revision=0):
        request = transfer_api.GetTransferRequest(transfer=transfer, at_least_revision=revision)
        return self.play.ana.GetTransfer(request).transfer

    def is_asked_to_take_a_session_and_claims_it(self):
        play, acme, other = self.play, self.play.acme, self.play.acme_elsewhere
        self.session, self.work = play.routed_to_ana(order="4711")
        quote = play.ana.QuoteTransfer(transfer_api.QuoteTransferRequest(session=self.session, recipient=TO_DESK))
        equal((quote.allowed, quote.offered_now, list(quote.reasons)), (True, True, []), "the quote")
        transfer = hand_on(play.ana, self.session)
        equal((transfer.state, transfer.rep), (transfers.TRANSFER_STATE_OFFERED, ""), "the transfer")
        self.asked = self.asked_for(transfer)
        seen = (self.asked.session, self.asked.from_rep, self.asked.note, self.asked.contact_name)
        equal(seen, (self.session, "ana", "wants a refund", "Front Office"), "what is asked")
        equal((self.asked.contact, dict(self.asked.attributes)), (DESK, {"order": "4711"}), "and what is known of it")
        claim = partner_api.AcknowledgeHandoffRequest(
            handoff=self.asked.id, partner_reference="w1", request_id=request_id()
        )
        claimed = acme.AcknowledgeHandoff(claim)
        equal(claimed.handoff.state, asked_types.HANDOFF_STATE_ACKNOWLEDGED, "the claim")
        equal(claimed.handoff.deadline, self.asked.deadline, "the deadline stays")
        equal(other.AcknowledgeHandoff(claim), claimed, "the repeated answer")
        reused = partner_api.AcknowledgeHandoffRequest(
            handoff=self.asked.id, partner_reference="w2", request_id=claim.request_id
        )
        refused(other.AcknowledgeHandoff, reused, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
        for call, kind in (
            (other.AcknowledgeHandoff, partner_api.AcknowledgeHandoffRequest),
            (other.CompleteHandoff, partner_api.CompleteHandoffRequest),
        ):
            second = kind(handoff=self.asked.id, partner_reference="w2")
            refused(call, second, FAILED, "CLAIMED_BY_ANOTHER")
        kept = play.session(self.session, claimed.revision)
        equal((kept.owner, kept.state), ("ana", sessions.SESSION_STATE_ACTIVE), "the rep keeps it")
        refused(play.ana.TransferSession, request_to_desk(self.session), FAILED, "TRANSFER_IN_PROGRESS")

    def is_busy_and_the_rep_still_has_it(self):
        play = self.play
        request = partner_api.FailHandoffRequest(
            handoff=self.asked.id,
            partner_reference="w1",
            reason=asked_types.HANDOFF_FAILURE_BUSY,
            failure="in a call",
            retryable=True,
            request_id=request_id(),
        )
        request.retry_after.seconds = 30
        failed = play.acme.FailHandoff(request)
        equal(play.acme_elsewhere.FailHandoff(request), failed, "the repeated answer")
        told = play.until("handoff", self.asked.id, asked_types.HANDOFF_STATE_FAILED)
        equal(told.failure_reason, asked_types.HANDOFF_FAILURE_BUSY, "why")
        transfer = self.transfer(told.transfer, failed.revision)
        ended = (transfer.state, transfer.end_reason)
        expected = (transfers.TRANSFER_STATE_FAILED, transfers.TRANSFER_END_REASON_HANDOFF_FAILED)
        equal(ended, expected, "the transfer")
        said = (transfer.failure_reason, transfer.end_detail, transfer.retryable, transfer.retry_after.seconds)
        equal(said, (asked_types.HANDOFF_FAILURE_BUSY, "in a call", True, 30), "what the rep is told")
        kept = play.session(self.session, failed.revision)
        equal((kept.owner, kept.transfer), ("ana", ""), "the rep still has it")

    def takes_the_session_when_the_rep_tries_again(self):
        play, acme = self.play, self.play.acme
        transfer = hand_on(play.ana, self.session)
        asked = self.asked_for(transfer)
        equal([(link.from_rep, link.completed) for link in asked.chain], [("ana", False)], "its chain so far")
        request = partner_api.CompleteHandoffRequest(
            handoff=asked.id, partner_reference="w2", request_id=request_id()
        )
        done = acme.CompleteHandoff(request)
        equal(done.handoff.state, asked_types.HANDOFF_STATE_COMPLETED, "the hand-off")
        equal(play.acme_elsewhere.CompleteHandoff(request), done, "the repeated answer")
        told = play.told.until_revision(done.revision)
        equal([s.state for s in told["session"]], [sessions.SESSION_STATE_EXTERNAL], "the session")
        equal([(s.owner, s.external_contact) for s in told["session"]], [("", DESK)], "who has it")
        equal([t.state for t in told["transfer"]], [transfers.TRANSFER_STATE_COMPLETED], "the transfer")
        ended = [(w.id, w.end_reason) for w in told["work"]]
        equal(ended, [(self.work, work_types.WORK_END_REASON_TRANSFERRED)], "ana's work, in the same revision")
        equal([r.used_centi_units for r in told["rep_presence"]], [0], "and her capacity")
        refused(play.ana.TransferSession, request_to_desk(self.session), FAILED, "NOT_OWNER")
        again = partner_api.FailHandoffRequest(
            handoff=asked.id, partner_reference="w2", reason=asked_types.HANDOFF_FAILURE_BUSY
        )
        refused(acme.FailHandoff, again, FAILED, "WRONG_STATE")

    def brings_it_back_with_a_note(self):
        play = self.play
        reason = sessions.SESSION_RETURN_REASON_DONE
        request = session_api.ReturnSessionRequest(
            session=self.session, queue="care", note="refunded", reason=reason, request_id=request_id()
        )
        back = play.acme.ReturnSession(request)
        equal((back.session.state, back.session.offer.rep), (sessions.SESSION_STATE_OFFERED, "cara"), "the session")
        equal(play.acme_elsewhere.ReturnSession(request).revision, back.revision, "the repeated answer")
        told = [(r.by.id, getattr(r, "from"), r.target.queue, r.note, r.reason) for r in back.session.returns]
        equal(told, [("acme", DESK, "care", "refunded", reason)], "its returns (O6)")
        accepted = play.cara.AcceptWork(work_api.AcceptWorkRequest(work=back.session.offer.work))
        session = play.session(self.session, accepted.revision)
        equal((session.owner, session.HasField("external_contact")), ("cara", False), "who has it")
        once_more = session_api.ReturnSessionRequest(session=self.session, queue="care")
        refused(play.acme.ReturnSession, once_more, FAILED, "WRONG_STATE")
        play.end(self.session)

    def hurry(self, seconds):
        """The org's admin says how long the vendor has for hand-offs, and that two expiries make it away."""
        partner = channels.Partner(id="acme", name="Acme", away_after=2)
        partner.handoff_deadline.seconds = seconds
        self.play.admin.UpsertPartner(directory_api.UpsertPartnerRequest(partner=partner))

    def expires(self, session):
        """A hand-off that nobody answers in time; the transfer then."""
        transfer = hand_on(self.play.ana, session)
        over = self.play.until("handoff", transfer.handoff, asked_types.HANDOFF_STATE_EXPIRED)
        late = partner_api.CompleteHandoffRequest(handoff=over.id, partner_reference="w1")
        refused(self.play.acme.CompleteHandoff, late, FAILED, "HANDOFF_EXPIRED")
        return self.transfer(transfer.id, over.revision)

    def answers_too_late(self):
        play = self.play
        self.hurry(1)
        # What waits in its line meanwhile does so for as long as its lease holds.
        self.waits, asked = play.bring()
        claim = partner_api.AcknowledgeRoutingRequest(routing_request=asked.id)
        claim.lease.seconds = 300
        self.acknowledged = play.acme.AcknowledgeRouting(claim).routing_request.id
        self.session, _ = play.routed_to_ana()
        transfer = self.expires(self.session)
        ended = (transfer.state, transfer.end_reason, transfer.failure_reason)
        reason, why = transfers.TRANSFER_END_REASON_HANDOFF_EXPIRED, asked_types.HANDOFF_FAILURE_EXPIRED
        equal(ended, (transfers.TRANSFER_STATE_FAILED, reason, why), "the transfer")
        kept = play.session(self.session, transfer.revision)
        equal((kept.owner, kept.state), ("ana", sessions.SESSION_STATE_ACTIVE), "the rep still has it")

    def state(self, revision=0):
        request = partner_api.GetPartnerStateRequest(partner="acme", at_least_revision=revision)
        return self.play.supervisor.GetPartnerState(request).partner_state

    def is_away_after_expiries_and_back_by_a_renewal(self):
        play = self.play
        before = self.state()
        equal((before.away, before.expired_in_a_row, before.acknowledged_routing_requests), (False, 1, 1), "after one")
        transfer = self.expires(self.session)
        away = play.find("partner", "acme is away", lambda found: found.away)
        equal((away.partner, away.expired_in_a_row, away.open_handoffs), ("acme", 2, 0), "how it does after two")
        state = self.state(transfer.revision)
        equal((state.away, state.away_since), (True, away.away_since), "what a supervisor reads")
        self.hurry(60)
        info, _ = refused(play.ana.TransferSession, request_to_desk(self.session), FAILED, "PARTNER_AWAY")
        equal(info.metadata["partner"], "acme", "who is away")
        quote = play.ana.QuoteTransfer(transfer_api.QuoteTransferRequest(session=self.session, recipient=TO_DESK))
        equal(quote.allowed, False, "the quote")
        renewed = play.acme.RenewRoutings(partner_api.RenewRoutingsRequest(routing_requests=[self.acknowledged]))
        equal(renewed.renewed, 1, "the renewal")
        back = self.state(renewed.revision)
        equal((back.away, back.expired_in_a_row), (False, 0), "how it does")
        play.find("partner", "acme is back", lambda found: not found.away and found.revision >= renewed.revision)
        transfer = hand_on(play.ana, self.session)
        done = play.acme.CompleteHandoff(partner_api.CompleteHandoffRequest(handoff=self.asked_for(transfer).id))
        equal(play.session(self.session, done.revision).state, sessions.SESSION_STATE_EXTERNAL, "the session")
        for session in (self.session, self.waits.id):
            play.end(session)
