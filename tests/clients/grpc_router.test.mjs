// Router over gRPC, by the gRPC clients of Node and Python.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { root, Stack, until } from '../support/stack.mjs';

const ends = [];
const options = { includeDirs: [join(root, 'proto')], keepCase: true, longs: Number, enums: String, defaults: true };
const load = (file) => grpc.loadPackageDefinition(loader.loadSync(file, options));
const { Router } = load('beamline/flow/v1/flow.proto').beamline.flow.v1;
const { Health } = load('grpc/health/v1/health.proto').grpc.health.v1;
let port;
let client;

async function start(t) {
  const stack = await Stack.start(t, { env: { BEAMLINE_HTTP_LISTEN: '127.0.0.1:0', BEAMLINE_WORKERS_COUNT: '1' } });
  return { stack, port: Number(/"message":"listening","address":"127\.0\.0\.1:(\d+)"/.exec(stack.router.log())[1]) };
}

const connect = (to, Service = Router) => new Service(`127.0.0.1:${to}`, grpc.credentials.createInsecure());

before(async () => {
  ({ port } = await start({ after: (end) => ends.push(end) }));
  client = connect(port);
});

after(async () => {
  client?.close();
  await Promise.all(ends.map((end) => end()));
});

const route = (fields = {}, message = {}) => ({ message: { tenant_id: 'demo', message_type: 'chat', payload: Buffer.from('{}'), ...message }, ...fields });

function decide(request, { metadata = {}, deadline = Date.now() + 10000, from = client } = {}) {
  const sent = new grpc.Metadata();
  for (const [name, value] of Object.entries(metadata)) sent.set(name, value);
  return new Promise((resolve, reject) => {
    const call = from.Decide(request, sent, { deadline }, (error, reply) => (error ? reject(error) : resolve({ reply, head: call.head })));
    call.on('metadata', (head) => { call.head = head; });
  });
}

const refused = (promise) => promise.then(({ reply }) => assert.fail(`was answered: ${JSON.stringify(reply)}`), (error) => error);

// The strings of a protobuf message of texts and maps of texts, flat; enough to look into an ErrorInfo.
function strings(bytes) {
  return bytes.toString('latin1').match(/[\x20-\x7e]{3,}/g) ?? [];
}

test('a decision has all its fields', async () => {
  const { reply } = await decide(route({ request_id: 'r-1' }, { trace_id: 't-1', metadata: { tier: 'gold' } }));
  assert.equal(reply.provider_id, 'openai/gpt-4o');
  assert.equal(reply.reason, 'rule');
  assert.equal(reply.priority, 75);
  assert.equal(reply.expected_latency_ms, 850);
  assert.equal(reply.expected_cost, 0.012);
  assert.equal(reply.policy_id, 'default');
  assert.match(reply.policy_version, /^[0-9a-f]{12}$/);
  assert.match(reply.decision_id, /^[\w-]{40,}$/);
  assert.equal(reply.provider_label, 'GPT-4o');
  assert.equal(reply.request_id, 'r-1');
  assert.equal(reply.trace_id, 't-1');
  assert.equal(reply.fallback_used, false);
  assert.equal(reply.error, null);
});

test('explain is JSON in the decision, and only there when asked for', async () => {
  const { reply } = await decide(route({ explain: true }));
  assert.ok(JSON.parse(reply.explain).candidates.length >= 2, reply.explain);
  assert.equal((await decide(route())).reply.explain, '');
});

test('context and metadata reach the policy', async () => {
  const { reply } = await decide(route({ metadata: { region: 'eu' } }));
  assert.equal(reply.provider_id, 'anthropic/sonnet');
});

test('an error has a code, a text, and details by their names', async () => {
  const error = await refused(decide(route({ policy_id: 'none' })));
  assert.equal(error.code, grpc.status.NOT_FOUND);
  assert.match(error.details, /none/);
  const details = strings(error.metadata.get('grpc-status-details-bin')[0]);
  for (const text of ['type.googleapis.com/google.rpc.ErrorInfo', 'policy_not_found', 'beamline.router']) {
    assert.ok(details.some((found) => found.includes(text)), `${text} in ${details}`);
  }
});

test('a missing tenant is refused with its intake code', async () => {
  const error = await refused(decide(route({}, { tenant_id: '' })));
  assert.equal(error.code, grpc.status.INVALID_ARGUMENT);
  const details = strings(error.metadata.get('grpc-status-details-bin')[0]);
  assert.ok(details.some((found) => found.includes('intake_error_code')), details.join());
});

