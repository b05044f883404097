// What the plays share: stubs made from proto/ by @grpc/proto-loader, a caller of one server, a watch stream, refusals,
// and the playing of scenarios. It never waits for a time to pass: it waits for what a watch stream says, with a
// deadline.
'use strict';

const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');

const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const DEADLINE = 20_000; // milliseconds, for a call and for anything to be seen on a stream
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

/** A folder with an API key for each role and actor; without it callers are believed. */
const KEYS = process.env.BATON_KEYS_OF;
/** Who signed the server's certificate; without it there is no TLS. */
const CA = process.env.BATON_CA;

/** How a server is reached. */
function secured() {
  return CA ? grpc.credentials.createSsl(fs.readFileSync(CA)) : grpc.credentials.createInsecure();
}

/** What a caller shows of itself: an API key that is good for several orgs, or its own words. */
function shown(org, role, actor) {
  const metadata = new grpc.Metadata();
  metadata.set('baton-org', org);
  if (KEYS) {
    const key = fs.readFileSync(path.join(KEYS, `${role}.${actor}`), 'ascii').trim();
    metadata.set('authorization', `Bearer ${key}`);
  } else {
    metadata.set('baton-role', role);
    metadata.set('baton-actor', actor);
  }
  return metadata;
}

/** One server, asked in one role: every unary method as a promise, and `watch`. */
function caller(address, org, role, actor) {
  const made = {};
  const metadata = shown(org, role, actor);
  for (const name of ['Directory', 'Partner', 'Presence', 'Session', 'Transfer', 'Work']) {
    const service = baton[`${name}Service`];
    const client = new service(address, secured());
    for (const method of Object.keys(service.service)) {
      made[method] = (request) =>
        new Promise((resolve, reject) => {
          client[method](request, metadata, { deadline: Date.now() + DEADLINE }, (error, answer) =>
            error ? reject(error) : resolve(answer),
          );
        });
    }
  }
  const watching = new baton.WatchService(address, secured());
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

/** Plays the scenarios one after the other, says of each what became of it, and ends the process. */
async function play(name, file, Play, scenarios) {
  const [journal, address, other = address] = process.argv.slice(2);
  if (!address) throw new Error(`usage: ${file} JOURNAL ADDRESS [OTHER_ADDRESS]`);
  const stage = new Play(address, other);
  const all = Object.entries(scenarios);
  let passed = 0;
  for (const [title, scenario] of all) {
    try {
      await scenario(stage);
    } catch (error) {
      console.log(`  FAILED ${title}; what follows it wasn't played\n${error.stack}`);
      break;
    }
    passed += 1;
    console.log(`  ok     ${title}`);
  }
  console.log(`${name} on ${journal}: ${passed} passed, ${all.length - passed} failed`);
  process.exit(passed === all.length ? 0 : 1);
}

module.exports = { Stream, byKind, caller, play, refused };
