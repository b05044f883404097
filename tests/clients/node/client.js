// Plays whole transfers through @grpc/grpc-js, with stubs made from proto/ by @grpc/proto-loader when it starts; with
// queues.js also queues, skills and a flow.
//
//     client.js JOURNAL ADDRESS [OTHER_ADDRESS]
//
// With two addresses it asks at the first and watches and accepts at the other. Prints one line per scenario. It never
// waits for a time to pass: it waits for what the watch stream says, with a deadline.
'use strict';

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const DEADLINE = 20_000; // milliseconds, for a call and for anything to be seen on a stream
const ORG = 'clients-node';
const PROTOS = path.join(__dirname, '..', '..', '..', 'proto');

const files = fs
  .readdirSync(path.join(PROTOS, 'baton', 'v1'))
  .filter((name) => name.endsWith('.proto'))
  .map((name) => `baton/v1/${name}`);
const baton = grpc.loadPackageDefinition(
  loader.loadSync(files, {
    includeDirs: [PROTOS],
    keepCase: true,
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  }),
).baton.v1;

// The error details are Google's; these are the parts of them that a client of Baton reads.
const rpc = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }`, { keepCase: true }).root;

/** One server, asked in one role: every unary method as a promise, and `watch`. */
function caller(address, role, actor) {
  const made = {};
  const metadata = new grpc.Metadata();
  metadata.set('baton-org', ORG);
  metadata.set('baton-role', role);
  metadata.set('baton-actor', actor);
  for (const name of ['Directory', 'Presence', 'Session', 'Transfer', 'Work']) {
    const service = baton[`${name}Service`];
    const client = new service(address, grpc.credentials.createInsecure());
    for (const method of Object.keys(service.service)) {
      made[method] = (request) =>
        new Promise((resolve, reject) => {
          client[method](request, metadata, { deadline: Date.now() + DEADLINE }, (error, answer) =>
            error ? reject(error) : resolve(answer),
          );
        });
    }
  }
  const watching = new baton.WatchService(address, grpc.credentials.createInsecure());
  made.watch = (request) => watching.Watch(request, metadata);
  return made;
}

/** The objects that a revision changed, by their kinds. */
function byKind(revision) {
  const found = { rep_presence: [], session: [], transfer: [], work: [] };
  for (const change of revision.changes) {
    if (change.change !== 'upserted') continue;
    const object = change.upserted;
    (found[object.object] ??= []).push(object[object.object]);
  }
  return found;
}

/** A watch stream; what came is kept in order. */
class Stream {
  constructor(asked, kinds, token = '') {
    this.started = null;
    this.snapshot = [];
    this.synced = false;
    this.revisions = []; // of { revision, one, token }
    this.over = null;
    this.waiting = new Set();
    this.call = asked.watch({ kinds: kinds.map((kind) => `WATCH_KIND_${kind}`), resume_token: token });
    this.call.on('data', (response) => {
      this.take(response);
      this.look();
    });
    for (const end of ['error', 'end']) {
      this.call.on(end, (error) => {
        this.over ??= error ? String(error.message) : 'the server ended the stream';
        this.look();
      });
    }
  }

  take(response) {
    if (response.frame === 'started') this.started = response.started.mode;
    if (response.frame === 'snapshot') this.snapshot.push(...response.snapshot.objects);
    if (response.frame === 'synced') this.synced = true;
    if (response.frame === 'changes') {
      for (const one of response.changes.revisions) {
        this.revisions.push({ revision: one.revision, one, token: response.resume_token });
      }
    }
  }

  look() {
    for (const check of [...this.waiting]) check();
  }

  /** Waits until `holds()` is truthy, and gives that back. */
  until(what, holds) {
    return new Promise((resolve, reject) => {
      const finish = (settle, value) => {
        this.waiting.delete(check);
        clearTimeout(timer);
        settle(value);
      };
      const fail = () => {
        const seen = this.revisions.map((r) => r.revision).join(' ');
        finish(reject, new Error(`not seen: ${what} (revisions ${seen}; ${this.over ?? 'stream open'})`));
      };
      const check = () => {
        const found = holds();
        if (found) finish(resolve, found);
        else if (this.over) fail();
      };
      const timer = setTimeout(fail, DEADLINE);
      this.waiting.add(check);
      check();
    });
  }

  async untilRevision(revision) {
    const found = await this.until(`revision ${revision}`, () => this.revisions.find((r) => r.revision === revision));
    return byKind(found.one);
  }

  untilTransfer(id, state) {
    return this.until(`transfer ${id} ${state}`, () =>
      this.revisions
        .flatMap((r) => byKind(r.one).transfer)
        .find((t) => t.id === id && t.state === `TRANSFER_STATE_${state}`),
    );
  }

  /** Waits until it has seen this revision or a later one. */
  untilPast(revision) {
    return this.until(`revision ${revision} or later`, () => this.revisions.some((r) => r.revision >= revision));
  }
}

/** Awaits a call that must be refused with exactly this; gives the error's details back. */
async function refused(call, code, reason) {
  let error;
  try {
    await call;
  } catch (caught) {
    error = caught;
  }
  assert(error, `not refused; expected ${reason}`);
  assert.equal(grpc.status[error.code], code, String(error));
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const details = {};
  for (const { type_url, value } of rpc.lookupType('google.rpc.Status').decode(bytes).details) {
    const name = type_url.split('/').pop();
    const type = ['google.rpc.ErrorInfo', 'google.rpc.BadRequest'].includes(name) && rpc.lookupType(name);
    if (type) details[name] = type.toObject(type.decode(value), { arrays: true, objects: true });
  }
  const info = details['google.rpc.ErrorInfo'];
  assert.deepEqual([info.reason, info.domain], [reason, 'baton']);
  return { info, fields: (details['google.rpc.BadRequest']?.field_violations ?? []).map((v) => v.field) };
}

class Play {
  constructor(address, other) {
    this.admin = caller(address, 'admin', 'admin');
    this.adapter = caller(address, 'adapter', 'wa-gateway');
    this.ana = caller(address, 'rep', 'ana');
    this.ben = caller(other, 'rep', 'ben');
    this.benElsewhere = caller(address, 'rep', 'ben');
    this.cleo = caller(other, 'rep', 'cleo');
    this.watcher = caller(other, 'dashboard', 'watcher');
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

async function main() {
  const [journal, address, other = address] = process.argv.slice(2);
  if (!address) throw new Error('usage: client.js JOURNAL ADDRESS [OTHER_ADDRESS]');
  const play = new Play(address, other);
  const all = Object.entries(scenarios);
  let passed = 0;
  for (const [title, scenario] of all) {
    try {
      await scenario(play);
    } catch (error) {
      console.log(`  FAILED ${title}; what follows it wasn't played\n${error.stack}`);
      break;
    }
    passed += 1;
    console.log(`  ok     ${title}`);
  }
  console.log(`node on ${journal}: ${passed} passed, ${all.length - passed} failed`);
  process.exit(passed === all.length ? 0 : 1);
}

main();
