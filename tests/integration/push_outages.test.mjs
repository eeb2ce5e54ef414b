// Pushed requests while processes are killed: each ends once, is metered once, and nothing is lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { request } from 'node:http';
import { Stack, until } from '../support/stack.mjs';
import { messagesOf, Worker } from '../support/worker.mjs';

const policy = `version: "1.0"
providers: [{name: first, weight: 1}, {name: second, weight: 1}]
fallbacks: [{when: {status: [timeout, 5xx]}, retry: 2, backoff: {strategy: fixed, base_ms: 20}}]
max_attempts: 4
`;
const ROUNDS = Number(process.env.BL_KILL_ROUNDS ?? 10);
const task = { type: 'chat', payload: { text: 'hello' } };
const env = { BEAMLINE_PUSH_TAKEOVER_MS: '2000', BEAMLINE_PUSH_PUBLISH_TIMEOUT_MS: '1000', BEAMLINE_PUSH_ACK_WAIT_MS: '2000', BEAMLINE_HTTP_LISTEN: '127.0.0.1:0' };

async function start(t) {
  const stack = await Stack.start(t, { policies: { 'demo/default.yaml': policy }, natsArgs: ['-js', '-sd', 'FOLDER/js'], env });
  await taken(stack);
  return stack;
}

const taken = (stack) => until(() => stack.router.log().includes('"message":"pushes are taken"'), 'JetStream', 20000).catch((error) => {
  throw new Error(`${error.message}\n${stack.router.log()}`);
});

const push = (stack, request_id, members = {}) => stack.request({ tenant_id: 'demo', task, push_assignment: true, request_id, options: { deadline_ms: 1500 }, ...members },
  { timeout: 1500 }).catch((error) => ({ ok: false, error: { code: error.code } }));

const records = async (stack) => (await messagesOf(stack.client, 'KV_beamline_lives')).map(({ body }) => body);
const hasEnded = ({ state }) => ['done', 'failed', 'cancelled'].includes(state);

// What has to hold when all is quiet.
async function check(stack, accepted) {
  const all = await until(async () => {
    const found = await records(stack);
    const ids = new Set(found.map(({ request_id }) => request_id)); // one that is rewritten meanwhile is missed
    return found.every(hasEnded) && accepted.every((id) => ids.has(id)) && found;
  }, 'all lives to end', 60000).catch(async (error) => {
    throw new Error(`${error.message}: ${JSON.stringify((await records(stack)).filter((one) => !hasEnded(one)))}\n${stack.router.log().slice(-3000)}`);
  });
  for (const id of accepted) assert.equal(all.filter(({ request_id }) => request_id === id).length, 1, `the record of ${id}`);
  const manager = await stack.client.jetstreamManager();
  await until(async () => {
    const { num_pending, num_ack_pending } = await manager.consumers.info('BL_RESULTS', 'router-results');
    return num_pending + num_ack_pending === 0;
  }, 'all results to be settled', 60000);
  const usage = (await messagesOf(stack.client, 'BL_USAGE')).map(({ body }) => body.assignment_id);
  const results = new Set((await messagesOf(stack.client, 'BL_RESULTS')).map(({ body }) => body.assignment_id));
  assert.equal(new Set(usage).size, usage.length, 'no assignment is metered twice');
  assert.deepEqual([...usage].sort(), [...results].sort(), 'each assignment with a result is metered');
  for (const { attempts } of await records(stack)) assert.ok(attempts.length <= 4);
  for (const id of accepted) assert.ok(all.find(({ request_id }) => request_id === id).state !== 'cancelled', `${id} was accepted`);
  const letters = await messagesOf(stack.client, 'BL_DLQ');
  assert.deepEqual(letters, []);
}

async function flood(stack, prefix, count, accepted) {
  await Promise.all(Array.from({ length: count }, async (_, i) => {
    const id = `${prefix}-${i}`;
    const reply = await push(stack, id);
    if (reply.ok) accepted.push(id);
  }));
}

test(`the router is killed ${ROUNDS} times under load`, async (t) => {
  const stack = await start(t);
  const worker = await Worker.start(stack.client, () => ({ status: 'success', cost: 0.001 }));
  t.after(() => worker.stop().catch(() => {}));
  const accepted = [];
  for (let round = 0; round < ROUNDS; round++) {
    const load = flood(stack, `r${round}`, 60, accepted);
    await new Promise((resolve) => { setTimeout(resolve, (round * 7) % 60); });
    await stack.router.stop('SIGKILL');
    await stack.startRouter();
    await stack.ready();
    await taken(stack);
    await load;
  }
  await flood(stack, 'last', 20, accepted);
  assert.ok(accepted.length >= 20, `${accepted.length} accepted`);
  await check(stack, accepted);
});

