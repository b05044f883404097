// A channel's adapter, played through @grpc/grpc-js: it brings customers' messages in with one call for each, learns
// on a stream who has each session, and pauses, resumes, inactivates and ends them. A partner routes the channel; of
// its part only what an adapter notices is played here.
//
//     adapter.js JOURNAL ADDRESS [OTHER_ADDRESS]
//
// With two addresses it asks at the first and watches at the other. Prints one line per scenario.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');

const { Stream, byKind, caller, play, refused } = require('./wire.js');

const ORG = 'clients-adapter';
const DESK = { partner: 'acme', contact: 'desk' };

class Play {
  constructor(address, other) {
    this.admin = caller(address, ORG, 'admin', 'admin');
    this.bridge = caller(address, ORG, 'adapter', 'bridge');
    this.bridgeElsewhere = caller(other, ORG, 'adapter', 'bridge');
    this.stranger = caller(other, ORG, 'adapter', 'stranger');
    this.acme = caller(other, ORG, 'partner', 'acme');
    this.ana = caller(address, ORG, 'rep', 'ana');
    this.ben = caller(other, ORG, 'rep', 'ben');
  }

  /** One message of a customer: opens the session, finds it, or opens it again. */
  message(reference, more = {}) {
    const request = { channel: 'chat', external_reference: reference, reopen_inactive: true };
    return this.bridge.OpenSession({ ...request, request_id: randomUUID(), ...more });
  }

  /** Waits until the adapter is told of the session at this revision or later, in this state; the session then. */
  told(session, state, revision = 0) {
    return this.places.until(`${session} ${state}`, () =>
      this.places.revisions
        .flatMap(({ one }) => byKind(one).session)
        .find((s) => s.id === session && s.state === `SESSION_STATE_${state}` && s.revision >= revision),
    );
  }

  /** The partner routes the session to a rep, who accepts it; the revision of that. */
  async routed(session, rep) {
    const { session: now } = await this.acme.GetSession({ session, at_least_revision: this.revision });
    const { routing_request } = await this.acme.RouteSession({ routing_request: now.routing_request, rep });
    const accepted = await this[rep].AcceptWork({ work: routing_request.work, request_id: randomUUID() });
    return accepted.revision;
  }
}

