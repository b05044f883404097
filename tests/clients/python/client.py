"""Plays whole transfers through grpcio, with stubs that wire.py generates from proto/; with queues.py also queues,
skills and a flow, with presence.py renewals, statuses and after-conversation work.

    client.py JOURNAL ADDRESS [OTHER_ADDRESS]

With two addresses it asks at the first and watches and accepts at the other. Prints one line per scenario.
"""

import sys

import grpc

import wire  # first: it makes the stubs importable
from wire import Stream, equal, refused, request_id

from baton.v1 import channel_type_pb2 as channel_types
from baton.v1 import directory_service_pb2 as directory_api
from baton.v1 import presence_service_pb2 as presence_api
from baton.v1 import recipient_pb2 as recipients
from baton.v1 import rep_pb2 as rep_types
from baton.v1 import session_pb2 as sessions
from baton.v1 import session_service_pb2 as session_api
from baton.v1 import transfer_pb2 as transfers
from baton.v1 import transfer_service_pb2 as transfer_api
from baton.v1 import watch_service_pb2 as watch_api
from baton.v1 import work_pb2 as work_types
from baton.v1 import work_service_pb2 as work_api

import presence
import queues

ORG = "clients-python"


def to_rep(rep):
    return recipients.Recipient(rep=rep)