test('a text beyond ASCII comes back as it was sent', async () => {
  const error = await refused(decide(route({ policy_id: 'größe' })));
  assert.ok(error.code === grpc.status.NOT_FOUND || error.code === grpc.status.INVALID_ARGUMENT, error.message);
  assert.doesNotMatch(error.details, /%[0-9A-F]{2}/);
});

test('tenants that disagree are refused', async () => {
  assert.equal((await refused(decide(route(), { metadata: { 'x-tenant-id': 'other' } }))).code, grpc.status.PERMISSION_DENIED);
  assert.ok((await decide(route({}, { tenant_id: '' }), { metadata: { 'x-tenant-id': 'demo' } })).reply.provider_id);
});

test('a trace context goes in and comes out', async () => {
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const { reply, head } = await decide(route(), { metadata: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
  assert.equal(reply.trace_id, trace);
  assert.match(head.get('traceparent')[0], new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
});

test('a deadline that has passed, and a call that is cancelled', async () => {
  assert.equal((await refused(decide(route(), { deadline: Date.now() - 1 }))).code, grpc.status.DEADLINE_EXCEEDED);
  const error = await new Promise((resolve) => {
    const call = client.Decide(route(), (found) => resolve(found));
    call.cancel();
  });
  assert.equal(error.code, grpc.status.CANCELLED);
  assert.ok((await decide(route())).reply.provider_id);
});

test('a large message is taken, one that is too large is refused, and the channel goes on', async () => {
  const large = (bytes) => route({}, { payload: Buffer.alloc(bytes, 'x') });
  assert.ok((await decide(large(900_000))).reply.provider_id);
  const error = await refused(decide(large(1_200_000)));
  assert.ok([grpc.status.INVALID_ARGUMENT, grpc.status.RESOURCE_EXHAUSTED].includes(error.code), error.message);
  assert.ok((await decide(route())).reply.provider_id);
});

test('methods that are not there, and bytes that are no message', async () => {
  const call = (method, bytes) => new Promise((resolve) => {
    client.makeUnaryRequest(`/beamline.flow.v1.Router/${method}`, (x) => x, (x) => x, bytes, (error) => resolve(error?.code));
  });
  assert.equal(await call('NoSuch', Buffer.alloc(0)), grpc.status.UNIMPLEMENTED);
  assert.equal(await call('Decide', Buffer.from([0xff, 0xff, 0xff])), grpc.status.INVALID_ARGUMENT);
  assert.equal(await call('Decide', Buffer.alloc(0)), grpc.status.INVALID_ARGUMENT);
});

test('a thousand calls share a channel, and each gets its own answer', async () => {
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => decide(route({ request_id: `r-${i}` }))));
  replies.forEach(({ reply }, i) => assert.equal(reply.request_id, `r-${i}`));
});

test('a router that stops finishes its calls, and its watchers hear of it', async (t) => {
  const { stack, port: own } = await start(t);
  const from = connect(own);
  const health = connect(own, Health);
  t.after(() => { from.close(); health.close(); });
  const seen = [];
  const watch = health.Watch({});
  watch.on('data', ({ status }) => seen.push(status));
  const over = new Promise((resolve) => watch.on('error', resolve));
  await until(() => seen.length === 1, 'the first health');
  let answered = 0;
  const failures = [];
  const loop = async () => {
    for (let i = 0; i < 2000; i++) {
      try {
        await decide(route(), { from });
        answered++;
      } catch (error) {
        failures.push(error);
        return;
      }
    }
  };
  const loops = Array.from({ length: 16 }, loop);
  await until(() => answered > 500, 'calls under way');
  assert.equal((await stack.router.stop()).code, 0);
  await Promise.all(loops);
  assert.deepEqual(seen, ['SERVING', 'NOT_SERVING']);
  assert.equal((await over).code, grpc.status.UNAVAILABLE);
  for (const error of failures) assert.equal(error.code, grpc.status.UNAVAILABLE, error.message);
});

test("gRPC's Python client: decisions, deadlines, metadata, health, reflection", async (t) => {
  const { stack, port: own } = await start(t);
  const child = spawn('/usr/bin/python3', [join(root, 'tests', 'clients', 'grpc_router.py'), `127.0.0.1:${own}`]);
  let said = '';
  let isOver = false;
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => { said += part; });
  const code = new Promise((resolve) => child.on('close', (found) => { isOver = true; resolve(found); }));
  await until(() => isOver || said.includes('watching'), 'the client to watch', 60000);
  await stack.router.stop();
  assert.equal(await code, 0, said);
});