// The scenarios; each goes on where the one before ended.
const scenarios = {
  'applies the org of a channel and its adapter': async (p) => {
    const rep = (id) => ({
      id,
      profile: 'agents',
      licences: ['LICENCE_MESSAGING_USER'],
      permissions: ['PERMISSION_MESSAGING_AGENT'],
      partners: [{ partner: 'acme' }],
    });
    const byoc = 'CHANNEL_TYPE_BYOC_FOR_CCAAS';
    const status = 'CAPACITY_MODEL_STATUS_BASED';
    const routed = { type: byoc, routing_partner: 'acme' };
    const channel = (id, adapter, more) => ({ id, ...routed, adapters: [adapter], ...more });
    const directory = {
      settings: { skills_based_and_direct_to_rep_routing: true },
      presence_statuses: [{ id: 'online', type: 'PRESENCE_STATUS_TYPE_ONLINE', channel_types: [byoc] }],
      presence_configurations: [{ id: 'two', capacity_centi_units: 200 }],
      profiles: [{ id: 'agents', presence_statuses: ['online'], presence_configuration: 'two' }],
      reps: [rep('ana'), rep('ben')],
      partners: [{ id: 'acme' }],
      queues: [{ id: 'care', reps: ['ben'] }],
      channels: [
        channel('chat', 'bridge'),
        channel('kept', 'bridge', { capacity_model: status, default_target: { queue: 'care' } }),
        channel('elsewhere', 'gate'),
      ],
    };
    const answer = await p.admin.ApplyDirectory({ directory, request_id: randomUUID() });
    assert.equal(answer.changes.length, 11);
    const contacts = [{ id: 'desk', name: 'Front desk' }];
    const supplied = await p.acme.SyncContacts({ mode: 'SYNC_MODE_INCREMENTAL', contacts });
    assert.equal(supplied.sync.created, 1);
    for (const name of ['ana', 'ben']) {
      p.revision = (await p[name].OpenPresence({ status: 'online' })).revision;
    }
    // What it watches is of its channels alone, and no hand-offs or routing requests (N5).
    p.places = new Stream(p.bridgeElsewhere, ['SESSION']);
    await p.places.until('synced', () => p.places.synced);
    assert.equal(p.places.snapshot.length, 0);
    const asks = new Stream(p.bridge, ['HANDOFF']);
    await assert.rejects(asks.until('a frame', () => asks.started), /PERMISSION_DENIED/);
  },

  'opens a session without a target, and finds it by the next message': async (p) => {
    const request = { request_id: randomUUID(), attributes: { language: 'pt' } };
    const opened = await p.message('+351 900 000 001', request);
    p.session = opened.session.id;
    p.revision = opened.revision;
    assert.equal(opened.created, true);
    assert.deepEqual([opened.session.state, opened.session.waiting_line.partner], ['SESSION_STATE_WAITING', 'acme']);
    const retried = await p.message('+351 900 000 001', request);
    assert.deepEqual([retried.created, retried.session.id, retried.revision], [true, p.session, opened.revision]);
    const next = await p.message('+351 900 000 001', { attributes: { language: 'fr' } });
    assert.deepEqual([next.created, next.session.id], [false, p.session]);
    assert.deepEqual(next.session.attributes, { language: 'pt' }, 'it is as it was');
    const reference = { channel: 'chat', external_reference: '+351 900 000 001' };
    const read = await p.bridgeElsewhere.GetSession({ reference, at_least_revision: opened.revision });
    assert.equal(read.session.id, p.session);
    const told = await p.told(p.session, 'WAITING');
    assert.deepEqual([told.waiting_line.partner, told.owner, told.external_contact], ['acme', '', null]);
  },

  'is told who has it': async (p) => {
    const revision = await p.routed(p.session, 'ana');
    const asked = await p.told(p.session, 'OFFERED');
    assert.deepEqual([asked.offer.rep, asked.owner], ['ana', '']);
    const taken = await p.told(p.session, 'ACTIVE', revision);
    assert.equal(taken.owner, 'ana');
    const next = await p.message('+351 900 000 001');
    assert.deepEqual([next.created, next.session.owner], [false, 'ana']);
  },

  'inactivates, and the next message routes it anew': async (p) => {
    const silent = await p.bridge.InactivateSession({ session: p.session });
    await p.told(p.session, 'INACTIVE', silent.revision);
    const found = await p.message('+351 900 000 001', { reopen_inactive: false });
    assert.equal(found.session.state, 'SESSION_STATE_INACTIVE', 'it asks for nothing');
    const request = { request_id: randomUUID() };
    const reopened = await p.message('+351 900 000 001', request);
    assert.deepEqual([reopened.created, reopened.session.id], [false, p.session]);
    assert.equal(reopened.session.state, 'SESSION_STATE_WAITING', 'TAB_BASED routes it anew (N5)');
    assert.deepEqual([reopened.session.waiting_line.partner, reopened.session.owner], ['acme', '']);
    assert.equal((await p.message('+351 900 000 001', request)).revision, reopened.revision);
    p.revision = reopened.revision;
    const revision = await p.routed(p.session, 'ana');
    assert.equal((await p.told(p.session, 'ACTIVE', revision)).owner, 'ana');
  },

  'is told of a transfer, and of the contact that takes the session': async (p) => {
    const transfer = async (recipient) =>
      (await p.ana.TransferSession({ session: p.session, recipient, request_id: randomUUID() })).transfer;
    const { handoff } = await transfer({ external_contact: DESK });
    const completed = await p.acme.CompleteHandoff({ handoff, request_id: randomUUID() });
    const away = await p.told(p.session, 'EXTERNAL');
    assert.deepEqual([away.external_contact, away.owner], [DESK, '']);
    assert.equal(away.revision, completed.revision, 'in the revision that the partner is told');
    const next = await p.message('+351 900 000 001');
    assert.deepEqual([next.created, next.session.external_contact], [false, DESK]);
    for (const call of ['PauseSession', 'ResumeSession', 'InactivateSession']) {
      await refused(p.bridge[call]({ session: p.session }), 'FAILED_PRECONDITION', 'WRONG_STATE');
    }
  },

  'brings a session back from a contact': async (p) => {
    const reason = 'SESSION_RETURN_REASON_CUSTOMER_ASKED';
    const request = { session: p.session, rep: 'ben', note: 'wants a person', reason, request_id: randomUUID() };
    const back = await p.bridge.ReturnSession(request);
    assert.deepEqual([back.session.state, back.session.offer.rep], ['SESSION_STATE_OFFERED', 'ben']);
    assert.equal((await p.bridgeElsewhere.ReturnSession(request)).revision, back.revision);
    const [returned] = back.session.returns;
    assert.deepEqual([returned.by.id, returned.from, returned.reason], ['bridge', DESK, reason]);
    assert.equal(returned.note, request.note);
    const accepted = await p.ben.AcceptWork({ work: back.session.offer.work });
    assert.equal((await p.told(p.session, 'ACTIVE', accepted.revision)).owner, 'ben');
    const again = p.bridge.ReturnSession({ session: p.session, rep: 'ben' });
    await refused(again, 'FAILED_PRECONDITION', 'WRONG_STATE');
  },

  'pauses and resumes': async (p) => {
    const request = { session: p.session, request_id: randomUUID() };
    const paused = await p.bridge.PauseSession(request);
    assert.equal((await p.told(p.session, 'PAUSED')).revision, paused.revision);
    assert.deepEqual(await p.bridgeElsewhere.PauseSession(request), paused);
    const resumed = await p.bridge.ResumeSession({ session: p.session });
    const told = await p.told(p.session, 'ACTIVE', resumed.revision);
    assert.equal(told.owner, 'ben', 'it stays with its rep');
  },

  'inactivates, and the next message finds the same rep': async (p) => {
    const opened = await p.message('kept-1', { channel: 'kept' });
    assert.deepEqual([opened.created, opened.session.offer.rep], [true, 'ben'], 'where its channel says (O7)');
    const { id } = opened.session;
    await p.ben.AcceptWork({ work: opened.session.offer.work });
    await p.bridge.InactivateSession({ session: id });
    const reopened = await p.message('kept-1', { channel: 'kept' });
    assert.deepEqual([reopened.created, reopened.session.id, reopened.session.owner], [false, id, 'ben']);
    assert.equal(reopened.session.state, 'SESSION_STATE_ACTIVE', 'STATUS_BASED leaves it with its rep (N5)');
    await p.bridge.EndSession({ session: id });
  },

  "isn't another channel's adapter": async (p) => {
    const session = p.session;
    const gone = async (call) => {
      const { info } = await refused(call, 'NOT_FOUND', 'NOT_FOUND');
      return info.metadata.kind;
    };
    assert.equal(await gone(p.stranger.GetSession({ session })), 'session');
    for (const call of ['PauseSession', 'ResumeSession', 'InactivateSession', 'EndSession', 'ReturnSession']) {
      await gone(p.stranger[call]({ session }));
    }
    const opened = { channel: 'chat', external_reference: '+351 900 000 001' };
    assert.equal(await gone(p.stranger.OpenSession(opened)), 'channel');
    assert.equal(await gone(p.bridge.OpenSession({ ...opened, channel: 'elsewhere' })), 'channel');
    const { session: own } = await p.bridge.GetSession({ session });
    assert.deepEqual([own.owner, own.state], ['ben', 'SESSION_STATE_ACTIVE'], 'nothing was changed');
    assert.deepEqual((await p.stranger.ListSessions({})).sessions, []);
    const stream = new Stream(p.stranger, ['SESSION']);
    await stream.until('synced', () => stream.synced);
    assert.deepEqual(stream.snapshot, []);
    stream.call.cancel();
  },

  'ends a session with a reason, and its reference opens another': async (p) => {
    const request = { session: p.session, reason: 'SESSION_END_REASON_CUSTOMER_LEFT', request_id: randomUUID() };
    const ended = await p.bridge.EndSession(request);
    assert.deepEqual(await p.bridgeElsewhere.EndSession(request), ended);
    const told = await p.told(p.session, 'ENDED');
    assert.deepEqual([told.end_reason, told.ended_by.id, told.owner], [request.reason, 'bridge', '']);
    const again = await p.message('+351 900 000 001');
    assert.deepEqual([again.created, again.session.previous_session], [true, p.session]);
    assert.notEqual(again.session.id, p.session);
    await p.bridge.EndSession({ session: again.session.id, reason: 'SESSION_END_REASON_IDLE' });
    const explained = await p.admin.ExplainCapacity({ rep: 'ben', at_least_revision: ended.revision });
    assert.equal(explained.explanation.used_centi_units, 0);
    p.places.call.cancel();
  },
};

play('adapter', 'adapter.js', Play, scenarios);