class Play:
    """The scenarios; each goes on where the one before ended."""

    def __init__(self, journal, address, other):
        self.journal = journal
        channel, other = wire.connect(address), wire.connect(other)
        self.admin = wire.Caller(channel, ORG, "admin", "admin")
        self.adapter = wire.Caller(channel, ORG, "adapter", "wa-gateway")
        self.ana = wire.Caller(channel, ORG, "rep", "ana")
        self.ben = wire.Caller(other, ORG, "rep", "ben")
        self.ben_elsewhere = wire.Caller(channel, ORG, "rep", "ben")
        self.cleo = wire.Caller(other, ORG, "rep", "cleo")
        self.watcher = wire.Caller(other, ORG, "dashboard", "watcher")

    def scenarios(self):
        return [
            self.applies_a_directory,
            self.watches_from_a_snapshot,
            self.signs_reps_in,
            self.opens_and_accepts_a_session,
            self.refuses_with_reasons,
            self.lists_and_quotes_the_recipient,
            self.offers_a_transfer_and_the_original_rep_keeps_the_session,
            self.refuses_to_decline_a_transfer,
            self.completes_on_acceptance_in_one_revision,
            self.answers_a_repeated_request_the_same,
            self.waits_for_a_full_rep_and_removes_the_original_at_once,
            self.offers_the_waiting_transfer_when_there_is_room,
            self.resumes_a_watch_with_no_gap_and_no_repetition,
            self.tells_the_history,
            *queues.Queues(self, wire).scenarios(),
            *presence.Presence(self, wire).scenarios(),
            self.signs_reps_out,
        ]

    def applies_a_directory(self):
        whatsapp = channel_types.CHANNEL_TYPE_WHATSAPP
        request = directory_api.ApplyDirectoryRequest(request_id=request_id())
        directory = request.directory
        directory.settings.skills_based_and_direct_to_rep_routing = True
        directory.presence_statuses.add(
            id="online", type=rep_types.PRESENCE_STATUS_TYPE_ONLINE, channel_types=[whatsapp]
        )
        directory.presence_configurations.add(id="two", capacity_centi_units=200)
        directory.profiles.add(id="agents", presence_statuses=["online"], presence_configuration="two")
        for name in ("ana", "ben"):
            directory.reps.add(
                id=name,
                name=name.title(),
                profile="agents",
                licences=[rep_types.LICENCE_MESSAGING_USER],
                permissions=[rep_types.PERMISSION_MESSAGING_AGENT],
            )
        channel = directory.channels.add(id="wa", type=whatsapp)
        channel.weight.centi_units = 100
        answer = self.admin.ApplyDirectory(request)
        equal(len(answer.changes), 7, "changes")
        again = self.admin.ApplyDirectory(request)
        equal((again.revision, list(again.changes)), (answer.revision, list(answer.changes)), "the repeated answer")
        read = self.watcher.GetRep(directory_api.GetRepRequest(id="ben", at_least_revision=answer.revision))
        equal(read.rep.name, "Ben", "the rep's name")

    def watches_from_a_snapshot(self):
        self.all = Stream(
            self.watcher,
            [
                watch_api.WATCH_KIND_REP,
                watch_api.WATCH_KIND_SESSION,
                watch_api.WATCH_KIND_TRANSFER,
                watch_api.WATCH_KIND_WORK,
            ],
        )
        self.all.until("synced", lambda s: s.synced)
        equal(self.all.started, watch_api.START_MODE_SNAPSHOT, "the start")
        equal(sorted(o.rep_presence.rep for o in self.all.snapshot), ["ana", "ben"], "the snapshot's reps")

    def signs_reps_in(self):
        for caller, name in ((self.ana, "ana"), (self.ben, "ben")):
            answer = caller.OpenPresence(
                presence_api.OpenPresenceRequest(status="online", device="test", request_id=request_id())
            )
            equal(answer.rep_presence.status_type, rep_types.PRESENCE_STATUS_TYPE_ONLINE, "the status")
            equal((answer.lease.seconds, answer.renew_every.seconds), (30, 10), "the lease")
            kept = caller.KeepAlive(presence_api.KeepAliveRequest(presences=[answer.presence]))
            equal(kept.results[0].verdict, presence_api.KEEP_ALIVE_VERDICT_RENEWED, "the renewal")
            seen = self.all.until_revision(answer.revision)["rep_presence"]
            equal([(r.rep, r.connected, r.used_centi_units) for r in seen], [(name, True, 0)], "what the stream says")

    def open_and_accept(self, caller, rep):
        """A new session, opened for the rep and accepted by them; the session and the work."""
        opened = self.adapter.OpenSession(
            session_api.OpenSessionRequest(channel="wa", external_reference=request_id(), rep=rep)
        )
        equal(opened.session.state, sessions.SESSION_STATE_OFFERED, "the opened session")
        equal(opened.session.offer.rep, rep, "who is asked")
        accepted = caller.AcceptWork(
            work_api.AcceptWorkRequest(work=opened.session.offer.work, request_id=request_id())
        )
        equal(accepted.work.state, work_types.WORK_STATE_OPEN, "the accepted work")
        self.all.until_revision(accepted.revision)
        return opened.session.id, accepted

    def opens_and_accepts_a_session(self):
        self.session, accepted = self.open_and_accept(self.ana, "ana")
        self.ana_work = accepted.work.id
        seen = self.all.until_revision(accepted.revision)
        equal([(s.owner, s.state) for s in seen["session"]], [("ana", sessions.SESSION_STATE_ACTIVE)], "the session")
        self.expect_capacity("ana", 100, accepted.revision)

    def expect_capacity(self, rep, units, revision):
        """C7: what is shown is the sum of what holds it."""
        answer = self.watcher.ExplainCapacity(
            presence_api.ExplainCapacityRequest(rep=rep, at_least_revision=revision)
        )
        equal(answer.explanation.used_centi_units, units, f"{rep}'s capacity")
        equal(sum(line.holds_centi_units for line in answer.explanation.lines), units, f"the sum of {rep}'s work")

    def transfer_request(self, session, rep, identifier=""):
        return transfer_api.TransferSessionRequest(
            session=session, recipient=to_rep(rep), note="speaks French", request_id=identifier
        )

    def refuses_with_reasons(self):
        failed, bad = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.INVALID_ARGUMENT
        transfer = self.ana.TransferSession
        refused(transfer, self.transfer_request(self.session, "ana"), failed, "SELF_TRANSFER")
        unknown = self.transfer_request("0199aaaa-0000-7000-8000-000000000000", "ben")
        info, _ = refused(transfer, unknown, grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        equal(info.metadata["kind"], "session", "what wasn't found")
        empty = transfer_api.TransferSessionRequest()
        _, fields = refused(transfer, empty, bad, "INVALID_FIELD")
        equal(sorted(fields), ["recipient", "session"], "the bad fields")
        refused(
            self.ben.TransferSession, self.transfer_request(self.session, "ana"), failed, "NOT_OWNER"
        )
        refused(
            self.ana.ApplyDirectory,
            directory_api.ApplyDirectoryRequest(),
            grpc.StatusCode.PERMISSION_DENIED,
            "PERMISSION_DENIED",
        )

    def lists_and_quotes_the_recipient(self):
        listed = self.ana.ListRecipients(
            transfer_api.ListRecipientsRequest(type=recipients.RECIPIENT_TYPE_REP, session=self.session)
        )
        ben = next(entry for entry in listed.entries if entry.rep.rep == "ben")
        assert ben.transferable and ben.rep.available_now, ben
        quote = self.ana.QuoteTransfer(
            transfer_api.QuoteTransferRequest(session=self.session, recipient=to_rep("ben"))
        )
        assert quote.allowed and quote.offered_now and not quote.would_wait, quote

    def offers_a_transfer_and_the_original_rep_keeps_the_session(self):
        answer = self.ana.TransferSession(self.transfer_request(self.session, "ben", request_id()))
        self.transfer = answer.transfer
        equal(self.transfer.state, transfers.TRANSFER_STATE_OFFERED, "the transfer")
        equal((self.transfer.from_rep, self.transfer.rep), ("ana", "ben"), "from and to")
        self.all.until_transfer(self.transfer.id, transfers.TRANSFER_STATE_OFFERED)
        session = self.watcher.GetSession(
            session_api.GetSessionRequest(session=self.session, at_least_revision=answer.revision)
        ).session
        equal((session.owner, session.state), ("ana", sessions.SESSION_STATE_ACTIVE), "the session")
        equal((session.offer.rep, session.transfer), ("ben", self.transfer.id), "the offer")
        self.expect_capacity("ana", 100, answer.revision)
        self.expect_capacity("ben", 100, answer.revision)
        refused(
            self.ana.TransferSession,
            self.transfer_request(self.session, "ben"),
            grpc.StatusCode.FAILED_PRECONDITION,
            "TRANSFER_IN_PROGRESS",
        )

    def refuses_to_decline_a_transfer(self):
        request = work_api.DeclineWorkRequest(work=self.transfer.work, request_id=request_id())
        refused(self.ben.DeclineWork, request, grpc.StatusCode.FAILED_PRECONDITION, "TRANSFER_NOT_DECLINABLE")
        still = self.ben.GetTransfer(transfer_api.GetTransferRequest(transfer=self.transfer.id)).transfer
        equal(still, self.transfer, "the transfer after it")

    def completes_on_acceptance_in_one_revision(self):
        self.acceptance = transfer_api.AcceptTransferRequest(transfer=self.transfer.id, request_id=request_id())
        self.accepted = self.ben.AcceptTransfer(self.acceptance)
        equal(self.accepted.transfer.state, transfers.TRANSFER_STATE_COMPLETED, "the transfer")
        seen = self.all.until_revision(self.accepted.revision)
        equal([t.state for t in seen["transfer"]], [transfers.TRANSFER_STATE_COMPLETED], "the stream's transfer")
        equal([s.owner for s in seen["session"]], ["ben"], "the stream's owner")
        ended = [w for w in seen["work"] if w.id == self.ana_work]
        equal(
            [(w.state, w.end_reason, w.tab_open) for w in ended],
            [(work_types.WORK_STATE_ENDED, work_types.WORK_END_REASON_TRANSFERRED, False)],
            "ana's work",
        )
        # Both reps are in it (W4): ana has room again; ben holds what was reserved for him, now as open work.
        used = sorted((r.rep, r.used_centi_units) for r in seen["rep_presence"])
        equal(used, [("ana", 0), ("ben", 100)], "the reps' capacity")
        taken = [(w.rep, w.state, w.holds_centi_units) for w in seen["work"] if w.id == self.accepted.transfer.work]
        equal(taken, [("ben", work_types.WORK_STATE_OPEN, 100)], "ben's work")
        self.expect_capacity("ana", 0, self.accepted.revision)
        self.expect_capacity("ben", 100, self.accepted.revision)
        session = self.adapter.GetSession(
            session_api.GetSessionRequest(session=self.session, at_least_revision=self.accepted.revision)
        ).session
        equal((session.owner, session.state), ("ben", sessions.SESSION_STATE_ACTIVE), "the session")
        refused(
            self.ana.EndSession,
            session_api.EndSessionRequest(session=self.session),
            grpc.StatusCode.FAILED_PRECONDITION,
            "NOT_OWNER",
        )

    def answers_a_repeated_request_the_same(self):
        for caller in (self.ben, self.ben_elsewhere):
            equal(caller.AcceptTransfer(self.acceptance), self.accepted, "the repeated answer")
        other = transfer_api.AcceptTransferRequest(
            transfer=self.transfer.id, rep="ben", request_id=self.acceptance.request_id
        )
        refused(self.ben.AcceptTransfer, other, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")

    def waits_for_a_full_rep_and_removes_the_original_at_once(self):
        self.filler, filled = self.open_and_accept(self.ben, "ben")
        state = self.watcher.GetRepPresence(
            presence_api.GetRepPresenceRequest(rep="ben", at_least_revision=filled.revision)
        ).rep_presence
        equal(state.used_centi_percent, 10000, "ben's capacity")
        self.late, _ = self.open_and_accept(self.ana, "ana")
        listed = self.ana.ListRecipients(
            transfer_api.ListRecipientsRequest(
                type=recipients.RECIPIENT_TYPE_REP, session=self.late, at_least_revision=filled.revision
            )
        )
        ben = next(entry for entry in listed.entries if entry.rep.rep == "ben")
        assert ben.transferable and not ben.rep.available_now, f"a full rep stays selectable: {ben}"
        answer = self.ana.TransferSession(self.transfer_request(self.late, "ben", request_id()))
        self.waiting = answer.transfer
        equal(self.waiting.state, transfers.TRANSFER_STATE_WAITING, "the transfer")
        assert self.waiting.HasField("original_rep_removed_at"), "the original rep isn't removed"
        seen = self.all.until_revision(answer.revision)
        equal([(s.owner, s.state) for s in seen["session"]], [("", sessions.SESSION_STATE_WAITING)], "the session")
        equal([w.end_reason for w in seen["work"]], [work_types.WORK_END_REASON_TRANSFERRED], "ana's work")
        equal([r.used_centi_units for r in seen["rep_presence"] if r.rep == "ana"], [0], "ana's capacity")
        self.expect_capacity("ana", 0, answer.revision)
        self.expect_capacity("ben", 200, answer.revision)
        info = transfer_api.AcceptTransferRequest(transfer=self.waiting.id)
        refused(self.ben.AcceptTransfer, info, grpc.StatusCode.FAILED_PRECONDITION, "WORK_NOT_OFFERED")

    def offers_the_waiting_transfer_when_there_is_room(self):
        ended = self.ben.EndSession(session_api.EndSessionRequest(session=self.filler, request_id=request_id()))
        equal(ended.session.state, sessions.SESSION_STATE_ENDED, "the ended session")
        offered = self.all.until_transfer(self.waiting.id, transfers.TRANSFER_STATE_OFFERED)
        equal(offered.rep, "ben", "who is asked")
        self.expect_capacity("ben", 200, offered.revision)
        accepted = self.ben.AcceptTransfer(
            transfer_api.AcceptTransferRequest(transfer=self.waiting.id, request_id=request_id())
        )
        equal(accepted.transfer.state, transfers.TRANSFER_STATE_COMPLETED, "the transfer")
        self.all.until_transfer(self.waiting.id, transfers.TRANSFER_STATE_COMPLETED)
        session = self.watcher.GetSession(
            session_api.GetSessionRequest(session=self.late, at_least_revision=accepted.revision)
        ).session
        equal((session.owner, session.state), ("ben", sessions.SESSION_STATE_ACTIVE), "the session")
        self.expect_capacity("ben", 200, accepted.revision)

    def resumes_a_watch_with_no_gap_and_no_repetition(self):
        kinds = [watch_api.WATCH_KIND_SESSION, watch_api.WATCH_KIND_TRANSFER, watch_api.WATCH_KIND_WORK]
        whole = Stream(self.watcher, kinds)
        whole.until("synced", lambda s: s.synced)
        first = self.ben.EndSession(session_api.EndSessionRequest(session=self.session)).revision
        cut = Stream(self.watcher, kinds)
        cut.until("synced", lambda s: s.synced)
        self.late_again, _ = self.open_and_accept(self.ana, "ana")
        frame = cut.until("a change", lambda s: list(s.revisions))
        cut.call.cancel()
        token = frame[0][2]
        assert token, "a frame of changes has a token"
        taken = max(n for n, _, of in frame if of == token)
        self.ana.TransferSession(self.transfer_request(self.late_again, "ben"))
        last = self.adapter.EndSession(session_api.EndSessionRequest(session=self.late_again)).revision
        whole.until("the last revision", lambda s: s.revisions and s.revisions[-1][0] >= last)
        # Resumed where it was not started, too: any server resumes any token (W8).
        for caller in (self.watcher, self.admin):
            resumed = Stream(caller, kinds, token)
            resumed.until("the last revision", lambda s: s.revisions and s.revisions[-1][0] >= last)
            equal(resumed.started, watch_api.START_MODE_RESUMED, "the start")
            assert not resumed.snapshot, "a resumed stream has no snapshot"
            expected = [(n, one.changes) for n, one, _ in whole.revisions if n > taken]
            equal([(n, one.changes) for n, one, _ in resumed.revisions], expected, "what was resumed")
            resumed.call.cancel()
        numbers = [n for n, _, _ in whole.revisions]
        equal(numbers, sorted(set(numbers)), "W3: every step once and in order")
        assert first in numbers and last in numbers, numbers
        whole.call.cancel()
        broken = watch_api.WatchRequest(kinds=kinds, resume_token="x" + token)
        refused(lambda r: next(self.watcher.Watch(r)), broken, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_TOKEN")

    def tells_the_history(self):
        history = self.admin.GetSessionHistory(session_api.GetSessionHistoryRequest(session=self.late_again))
        equal([t.state for t in history.transfers], [transfers.TRANSFER_STATE_SESSION_ENDED], "the chain")
        revisions = [event.revision for event in history.events]
        assert revisions and revisions == sorted(revisions), history.events
        late = self.admin.GetSessionHistory(session_api.GetSessionHistoryRequest(session=self.late))
        equal([(t.from_rep, t.rep) for t in late.transfers], [("ana", "ben")], "the other's chain")

    def signs_reps_out(self):
        self.adapter.EndSession(session_api.EndSessionRequest(session=self.late))
        for caller in (self.ana, self.ben):
            closed = caller.ClosePresence(presence_api.ClosePresenceRequest(request_id=request_id()))
            equal(closed.rep_presence.status_type, rep_types.PRESENCE_STATUS_TYPE_OFFLINE, "the status")
            equal(closed.rep_presence.used_centi_units, 0, "the capacity")
        self.all.call.cancel()

    def run(self):
        return wire.play("python", self.journal, self.scenarios())


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(0 if Play(sys.argv[1], sys.argv[2], sys.argv[-1]).run() else 1)