test('the broker is killed under load', async (t) => {
  const stack = await start(t);
  const worker = await Worker.start(stack.client, () => ({ status: 'success' }), { ackWaitMs: 2000 });
  t.after(() => worker.stop().catch(() => {}));
  const accepted = [];
  for (let round = 0; round < 3; round++) {
    const load = flood(stack, `r${round}`, 100, accepted);
    await new Promise((resolve) => { setTimeout(resolve, 15 + round * 20); });
    await stack.nats.stop('SIGKILL');
    await stack.startNats();
    await load;
    await until(async () => (await push(stack, `probe-${round}-${Date.now()}`)).ok, 'pushes to be taken again', 30000);
  }
  await check(stack, accepted);
});

test('a worker that dies with its work is repeated, and a frozen router does no harm', async (t) => {
  const stack = await start(t);
  let taken_once = 0;
  const worker = await Worker.start(stack.client, (job, { attempt }) => (attempt === 1 && taken_once++ % 2 === 0 ? null : { status: 'success' }));
  t.after(() => worker.stop().catch(() => {}));
  const accepted = [];
  const load = flood(stack, 'w', 40, accepted);
  await new Promise((resolve) => { setTimeout(resolve, 20); });
  stack.router.signal('SIGSTOP');
  await new Promise((resolve) => { setTimeout(resolve, 800); });
  stack.router.signal('SIGCONT');
  await load;
  assert.ok(accepted.length > 0);
  await check(stack, accepted);
});

test('another router takes the requests of a dead one over', async (t) => {
  const stack = await start(t);
  const accepted = [];
  await flood(stack, 'orphan', 20, accepted); // nobody works yet
  assert.equal(accepted.length, 20);
  const first = stack.router;
  await stack.startRouter();
  await stack.ready();
  await taken(stack);
  await first.stop('SIGKILL');
  await until(() => stack.router.log().includes('requests of a router that is gone are taken over'), 'the takeover').catch((error) => {
    throw new Error(`${error.message}\n${stack.router.log()}`);
  });
  const worker = await Worker.start(stack.client, () => ({ status: 'success' }));
  t.after(() => worker.stop().catch(() => {}));
  await check(stack, accepted);
});

test('a router that stops has its requests go on elsewhere', async (t) => {
  const stack = await start(t);
  const accepted = [];
  const load = flood(stack, 's', 60, accepted);
  assert.equal((await stack.router.stop()).code, 0);
  await stack.startRouter();
  await stack.ready();
  await taken(stack);
  await load;
  const worker = await Worker.start(stack.client, () => ({ status: 'success' }));
  t.after(() => worker.stop().catch(() => {}));
  await check(stack, accepted);
});

test('a push over HTTP is answered when its intent is stored', async (t) => {
  const stack = await start(t);
  const worker = await Worker.start(stack.client, () => ({ status: 'success' }));
  t.after(() => worker.stop().catch(() => {}));
  const [, port] = /"message":"listening","address":"127\.0\.0\.1:(\d+)"/.exec(stack.router.log());
  const post = (body) => new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method: 'POST', path: '/api/v1/routes/decide', headers: { traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' } }, (response) => {
      let text = '';
      response.on('data', (part) => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: JSON.parse(text) }));
    });
    call.on('error', reject);
    call.end(JSON.stringify(body));
  });
  const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => post({ tenant_id: 'demo', task, push_assignment: true, request_id: `h-${i}` })));
  for (const { status, body, headers } of replies) {
    assert.equal(status, 200);
    assert.ok(body.ok && body.assignment.assignment_id && body.provider_id);
    assert.match(headers.traceparent, /^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
  }
  await check(stack, replies.map(({ body }) => body.context.request_id));
  const read = async (path) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { 'X-Tenant-ID': 'demo' } });
    return { status: response.status, body: await response.json() };
  };
  const { status, body } = await read('/api/v1/routes/decide/h-7');
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.life_cycle.state, 'done');
  assert.equal((await read('/api/v1/routes/decide/nobody')).status, 404);
  assert.equal((await read('/api/v1/routes/decide/*')).status, 404);
  await stack.nats.stop('SIGKILL');
  const refused = await post({ tenant_id: 'demo', task, push_assignment: true });
  assert.equal(refused.status, 503);
  assert.equal(refused.body.error.code, 'unavailable');
  assert.ok(Number(refused.headers['retry-after']) > 0);
});
