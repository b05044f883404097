// Plays whole transfers through @grpc/grpc-js, with stubs that wire.js makes from proto/; with queues.js also queues,
// skills and a flow.
//
//     client.js JOURNAL ADDRESS [OTHER_ADDRESS]
//
// With two addresses it asks at the first and watches and accepts at the other. Prints one line per scenario.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');

const { Stream, byKind, caller, play, refused } = require('./wire.js');

const ORG = 'clients-node';

class Play {
  constructor(address, other) {
    this.admin = caller(address, ORG, 'admin', 'admin');
    this.adapter = caller(address, ORG, 'adapter', 'wa-gateway');
    this.ana = caller(address, ORG, 'rep', 'ana');
    this.ben = caller(other, ORG, 'rep', 'ben');
    this.benElsewhere = caller(address, ORG, 'rep', 'ben');
    this.cleo = caller(other, ORG, 'rep', 'cleo');
    this.watcher = caller(other, ORG, 'dashboard', 'watcher');
  }

  /** A new session, opened for the rep and accepted by them. */
  async openAndAccept(as, rep) {
    const opened = await this.adapter.OpenSession({ channel: 'wa', external_reference: randomUUID(), rep });
    assert.equal(opened.session.state, 'SESSION_STATE_OFFERED');
    assert.equal(opened.session.offer.rep, rep);
    const accepted = await as.AcceptWork({ work: opened.session.offer.work, request_id: randomUUID() });
    assert.equal(accepted.work.state, 'WORK_STATE_OPEN');
    await this.all.untilRevision(accepted.revision);
    return { session: opened.session.id, work: accepted.work.id, revision: accepted.revision };
  }

  /** C7: what is shown is the sum of what holds it. */
  async expectCapacity(rep, units, revision) {
    const { explanation } = await this.watcher.ExplainCapacity({ rep, at_least_revision: revision });
    assert.equal(explanation.used_centi_units, units, `capacity of ${rep}`);
    assert.equal(explanation.lines.reduce((sum, line) => sum + line.holds_centi_units, 0), units);
  }

  async session(id, revision) {
    return (await this.watcher.GetSession({ session: id, at_least_revision: revision })).session;
  }

  async listed(session, rep, revision) {
    const asked = { type: 'RECIPIENT_TYPE_REP', session, at_least_revision: revision };
    return (await this.ana.ListRecipients(asked)).entries.find((entry) => entry.rep?.rep === rep);
  }
}

