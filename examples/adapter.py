"""A channel adapter that simulates customers, with grpcio: brings their sessions in, moves each message to whoever has the
session, and ends it with a reason. docs/partners.md tells what an adapter does in words.

    pip install grpcio grpcio-tools googleapis-common-protos
    examples/adapter.py --channel acme-chat --as acme-adapter --customers 3 --messages 4 --seed 7

An adapter keeps no state of its own about sessions: one OpenSession per message of a customer opens the session, finds the
one that is there, or opens an inactive one again, and says who has it. What changes meanwhile comes on a stream. The stubs
are generated from proto/ when it starts. It ends by itself.
"""

import argparse
import os
import random
import sys
import tempfile
import threading
import time
import uuid

import grpc
from grpc_tools import protoc

PROTOS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "proto")
DEADLINE = 10  # seconds that a call may take
TRIES = 8  # of a call that may be tried again


def generate(into):
    """Generates the stubs and makes them importable."""
    folder = os.path.join(PROTOS, "baton", "v1")
    names = sorted("baton/v1/" + name for name in os.listdir(folder) if name.endswith(".proto"))
    well_known = os.path.join(os.path.dirname(protoc.__file__), "_proto")
    flags = ["protoc", "-I" + PROTOS, "-I" + well_known, "--python_out=" + into, "--grpc_python_out=" + into]
    if protoc.main(flags + names) != 0:
        sys.exit("the stubs could not be generated")
    sys.path.insert(0, into)


STUBS = tempfile.TemporaryDirectory(prefix="baton-stubs-")
generate(STUBS.name)

# pylint: disable=wrong-import-position
from baton.v1 import session_pb2 as sessions  # noqa: E402
from baton.v1 import session_service_pb2 as api  # noqa: E402
from baton.v1 import session_service_pb2_grpc, watch_service_pb2_grpc  # noqa: E402
from baton.v1 import watch_service_pb2 as watch_api  # noqa: E402


