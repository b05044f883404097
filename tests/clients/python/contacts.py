"""The vendor's contacts, played by vendor.py: full syncs in pages, the guard, changes one by one, the search,
availability and what it says of its own queue.
"""

import time

import grpc

from wire import equal, refused, request_id

from baton.v1 import contact_pb2 as contact_types
from baton.v1 import partner_service_pb2 as partner_api
from baton.v1 import recipient_pb2 as recipients
from baton.v1 import transfer_service_pb2 as transfer_api
from baton.v1 import watch_service_pb2 as watch_api

PAGE = 60  # contacts of a page


def desks(first, count=PAGE):
    """Contacts with running numbers."""
    numbers = range(first, first + count)
    return [contact_types.Contact(id=f"desk-{n:03}", name=f"Desk {n}", type="team") for n in numbers]


def full(generation, page, contacts, **more):
    return partner_api.SyncContactsRequest(
        mode=partner_api.SYNC_MODE_FULL, generation=generation, page=page, contacts=contacts, **more
    )


class Contacts:
    """The scenarios; each goes on where the one before ended."""

    def __init__(self, play):
        self.play = play

    def scenarios(self):
        return [
            self.supplies_its_contacts_in_pages_of_which_one_row_is_bad,
            self.is_told_of_a_lost_page_and_sends_it,
            self.changes_contacts_one_by_one,
            self.does_not_delete_many_unless_it_says_so,
            self.finds_contacts_by_part_of_a_word,
            self.reports_availability_for_a_while,
        ]

    def ids(self, revision, **filters):
        """The contacts that are shown, as read at the other server."""
        request = partner_api.ListContactsRequest(page_size=500, at_least_revision=revision, **filters)
        return [contact.id for contact in self.play.acme_elsewhere.ListContacts(request).contacts]

    def supplies_its_contacts_in_pages_of_which_one_row_is_bad(self):
        acme = self.play.acme
        bad = desks(PAGE)
        bad[7].name = ""
        early = acme.SyncContacts(full(1, 2, bad, request_id=request_id())).sync
        named = [(one.list, one.index, one.id, one.reason) for one in early.failures]
        equal(named, [("contacts", 7, "desk-067", "INVALID_FIELD")], "what wasn't taken")
        assert "name" in early.failures[0].text, early.failures
        equal((early.failed, early.arrived, early.contacts, early.complete), (1, PAGE, 0, False), "page 2, the first")
        first = self.play.acme_elsewhere.SyncContacts(full(1, 1, desks(0)))
        equal((first.sync.arrived, self.ids(first.revision)), (2 * PAGE, []), "nothing is shown before the last page")
        last = full(1, 3, desks(2 * PAGE), last=True, total=3 * PAGE, request_id=request_id())
        done = acme.SyncContacts(last)
        counts = (done.sync.complete, done.sync.created, done.sync.contacts, done.sync.deleted)
        equal(counts, (True, 3 * PAGE - 1, 3 * PAGE - 1, 0), "the last page")
        equal(self.play.acme_elsewhere.SyncContacts(last), done, "the repeated answer")
        shown = self.ids(done.revision)
        equal((len(shown), shown[0], "desk-067" in shown), (3 * PAGE - 1, "desk-000", False), "what is shown")

    def is_told_of_a_lost_page_and_sends_it(self):
        acme, elsewhere = self.play.acme, self.play.acme_elsewhere
        acme.SyncContacts(full(2, 1, desks(0)))
        last = full(2, 3, desks(2 * PAGE), last=True, total=3 * PAGE)
        failed = grpc.StatusCode.FAILED_PRECONDITION
        info, _ = refused(acme.SyncContacts, last, failed, "WRONG_STATE")
        equal(info.metadata["generation"], "2", "which generation")
        equal("desk-067" in self.ids(0), False, "what is shown of it")
        elsewhere.SyncContacts(full(2, 2, desks(PAGE)))
        done = elsewhere.SyncContacts(last)
        counts = (done.sync.complete, done.sync.created, done.sync.updated, done.sync.deleted)
        equal(counts, (True, 1, 0, 0), "the last page, sent again")
        equal(len(self.ids(done.revision)), 3 * PAGE, "what is shown")
        refused(acme.SyncContacts, full(1, 4, desks(0)), failed, "WRONG_STATE")

    def changes_contacts_one_by_one(self):
        fields = {"city": "Porto"}
        front = contact_types.Contact(id="desk-001", name="Front Office", description="Réception", fields=fields)
        front.type = "team"
        nameless = contact_types.Contact(id="night")
        fresh = contact_types.Contact(id="x.1", name="Weekend crew", type="person", channels=["extfb"])
        request = partner_api.SyncContactsRequest(
            mode=partner_api.SYNC_MODE_INCREMENTAL,
            contacts=[front, nameless, fresh],
            deleted=["desk-002", "nobody"],
            request_id=request_id(),
        )
        done = self.play.acme.SyncContacts(request)
        sync = done.sync
        counts = (sync.created, sync.updated, sync.deleted, sync.failed, sync.contacts)
        equal(counts, (1, 1, 1, 1, 3 * PAGE), "what changed")
        equal([(f.index, f.id) for f in sync.failures], [(1, "night")], "what wasn't taken")
        equal(self.play.acme_elsewhere.SyncContacts(request), done, "the repeated answer")
        gone = partner_api.GetContactRequest(contact="desk-002", at_least_revision=done.revision)
        info, _ = refused(self.play.acme_elsewhere.GetContact, gone, grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
        equal(info.metadata["id"], "desk-002", "what is gone")
        read = self.play.acme_elsewhere.GetContact(
            partner_api.GetContactRequest(contact="desk-001", at_least_revision=done.revision)
        ).contact
        equal((read.name, read.description, dict(read.fields)), ("Front Office", "Réception", fields), "the contact")

    def does_not_delete_many_unless_it_says_so(self):
        kept = [
            contact_types.Contact(id="desk-001", name="Front Office", description="Réception", type="team"),
            contact_types.Contact(id="x.1", name="Weekend crew", type="person", channels=["extfb"]),
            *desks(3, 8),
        ]
        request = full(3, 1, kept, last=True, total=len(kept))
        failed = grpc.StatusCode.FAILED_PRECONDITION
        info, _ = refused(self.play.acme.SyncContacts, request, failed, "SYNC_DELETES_TOO_MANY")
        equal((info.metadata["deletes"], info.metadata["allowed"]), (str(3 * PAGE - 10), "100"), "what the guard says")
        equal(len(self.ids(0)), 3 * PAGE, "what is shown")
        request.allow_mass_deletion = True
        done = self.play.acme.SyncContacts(request)
        equal((done.sync.complete, done.sync.deleted, done.sync.contacts), (True, 3 * PAGE - 10, 10), "the sync")
        equal(len(self.ids(done.revision)), 10, "what is shown")
        state = self.play.acme.GetPartnerState(
            partner_api.GetPartnerStateRequest(at_least_revision=done.revision)
        ).partner_state
        equal((state.contacts, state.contacts_generation), (10, 3), "how the partner does")

    def finds_contacts_by_part_of_a_word(self):
        equal(self.ids(0, query="FFIC récep"), ["desk-001"], "parts of two words")
        equal(self.ids(0, query="desk-00", types=["team"]), [f"desk-00{n}" for n in (1, 3, 4, 5, 6, 7, 8, 9)], "ids")
        equal(self.ids(0, query="crew", types=["team"]), [], "of another type")
        equal(self.ids(0, channel="ext", query="week"), [], "of another channel")
        equal(self.ids(0, channel="extfb", query="week"), ["x.1"], "of its channel")

    def reports_availability_for_a_while(self):
        acme, seen = self.play.acme, int(time.time()) - 10
        request = partner_api.ReportAvailabilityRequest(request_id=request_id())
        free = request.contacts.add(contact="desk-001", availability=contact_types.CONTACT_AVAILABILITY_AVAILABLE)
        free.estimated_wait.seconds, free.observed_at.seconds, free.valid_for.seconds = 40, seen, 600
        request.contacts.add(contact="desk-003", availability=contact_types.CONTACT_AVAILABILITY_BUSY)
        request.contacts.add(contact="nobody", availability=contact_types.CONTACT_AVAILABILITY_BUSY)
        line = request.queues.add(queue="L-1", samples=12)
        line.estimated_wait.seconds, line.observed_at.seconds, line.valid_for.seconds = 90, seen, 600
        done = acme.ReportAvailability(request)
        equal((done.report.accepted, done.report.outdated, done.report.failed), (3, 0, 1), "what was taken")
        equal([(f.index, f.reason) for f in done.report.failures], [(2, "NOT_FOUND")], "what wasn't")
        equal(self.play.acme_elsewhere.ReportAvailability(request), done, "the repeated answer")
        older = partner_api.ReportAvailabilityRequest()
        older.contacts.add(contact="desk-001", availability=contact_types.CONTACT_AVAILABILITY_BUSY)
        older.contacts[0].observed_at.seconds = seen - 30
        late = acme.ReportAvailability(older)
        equal((late.report.accepted, late.report.outdated), (1, 1), "an older observation never wins")
        listed = self.play.ana.ListRecipients(
            transfer_api.ListRecipientsRequest(
                type=recipients.RECIPIENT_TYPE_EXTERNAL_CONTACT, channel="ext", at_least_revision=late.revision
            )
        ).entries
        first, last = listed[0].external_contact, listed[-1].external_contact
        wait = (first.contact.contact, first.availability, first.estimated_wait.seconds)
        equal(wait, ("desk-001", contact_types.CONTACT_AVAILABILITY_AVAILABLE, 40), "the most available")
        equal((len(listed), last.contact.contact), (9, "desk-003"), "the least available")
        read = acme.GetContact(partner_api.GetContactRequest(contact="desk-001")).contact
        equal((read.observed_at.seconds, read.valid_until.seconds), (seen, seen + 600), "how long it holds")
        queue = self.play.supervisor.GetQueueState(
            watch_api.GetQueueStateRequest(queue="line", at_least_revision=done.revision)
        ).queue_state.estimated_wait
        equal((queue.from_partner, queue.wait.seconds, queue.samples), (True, 90, 12), "the wait of its line (E6)")
