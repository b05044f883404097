"""What the plays share: stubs generated from proto/ by grpc_tools, a caller of one server, a watch stream, refusals,
and the playing of scenarios. It never waits for a time to pass: it waits for what a watch stream says, with a deadline.
"""

import itertools
import os
import sys
import tempfile
import threading
import traceback
import uuid

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_tools import protoc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
DEADLINE = 20  # seconds, for a call and for anything to be seen on a stream


def generate(into):
    """Generates the stubs and makes them importable."""
    folder = os.path.join(ROOT, "proto", "baton", "v1")
    names = sorted("baton/v1/" + name for name in os.listdir(folder) if name.endswith(".proto"))
    well_known = os.path.join(os.path.dirname(protoc.__file__), "_proto")
    flags = ["protoc", "-I" + os.path.join(ROOT, "proto"), "-I" + well_known]
    flags += ["--python_out=" + into, "--grpc_python_out=" + into]
    if protoc.main(flags + names) != 0:
        sys.exit("the stubs could not be generated")
    sys.path.insert(0, into)


STUBS = tempfile.TemporaryDirectory(prefix="baton-stubs-")
generate(STUBS.name)

# pylint: disable=wrong-import-position
from baton.v1 import directory_service_pb2_grpc, partner_service_pb2_grpc, presence_service_pb2_grpc  # noqa: E402
from baton.v1 import session_service_pb2_grpc, transfer_service_pb2_grpc, watch_service_pb2_grpc  # noqa: E402
from baton.v1 import transfer_pb2 as transfers  # noqa: E402
from baton.v1 import watch_service_pb2 as watch_api  # noqa: E402
from baton.v1 import work_service_pb2_grpc  # noqa: E402


KEYS = os.environ.get("BATON_KEYS_OF")  # a folder with an API key for each role and actor; else callers are believed
CA = os.environ.get("BATON_CA")  # who signed the server's certificate; else there is no TLS


def connect(address):
    """A channel to a server."""
    if not CA:
        return grpc.insecure_channel(address)
    with open(CA, "rb") as file:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()))


def shown(org, role, actor):
    """What a caller shows of itself: an API key that is good for several orgs, or its own words."""
    if not KEYS:
        return (("baton-org", org), ("baton-role", role), ("baton-actor", actor))
    with open(os.path.join(KEYS, f"{role}.{actor}"), encoding="ascii") as file:
        return (("baton-org", org), ("authorization", "Bearer " + file.read().strip()))


class Caller:
    """One server, asked in one role."""

    def __init__(self, channel, org, role, actor):
        metadata = shown(org, role, actor)
        stubs = [
            directory_service_pb2_grpc.DirectoryServiceStub(channel),
            partner_service_pb2_grpc.PartnerServiceStub(channel),
            presence_service_pb2_grpc.PresenceServiceStub(channel),
            session_service_pb2_grpc.SessionServiceStub(channel),
            transfer_service_pb2_grpc.TransferServiceStub(channel),
            work_service_pb2_grpc.WorkServiceStub(channel),
        ]
        for name, call in itertools.chain.from_iterable(vars(stub).items() for stub in stubs):
            setattr(self, name, lambda request, call=call: call(request, timeout=DEADLINE, metadata=metadata))
        watching = watch_service_pb2_grpc.WatchServiceStub(channel)
        for name, call in vars(watching).items():
            setattr(self, name, lambda request, call=call: call(request, timeout=DEADLINE, metadata=metadata))
        # A stream has no deadline; what is waited for on it has.
        self.Watch = lambda request: watching.Watch(request, metadata=metadata)


class Stream:
    """A watch stream, read by a thread of its own; what came is kept in order."""

    def __init__(self, caller, kinds, token=""):
        self.arrived = threading.Condition()
        self.started = None
        self.snapshot = []
        self.synced = False
        self.revisions = []  # of (revision, RevisionChanges, token of its frame)
        self.over = None
        request = watch_api.WatchRequest(kinds=kinds, resume_token=token)
        self.call = caller.Watch(request)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        try:
            for response in self.call:
                with self.arrived:
                    self._take(response)
                    self.arrived.notify_all()
            over = "the server ended the stream"
        except grpc.RpcError as error:
            over = f"{error.code()}: {error.details()}"
        with self.arrived:
            self.over = over
            self.arrived.notify_all()

    def _take(self, response):
        frame = response.WhichOneof("frame")
        if frame == "started":
            self.started = response.started.mode
        elif frame == "snapshot":
            self.snapshot.extend(response.snapshot.objects)
        elif frame == "synced":
            self.synced = True
        elif frame == "changes":
            for one in response.changes.revisions:
                self.revisions.append((one.revision, one, response.resume_token))

    def until(self, what, holds):
        """Waits until `holds(self)` is truthy, and gives that back."""
        found = None
        with self.arrived:

            def done():
                nonlocal found
                found = holds(self)
                return found or self.over

            self.arrived.wait_for(done, DEADLINE)
            assert found, f"not seen: {what} (revisions {[r[0] for r in self.revisions]}, {self.over or 'stream open'})"
            return found

    def until_revision(self, revision):
        """Waits for the revision; its changes as {kind: [object]}."""
        one = self.until(
            f"revision {revision}", lambda s: next((r for r in s.revisions if r[0] == revision), None)
        )[1]
        return by_kind(one)

    def until_transfer(self, transfer, state):
        """Waits for the transfer to be in the state; the transfer then."""

        def holds(stream):
            for _, one, _ in stream.revisions:
                for seen in by_kind(one)["transfer"]:
                    if seen.id == transfer and seen.state == state:
                        return seen
            return None

        return self.until(f"transfer {transfer} {transfers.TransferState.Name(state)}", holds)


def by_kind(revision):
    """The objects that a revision changed, by their kinds."""
    found = {"rep_presence": [], "session": [], "transfer": [], "work": []}
    for change in revision.changes:
        if change.HasField("upserted"):
            kind = change.upserted.WhichOneof("object")
            found.setdefault(kind, []).append(getattr(change.upserted, kind))
    return found


def refused(call, request, code, reason):
    """Makes the call, which must be refused with exactly this; gives the error's details back."""
    try:
        call(request)
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} {error.details()}, not {code}"
        trailers = dict(error.trailing_metadata())
        status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
        info = error_details_pb2.ErrorInfo()
        bad = error_details_pb2.BadRequest()
        for detail in status.details:
            detail.Unpack(info)
            detail.Unpack(bad)
        assert (info.reason, info.domain) == (reason, "baton"), f"{info.reason} of {info.domain}, not {reason}"
        return info, [violation.field for violation in bad.field_violations]
    raise AssertionError(f"not refused; expected {reason}")


def equal(left, right, what):
    assert left == right, f"{what}: {left!r}, not {right!r}"


def request_id():
    return str(uuid.uuid4())


def play(name, journal, scenarios):
    """Plays one after the other, and says of each what became of it; whether all passed."""
    passed = 0
    for scenario in scenarios:
        title = scenario.__name__.replace("_", " ")
        try:
            scenario()
        except Exception:  # pylint: disable=broad-except
            print(f"  FAILED {title}; what follows it wasn't played\n{traceback.format_exc()}")
            break
        passed += 1
        print(f"  ok     {title}")
    print(f"{name} on {journal}: {passed} passed, {len(scenarios) - passed} failed", flush=True)
    return passed == len(scenarios)
