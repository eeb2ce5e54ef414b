// Whatever comes in gets one reply with the right code, and the next request is served.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack } from '../support/stack.mjs';

const task = { type: 'text.generate', payload: {} };
const good = { version: '1', request_id: 'r', tenant_id: 'demo', task, metadata: { tier: 'x' }, constraints: { max_cost: 1 } };
const text = JSON.stringify(good);
const nested = (depth) => `{"tenant_id":"demo","task":{"type":"t","payload":${'['.repeat(depth)}${']'.repeat(depth)}}}`;

const refused = {
  'empty': ['', 'SCHEMA_VALIDATION_FAILED'],
  'a space': [' ', 'SCHEMA_VALIDATION_FAILED'],
  'cut off': [text.slice(0, -3), 'SCHEMA_VALIDATION_FAILED'],
  'not JSON': ['hello', 'SCHEMA_VALIDATION_FAILED'],
  'binary': [new Uint8Array([0, 255, 1, 254]), 'SCHEMA_VALIDATION_FAILED'],
  'an array': ['[]', 'SCHEMA_VALIDATION_FAILED'],
  'a string': ['"x"', 'SCHEMA_VALIDATION_FAILED'],
  'two documents': [`${text}{}`, 'SCHEMA_VALIDATION_FAILED'],
  'duplicate keys': ['{"tenant_id":"demo","tenant_id":"demo","task":{"type":"t","payload":{}}}', 'SCHEMA_VALIDATION_FAILED'],
  'bad UTF-8': [Buffer.from('{"tenant_id":"demo","x":"\xff"}', 'latin1'), 'SCHEMA_VALIDATION_FAILED'],
  'a lone surrogate': ['{"tenant_id":"demo","x":"\\ud800"}', 'SCHEMA_VALIDATION_FAILED'],
  'too deep': [nested(100), 'SCHEMA_VALIDATION_FAILED'],
  'absurdly deep': [nested(100000), 'SCHEMA_VALIDATION_FAILED'],
  'too many values': [`{"tenant_id":"demo","task":{"type":"t","payload":[${'1,'.repeat(70000)}1]}}`, 'SCHEMA_VALIDATION_FAILED'],
  'no task': ['{"tenant_id":"demo"}', 'SCHEMA_VALIDATION_FAILED'],
  'a task of the wrong type': ['{"tenant_id":"demo","task":7}', 'SCHEMA_VALIDATION_FAILED'],
  'a type of the wrong type': ['{"tenant_id":"demo","task":{"type":7,"payload":{}}}', 'SCHEMA_VALIDATION_FAILED'],
  'no payload': ['{"tenant_id":"demo","task":{"type":"t"}}', 'SCHEMA_VALIDATION_FAILED'],
  'metadata of the wrong type': [JSON.stringify({ ...good, metadata: 'x' }), 'SCHEMA_VALIDATION_FAILED'],
  'a negative cost': [JSON.stringify({ ...good, constraints: { max_cost: -1 } }), 'SCHEMA_VALIDATION_FAILED'],
  'an endless number': [`{"tenant_id":"demo","task":{"type":"t","payload":1e999}}`, 'SCHEMA_VALIDATION_FAILED'],
  'an unknown version': [JSON.stringify({ ...good, version: '3' }), 'VERSION_UNSUPPORTED'],
  'no tenant': [JSON.stringify({ ...good, tenant_id: undefined }), 'CORRELATION_FIELDS_INVALID'],
  'a tenant that is none': [JSON.stringify({ ...good, tenant_id: '../etc' }), 'CORRELATION_FIELDS_INVALID'],
  'a policy id that is none': [JSON.stringify({ ...good, policy_id: 'a/b c' }), 'CORRELATION_FIELDS_INVALID'],
  'a trace id too long': [JSON.stringify({ ...good, trace_id: 'x'.repeat(129) }), 'CORRELATION_FIELDS_INVALID'],
  'metadata too large': [JSON.stringify({ ...good, metadata: { x: 'y'.repeat(66000) } }), 'PAYLOAD_TOO_LARGE'],
};

test('every kind of bad input', async (t) => {
  const stack = await Stack.start(t);
  for (const [name, [body, code]] of Object.entries(refused)) {
    await t.test(name, async () => {
      const reply = await stack.request(body);
      assert.equal(reply.ok, false, JSON.stringify(reply).slice(0, 300));
      assert.equal(reply.error.code, 'invalid_request', JSON.stringify(reply).slice(0, 300));
      assert.equal(reply.error.intake_error_code, code, JSON.stringify(reply).slice(0, 300));
      assert.ok(reply.error.message.length > 5);
      assert.equal((await stack.request(good)).ok, true);
    });
  }
  await t.test('unknown tenant and policy', async () => {
    assert.equal((await stack.request({ ...good, tenant_id: 'nobody' })).error.code, 'policy_not_found');
    assert.equal((await stack.request({ ...good, policy_id: 'none' })).error.code, 'policy_not_found');
  });
  await t.test('the largest message that NATS takes', async () => {
    const reply = await stack.request(JSON.stringify({ ...good, task: { type: 't', payload: 'x'.repeat(1048576 - 400) } }));
    assert.equal(reply.ok, true, JSON.stringify(reply).slice(0, 300));
  });
});

test('10 000 mutations: one JSON reply each, flat memory', async (t) => {
  const stack = await Stack.start(t);
  let seed = Number(process.env.BL_TEST_SEED ?? 20261123) >>> 0;
  t.diagnostic(`seed: BL_TEST_SEED=${seed}`);
  const random = (bound) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % bound;
  };
  const mutated = () => {
    const bytes = Buffer.from(text);
    for (let i = 0; i <= random(4); i++) {
      const at = random(bytes.length);
      if (random(3) === 0) bytes.copy(bytes, at, random(bytes.length));
      else bytes[at] = random(256);
    }
    return random(5) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
  };
  const round = (count) => Promise.all(Array.from({ length: count }, async () => {
    const reply = await stack.request(mutated());
    assert.equal(typeof reply.ok, 'boolean');
    if (!reply.ok) assert.equal(typeof reply.error.code, 'string');
    return reply;
  }));
  for (let i = 0; i < 4; i++) await round(500);
  const before = stack.router.rssMiB();
  for (let i = 0; i < 16; i++) await round(500);
  assert.equal((await stack.request(good)).ok, true);
  assert.ok(stack.router.rssMiB() - before < 4, `grew from ${before} to ${stack.router.rssMiB()} MiB`);
});
