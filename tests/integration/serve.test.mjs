// A router among servers that are absent, die and freeze, and policies that break and mend.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { connect } from '../node_modules/nats/index.js';
import { samplePolicy, Stack, until } from '../support/stack.mjs';

const task = { type: 'text.generate', payload: {} };
const good = { tenant_id: 'demo', task };
const answered = (stack) => until(() => stack.request(good, { timeout: 500 }).then((r) => r.ok, () => false), 'an answer');

test('NATS absent at the start', async (t) => {
  const stack = await Stack.start(t, { nats: false });
  await until(() => stack.router.log().includes('"message":"starting"'), 'the start');
  assert.ok(!stack.router.log().includes('"message":"ready"'));
  await stack.startNats();
  await stack.ready();
  stack.client = await connect({ servers: stack.url });
  assert.equal((await stack.request(good)).ok, true);
});

test('NATS killed under load, and back', async (t) => {
  const stack = await Stack.start(t);
  let running = true;
  const load = Promise.all(Array.from({ length: 16 }, async () => {
    while (running) await stack.request(good, { timeout: 300 }).catch(() => {});
  }));
  for (let round = 1; round <= 2; round++) {
    await stack.nats.stop('SIGKILL');
    await until(() => stack.router.log().split('"message":"not ready"').length > round, 'not ready');
    await stack.startNats();
    await stack.ready(round + 1);
    await answered(stack);
  }
  running = false;
  await load;
});

