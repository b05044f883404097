"""A partner contact-centre vendor, played through grpcio: its contacts (contacts.py), its reps and what it is asked to
route (routing.py), the sessions that are handed off to it (handoffs.py), and what another vendor sees of it: nothing.

    vendor.py JOURNAL ADDRESS [OTHER_ADDRESS]

With two addresses the vendor answers at the first and watches at the other, where its second worker answers. Prints one
line per scenario.
"""

import sys

import grpc

import wire  # first: it makes the stubs importable
from wire import equal, request_id

from baton.v1 import channel_type_pb2 as channel_types
from baton.v1 import directory_service_pb2 as directory_api
from baton.v1 import handoff_pb2 as asked_types
from baton.v1 import partner_service_pb2 as partner_api
from baton.v1 import presence_service_pb2 as presence_api
from baton.v1 import rep_pb2 as rep_types
from baton.v1 import session_service_pb2 as session_api
from baton.v1 import watch_service_pb2 as watch_api
from baton.v1 import work_service_pb2 as work_api

import contacts
import handoffs
import routing

ORG = "clients-vendor"


def watched(kinds):
    return [watch_api.WatchKind.Value(f"WATCH_KIND_{kind}") for kind in kinds]


class Play:
    """What the scenarios of the vendor share; each goes on where the one before ended."""

    def __init__(self, journal, address, other):
        self.journal = journal
        here, there = wire.connect(address), wire.connect(other)
        self.admin = wire.Caller(here, ORG, "admin", "admin")
        self.supervisor = wire.Caller(there, ORG, "supervisor", "sue")
        self.adapter = wire.Caller(there, ORG, "adapter", "bridge")
        self.acme = wire.Caller(here, ORG, "partner", "acme")
        self.acme_elsewhere = wire.Caller(there, ORG, "partner", "acme")
        self.zeta = wire.Caller(there, ORG, "partner", "zeta")
        self.ana = wire.Caller(there, ORG, "rep", "ana")
        self.ben = wire.Caller(here, ORG, "rep", "ben")
        self.cara = wire.Caller(here, ORG, "rep", "cara")

    def scenarios(self):
        return [
            self.applies_the_org_of_a_partner,
            self.watches_what_it_is_asked,
            *contacts.Contacts(self).scenarios(),
            *routing.Routing(self).scenarios(),
            *handoffs.Handoffs(self).scenarios(),
            self.shows_another_partner_nothing,
            self.signs_out_with_nothing_left,
        ]

    def applies_the_org_of_a_partner(self):
        byoc = channel_types.CHANNEL_TYPE_BYOC_FOR_CCAAS
        request = directory_api.ApplyDirectoryRequest(request_id=request_id())
        directory = request.directory
        directory.settings.skills_based_and_direct_to_rep_routing = True
        online, busy = rep_types.PRESENCE_STATUS_TYPE_ONLINE, rep_types.PRESENCE_STATUS_TYPE_BUSY
        ready = directory.presence_statuses.add(id="online", type=online, channel_types=[byoc])
        ready.partner_ids.add(partner="acme", id="READY")
        directory.presence_statuses.add(id="break", type=busy).partner_ids.add(partner="acme", id="AUX-1")
        directory.presence_configurations.add(id="two", capacity_centi_units=200, allow_decline=True)
        directory.profiles.add(id="agents", presence_statuses=["online", "break"], presence_configuration="two")
        # Cara isn't the partner's: she takes what the partner can't route.
        for name, own in (("ana", "a-1"), ("ben", "b-1"), ("cara", "")):
            rep = directory.reps.add(id=name, name=name.title(), profile="agents")
            rep.licences.append(rep_types.LICENCE_MESSAGING_USER)
            rep.permissions.append(rep_types.PERMISSION_MESSAGING_AGENT)
            if own:
                rep.partners.add(partner="acme", id=own)
        for partner in ("acme", "zeta"):
            directory.partners.add(id=partner, name=partner.title())
        directory.queues.add(id="care", reps=["cara"])
        directory.queues.add(id="line", partner="acme", partner_queue="L-1")
        for name, partner, fallback in (("ext", "acme", ""), ("extfb", "acme", "care"), ("other", "zeta", "")):
            channel = directory.channels.add(id=name, type=byoc, routing_partner=partner, fallback_queue=fallback)
            channel.adapters.append("bridge")
            channel.weight.centi_units = 100
        self.applied = self.admin.ApplyDirectory(request)
        equal(len(self.applied.changes), 15, "changes")
        equal(self.admin.ApplyDirectory(request), self.applied, "the repeated answer")

    def watches_what_it_is_asked(self):
        kinds = ["HANDOFF", "ROUTING_REQUEST", "SESSION", "TRANSFER", "WORK", "REP", "PARTNER", "QUEUE"]
        self.told = wire.Stream(self.acme_elsewhere, watched(kinds))
        self.told.until("synced", lambda s: s.synced)
        seen = [(o.WhichOneof("object"), getattr(o, o.WhichOneof("object"))) for o in self.told.snapshot]
        equal(sorted(o.rep for kind, o in seen if kind == "rep_presence"), ["ana", "ben"], "the reps whom it drives")
        equal([o.partner for kind, o in seen if kind == "partner"], ["acme"], "the partners")

    # What the parts have in common.

    def find(self, kind, what, wanted):
        """Waits until the vendor is told of such an object; the object then."""

        def holds(stream):
            told = (found for _, one, _ in stream.revisions for found in wire.by_kind(one).get(kind, []))
            return next(filter(wanted, told), None)

        return self.told.until(f"{kind}: {what}", holds)

    def until(self, kind, identifier, state):
        """Waits until the vendor is told that the object is in this state; the object then."""
        what = f"{identifier} in state {state}"
        return self.find(kind, what, lambda found: found.id == identifier and found.state == state)

    def session(self, session, revision):
        """The session at this revision or a later one, as the vendor reads it where it watches."""
        request = session_api.GetSessionRequest(session=session, at_least_revision=revision)
        return self.acme_elsewhere.GetSession(request).session

    def bring(self, channel="ext", **attributes):
        """A session without a target, and the request by which the vendor is asked about it."""
        opened = self.adapter.OpenSession(
            session_api.OpenSessionRequest(channel=channel, external_reference=request_id(), attributes=attributes)
        ).session
        asked = self.until("routing_request", opened.routing_request, asked_types.ROUTING_REQUEST_STATE_ASKED)
        equal((asked.session, asked.partner, asked.channel), (opened.id, "acme", channel), "what is asked about")
        return opened, asked

    def route(self, asked, **how):
        """The vendor says where it goes."""
        request = partner_api.RouteSessionRequest(routing_request=asked, request_id=request_id(), **how)
        return self.acme.RouteSession(request)

    def routed_to_ana(self, channel="ext", **attributes):
        """A session that the vendor routed to ana, and that she has."""
        opened, asked = self.bring(channel, **attributes)
        work = self.route(asked.id, rep="a-1").routing_request.work
        accepted = self.ana.AcceptWork(work_api.AcceptWorkRequest(work=work, request_id=request_id()))
        equal(self.session(opened.id, accepted.revision).owner, "ana", "who has it")
        return opened.id, accepted.work.id

    def end(self, session):
        return self.adapter.EndSession(session_api.EndSessionRequest(session=session)).revision

    def refuses_another(self, call, request):
        """What isn't the other partner's doesn't exist for it (S2)."""
        info, _ = wire.refused(getattr(self.zeta, call), request, grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        return info

    def shows_another_partner_nothing(self):
        session, work = self.routed_to_ana()
        handed = handoffs.hand_on(self.ana, session)
        _, asked = self.bring()
        info = self.refuses_another("GetHandoff", partner_api.GetHandoffRequest(handoff=handed.handoff))
        equal((info.metadata["kind"], info.metadata["id"]), ("handoff", handed.handoff), "what isn't found")
        for call, request in (
            ("AcknowledgeHandoff", partner_api.AcknowledgeHandoffRequest(handoff=handed.handoff)),
            ("CompleteHandoff", partner_api.CompleteHandoffRequest(handoff=handed.handoff)),
            ("AcknowledgeRouting", partner_api.AcknowledgeRoutingRequest(routing_request=asked.id)),
            ("GetRoutingRequest", partner_api.GetRoutingRequestRequest(routing_request=asked.id)),
            ("RouteSession", partner_api.RouteSessionRequest(routing_request=asked.id, rep="a-1")),
            ("GetSession", session_api.GetSessionRequest(session=session)),
            ("ReturnSession", session_api.ReturnSessionRequest(session=session)),
            ("EndSession", session_api.EndSessionRequest(session=session)),
            ("GetContact", partner_api.GetContactRequest(partner="acme", contact="desk-001")),
            ("GetContact", partner_api.GetContactRequest(contact="desk-001")),
            ("ListContacts", partner_api.ListContactsRequest(partner="acme")),
            ("GetPartnerState", partner_api.GetPartnerStateRequest(partner="acme")),
            ("GetRepPresence", presence_api.GetRepPresenceRequest(rep="ana")),
            ("ListHandoffs", partner_api.ListHandoffsRequest(partner="acme")),
            ("ReportAvailability", partner_api.ReportAvailabilityRequest(partner="acme")),
        ):
            self.refuses_another(call, request)
        at = self.admin.GetSession(session_api.GetSessionRequest(session=session)).revision
        own = self.zeta.ListRoutingRequests(partner_api.ListRoutingRequestsRequest(at_least_revision=at))
        equal(list(own.routing_requests), [], "its routing requests")
        equal(list(self.zeta.ListHandoffs(partner_api.ListHandoffsRequest()).handoffs), [], "its hand-offs")
        equal(list(self.zeta.ListSessions(session_api.ListSessionsRequest()).sessions), [], "its sessions")
        kinds = ["HANDOFF", "ROUTING_REQUEST", "SESSION", "TRANSFER", "WORK", "REP", "PARTNER"]
        stream = wire.Stream(self.zeta, watched(kinds))
        stream.until("synced", lambda s: s.synced)
        seen = [(o.WhichOneof("object"), o.partner.partner) for o in stream.snapshot]
        equal(seen, [("partner", "zeta")], "what its stream begins with")
        # Of what goes on at acme it is told nothing, up to a session of its own.
        self.end(session)
        self.end(asked.session)
        opened = self.adapter.OpenSession(
            session_api.OpenSessionRequest(channel="other", external_reference=request_id())
        )
        stream.until("its own session", lambda s: any(revision >= opened.revision for revision, _, _ in s.revisions))
        told = {found.id for _, one, _ in stream.revisions for found in wire.by_kind(one)["session"]}
        equal(told, {opened.session.id}, "the sessions of its stream")
        stream.call.cancel()
        self.end(opened.session.id)

    def signs_out_with_nothing_left(self):
        for caller, rep in ((self.acme, "a-1"), (self.acme, "b-1"), (self.cara, "cara")):
            presence = caller.GetRepPresence(presence_api.GetRepPresenceRequest(rep=rep)).rep_presence.presence
            closed = caller.ClosePresence(presence_api.ClosePresenceRequest(presence=presence.id))
            equal(closed.rep_presence.status_type, rep_types.PRESENCE_STATUS_TYPE_OFFLINE, "the status")
            equal(closed.rep_presence.used_centi_units, 0, "the capacity")
        at = closed.revision
        left = self.supervisor.ListSessions(session_api.ListSessionsRequest(at_least_revision=at)).sessions
        equal([session.id for session in left], [], "sessions")
        state = self.acme_elsewhere.GetPartnerState(
            partner_api.GetPartnerStateRequest(at_least_revision=at)
        ).partner_state
        still = (state.open_handoffs, state.asked_routing_requests, state.acknowledged_routing_requests)
        equal(still, (0, 0, 0), "what the vendor is asked")
        equal((state.expired_of_recent, state.contacts), (2, 10), "how it did")
        self.told.call.cancel()

    def run(self):
        return wire.play("vendor", self.journal, self.scenarios())


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    sys.exit(0 if Play(sys.argv[1], sys.argv[2], sys.argv[-1]).run() else 1)
