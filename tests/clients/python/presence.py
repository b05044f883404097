"""Presence and capacity, played by client.py after its queues: a batch of renewals with bad entries, a status for when
the current work is done, after-conversation work. `wire` is wire.py.
"""

import grpc

from baton.v1 import channel_pb2 as channels
from baton.v1 import channel_type_pb2 as channel_types
from baton.v1 import directory_service_pb2 as directory_api
from baton.v1 import presence_pb2 as presences
from baton.v1 import presence_service_pb2 as presence_api
from baton.v1 import rep_pb2 as rep_types
from baton.v1 import session_service_pb2 as session_api
from baton.v1 import work_pb2 as work_types
from baton.v1 import work_service_pb2 as work_api


class Presence:
    """The scenarios; each goes on where the one before ended."""

    def __init__(self, play, wire):
        self.play, self.wire = play, wire

    def scenarios(self):
        return [
            self.renews_a_batch_and_says_what_holds_for_each,
            self.takes_nothing_new_until_the_work_is_done,
            self.wraps_up_after_a_conversation,
        ]

    def renews_a_batch_and_says_what_holds_for_each(self):
        ana = self.state("ana")
        unknown = "0199aaaa-0000-7000-8000-000000000000"
        asked = [ana.presence.id, unknown, "x"]
        kept = self.play.ana.KeepAlive(presence_api.KeepAliveRequest(presences=asked))
        self.wire.equal([result.presence for result in kept.results], asked, "one answer for each")
        verdicts = [
            presence_api.KEEP_ALIVE_VERDICT_RENEWED,
            presence_api.KEEP_ALIVE_VERDICT_NOT_FOUND,
            presence_api.KEEP_ALIVE_VERDICT_INVALID,
        ]
        self.wire.equal([result.verdict for result in kept.results], verdicts, "what holds")
        leases = directory_api.UpdateOrgSettingsRequest()
        leases.org_settings.presence_lease.seconds = 1
        _, fields = self.wire.refused(
            self.play.admin.UpdateOrgSettings, leases, grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD"
        )
        self.wire.equal(fields, ["org_settings.presence_lease"], "the bad fields")

    def state(self, rep, revision=0):
        request = presence_api.GetRepPresenceRequest(rep=rep, at_least_revision=revision)
        return self.play.watcher.GetRepPresence(request).rep_presence

    def takes_nothing_new_until_the_work_is_done(self):
        admin, equal = self.play.admin, self.wire.equal
        busy = rep_types.PresenceStatus(id="busy", type=rep_types.PRESENCE_STATUS_TYPE_BUSY)
        admin.UpsertPresenceStatus(directory_api.UpsertPresenceStatusRequest(presence_status=busy))
        agents = rep_types.Profile(id="agents", presence_statuses=["online", "busy"], presence_configuration="two")
        admin.UpsertProfile(directory_api.UpsertProfileRequest(profile=agents))
        session, _ = self.play.open_and_accept(self.play.ana, "ana")
        planned = self.play.ana.SetStatus(
            presence_api.SetStatusRequest(status="busy", when_current_work_is_done=True)
        ).rep_presence
        equal((planned.presence.status, planned.presence.next_status), ("online", "busy"), "the plan")
        equal(list(planned.available_channel_types), [], "what ana is available for")
        ended = self.play.adapter.EndSession(session_api.EndSessionRequest(session=session))
        done = self.state("ana", ended.revision).presence
        equal((done.status, done.next_status, done.cause), ("busy", "", presences.PRESENCE_CAUSE_REP), "the status")
        equal(done.changed_by.id, "ana", "who wanted it")
        self.play.ana.SetStatus(presence_api.SetStatusRequest(status="online"))

    def channel(self, seconds):
        channel = channels.Channel(id="wa", type=channel_types.CHANNEL_TYPE_WHATSAPP)
        channel.weight.centi_units = 100
        if seconds:
            channel.wrap_up.duration.seconds = seconds
            channel.wrap_up.max_extensions = 1
        self.play.admin.UpsertChannel(directory_api.UpsertChannelRequest(channel=channel))

    def wraps_up_after_a_conversation(self):
        equal, failed = self.wire.equal, grpc.StatusCode.RESOURCE_EXHAUSTED
        self.channel(600)
        session, accepted = self.play.open_and_accept(self.play.ana, "ana")
        work = accepted.work.id
        ended = self.play.adapter.EndSession(session_api.EndSessionRequest(session=session))
        seen = self.play.all.until_revision(ended.revision)["work"]
        state = work_types.WORK_STATE_WRAPPING_UP
        equal([(w.state, w.wrap_up_extensions_left) for w in seen if w.id == work], [(state, 1)], "ana's work")
        self.play.expect_capacity("ana", 100, ended.revision)
        longer = self.play.ana.ExtendWrapUp(work_api.ExtendWrapUpRequest(work=work)).work
        equal(longer.wrap_up_extensions_left, 0, "extensions left")
        again = work_api.ExtendWrapUpRequest(work=work)
        self.wire.refused(self.play.ana.ExtendWrapUp, again, failed, "LIMIT_EXCEEDED")
        done = self.play.ana.EndWrapUp(work_api.EndWrapUpRequest(work=work, request_id=self.wire.request_id()))
        equal(done.work.end_reason, work_types.WORK_END_REASON_COMPLETED, "why it ended")
        self.play.expect_capacity("ana", 0, done.revision)
        self.channel(0)