test('NATS frozen under load stays bounded', async (t) => {
  const stack = await Stack.start(t, { env: { BEAMLINE_NATS_WRITE_STALL_MS: '500' } });
  await Promise.all(Array.from({ length: 500 }, () => stack.request(good)));
  const before = stack.router.rssMiB();
  for (let i = 0; i < 3000; i++) stack.client.publish('beamline.router.v1.decide', JSON.stringify(good), { reply: 'nowhere' });
  stack.nats.signal('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 2000));
  stack.nats.signal('SIGCONT');
  await answered(stack);
  assert.ok(stack.router.rssMiB() - before < 32, `grew from ${before} to ${stack.router.rssMiB()} MiB`);
});

test('policies break, mend, appear and go, while requests are served', async (t) => {
  const stack = await Stack.start(t);
  const provider = async (tenant = 'demo') => {
    const reply = await stack.request({ tenant_id: tenant, task });
    return reply.ok ? reply.decision.provider_id : reply.error.code;
  };
  stack.putPolicy('demo/default.yaml', 'providers: [{name: changed}]\n');
  await until(async () => (await provider()) === 'changed', 'the change');
  stack.putPolicy('demo/default.yaml', 'providers: [{nam: broken}]\n');
  await until(() => stack.router.log().includes('policy not taken over'), 'the report');
  assert.match(stack.router.log(), /"line":1,.*unknown key/);
  await until(() => /router_policy_load_errors 1/.test(stack.metrics()), 'the metric');
  assert.equal(await provider(), 'changed');
  stack.putPolicy('demo/default.yaml', 'providers: [{name: mended}]\n');
  await until(async () => (await provider()) === 'mended', 'the mending');
  stack.putPolicy('fresh/default.yaml', 'providers: [{name: fresh}]\n');
  await until(async () => (await provider('fresh')) === 'fresh', 'the new tenant');
  stack.removePolicy('fresh/default.yaml');
  await until(async () => (await provider('fresh')) === 'policy_not_found', 'the removal');
});

test('20 000 requests, 256 at a time, each answered once', async (t) => {
  const stack = await Stack.start(t);
  const seen = new Map();
  const subscription = stack.client.subscribe('answers.*', {
    callback: (_, message) => seen.set(message.subject, (seen.get(message.subject) ?? 0) + 1),
  });
  for (let sent = 0; sent < 20000; sent++) {
    stack.client.publish('beamline.router.v1.decide', JSON.stringify(good), { reply: `answers.${sent}` });
    if (sent % 256 === 255) await until(() => sent - seen.size < 256, 'room');
  }
  await until(() => seen.size === 20000, 'all answers');
  assert.ok([...seen.values()].every((count) => count === 1), 'an answer came twice');
  subscription.unsubscribe();
});

test('overload is answered, not dropped', async (t) => {
  const stack = await Stack.start(t, { env: { BEAMLINE_NATS_HIGH_WATER_MESSAGES: '16', BEAMLINE_NATS_DRAIN_BATCH: '1' } });
  const outcomes = {};
  stack.router.signal('SIGSTOP');
  const replies = Array.from({ length: 3000 }, () => stack.request(good, { timeout: 20000 }));
  await stack.client.flush();
  stack.router.signal('SIGCONT');
  for (const reply of await Promise.all(replies)) {
    const code = reply.ok ? 'ok' : reply.error.code;
    outcomes[code] = (outcomes[code] ?? 0) + 1;
    if (!reply.ok) assert.ok(reply.error.details.retry_after_ms > 0);
  }
  assert.equal((outcomes.ok ?? 0) + (outcomes.service_overloaded ?? 0), 3000);
  assert.ok(outcomes.service_overloaded > 0, JSON.stringify(outcomes));
  await until(() => new RegExp(`router_overload_refusals_total ${outcomes.service_overloaded}`).test(stack.metrics()), 'the metric');
});

test('SIGTERM under load: what was sent is answered once, exit code 0', async (t) => {
  const stack = await Stack.start(t);
  const seen = new Map();
  stack.client.subscribe('stop.*', { callback: (_, m) => seen.set(m.subject, (seen.get(m.subject) ?? 0) + 1) });
  for (let i = 0; i < 2000; i++) stack.client.publish('beamline.router.v1.decide', JSON.stringify(good), { reply: `stop.${i}` });
  await stack.client.flush(); // the server has them all, and the router was subscribed
  const { code } = await stack.router.stop('SIGTERM');
  assert.equal(code, 0);
  await stack.client.flush();
  assert.equal(seen.size, 2000);
  assert.ok([...seen.values()].every((count) => count === 1));
});

test('a tenant has one spelling in subjects', async (t) => {
  const stack = await Stack.start(t, { policies: { 'a.b/default.yaml': samplePolicy } });
  const ask = (token, body = { task }) => stack.request(body, { subject: `beamline.router.v1.t.${token}.decide` });
  assert.equal((await ask('a=2Eb')).ok, true);
  for (const token of ['a=2eb', '=61=2Eb', 'a=2E=62', 'a=2Eb=', 'a:b']) {
    const { ok, error } = await ask(token, { task, tenant_id: 'a.b' });
    assert.equal(ok, false, token);
    assert.deepEqual([error.code, error.intake_error_code], ['invalid_request', 'CORRELATION_FIELDS_INVALID'], token);
  }
});

const users = (permissions) => `authorization { users: [
  { user: router, password: secret, permissions: { publish: ">", subscribe: { allow: ">" ${permissions} } } }
  { user: client, password: client } ] }`;

test('a refused subscription: not ready, said how to cure it, ready once it is granted', async (t) => {
  const stack = await Stack.start(t, {
    natsConfig: users(', deny: ["beamline.router.v1.decide"]'), login: { user: 'client', pass: 'client' }, refused: true,
    env: { BEAMLINE_NATS_USER: 'router', BEAMLINE_NATS_PASSWORD: 'env:ROUTER_PASSWORD', ROUTER_PASSWORD: 'secret' } });
  await until(() => stack.router.log().includes('refuses a subscription; not ready'), 'the refusal');
  assert.match(stack.router.log(), /"level":"ERROR".*"subject":"beamline.router.v1.decide".*"hint":"allow/);
  await until(() => /router_ready 0/.test(stack.metrics()), 'the metric');
  await new Promise((resolve) => setTimeout(resolve, 300)); // nothing may follow, so there is nothing to wait for
  assert.ok(!stack.router.log().includes('"message":"ready"'), stack.router.log());
  await stack.nats.stop('SIGKILL');
  stack.options.natsConfig = users('');
  await stack.startNats();
  await stack.ready();
  await until(() => /router_ready 1/.test(stack.metrics()), 'the metric');
  await answered(stack);
});

test('a reply that NATS does not take: cut, or answered with an error', async (t) => {
  const provider = (i, length) => `  - {name: "${String(i).padStart(length, 'x')}", weight: 1}\n`;
  const many = `providers:\n${Array.from({ length: 128 }, (_, i) => provider(i, 200)).join('')}`;
  const stack = await Stack.start(t, {
    natsConfig: 'max_payload: 2048', policies: { 'demo/default.yaml': many, 'demo/long.yaml': `providers:\n${provider(1, 255)}` } });
  const cut = await stack.request({ ...good, explain: true });
  assert.equal(cut.ok, true);
  assert.equal(cut.explain.truncated, true);

  stack.nats.signal('SIGKILL');
  await stack.nats.exited;
  stack.options.natsConfig = 'max_payload: 700';
  await stack.startNats();
  await stack.ready(2);
  const ids = { request_id: 'r'.repeat(100), trace_id: 't'.repeat(100) };
  const ask = () => stack.request({ ...good, ...ids, policy_id: 'long' }, { timeout: 500 }).catch(() => null);
  const reply = await until(ask, 'an answer'); // the client has to come back, too
  assert.equal(reply.error.code, 'resource_exhausted');
  assert.match(reply.error.message, /max_payload/);
  await until(() => /router_replies_failed_total [1-9]/.test(stack.metrics()), 'the count');
  assert.match(stack.metrics(), /code="resource_exhausted"/);
  assert.match(stack.router.log(), /"level":"WARN".*"message":"request refused".*max_payload/);
});

const count = (text, part) => text.split(part).length - 1;

test('metrics that cannot be written are told once, and when they can again', async (t) => {
  const stack = await Stack.start(t, { env: { BEAMLINE_METRICS_INTERVAL_MS: '100' } });
  await until(() => stack.metrics(), 'the first writing');
  rmSync(stack.metricsFile);
  mkdirSync(`${stack.metricsFile}.new`);
  await until(() => stack.router.log().includes('metrics were not written'), 'the warning');
  await new Promise((resolve) => setTimeout(resolve, 500)); // nothing may follow, so there is nothing to wait for
  assert.equal(count(stack.router.log(), 'metrics were not written'), 1);
  rmSync(`${stack.metricsFile}.new`, { recursive: true });
  await until(() => stack.router.log().includes('metrics are written again'), 'the end of it');
  assert.ok(stack.metrics());
});

test('a bad configuration is told once to the watch, and again to who asks', async (t) => {
  const file = join(mkdtempSync(join(tmpdir(), 'bl-config-')), 'router.yaml');
  t.after(() => rmSync(dirname(file), { recursive: true, force: true }));
  writeFileSync(file, 'logs: {level: info}\n');
  const stack = await Stack.start(t, { args: ['--config', file] });
  const told = () => count(stack.router.log(), 'configuration not taken over');
  writeFileSync(file, 'logs: {level: loud}\n');
  stack.router.signal('SIGHUP');
  await until(() => told() > 0, 'the finding');
  await new Promise((resolve) => setTimeout(resolve, 500)); // nothing may follow, so there is nothing to wait for
  assert.equal(told(), 1, stack.router.log());
  stack.router.signal('SIGHUP');
  await until(() => told() === 2, 'the answer');
  writeFileSync(file, 'logs: {level: louder}\nstop: {drain_ms: never}\n');
  await until(() => told() === 4, 'two others');
  writeFileSync(file, 'logs: {level: info}\n');
  await until(() => stack.router.log().includes('configuration taken over'), 'the mending');
});

test('settings are reloaded on SIGHUP', async (t) => {
  const stack = await Stack.start(t, { policies: { 'demo/default.yaml': samplePolicy, 'other/default.yaml': samplePolicy } });
  assert.ok(!stack.router.log().includes('request answered'));
  stack.router.signal('SIGHUP');
  await until(() => stack.router.log().includes('configuration taken over'), 'the reload');
  assert.equal((await stack.request(good)).ok, true);
});

test('metrics are whole and current', async (t) => {
  const stack = await Stack.start(t);
  await stack.request(good);
  await stack.request('broken');
  await until(() => /router_requests_total\{operation="decide",code="ok",dialect="canonical"\} 1/.test(stack.metrics()), 'the count');
  const text = stack.metrics();
  assert.match(text, /^router_intake_backpressure_active 0\n# HELP router_intake_backpressure_active /);
  assert.match(text, /router_requests_total\{operation="decide",code="invalid_request",dialect="[a-z]+"\} 1/);
  assert.match(text, /router_ready 1/);
  assert.match(text, /router_decisions_total\{reason="weighted"\} 1/);
  for (const outcome of ['ok', 'error']) assert.ok(text.includes(`router_request_seconds_count{operation="decide",outcome="${outcome}"} 1`), outcome);
});
