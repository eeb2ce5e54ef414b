// Pushed requests, from the durable intent through a worker to the usage record.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { beamline, Stack, until } from '../support/stack.mjs';
import { messagesOf, Worker } from '../support/worker.mjs';

const policy = `version: "1.0"
providers:
  - {name: first, weight: 1, expect: {latency_ms: 100, cost: 0.01}}
  - {name: second, weight: 0}
fallbacks:
  - {when: {status: [timeout, 5xx]}, retry: 1, backoff: {strategy: fixed, base_ms: 10, jitter: false}, to: second}
  - {when: {status: [rejected]}, retry: 0, to: second}
max_attempts: 4
`;
const task = { type: 'chat', payload: { text: 'hello' } };

export async function start(t, options = {}) {
  const stack = await Stack.start(t, { policies: { 'demo/default.yaml': policy }, natsArgs: ['-js', '-sd', 'FOLDER/js'], ...options });
  await until(() => stack.router.log().includes('"message":"pushes are taken"'), 'JetStream').catch((error) => {
    throw new Error(`${error.message}\n${stack.router.log()}`);
  });
  return stack;
}

const push = (stack, members = {}) => stack.request({ tenant_id: 'demo', task, push_assignment: true, ...members });
const decision = (stack, members) => stack.request({ tenant_id: 'demo', ...members }, { subject: 'beamline.router.v1.get_decision' });
const ended = (stack, request_id) => until(async () => {
  const reply = await decision(stack, { request_id });
  return reply.ok && ['done', 'failed', 'cancelled'].includes(reply.life_cycle.state) ? reply : null;
}, `the end of ${request_id}`);
const worker = async (t, stack, work, options) => {
  const found = await Worker.start(stack.client, work, options);
  t.after(() => found.stop().catch(() => {}));
  return found;
};

