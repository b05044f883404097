"""The vendor's reps, and what it is asked to route, played by vendor.py: signed in by its own ids, a request that it
claims, renews and answers, one that comes back because the rep declined, one past the capacity check, one given up.
"""

import grpc

from wire import equal, refused, request_id

from baton.v1 import error_reason_pb2 as reasons
from baton.v1 import handoff_pb2 as asked_types
from baton.v1 import partner_service_pb2 as partner_api
from baton.v1 import presence_pb2 as presences
from baton.v1 import presence_service_pb2 as presence_api
from baton.v1 import recipient_pb2 as recipients
from baton.v1 import session_pb2 as sessions
from baton.v1 import transfer_pb2 as transfers
from baton.v1 import transfer_service_pb2 as transfer_api
from baton.v1 import weight_pb2 as weights
from baton.v1 import work_service_pb2 as work_api

FAILED = grpc.StatusCode.FAILED_PRECONDITION


class Routing:
    """The scenarios; each goes on where the one before ended."""

    def __init__(self, play):
        self.play = play

    def scenarios(self):
        return [
            self.signs_its_reps_in_by_its_own_ids,
            self.claims_renews_and_routes_to_its_own_rep,
            self.is_asked_anew_when_the_rep_declines,
            self.routes_past_the_capacity_check,
            self.gives_up_and_the_fallback_queue_takes_over,
            self.routes_a_transfer_into_its_own_queue,
        ]

    def signs_its_reps_in_by_its_own_ids(self):
        acme = self.play.acme
        request = presence_api.OpenPresencesRequest(request_id=request_id())
        for rep, status in (("a-1", "READY"), ("c-9", "READY"), ("b-1", "AUX-1"), ("cara", "online")):
            request.sign_ins.add(rep=rep, status=status, device="desktop")
        done = acme.OpenPresences(request)
        verdicts = [(one.asked, one.rep, one.reason) for one in done.verdicts]
        missing, none = reasons.ERROR_REASON_NOT_FOUND, reasons.ERROR_REASON_UNSPECIFIED
        equal(
            verdicts,
            [("a-1", "ana", none), ("c-9", "", missing), ("b-1", "ben", none), ("cara", "", missing)],
            "one verdict for each",
        )
        equal((done.lease.seconds, done.renew_every.seconds), (30, 10), "the lease")
        equal(self.play.acme_elsewhere.OpenPresences(request), done, "the repeated answer")
        kept = presence_api.KeepAliveRequest(presences=[one.presence for one in done.verdicts if one.presence])
        renewed = [one.verdict for one in self.play.acme_elsewhere.KeepAlive(kept).results]
        equal(renewed, 2 * [presence_api.KEEP_ALIVE_VERDICT_RENEWED], "the renewals")
        choices = presence_api.SetStatusesRequest(request_id=request_id())
        choices.choices.add(rep="b-1", status="READY")
        choices.choices.add(rep="a-1", status="LUNCH")
        set_to = self.play.acme_elsewhere.SetStatuses(choices)
        equal([(one.rep, one.reason == none) for one in set_to.verdicts], [("ben", True), ("", False)], "the statuses")
        told = self.play.told.until_revision(set_to.revision)["rep_presence"]
        caused = presences.PRESENCE_CAUSE_REP
        seen = [(r.rep, r.status, r.presence.cause, r.presence.changed_by.id) for r in told]
        equal(seen, [("ben", "online", caused, "acme")], "whose doing it is")
        self.play.cara.OpenPresence(presence_api.OpenPresenceRequest(status="online"))

    def claims_renews_and_routes_to_its_own_rep(self):
        play, acme, other = self.play, self.play.acme, self.play.acme_elsewhere
        opened, asked = play.bring(tier="gold")
        equal((asked.cause, asked.attempt, asked.attributes["tier"]), (asked_types.ROUTING_CAUSE_NEW, 1, "gold"), "why")
        claim = partner_api.AcknowledgeRoutingRequest(
            routing_request=asked.id, partner_reference="w1", request_id=request_id()
        )
        claimed = acme.AcknowledgeRouting(claim)
        waits = asked_types.ROUTING_REQUEST_STATE_ACKNOWLEDGED
        equal((claimed.routing_request.state, claimed.routing_request.partner_reference), (waits, "w1"), "the claim")
        equal(other.AcknowledgeRouting(claim), claimed, "the repeated answer")
        second = partner_api.AcknowledgeRoutingRequest(routing_request=asked.id, partner_reference="w2")
        refused(other.AcknowledgeRouting, second, FAILED, "CLAIMED_BY_ANOTHER")
        wrong = partner_api.RouteSessionRequest(routing_request=asked.id, rep="a-1", partner_reference="w2")
        refused(other.RouteSession, wrong, FAILED, "CLAIMED_BY_ANOTHER")
        unknown = "0199aaaa-0000-7000-8000-000000000000"
        renewal = partner_api.RenewRoutingsRequest(routing_requests=[asked.id, unknown], partner_reference="w1")
        renewal.lease.seconds = 300
        renewed = other.RenewRoutings(renewal)
        equal((renewed.renewed, [(f.id, f.reason) for f in renewed.failures]), (1, [(unknown, "NOT_FOUND")]), "leases")
        longer = other.GetRoutingRequest(partner_api.GetRoutingRequestRequest(routing_request=asked.id)).routing_request
        equal(longer.deadline, renewed.lease_until, "until when the lease holds")
        assert longer.deadline.seconds > claimed.routing_request.deadline.seconds, longer
        nobody = partner_api.RouteSessionRequest(routing_request=asked.id, rep="cara", partner_reference="w1")
        refused(acme.RouteSession, nobody, grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        request = partner_api.RouteSessionRequest(
            routing_request=asked.id, rep="a-1", partner_reference="w1", request_id=request_id()
        )
        routed = acme.RouteSession(request)
        equal(other.RouteSession(request), routed, "the repeated answer")
        told = play.until("routing_request", asked.id, asked_types.ROUTING_REQUEST_STATE_ROUTED)
        equal((told.routed_to.rep, told.work), ("ana", routed.routing_request.work), "where it went")
        accepted = play.ana.AcceptWork(work_api.AcceptWorkRequest(work=told.work))
        equal(play.session(opened.id, accepted.revision).owner, "ana", "who has it")
        play.end(opened.id)

    def is_asked_anew_when_the_rep_declines(self):
        play = self.play
        opened, asked = play.bring()
        work = play.route(asked.id, rep="a-1").routing_request.work
        declined = play.ana.DeclineWork(work_api.DeclineWorkRequest(work=work, request_id=request_id()))
        session = play.session(opened.id, declined.revision)
        equal((session.state, session.waiting_line.partner), (sessions.SESSION_STATE_WAITING, "acme"), "the session")
        anew = play.until("routing_request", session.routing_request, asked_types.ROUTING_REQUEST_STATE_ASKED)
        assert anew.id != asked.id, "another request"
        why = (anew.cause, anew.attempt, list(anew.tried_reps))
        equal(why, (asked_types.ROUTING_CAUSE_DECLINED, 2, ["ana"]), "why it is asked anew")
        late = partner_api.RouteSessionRequest(routing_request=asked.id, rep="b-1")
        refused(play.acme.RouteSession, late, FAILED, "WRONG_STATE")
        play.end(opened.id)
        over = play.until("routing_request", anew.id, asked_types.ROUTING_REQUEST_STATE_WITHDRAWN)
        assert over.HasField("ended_at"), over
        gone = partner_api.RouteSessionRequest(routing_request=anew.id, rep="b-1")
        refused(play.acme.RouteSession, gone, FAILED, "SESSION_ENDED")

    def routes_past_the_capacity_check(self):
        play = self.play
        first, asked = play.bring()
        whole = play.route(asked.id, rep="b-1", weight=weights.Weight(centi_percent=10_000))
        play.ben.AcceptWork(work_api.AcceptWorkRequest(work=whole.routing_request.work))
        second, asked = play.bring()
        full = partner_api.RouteSessionRequest(routing_request=asked.id, rep="b-1")
        refused(play.acme.RouteSession, full, FAILED, "RECIPIENT_FULL")
        half = play.route(asked.id, rep="b-1", skip_capacity_check=True, weight=weights.Weight(centi_percent=5_000))
        told = play.told.until_revision(half.revision)
        used = [(r.rep, r.used_centi_units, r.used_centi_percent) for r in told["rep_presence"]]
        equal(used, [("ben", 300, 15_000)], "over 100 % (C3)")
        work = [(w.rep, w.weight_centi_units, w.capacity_check_skipped) for w in told["work"]]
        equal(work, [("ben", 100, True)], "the work, in units (C1)")
        play.ben.AcceptWork(work_api.AcceptWorkRequest(work=half.routing_request.work))
        explained = play.supervisor.ExplainCapacity(
            presence_api.ExplainCapacityRequest(rep="ben", at_least_revision=half.revision)
        ).explanation
        equal(sum(line.holds_centi_units for line in explained.lines), 300, "the sum of what holds it (C7)")
        for session in (first, second):
            play.end(session.id)

    def gives_up_and_the_fallback_queue_takes_over(self):
        play = self.play
        opened, asked = play.bring("extfb")
        request = partner_api.FailRoutingRequest(
            routing_request=asked.id,
            failure="nobody is in",
            reason=asked_types.HANDOFF_FAILURE_OVERLOADED,
            request_id=request_id(),
        )
        failed = play.acme.FailRouting(request)
        equal(play.acme_elsewhere.FailRouting(request), failed, "the repeated answer")
        told = play.until("routing_request", asked.id, asked_types.ROUTING_REQUEST_STATE_FAILED)
        why = (told.failure_reason, told.failure)
        equal(why, (asked_types.HANDOFF_FAILURE_OVERLOADED, "nobody is in"), "why it failed")
        session = play.session(opened.id, failed.revision)
        equal((session.offer.rep, session.waiting_line.queue), ("cara", "care"), "who is asked instead")
        accepted = play.cara.AcceptWork(work_api.AcceptWorkRequest(work=session.offer.work))
        equal(play.session(opened.id, accepted.revision).owner, "cara", "who has it")
        play.end(opened.id)

    def routes_a_transfer_into_its_own_queue(self):
        play = self.play
        session, work = play.routed_to_ana()
        transfer = play.ana.TransferSession(
            transfer_api.TransferSessionRequest(
                session=session, recipient=recipients.Recipient(queue="line"), note="wants a refund"
            )
        ).transfer
        equal(transfer.state, transfers.TRANSFER_STATE_OFFERED, "while the partner is asked")
        asked = play.until("routing_request", transfer.routing_request, asked_types.ROUTING_REQUEST_STATE_ASKED)
        seen = (asked.cause, asked.queue, asked.partner_queue, asked.transfer, asked.note)
        expected = (asked_types.ROUTING_CAUSE_TRANSFER, "line", "L-1", transfer.id, "wants a refund")
        equal(seen, expected, "what is asked")
        claimed = play.acme.AcknowledgeRouting(partner_api.AcknowledgeRoutingRequest(routing_request=asked.id))
        told = play.told.until_revision(claimed.revision)
        equal([t.state for t in told["transfer"]], [transfers.TRANSFER_STATE_WAITING], "once it waits in the line")
        equal([w.id for w in told["work"]], [work], "the original rep's work, which has ended")
        offered = play.route(asked.id, rep="b-1")
        taken = play.ben.AcceptWork(work_api.AcceptWorkRequest(work=offered.routing_request.work))
        done = play.told.until_revision(taken.revision)["transfer"]
        equal([(t.state, t.rep) for t in done], [(transfers.TRANSFER_STATE_COMPLETED, "ben")], "the transfer")
        play.end(session)