// The scenarios; each goes on where the one before ended.
const scenarios = {
  'applies a directory': async (p) => {
    const rep = (id, name) => ({
      id,
      name,
      profile: 'agents',
      licences: ['LICENCE_MESSAGING_USER'],
      permissions: ['PERMISSION_MESSAGING_AGENT'],
    });
    const request = {
      request_id: randomUUID(),
      directory: {
        settings: { skills_based_and_direct_to_rep_routing: true },
        presence_statuses: [
          { id: 'online', type: 'PRESENCE_STATUS_TYPE_ONLINE', channel_types: ['CHANNEL_TYPE_WHATSAPP'] },
        ],
        presence_configurations: [{ id: 'two', capacity_centi_units: 200 }],
        profiles: [{ id: 'agents', presence_statuses: ['online'], presence_configuration: 'two' }],
        reps: [rep('ana', 'Ana'), rep('ben', 'Ben')],
        channels: [{ id: 'wa', type: 'CHANNEL_TYPE_WHATSAPP', weight: { centi_units: 100 } }],
      },
    };
    const answer = await p.admin.ApplyDirectory(request);
    assert.equal(answer.changes.length, 7);
    assert.deepEqual(await p.admin.ApplyDirectory(request), answer);
    const read = await p.watcher.GetRep({ id: 'ben', at_least_revision: answer.revision });
    assert.equal(read.rep.name, 'Ben');
  },

  'watches from a snapshot': async (p) => {
    p.all = new Stream(p.watcher, ['REP', 'SESSION', 'TRANSFER', 'WORK']);
    await p.all.until('synced', () => p.all.synced);
    assert.equal(p.all.started, 'START_MODE_SNAPSHOT');
    assert.deepEqual(p.all.snapshot.map((o) => o.rep_presence.rep).sort(), ['ana', 'ben']);
  },

  'signs reps in': async (p) => {
    for (const name of ['ana', 'ben']) {
      const answer = await p[name].OpenPresence({ status: 'online', device: 'test', request_id: randomUUID() });
      assert.deepEqual([answer.lease.seconds, answer.renew_every.seconds], [30, 10]);
      const kept = await p[name].KeepAlive({ presences: [answer.presence] });
      assert.equal(kept.results[0].verdict, 'KEEP_ALIVE_VERDICT_RENEWED');
      const [seen] = (await p.all.untilRevision(answer.revision)).rep_presence;
      assert.deepEqual([seen.rep, seen.connected, seen.used_centi_units], [name, true, 0]);
    }
  },

  'opens and accepts a session': async (p) => {
    p.first = await p.openAndAccept(p.ana, 'ana');
    const [seen] = (await p.all.untilRevision(p.first.revision)).session;
    assert.deepEqual([seen.owner, seen.state], ['ana', 'SESSION_STATE_ACTIVE']);
    await p.expectCapacity('ana', 100, p.first.revision);
  },

  'refuses with reasons': async (p) => {
    const { session } = p.first;
    const to = (rep) => ({ session, recipient: { rep } });
    await refused(p.ana.TransferSession(to('ana')), 'FAILED_PRECONDITION', 'SELF_TRANSFER');
    const unknown = { ...to('ben'), session: '0199aaaa-0000-7000-8000-000000000000' };
    const missing = await refused(p.ana.TransferSession(unknown), 'NOT_FOUND', 'NOT_FOUND');
    assert.equal(missing.info.metadata.kind, 'session');
    const { fields } = await refused(p.ana.TransferSession({}), 'INVALID_ARGUMENT', 'INVALID_FIELD');
    assert.deepEqual(fields.sort(), ['recipient', 'session']);
    await refused(p.ben.TransferSession(to('ana')), 'FAILED_PRECONDITION', 'NOT_OWNER');
    await refused(p.ana.ApplyDirectory({}), 'PERMISSION_DENIED', 'PERMISSION_DENIED');
  },

  'lists and quotes the recipient': async (p) => {
    const { session } = p.first;
    const ben = await p.listed(session, 'ben', p.first.revision);
    assert.deepEqual([ben.transferable, ben.rep.available_now], [true, true]);
    const quote = await p.ana.QuoteTransfer({ session, recipient: { rep: 'ben' } });
    assert.deepEqual([quote.allowed, quote.offered_now, quote.would_wait], [true, true, false]);
  },

  'offers a transfer and the original rep keeps the session': async (p) => {
    const request = { session: p.first.session, recipient: { rep: 'ben' }, note: 'speaks French' };
    const answer = await p.ana.TransferSession({ ...request, request_id: randomUUID() });
    p.transfer = answer.transfer;
    assert.equal(p.transfer.state, 'TRANSFER_STATE_OFFERED');
    assert.deepEqual([p.transfer.from_rep, p.transfer.rep], ['ana', 'ben']);
    await p.all.untilTransfer(p.transfer.id, 'OFFERED');
    const session = await p.session(p.first.session, answer.revision);
    assert.deepEqual([session.owner, session.state], ['ana', 'SESSION_STATE_ACTIVE']);
    assert.deepEqual([session.offer.rep, session.transfer], ['ben', p.transfer.id]);
    await p.expectCapacity('ana', 100, answer.revision);
    await p.expectCapacity('ben', 100, answer.revision);
    await refused(p.ana.TransferSession(request), 'FAILED_PRECONDITION', 'TRANSFER_IN_PROGRESS');
  },

  'refuses to decline a transfer': async (p) => {
    const request = { work: p.transfer.work, request_id: randomUUID() };
    await refused(p.ben.DeclineWork(request), 'FAILED_PRECONDITION', 'TRANSFER_NOT_DECLINABLE');
    const { transfer } = await p.ben.GetTransfer({ transfer: p.transfer.id });
    assert.deepEqual(transfer, p.transfer);
  },

  'completes on acceptance in one revision': async (p) => {
    p.acceptance = { transfer: p.transfer.id, request_id: randomUUID() };
    p.accepted = await p.ben.AcceptTransfer(p.acceptance);
    assert.equal(p.accepted.transfer.state, 'TRANSFER_STATE_COMPLETED');
    const seen = await p.all.untilRevision(p.accepted.revision);
    assert.deepEqual(seen.transfer.map((t) => t.state), ['TRANSFER_STATE_COMPLETED']);
    assert.deepEqual(seen.session.map((s) => [s.owner, s.state]), [['ben', 'SESSION_STATE_ACTIVE']]);
    const ended = seen.work.find((work) => work.id === p.first.work);
    assert.deepEqual(
      [ended.state, ended.end_reason, ended.tab_open],
      ['WORK_STATE_ENDED', 'WORK_END_REASON_TRANSFERRED', false],
    );
    // Both reps are in it (W4): ana has room again; ben holds what was reserved for him, now as open work.
    const used = Object.fromEntries(seen.rep_presence.map((r) => [r.rep, r.used_centi_units]));
    assert.deepEqual(used, { ana: 0, ben: 100 });
    const taken = seen.work.find((work) => work.id === p.accepted.transfer.work);
    assert.deepEqual([taken.rep, taken.state, taken.holds_centi_units], ['ben', 'WORK_STATE_OPEN', 100]);
    await p.expectCapacity('ana', 0, p.accepted.revision);
    await p.expectCapacity('ben', 100, p.accepted.revision);
    await refused(p.ana.EndSession({ session: p.first.session }), 'FAILED_PRECONDITION', 'NOT_OWNER');
  },

  'answers a repeated request the same': async (p) => {
    for (const as of [p.ben, p.benElsewhere]) {
      assert.deepEqual(await as.AcceptTransfer(p.acceptance), p.accepted);
    }
    const other = { ...p.acceptance, rep: 'ben' };
    await refused(p.ben.AcceptTransfer(other), 'INVALID_ARGUMENT', 'REQUEST_ID_REUSED');
  },

  'waits for a full rep and removes the original at once': async (p) => {
    p.filler = await p.openAndAccept(p.ben, 'ben');
    const asked = { rep: 'ben', at_least_revision: p.filler.revision };
    assert.equal((await p.watcher.GetRepPresence(asked)).rep_presence.used_centi_percent, 10000);
    p.late = await p.openAndAccept(p.ana, 'ana');
    const ben = await p.listed(p.late.session, 'ben', p.late.revision);
    assert.deepEqual([ben.transferable, ben.rep.available_now], [true, false], 'a full rep stays selectable');
    const request = { session: p.late.session, recipient: { rep: 'ben' }, request_id: randomUUID() };
    const answer = await p.ana.TransferSession(request);
    p.waiting = answer.transfer;
    assert.equal(p.waiting.state, 'TRANSFER_STATE_WAITING');
    assert(p.waiting.original_rep_removed_at, "the original rep isn't removed");
    const seen = await p.all.untilRevision(answer.revision);
    assert.deepEqual(seen.session.map((s) => [s.owner, s.state]), [['', 'SESSION_STATE_WAITING']]);
    assert.deepEqual(seen.work.map((w) => w.end_reason), ['WORK_END_REASON_TRANSFERRED']);
    assert.equal(seen.rep_presence.find((r) => r.rep === 'ana').used_centi_units, 0);
    await p.expectCapacity('ana', 0, answer.revision);
    await p.expectCapacity('ben', 200, answer.revision);
    await refused(p.ben.AcceptTransfer({ transfer: p.waiting.id }), 'FAILED_PRECONDITION', 'WORK_NOT_OFFERED');
  },

  'offers the waiting transfer when there is room': async (p) => {
    const ended = await p.ben.EndSession({ session: p.filler.session, request_id: randomUUID() });
    assert.equal(ended.session.state, 'SESSION_STATE_ENDED');
    const offered = await p.all.untilTransfer(p.waiting.id, 'OFFERED');
    assert.equal(offered.rep, 'ben');
    await p.expectCapacity('ben', 200, offered.revision);
    const accepted = await p.ben.AcceptTransfer({ transfer: p.waiting.id, request_id: randomUUID() });
    assert.equal(accepted.transfer.state, 'TRANSFER_STATE_COMPLETED');
    await p.all.untilTransfer(p.waiting.id, 'COMPLETED');
    const session = await p.session(p.late.session, accepted.revision);
    assert.deepEqual([session.owner, session.state], ['ben', 'SESSION_STATE_ACTIVE']);
    await p.expectCapacity('ben', 200, accepted.revision);
  },

  'resumes a watch with no gap and no repetition': async (p) => {
    const kinds = ['SESSION', 'TRANSFER', 'WORK'];
    const whole = new Stream(p.watcher, kinds);
    const cut = new Stream(p.watcher, kinds);
    for (const stream of [whole, cut]) await stream.until('synced', () => stream.synced);
    await p.ben.EndSession({ session: p.first.session });
    await cut.until('a change', () => cut.revisions.length);
    cut.call.cancel();
    const { token } = cut.revisions[0];
    assert(token, 'a frame of changes has a token');
    const taken = Math.max(...cut.revisions.filter((r) => r.token === token).map((r) => r.revision));
    const { session } = await p.openAndAccept(p.ana, 'ana');
    await p.ana.TransferSession({ session, recipient: { rep: 'ben' } });
    const last = (await p.adapter.EndSession({ session })).revision;
    await whole.untilPast(last);
    const expected = whole.revisions.filter((r) => r.revision > taken).map((r) => [r.revision, r.one.changes]);
    // Resumed where it was not started, too: any server resumes any token (W8).
    for (const asked of [p.watcher, p.admin]) {
      const resumed = new Stream(asked, kinds, token);
      await resumed.untilPast(last);
      assert.equal(resumed.started, 'START_MODE_RESUMED');
      assert.equal(resumed.snapshot.length, 0);
      assert.deepEqual(resumed.revisions.map((r) => [r.revision, r.one.changes]), expected);
      resumed.call.cancel();
    }
    whole.call.cancel();
  },

  ...require('./queues.js')({ Stream, byKind, refused }),

  'signs reps out': async (p) => {
    await p.adapter.EndSession({ session: p.late.session });
    for (const name of ['ana', 'ben']) {
      const closed = await p[name].ClosePresence({ request_id: randomUUID() });
      assert.equal(closed.rep_presence.status_type, 'PRESENCE_STATUS_TYPE_OFFLINE');
      assert.equal(closed.rep_presence.used_centi_units, 0);
    }
    p.all.call.cancel();
  },
};

play('node', 'client.js', Play, scenarios);