test('a request goes through a worker to its usage record', async (t) => {
  const stack = await start(t);
  const { assignments } = await worker(t, stack, () => ({ status: 'success', latency_ms: 42, cost: 0.015, tokens: { input: 3, output: 5 }, payload: { text: 'hi' } }));
  const reply = await push(stack, { request_id: 'r-1', trace_id: 't-1', metadata: { tier: 'gold' }, message_id: 'm-1' });
  assert.equal(reply.ok, true, JSON.stringify(reply));
  assert.match(reply.assignment.assignment_id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const found = await ended(stack, 'r-1');
  assert.equal(found.life_cycle.state, 'done');
  assert.equal(found.decision.decision_id, reply.decision.decision_id);
  assert.deepEqual(found.result.payload, { text: 'hi' });
  assert.deepEqual(found.life_cycle.attempts.map(({ n, provider_id, status, latency_ms, cost }) => ({ n, provider_id, status, latency_ms, cost })),
    [{ n: 1, provider_id: 'first', status: 'success', latency_ms: 42, cost: 0.015 }]);

  const [assignment] = assignments;
  assert.equal(assignments.length, 1);
  assert.equal(assignment.assignment_id, reply.assignment.assignment_id);
  assert.deepEqual(assignment.job, task);
  assert.deepEqual(assignment.executor, { provider_id: 'first', channel: 'nats' });
  assert.equal(assignment.options.deadline_ms, 5000);
  assert.equal(assignment.correlation.trace_id, 't-1');
  assert.deepEqual(assignment.metadata, { tier: 'gold' });
  assert.ok(assignment.expires_at_ms > Date.now());

  const usage = await messagesOf(stack.client, 'BL_USAGE');
  assert.equal(usage.length, 1);
  const { body } = usage[0];
  for (const [name, value] of Object.entries({ tenant_id: 'demo', provider_id: 'first', cost: 0.015, cost_status: 'reported', status: 'success', attempt: 1,
    assignment_id: assignment.assignment_id, request_id: 'r-1', policy_id: 'default', latency_ms: 42, decision_id: reply.decision.decision_id })) {
    assert.equal(body[name], value, name);
  }
  assert.deepEqual(body.tokens, { input: 3, output: 5 });
  const by = async (members) => (await decision(stack, members)).life_cycle?.state;
  assert.equal(await by({ message_id: 'm-1' }), 'done');
  assert.equal(await by({ admission_id: body.admission_id }), 'done');
  assert.equal((await decision(stack, { tenant_id: 'other', request_id: 'r-1' })).ok, false);
  assert.equal((await decision(stack, { request_id: 'nobody' })).ok, false);
});

test('the reference worker: work, failures, other providers, a stop with work under way', async (t) => {
  const stack = await start(t);
  const run = (...args) => {
    const child = spawn(beamline, ['worker', '--nats', stack.url, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const over = new Promise((resolve) => { child.on('exit', (code) => resolve(code)); });
    t.after(() => child.kill('SIGKILL'));
    return { child, over };
  };
  const slow = run('--delay', '300', '--cost', '0.25', '--accept');
  await push(stack, { request_id: 'r-1' });
  await until(async () => (await messagesOf(stack.client, 'BL_ACKS')).length === 1, 'the work to begin');
  slow.child.kill('SIGTERM');
  assert.equal(await slow.over, 0);
  const { life_cycle, result } = await ended(stack, 'r-1');
  assert.equal(life_cycle.state, 'done');
  assert.equal(life_cycle.attempts[0].cost, 0.25);
  assert.ok(life_cycle.attempts[0].latency_ms >= 300);
  assert.deepEqual(result.payload, task.payload);

  const failing = run('--provider', 'first', '--fail', '1', '--error-code', '500');
  const good = run('--provider', 'second');
  await push(stack, { request_id: 'r-2' });
  assert.deepEqual((await ended(stack, 'r-2')).life_cycle.attempts.map(({ provider_id, status }) => [provider_id, status]),
    [['first', 'error'], ['first', 'error'], ['second', 'success']]);
  for (const { child, over } of [failing, good]) {
    child.kill('SIGTERM');
    assert.equal(await over, 0);
  }
  assert.equal((await messagesOf(stack.client, 'BL_USAGE')).length, 4);
});

test('an attempt that fails is retried, and then goes to the fallback', async (t) => {
  const stack = await start(t);
  const { assignments } = await worker(t, stack, (job, { executor }) => (executor.provider_id === 'first'
    ? { status: 'error', error_code: '502', latency_ms: 1 } : { status: 'success', cost: 0.5 }));
  await push(stack, { request_id: 'r-1' });
  const { life_cycle } = await ended(stack, 'r-1');
  assert.equal(life_cycle.state, 'done');
  assert.deepEqual(life_cycle.attempts.map(({ provider_id, status, reason }) => [provider_id, status, reason]),
    [['first', 'error', 'weighted'], ['first', 'error', 'retry'], ['second', 'success', 'fallback']]);
  assert.deepEqual(assignments.map(({ attempt }) => attempt), [1, 2, 3]);
  const usage = await messagesOf(stack.client, 'BL_USAGE');
  assert.deepEqual(usage.map(({ body }) => [body.attempt, body.status, body.cost_status]), [[1, 'error', 'unknown'], [2, 'error', 'unknown'], [3, 'success', 'reported']]);
});

test('an error that no attempt can mend ends the request', async (t) => {
  const stack = await start(t);
  await worker(t, stack, () => ({ status: 'error', error_code: '400', error_message: 'bad prompt' }));
  await push(stack, { request_id: 'r-1' });
  const { life_cycle, result } = await ended(stack, 'r-1');
  assert.equal(life_cycle.state, 'failed');
  assert.equal(life_cycle.attempts.length, 1);
  assert.equal(result.error_message, 'bad prompt');
});

test('a rejected assignment moves on at once', async (t) => {
  const stack = await start(t);
  const it = await worker(t, stack, async (job, assignment) => {
    if (assignment.executor.provider_id === 'second') return { status: 'success' };
    await it.report(assignment, { status: 'rejected', error_code: 'BUSY' }, 'caf.exec.assign.v1.ack');
    return null;
  });
  await push(stack, { request_id: 'r-1' });
  const { life_cycle } = await ended(stack, 'r-1');
  assert.deepEqual(life_cycle.attempts.map(({ provider_id, status }) => [provider_id, status]), [['first', 'rejected'], ['second', 'success']]);
  assert.equal((await messagesOf(stack.client, 'BL_USAGE')).length, 1);
});

test('silence is a timeout, and a late result is metered without changing anything', async (t) => {
  const stack = await start(t);
  let late;
  const it = await worker(t, stack, (job, assignment) => {
    if (assignment.attempt === 1) {
      late = assignment;
      return null;
    }
    return { status: 'success' };
  });
  await push(stack, { request_id: 'r-1', options: { deadline_ms: 300 } });
  const { life_cycle } = await ended(stack, 'r-1');
  assert.deepEqual(life_cycle.attempts.map(({ status }) => status), ['timeout', 'success']);
  await it.report(late, { status: 'success', cost: 1 });
  const usage = await until(async () => {
    const found = await messagesOf(stack.client, 'BL_USAGE');
    return found.length === 2 ? found : null;
  }, 'the late usage record');
  assert.deepEqual(usage.map(({ body }) => [body.attempt, body.late ?? false]), [[2, false], [1, true]]);
  assert.equal((await ended(stack, 'r-1')).life_cycle.state, 'done');
});

test('a result that comes a thousand times is metered once', async (t) => {
  const stack = await start(t);
  const it = await worker(t, stack, (job, assignment) => Array.from({ length: 1000 }, () => ({ status: 'success', cost: 0.1 })));
  await push(stack, { request_id: 'r-1' });
  await ended(stack, 'r-1');
  const manager = await stack.client.jetstreamManager();
  await until(async () => {
    const { num_pending, num_ack_pending } = await manager.consumers.info('BL_RESULTS', 'router-results');
    return num_pending + num_ack_pending === 0;
  }, 'all results to be settled', 20000);
  assert.equal((await messagesOf(stack.client, 'BL_USAGE')).length, 1);
  assert.equal(it.assignments.length, 1);
});

test('strange results go to the dead letter queue, and nothing stalls', async (t) => {
  const stack = await start(t);
  const it = await worker(t, stack, () => ({ status: 'success' }));
  await push(stack, { request_id: 'r-1' });
  const { life_cycle } = await ended(stack, 'r-1');
  const [{ assignment_id }] = life_cycle.attempts;
  const of = { tenant_id: 'demo', assignment_id };
  await it.report(of, 'no json');
  await it.report(of, '[]');
  await it.report(of, { status: undefined });
  await it.report(of, { status: 'perhaps' });
  await it.report(of, { status: 'success', cost: 99 }); // says otherwise than the first
  await it.report({ ...of, tenant_id: 'other' }, { status: 'success', cost: 98 });
  await it.report({ tenant_id: 'demo', assignment_id: '00000000-0000-4000-8000-000000000000' }, { status: 'success' });
  await it.report({ tenant_id: 'demo', assignment_id: '*' }, { status: 'success' });
  const letters = await until(async () => {
    const found = await messagesOf(stack.client, 'BL_DLQ');
    return found.length === 8 ? found : null;
  }, 'eight dead letters', 20000);
  assert.deepEqual(letters.map(({ body }) => body.reason).sort(), ['assignment_unknown', 'assignment_unknown', 'result_conflict', 'schema_validation_failed',
    'schema_validation_failed', 'schema_validation_failed', 'schema_validation_failed', 'tenant_mismatch']);
  assert.equal((await messagesOf(stack.client, 'BL_USAGE')).length, 1);
  await push(stack, { request_id: 'r-2' });
  assert.equal((await ended(stack, 'r-2')).life_cycle.state, 'done');
});

test('an absurd cost is not believed', async (t) => {
  const stack = await start(t);
  await worker(t, stack, () => ({ status: 'success', cost: -5 }));
  await push(stack, { request_id: 'r-1' });
  await ended(stack, 'r-1');
  const [{ body }] = await messagesOf(stack.client, 'BL_USAGE');
  assert.equal(body.cost_status, 'rejected');
  assert.equal(body.cost, undefined);
});

test('without JetStream a push is refused, and a plain decide is not', async (t) => {
  const stack = await Stack.start(t, { policies: { 'demo/default.yaml': policy } });
  const reply = await push(stack);
  assert.equal(reply.ok, false);
  assert.equal(reply.error.code, 'unavailable');
  assert.ok(reply.error.details.retry_after_ms > 0);
  assert.equal((await stack.request({ tenant_id: 'demo', task })).ok, true);
});

test('what a policy or the configuration does not allow is refused', async (t) => {
  const stack = await start(t, { policies: { 'demo/default.yaml': `${policy}push: {allowed: false}\n`, 'demo/open.yaml': policy } });
  assert.equal((await push(stack)).error.details.code, 'forbidden');
  for (const members of [{ notify_subject: 'a.b' }, { assignment_subject: 'a.b' }]) {
    const { ok, error } = await push(stack, { policy_id: 'open', ...members });
    assert.equal(ok, false);
    assert.match(error.message, /names a subject that requests may not choose/);
  }
  assert.equal((await push(stack, { policy_id: 'open' })).ok, true);
});

test('a stream that is weaker than it has to be is named, and nothing is pushed', async (t) => {
  const stack = await Stack.start(t, { policies: { 'demo/default.yaml': policy }, natsArgs: ['-js', '-sd', 'FOLDER/js'], env: { BEAMLINE_PUSH_ENABLED: 'false' } });
  const manager = await stack.client.jetstreamManager();
  await manager.streams.add({ name: 'BL_RESULTS', subjects: ['caf.exec.result.v1'], storage: 'memory' });
  await stack.router.stop();
  stack.options.env = {};
  await stack.startRouter();
  await stack.ready();
  await until(() => stack.router.log().includes('stream BL_RESULTS is kept in memory'), 'the reason');
  assert.match((await push(stack)).error.message, /stream BL_RESULTS is kept in memory, not in files/);
  await manager.streams.delete('BL_RESULTS');
  await until(() => stack.router.log().includes('"message":"pushes are taken"'), 'the router to look again', 15000);
  assert.equal((await push(stack)).ok, true);
});
