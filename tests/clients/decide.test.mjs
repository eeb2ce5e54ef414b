// The official Node client against a real router: every dialect, header, subject and read.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { headers as natsHeaders } from '../node_modules/nats/index.js';
import { samplePolicy, Stack } from '../support/stack.mjs';

const task = { type: 'text.generate', payload: { prompt: 'hi' } };
const ends = [];
let stack;

before(async () => {
  stack = await Stack.start({ after: (end) => ends.push(end) }, {
    policies: {
      'demo/default.yaml': samplePolicy,
      'demo/needs.yaml': 'providers: [{name: a}]\nvalidators: [{id: pii_guard}]\n',
      'demo/nobody.yaml': 'providers: [{name: a, weight: 0, last_resort: false}, {name: b}]\nrules: [{deny: [b]}]\n',
      '_shared/shared.yaml': 'providers: [{name: everywhere}]\n',
      'a.b:c/default.yaml': 'providers: [{name: scoped}]\n',
    },
  });
});

after(() => Promise.all(ends.map((end) => end())));

test('canonical form', async () => {
  const reply = await stack.request({ version: '1', request_id: 'r-1', trace_id: 't-1', tenant_id: 'demo', task });
  assert.equal(reply.ok, true);
  assert.deepEqual(reply.context, { request_id: 'r-1', trace_id: 't-1' });
  const { decision } = reply;
  assert.ok(['openai/gpt-4o', 'anthropic/sonnet'].includes(decision.provider_id));
  assert.equal(decision.reason, 'weighted');
  assert.equal(decision.priority, 50);
  assert.equal(decision.policy_id, 'default');
  assert.match(decision.policy_version, /^[0-9a-f]{12}$/);
  assert.match(decision.decision_id, /^[A-Za-z0-9_-]{40,}$/);
  assert.ok(decision.expected_latency_ms > 0 && decision.expected_cost > 0);
});

for (const [name, body] of Object.entries({
  gateway: { version: '1', tenant_id: 'demo', request_id: 'r-2', message: { message_type: 'chat', payload: { text: 'x' } }, context: { a: 1 } },
  'gateway, empty message': { version: '1', tenant_id: 'demo', request_id: 'r-3', message: {} },
  flat: { message_id: 'm-1', tenant_id: 'demo', message_type: 'chat', payload: { text: 'x' } },
  'contract test': { version: '1', request_id: 'r-4', tenant_id: 'demo', message: { type: 'chat', payload: {} } },
  bridge: { from: 'a', to: 'b', message_id: 'm-2', tenant_id: 'demo', policy_id: 'default', input: { type: 'x', a: 1 } },
  'version as a number': { version: 1, tenant_id: 'demo', request_id: 'r-5', task },
  'empty policy id': { tenant_id: 'demo', policy_id: '', task },
  'unknown keys': { tenant_id: 'demo', task, something: { else: [1, 2] } },
})) {
  test(`dialect: ${name}`, async () => {
    const reply = await stack.request(body);
    assert.equal(reply.ok, true, JSON.stringify(reply));
    assert.equal(reply.context.request_id, body.request_id ?? body.message_id ?? reply.context.request_id);
    assert.ok(reply.context.request_id.length > 0);
  });
}

test('a header beats the body', async () => {
  const headers = natsHeaders();
  headers.set('trace_id', 'from-header');
  const reply = await stack.request({ tenant_id: 'demo', trace_id: 'from-body', task }, { headers });
  assert.equal(reply.context.trace_id, 'from-header');
  headers.set('version', '7');
  const refused = await stack.request({ tenant_id: 'demo', version: '1', task }, { headers });
  assert.equal(refused.error.intake_error_code, 'VERSION_UNSUPPORTED');
});

test('the subject binds the tenant', async () => {
  const own = await stack.request({ task }, { subject: 'beamline.router.v1.t.demo.decide' });
  assert.equal(own.ok, true);
  const escaped = await stack.request({ task }, { subject: 'beamline.router.v1.t.a=2Eb=3Ac.decide' });
  assert.equal(escaped.decision.provider_id, 'scoped');
  const conflict = await stack.request({ tenant_id: 'other', task }, { subject: 'beamline.router.v1.t.demo.decide' });
  assert.equal(conflict.ok, false);
  assert.equal(conflict.error.code, 'unauthorized');
  assert.equal(conflict.error.intake_error_code, 'TENANT_FORBIDDEN');
});

test('policies: own, shared, unknown', async () => {
  const shared = await stack.request({ tenant_id: 'anybody', policy_id: 'shared', task });
  assert.equal(shared.decision.provider_id, 'everywhere');
  assert.equal(shared.decision.estimates, 'none');
  const unknown = await stack.request({ tenant_id: 'demo', policy_id: 'missing', task });
  assert.equal(unknown.error.code, 'policy_not_found');
  const byContext = await stack.request({ tenant_id: 'demo', context: { policy_id: 'shared' }, task });
  assert.equal(byContext.decision.provider_id, 'everywhere');
});

