// Queues, skills and a flow, played by client.js after its transfers: a queue transfer, a session that waits for its
// rep, a rep found by skill, a flow that is tried out and run. Each scenario goes on where the one before ended.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');

/** What a decision for this queue looks like. */
const into = (queue) => ({ queue });

/** Opens a session of the channel. */
const open = (p, request) => p.adapter.OpenSession({ channel: 'wa', external_reference: randomUUID(), ...request });

const end = (p, { id }) => p.adapter.EndSession({ session: id });

const fr = (level) => ({ skill: 'fr', level });

/** The scenarios, over what client.js offers. */
module.exports = ({ Stream, byKind, refused }) => ({
  'configures queues, a skill and a flow': async (p) => {
    await p.admin.UpsertSkill({ skill: { id: 'fr', name: 'French' } });
    const rep = (id, permissions, skills) => ({
      id,
      profile: 'agents',
      licences: ['LICENCE_MESSAGING_USER'],
      permissions: ['PERMISSION_MESSAGING_AGENT', ...permissions],
      skills,
    });
    await p.admin.UpsertRep({ rep: rep('ana', ['PERMISSION_RUN_FLOWS'], []) });
    await p.admin.UpsertRep({ rep: rep('cleo', [], [fr(50)]) });
    await p.admin.UpsertQueue({ queue: { id: 'billing', reps: ['ana', 'ben'] } });
    await p.admin.UpsertQueue({ queue: { id: 'care', reps: ['cleo'] } });
    const gold = {
      name: 'gold',
      condition: 'session.attributes.tier == "gold"',
      decision: { ...into('care'), set_attributes: { routed: 'gold' } },
    };
    const flow = { id: 'triage', name: 'Triage', rules: [gold], fallback: into('billing') };
    const saved = await p.admin.UpsertFlow({ flow });
    const { queues } = await p.watcher.ListQueues({ at_least_revision: saved.revision });
    assert.deepEqual(queues.map((queue) => queue.id), ['billing', 'care']);
    p.lines = new Stream(p.watcher, ['QUEUE', 'SESSION', 'WORK']);
    await p.lines.until('synced', () => p.lines.synced);
    const lengths = p.lines.snapshot.filter((o) => o.queue).map((o) => [o.queue.queue, o.queue.length]);
    assert.deepEqual(lengths.sort(), [['billing', 0], ['care', 0]]);
  },

  'offers a queue transfer and completes it': async (p) => {
    const { session, work } = await p.openAndAccept(p.ana, 'ana');
    const quote = await p.ana.QuoteTransfer({ session, recipient: into('billing') });
    assert.deepEqual([quote.offered_now, quote.rep, quote.queue], [true, 'ben', 'billing']);
    const asked = await p.ana.TransferSession({ session, recipient: into('billing'), request_id: randomUUID() });
    const { transfer } = asked;
    assert.deepEqual([transfer.state, transfer.rep], ['TRANSFER_STATE_OFFERED', 'ben']);
    const kept = await p.session(session, asked.revision);
    assert.deepEqual([kept.owner, kept.offer.rep], ['ana', 'ben']);
    const done = await p.ben.AcceptTransfer({ transfer: transfer.id });
    assert.equal(done.transfer.state, 'TRANSFER_STATE_COMPLETED');
    const seen = await p.all.untilRevision(done.revision);
    assert.equal(seen.work.find((w) => w.id === work).end_reason, 'WORK_END_REASON_TRANSFERRED');
    assert.deepEqual(seen.session.map((s) => s.owner), ['ben']);
    await end(p, { id: session });
  },

  'gives a waiting session its rep': async (p) => {
    const opened = await open(p, into('care'));
    const { session } = opened;
    assert.deepEqual([session.state, session.estimate.position], ['SESSION_STATE_WAITING', 1]);
    assert.equal(session.estimate.estimated_wait, null, 'an estimate without samples is absent (E1)');
    const length = (wanted) =>
      p.lines.until(`${wanted} in care`, () =>
        p.lines.revisions.find(
          ({ revision, one }) =>
            revision >= opened.revision &&
            (byKind(one).queue ?? []).some((q) => q.queue === 'care' && q.length === wanted),
        ),
      );
    await length(1);
    const signedIn = await p.cleo.OpenPresence({ status: 'online' });
    const { revision, one } = await length(0);
    assert([0, 1].includes(revision - signedIn.revision), `${revision} after ${signedIn.revision}`);
    const offered = byKind(one).work.filter((w) => w.session === session.id);
    assert.deepEqual(offered.map((w) => [w.rep, w.queue]), [['cleo', 'care']]);
    const accepted = await p.cleo.AcceptWork({ work: offered[0].id });
    const now = await p.session(session.id, accepted.revision);
    assert.deepEqual([now.owner, now.state], ['cleo', 'SESSION_STATE_ACTIVE']);
    const { events } = await p.admin.GetSessionHistory({ session: session.id });
    const causes = events.filter((e) => e.kind === 'work_offered').map((e) => e.assignment.cause);
    assert.deepEqual(causes, ['ASSIGNMENT_CAUSE_NEXT_IN_LINE']);
    await end(p, session);
  },

  'asks a rep with the skill': async (p) => {
    const taken = (await open(p, { ...into('care'), required_skills: [fr(50)] })).session;
    assert.deepEqual([taken.state, taken.offer.rep], ['SESSION_STATE_OFFERED', 'cleo']);
    const waits = (await open(p, { skills: { required: [fr(51)], queue: 'care' } })).session;
    assert.equal(waits.state, 'SESSION_STATE_WAITING');
    const asked = { recipient: into('care'), session: waits.id, at_least_revision: waits.revision };
    const { reps } = await p.watcher.ExplainRecipient(asked);
    assert.deepEqual(reps.map((r) => [r.rep, r.could_take]), [['cleo', false]]);
    for (const session of [taken, waits]) await end(p, session);
  },

  'tries a flow out and runs it': async (p) => {
    const tried = async (facts) => (await p.admin.TestFlow({ id: 'triage', facts: { channel: 'wa', ...facts } })).trace;
    const gold = { attributes: { tier: 'gold' } };
    const care = await tried(gold);
    assert.deepEqual([care.decision.queue, care.attributes.routed], ['care', 'gold']);
    const billing = await tried({});
    assert.deepEqual(billing.steps.map((s) => [s.name, s.matched]), [['gold', false], ['', true]]);
    const draft = { rules: [{ condition: 'session.priority', decision: into('care') }], fallback: into('billing') };
    const wrong = p.admin.TestFlow({ draft, facts: { channel: 'wa' } });
    const { fields } = await refused(wrong, 'INVALID_ARGUMENT', 'INVALID_FIELD');
    assert.deepEqual(fields, ['draft.rules[0].condition']);

    const opened = (await open(p, { flow: 'triage', ...gold })).session;
    assert.deepEqual([opened.offer.rep, opened.attributes.routed], ['cleo', 'gold']);
    assert.deepEqual(opened.flow_trace.steps.map((s) => s.name), ['gold']);
    await end(p, opened);

    const { session } = await p.openAndAccept(p.ana, 'ana');
    const request = { session, recipient: { flow: 'triage' } };
    const { transfer } = await p.ana.TransferSession(request);
    assert.deepEqual([transfer.rep, transfer.queue], ['ben', 'billing']);
    assert.deepEqual(transfer.flow_trace.steps.map((s) => s.matched), [false, true]);
    const accepted = await p.ben.AcceptTransfer({ transfer: transfer.id });
    assert.equal(accepted.transfer.state, 'TRANSFER_STATE_COMPLETED');
    await refused(p.ben.TransferSession(request), 'FAILED_PRECONDITION', 'MISSING_PERMISSION');
    await end(p, { id: session });
  },

  'empties the queues': async (p) => {
    const waits = (await open(p, { ...into('care'), required_skills: [fr(100)] })).session;
    await p.cleo.ClosePresence({});
    await refused(p.admin.DeleteQueue({ id: 'care' }), 'FAILED_PRECONDITION', 'IN_USE');
    await p.admin.DeleteFlow({ id: 'triage' });
    const deleted = await p.admin.DeleteQueue({ id: 'care', move_to: 'billing' });
    const moved = await p.session(waits.id, deleted.revision);
    assert.deepEqual([moved.waiting_line.queue, moved.age_since], ['billing', waits.age_since]);
    await p.lines.until('the end of the queue', () =>
      p.lines.revisions.some(({ one }) => one.changes.some((c) => c.removed?.object.id === 'care')),
    );
    await end(p, waits);
    p.lines.call.cancel();
  },
});
