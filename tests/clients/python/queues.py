"""Queues, skills and a flow, played by client.py after its transfers: a queue transfer, a session that waits for its
rep, a rep found by skill, a flow that is tried out and run. `wire` is wire.py.
"""

import grpc

from baton.v1 import channel_pb2 as channels
from baton.v1 import directory_service_pb2 as directory_api
from baton.v1 import flow_pb2 as flows
from baton.v1 import presence_service_pb2 as presence_api
from baton.v1 import recipient_pb2 as recipients
from baton.v1 import rep_pb2 as rep_types
from baton.v1 import session_pb2 as sessions
from baton.v1 import session_service_pb2 as session_api
from baton.v1 import skill_pb2 as skills
from baton.v1 import transfer_pb2 as transfers
from baton.v1 import transfer_service_pb2 as transfer_api
from baton.v1 import watch_service_pb2 as watch_api
from baton.v1 import work_pb2 as work_types
from baton.v1 import work_service_pb2 as work_api


class Queues:
    """The scenarios; each goes on where the one before ended."""

    def __init__(self, play, wire):
        self.play, self.wire = play, wire

    def scenarios(self):
        return [
            self.configures_queues_a_skill_and_a_flow,
            self.offers_a_queue_transfer_and_completes_it,
            self.gives_a_waiting_session_its_rep,
            self.asks_a_rep_with_the_skill,
            self.tries_a_flow_out_and_runs_it,
            self.empties_the_queues,
        ]

    def configures_queues_a_skill_and_a_flow(self):
        admin, equal = self.play.admin, self.wire.equal
        admin.UpsertSkill(directory_api.UpsertSkillRequest(skill=skills.Skill(id="fr", name="French")))
        agent = [rep_types.PERMISSION_MESSAGING_AGENT]
        for name, permissions, levels in (
            ("ana", agent + [rep_types.PERMISSION_RUN_FLOWS], []),
            ("cleo", agent, [skills.SkillLevel(skill="fr", level=50)]),
        ):
            rep = rep_types.Rep(
                id=name,
                name=name.title(),
                profile="agents",
                licences=[rep_types.LICENCE_MESSAGING_USER],
                permissions=permissions,
                skills=levels,
            )
            admin.UpsertRep(directory_api.UpsertRepRequest(rep=rep))
        for name, reps in (("billing", ["ana", "ben"]), ("care", ["cleo"])):
            queue = channels.Queue(id=name, reps=reps)
            admin.UpsertQueue(directory_api.UpsertQueueRequest(queue=queue))
        flow = flows.Flow(id="triage", name="Triage", fallback=flows.FlowDecision(queue="billing"))
        rule = flow.rules.add(name="gold", condition='session.attributes.tier == "gold"')
        rule.decision.queue = "care"
        rule.decision.set_attributes["routed"] = "gold"
        saved = admin.UpsertFlow(directory_api.UpsertFlowRequest(flow=flow))
        listed = self.play.watcher.ListQueues(directory_api.ListQueuesRequest(at_least_revision=saved.revision))
        equal([queue.id for queue in listed.queues], ["billing", "care"], "the queues")
        kinds = [watch_api.WATCH_KIND_QUEUE, watch_api.WATCH_KIND_SESSION, watch_api.WATCH_KIND_WORK]
        self.lines = self.wire.Stream(self.play.watcher, kinds)
        self.lines.until("synced", lambda s: s.synced)
        lengths = [(o.queue.queue, o.queue.length) for o in self.lines.snapshot if o.HasField("queue")]
        equal(sorted(lengths), [("billing", 0), ("care", 0)], "the snapshot's queues")

    def open(self, **request):
        """Opens a session of the channel."""
        request = session_api.OpenSessionRequest(channel="wa", external_reference=self.wire.request_id(), **request)
        return self.play.adapter.OpenSession(request)

    def transfer(self, caller, session, **recipient):
        return caller.TransferSession(
            transfer_api.TransferSessionRequest(
                session=session, recipient=recipients.Recipient(**recipient), request_id=self.wire.request_id()
            )
        )

    def end(self, session):
        return self.play.adapter.EndSession(session_api.EndSessionRequest(session=session))

    def offers_a_queue_transfer_and_completes_it(self):
        play, equal = self.play, self.wire.equal
        session, accepted = play.open_and_accept(play.ana, "ana")
        quote = play.ana.QuoteTransfer(
            transfer_api.QuoteTransferRequest(session=session, recipient=recipients.Recipient(queue="billing"))
        )
        equal((quote.offered_now, quote.rep, quote.queue), (True, "ben", "billing"), "the quote")
        asked = self.transfer(play.ana, session, queue="billing")
        transfer = asked.transfer
        equal((transfer.state, transfer.rep), (transfers.TRANSFER_STATE_OFFERED, "ben"), "the transfer")
        kept = play.watcher.GetSession(
            session_api.GetSessionRequest(session=session, at_least_revision=asked.revision)
        ).session
        equal((kept.owner, kept.offer.rep), ("ana", "ben"), "the original rep keeps it")
        done = play.ben.AcceptTransfer(transfer_api.AcceptTransferRequest(transfer=transfer.id))
        equal(done.transfer.state, transfers.TRANSFER_STATE_COMPLETED, "the transfer")
        seen = play.all.until_revision(done.revision)
        ended = [w.end_reason for w in seen["work"] if w.id == accepted.work.id]
        equal(ended, [work_types.WORK_END_REASON_TRANSFERRED], "ana's work, in the same revision")
        equal([s.owner for s in seen["session"]], ["ben"], "the owner, in the same revision")
        self.end(session)

    def gives_a_waiting_session_its_rep(self):
        play, equal = self.play, self.wire.equal
        opened = self.open(queue="care")
        session = opened.session
        equal((session.state, session.estimate.position), (sessions.SESSION_STATE_WAITING, 1), "the session")
        assert not session.estimate.HasField("estimated_wait"), "an estimate without samples is absent (E1)"

        def length(wanted):
            def holds(stream):
                for revision, one, _ in stream.revisions:
                    for queue in self.wire.by_kind(one).get("queue", []):
                        if revision >= opened.revision and (queue.queue, queue.length) == ("care", wanted):
                            return (revision, one)
                return None

            return self.lines.until(f"{wanted} in care", holds)

        length(1)
        signed_in = play.cleo.OpenPresence(presence_api.OpenPresenceRequest(status="online"))
        revision, one = length(0)
        assert signed_in.revision <= revision <= signed_in.revision + 1, f"{revision} after {signed_in.revision}"
        offered = [w for w in self.wire.by_kind(one)["work"] if w.session == session.id]
        equal([(w.rep, w.queue) for w in offered], [("cleo", "care")], "the offer")
        accepted = play.cleo.AcceptWork(work_api.AcceptWorkRequest(work=offered[0].id))
        now = play.admin.GetSession(
            session_api.GetSessionRequest(session=session.id, at_least_revision=accepted.revision)
        ).session
        equal((now.owner, now.state), ("cleo", sessions.SESSION_STATE_ACTIVE), "the session")
        history = play.admin.GetSessionHistory(session_api.GetSessionHistoryRequest(session=session.id))
        causes = [event.assignment.cause for event in history.events if event.kind == "work_offered"]
        equal(causes, [sessions.ASSIGNMENT_CAUSE_NEXT_IN_LINE], "why it was cleo")
        self.end(session.id)

    def asks_a_rep_with_the_skill(self):
        equal = self.wire.equal
        taken = self.open(queue="care", required_skills=[skills.SkillLevel(skill="fr", level=50)]).session
        equal((taken.state, taken.offer.rep), (sessions.SESSION_STATE_OFFERED, "cleo"), "who speaks French")
        needs = [skills.SkillLevel(skill="fr", level=51)]
        waits = self.open(skills=flows.SkillsTarget(required=needs, queue="care")).session
        equal(waits.state, sessions.SESSION_STATE_WAITING, "nobody speaks it so well")
        explained = self.play.watcher.ExplainRecipient(
            transfer_api.ExplainRecipientRequest(
                recipient=recipients.Recipient(queue="care"), session=waits.id, at_least_revision=waits.revision
            )
        )
        equal([(r.rep, r.could_take) for r in explained.reps], [("cleo", False)], "why not")
        for session in (taken, waits):
            self.end(session.id)

    def tries_a_flow_out_and_runs_it(self):
        play, equal = self.play, self.wire.equal
        facts = directory_api.FlowFacts(channel="wa", attributes={"tier": "gold"})
        trace = play.admin.TestFlow(directory_api.TestFlowRequest(id="triage", facts=facts)).trace
        equal((trace.decision.queue, trace.attributes["routed"]), ("care", "gold"), "the try")
        plain = directory_api.FlowFacts(channel="wa")
        trace = play.admin.TestFlow(directory_api.TestFlowRequest(id="triage", facts=plain)).trace
        equal([(s.name, s.matched) for s in trace.steps], [("gold", False), ("", True)], "the steps")
        draft = flows.Flow(fallback=flows.FlowDecision(queue="billing"))
        draft.rules.add(condition="session.priority").decision.queue = "care"
        _, fields = self.wire.refused(
            play.admin.TestFlow,
            directory_api.TestFlowRequest(draft=draft, facts=plain),
            grpc.StatusCode.INVALID_ARGUMENT,
            "INVALID_FIELD",
        )
        equal(fields, ["draft.rules[0].condition"], "the bad field")
        gold = self.open(flow="triage", attributes={"tier": "gold"}).session
        equal((gold.offer.rep, gold.attributes["routed"]), ("cleo", "gold"), "where it went")
        equal([s.name for s in gold.flow_trace.steps], ["gold"], "why")
        self.end(gold.id)
        session, _ = play.open_and_accept(play.ana, "ana")
        transfer = self.transfer(play.ana, session, flow="triage").transfer
        equal((transfer.rep, transfer.queue), ("ben", "billing"), "where the transfer went")
        equal([s.matched for s in transfer.flow_trace.steps], [False, True], "why")
        accepted = play.ben.AcceptTransfer(transfer_api.AcceptTransferRequest(transfer=transfer.id))
        equal(accepted.transfer.state, transfers.TRANSFER_STATE_COMPLETED, "the transfer")
        back = transfer_api.TransferSessionRequest(session=session, recipient=recipients.Recipient(flow="triage"))
        info, _ = self.wire.refused(
            play.ben.TransferSession, back, grpc.StatusCode.FAILED_PRECONDITION, "MISSING_PERMISSION"
        )
        equal(info.domain, "baton", "the domain")
        self.end(session)

    def empties_the_queues(self):
        waits = self.open(queue="care", required_skills=[skills.SkillLevel(skill="fr", level=100)]).session
        self.play.cleo.ClosePresence(presence_api.ClosePresenceRequest())
        self.wire.refused(
            self.play.admin.DeleteQueue,
            directory_api.DeleteQueueRequest(id="care", move_to=""),
            grpc.StatusCode.FAILED_PRECONDITION,
            "IN_USE",
        )
        self.play.admin.DeleteFlow(directory_api.DeleteFlowRequest(id="triage"))
        deleted = self.play.admin.DeleteQueue(directory_api.DeleteQueueRequest(id="care", move_to="billing"))
        moved = self.play.watcher.GetSession(
            session_api.GetSessionRequest(session=waits.id, at_least_revision=deleted.revision)
        ).session
        self.wire.equal((moved.waiting_line.queue, moved.age_since), ("billing", waits.age_since), "its new place")
        self.lines.until(
            "the end of the queue",
            lambda s: any(c.removed.object.id == "care" for _, one, _ in s.revisions for c in one.changes),
        )
        self.end(waits.id)
        self.lines.call.cancel()