test('rules and sessions', async () => {
  const gold = await stack.request({ tenant_id: 'demo', task, metadata: { tier: 'gold' } });
  assert.deepEqual([gold.decision.provider_id, gold.decision.reason, gold.decision.priority], ['openai/gpt-4o', 'rule', 75]);
  const eu = await stack.request({ tenant_id: 'demo', task, metadata: { region: 'eu' } });
  assert.equal(eu.decision.provider_id, 'anthropic/sonnet');
  const keys = new Set();
  for (const user of [1, '1', 'u-2', true]) {
    const providers = new Set();
    for (let i = 0; i < 50; i++) {
      const { decision } = await stack.request({ tenant_id: 'demo', task, context: { user_id: user } });
      providers.add(decision.provider_id);
      keys.add(decision.sticky_key);
    }
    assert.equal(providers.size, 1, `user ${user} moved`);
  }
  assert.equal(keys.size, 4, 'values of different types are different sessions');
});

test('weights are proportions', async () => {
  let first = 0;
  await Promise.all(Array.from({ length: 2000 }, async () => {
    const { decision } = await stack.request({ tenant_id: 'demo', task });
    first += decision.provider_id === 'openai/gpt-4o' ? 1 : 0;
  }));
  assert.ok(first > 1270 && first < 1530, `${first} of 2000, 1400 expected`); // six standard deviations
});

test('explain and dry run', async () => {
  const reply = await stack.request({ tenant_id: 'demo', task, explain: true, dry_run: true, metadata: { region: 'eu' } });
  assert.equal(reply.explain.chosen, 'anthropic/sonnet');
  assert.equal(reply.explain.candidates.find((c) => c.provider_id === 'openai/gpt-4o').dropped, 'denied_by_rule');
  assert.ok(reply.explain.text.length >= 2);
});

test('what needs a store or an extension is refused', async () => {
  for (const extra of [{ push_assignment: true }, { idempotency_key: 'k' }]) {
    const reply = await stack.request({ tenant_id: 'demo', task, ...extra });
    assert.equal(reply.error.code, 'unavailable');
    assert.ok(reply.error.details.retry_after_ms > 0);
  }
  const reply = await stack.request({ tenant_id: 'demo', policy_id: 'needs', task });
  assert.equal(reply.error.code, 'extension_not_found');
  assert.match(reply.error.message, /pii_guard/);
});

test('nobody available names each candidate', async () => {
  const reply = await stack.request({ tenant_id: 'demo', policy_id: 'nobody', task });
  assert.equal(reply.error.code, 'decision_failed');
  assert.deepEqual(reply.error.details.candidates.map((c) => c.dropped), ['not_offered', 'denied_by_rule']);
});

test('the gateway gets codes that it maps, and the exact one beside', async () => {
  const missing = await stack.request({ version: '1', tenant_id: 'demo', request_id: 'g', message: {}, policy_id: 'nobody' });
  assert.equal(missing.error.code, 'decision_failed');
  assert.equal(missing.error.details.code, 'no_provider_available');
  assert.equal(typeof missing.error.intake_error_code, 'string');
  const tenant = await stack.request({ version: '1', tenant_id: '', request_id: 'g', message: {} });
  assert.equal(tenant.error.code, 'invalid_request');
  const stored = await stack.request({ message_id: 'm' }, { subject: 'beamline.router.v1.get_decision' });
  assert.equal(stored.error.code, 'policy_not_found');
  assert.equal(stored.error.details.code, 'decision_not_found');
});

test('reads of the gateway', async () => {
  const admin = (name, body) => stack.request(body, { subject: `beamline.router.v1.admin.${name}` });
  assert.deepEqual(await admin('get_extension_health', {}), { health: {} });
  assert.deepEqual(await admin('get_circuit_breaker_states', {}), { states: {} });
  const dry = await admin('dry_run_pipeline', { tenant_id: 'demo', policy_id: 'default', payload: { a: 1 } });
  assert.equal(dry.ok, true);
  assert.deepEqual(dry.result.final_payload, { a: 1 });
  const complexity = await admin('get_pipeline_complexity', { tenant_id: 'demo', policy_id: 'needs' });
  assert.equal(complexity.validators_count, 1);
  const wrong = await admin('dry_run_pipeline', 'not json');
  assert.equal(wrong.ok, false);
});

test('without an inbox the reply goes to <subject>.reply', async () => {
  const subscription = stack.client.subscribe('beamline.router.v1.decide.reply', { max: 1 });
  await stack.client.flush();
  stack.client.publish('beamline.router.v1.decide', JSON.stringify({ tenant_id: 'demo', request_id: 'no-inbox', task }));
  for await (const message of subscription) {
    assert.equal(message.json().context.request_id, 'no-inbox');
  }
});

test('nothing of a request comes back but its ids', async () => {
  const marker = 'xyzzy-4711';
  const bodies = [
    { tenant_id: 'demo', task: { type: marker, payload: { p: marker } }, metadata: { m: marker }, context: { user_id: marker }, explain: true },
    { tenant_id: 'demo', task: { type: 1, payload: marker }, metadata: { m: marker } },
    { tenant_id: 'demo', policy_id: 'nobody', task: { type: 't', payload: marker }, context: { a: marker }, explain: true },
    `{"tenant_id":"demo","task":{"type":"t","payload":"${marker}"`,
  ];
  for (const body of bodies) {
    assert.ok(!JSON.stringify(await stack.request(body)).includes(marker), JSON.stringify(body));
  }
});