def arguments():
    """What it is told."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="127.0.0.1:50051", help="host and port")
    parser.add_argument("--ca", help="the CA of a server that speaks TLS, in PEM")
    parser.add_argument("--org", default="demo")
    parser.add_argument("--channel", default="acme-chat", help="id of the channel that it serves")
    parser.add_argument("--as", dest="adapter", default="acme-adapter", help="id of the adapter")
    parser.add_argument("--customers", type=int, default=3)
    parser.add_argument("--messages", type=int, default=4, help="messages of each customer")
    parser.add_argument("--pause", type=float, default=0.2, help="seconds between two messages")
    parser.add_argument("--seed", type=int, default=1, help="the same seed sends the same")
    return parser.parse_args()


def place(session):
    """Where the messages of a customer go."""
    if session.state == sessions.SESSION_STATE_EXTERNAL:
        contact = session.external_contact
        return f"contact {contact.partner}/{contact.contact}"
    if session.state == sessions.SESSION_STATE_ENDED:
        return "nobody: it has ended"
    if session.owner:
        return f"rep {session.owner}"
    # Nobody has it yet: the adapter keeps the messages until somebody does.
    if session.HasField("offer"):
        return f"kept, rep {session.offer.rep} is being asked"
    line = session.waiting_line
    kind = line.WhichOneof("line")
    return f"kept, it waits for {kind} {getattr(line, kind)}" if kind else "kept"


class Adapter:
    """One channel's sessions, as its adapter sees them."""

    def __init__(self, args):
        self.args = args
        # An API key or a token says who calls; without one the server has to believe what is said here, as `baton dev` does.
        credential = os.environ.get("BATON_CREDENTIAL")
        if credential:
            self.metadata = (("baton-org", args.org), ("authorization", f"Bearer {credential}"))
        else:
            self.metadata = (("baton-org", args.org), ("baton-role", "adapter"), ("baton-actor", args.adapter))
        if args.ca:
            with open(args.ca, "rb") as file:
                channel = grpc.secure_channel(args.server, grpc.ssl_channel_credentials(file.read()))
        else:
            channel = grpc.insecure_channel(args.server)
        self.calls = session_service_pb2_grpc.SessionServiceStub(channel)
        self.stream = watch_service_pb2_grpc.WatchServiceStub(channel)
        self.places = {}  # of a session: the revision that it was seen at, and where its messages go
        self.left = set()  # sessions that this adapter itself ends
        self.printing = threading.Lock()

    def say(self, text):
        """Prints a line."""
        with self.printing:
            print(text, flush=True)

    def call(self, method, request):
        """Makes a call, again with the same request id while that is safe, with pauses that double."""
        request.request_id = request.request_id or str(uuid.uuid4())
        for attempt in range(TRIES):
            try:
                return method(request, timeout=DEADLINE, metadata=self.metadata)
            except grpc.RpcError as error:
                # Not done, or not known whether it was: with the same id it is done once.
                again = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.UNKNOWN,
                         grpc.StatusCode.DEADLINE_EXCEEDED)
                if error.code() not in again or attempt + 1 == TRIES:
                    raise
                time.sleep(random.uniform(0, min(2, 0.05 * 2**attempt)))
        raise AssertionError("the last try returns or raises")

    def saw(self, session, says=True):
        """Takes what is newer than what is known of a session."""
        revision, before = self.places.get(session.id, (0, None))
        now = place(session)
        if session.revision >= revision:
            self.places[session.id] = (session.revision, now)
            if says and before not in (None, now) and session.id not in self.left:
                self.say(f"  {session.external_reference}: now {now}")

    def follow(self):
        """Follows who has each session, and comes back with the last token when the stream ends."""
        token = ""
        while True:
            request = watch_api.WatchRequest(kinds=[watch_api.WATCH_KIND_SESSION], resume_token=token)
            request.filter.channels.append(self.args.channel)
            try:
                for response in self.stream.Watch(request, metadata=self.metadata):
                    token = response.resume_token or token
                    self.took(response)
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN):
                    self.say(f"the stream is refused: {error.details()}")
                    return
            time.sleep(random.uniform(0, 1))

    def took(self, response):
        """One frame of the stream."""
        frame = response.WhichOneof("frame")
        if frame == "reset":
            self.places.clear()  # a snapshot follows, with all that is there
        elif frame == "snapshot":
            for entry in response.snapshot.objects:
                self.saw(entry.session, says=False)
        elif frame == "changes":
            for revision in response.changes.revisions:
                for change in revision.changes:
                    if change.WhichOneof("change") == "upserted":
                        self.saw(change.upserted.session)

    def message(self, reference, number):
        """A customer writes: one call, whatever has become of the session meanwhile."""
        request = api.OpenSessionRequest(channel=self.args.channel, external_reference=reference, reopen_inactive=True)
        request.attributes["source"] = "examples/adapter.py"
        answer = self.call(self.calls.OpenSession, request)
        self.saw(answer.session, says=False)
        begins = ", a new session" if answer.created else ""
        self.say(f"{reference}, message {number}{begins} → {place(answer.session)}")
        return answer.session

    def falls_silent(self, session):
        """A customer says nothing for a while: the next message opens the session again."""
        try:
            self.call(self.calls.InactivateSession, api.InactivateSessionRequest(session=session.id))
        except grpc.RpcError as error:
            # Being handed on, ended meanwhile, or with an external contact: then it stays as it is.
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise

    def leaves(self, session, reason):
        """A customer is gone: whoever has the session is free, and whoever is being asked isn't any more."""
        self.left.add(session.id)
        request = api.EndSessionRequest(session=session.id, reason=reason)
        answer = self.call(self.calls.EndSession, request)
        name = sessions.SessionEndReason.Name(answer.session.end_reason).removeprefix("SESSION_END_REASON_")
        self.say(f"{answer.session.external_reference}: ended, {name}")


def main():
    """Plays the customers, in an order that the seed decides."""
    args = arguments()
    dice = random.Random(args.seed)
    adapter = Adapter(args)
    threading.Thread(target=adapter.follow, daemon=True).start()
    customers = [f"customer-{args.seed}-{number}" for number in range(1, args.customers + 1)]
    turns = [reference for reference in customers for _ in range(args.messages)]
    dice.shuffle(turns)
    written, latest = dict.fromkeys(customers, 0), {}
    for reference in turns:
        written[reference] += 1
        latest[reference] = adapter.message(reference, written[reference])
        if latest[reference].state == sessions.SESSION_STATE_ACTIVE and dice.random() < 0.2:
            adapter.falls_silent(latest[reference])
        time.sleep(args.pause)
    for reference in latest:
        reason = dice.choice([sessions.SESSION_END_REASON_CUSTOMER_LEFT, sessions.SESSION_END_REASON_IDLE])
        adapter.leaves(latest[reference], reason)
    adapter.say(f"{len(turns)} messages of {len(latest)} customers were brought in")


if __name__ == "__main__":
    try:
        main()
    except grpc.RpcError as refused:
        sys.exit(f"{refused.code().name}: {refused.details()}")
