// Requests in protobuf over NATS: the same subject, the same decisions.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { headers as natsHeaders } from 'nats';
import protobuf from 'protobufjs';
import { root, Stack } from '../support/stack.mjs';

const SUBJECT = 'beamline.router.v1.decide';
const types = protobuf.loadSync(join(root, 'proto', 'beamline', 'flow', 'v1', 'flow.proto'));
const RouteRequest = types.lookupType('beamline.flow.v1.RouteRequest');
const RouteDecision = types.lookupType('beamline.flow.v1.RouteDecision');
const ends = [];
let stack;

before(async () => {
  stack = await Stack.start({ after: (end) => ends.push(end) });
});

after(() => Promise.all(ends.map((end) => end())));

const encode = (fields) => RouteRequest.encode(RouteRequest.create(fields)).finish();
const route = (fields = {}, message = {}) => encode({ message: { tenantId: 'demo', messageType: 'chat', payload: Buffer.from('{}'), ...message }, ...fields });

async function ask(bytes, contentType) {
  const headers = natsHeaders();
  if (contentType) headers.set('content-type', contentType);
  return (await stack.client.request(SUBJECT, bytes, { timeout: 5000, headers })).data;
}

for (const contentType of [undefined, 'application/x-protobuf', 'application/protobuf', 'application/vnd.google.protobuf']) {
  test(`a RouteRequest is answered with a RouteDecision, content type ${contentType ?? 'absent'}`, async () => {
    const reply = RouteDecision.decode(await ask(route({ requestId: 'r-1' }), contentType));
    assert.match(reply.providerId, /openai\/gpt-4o|anthropic\/sonnet/);
    assert.equal(reply.reason, 'weighted');
    assert.equal(reply.requestId, 'r-1');
    assert.equal(reply.error, null);
  });
}

test('content-type application/json asks for a reply in JSON', async () => {
  const text = Buffer.from(await ask(route(), 'application/json')).toString();
  assert.equal(JSON.parse(text).ok, true, text);
});

test('an error stands in the decision, with its intake code', async () => {
  const unknown = RouteDecision.decode(await ask(route({ policyId: 'none' })));
  assert.equal(unknown.error.code, 'policy_not_found');
  assert.equal(unknown.providerId, '');
  const nobody = RouteDecision.decode(await ask(route({}, { tenantId: '' })));
  assert.equal(nobody.error.code, 'invalid_request');
  assert.ok(nobody.error.intakeErrorCode.length > 0);
});

// A message of 123 bytes begins with "\n{", which might be a line feed and JSON.
test('every length of message is told from JSON', async () => {
  for (let padding = 0; padding < 200; padding++) {
    const bytes = route({ requestId: `p-${padding}` }, { payload: Buffer.from(`{"text":"${'x'.repeat(padding)}"}`) });
    const reply = RouteDecision.decode(await ask(bytes));
    assert.equal(reply.requestId, `p-${padding}`, `${padding}: ${Buffer.from(bytes.subarray(0, 4)).toString('hex')}`);
  }
});

test('JSON behind a line feed is JSON', async () => {
  const text = `\n${JSON.stringify({ tenant_id: 'demo', task: { type: 'chat', payload: {} } })}`;
  assert.equal(JSON.parse(Buffer.from(await ask(Buffer.from(text))).toString()).ok, true);
});

test('garbage is refused, each in its way, and the next request is served', async () => {
  for (let seed = 1; seed <= 300; seed++) {
    const bytes = Buffer.from(route({}, { payload: Buffer.alloc(40, 'x') }));
    bytes[(seed * 7919) % bytes.length] ^= 1 << seed % 8;
    const reply = await ask(bytes.subarray(0, bytes.length - (seed % 3)), 'application/x-protobuf');
    assert.ok(RouteDecision.decode(reply), `seed ${seed}`);
  }
  assert.ok(RouteDecision.decode(await ask(route())).providerId);
});
