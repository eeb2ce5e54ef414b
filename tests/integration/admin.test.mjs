// Administration over HTTP: policies are written, read, compared, tried and guarded; what is
// acknowledged is served, and survives; who may not ask is refused.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { Agent, request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beamline, samplePolicy, Stack, until } from '../support/stack.mjs';

const yaml = { 'Content-Type': 'application/yaml' };
const json = { 'Content-Type': 'application/json' };
const only = (name) => JSON.stringify({ providers: [{ name }] });
const good = { tenant_id: 'acme', task: { type: 'chat', payload: {} } };

function call(to, path, { method = 'GET', headers = {}, body, agent } = {}) {
  return new Promise((resolve, reject) => {
    const place = typeof to === 'string' ? { socketPath: to } : { host: '127.0.0.1', port: to };
    const sent = request({ ...place, method, path, headers, agent }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const isJson = response.headers['content-type'] === 'application/json' && text !== '';
        resolve({ status: response.statusCode, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

// A router with a store, a file, and a listener for operators on a free port; its log says which.
async function start(t, env = {}, policies = { 'demo/filed.yaml': samplePolicy }) {
  const folder = mkdtempSync(join(tmpdir(), 'bl-admin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = join(folder, 'policies.db');
  const stack = await Stack.start(t, { policies, env: { BEAMLINE_HTTP_LISTEN: '127.0.0.1:0', BEAMLINE_HTTP_OPS_LISTEN: '127.0.0.1:0', BEAMLINE_POLICIES_STORE: store, ...env } });
  const port = (message) => Number(new RegExp(`"message":"${message}","address":"[0-9.]+:(\\d+)"`).exec(stack.router.log())?.[1]);
  return { stack, folder, store, port: port('listening'), ops: port('serving operators') };
}

const put = (ops, path, body, headers = {}) => call(ops, `/api/v1/policies/${path}`, { method: 'PUT', headers: { ...yaml, ...headers }, body });
const get = (ops, path, headers) => call(ops, `/api/v1/policies/${path}`, { headers });
const post = (ops, path, body, headers = json) => call(ops, `/api/v1/policies/${path}`, { method: 'POST', headers: body === undefined ? {} : headers, body });

async function decided(stack, request = good) {
  const reply = await stack.request(request);
  return reply.ok ? reply.decision.provider_id : reply.error.code;
}

test('a policy is created, read, replaced, listed and deleted, and each change serves at once', async (t) => {
  const { stack, ops } = await start(t);
  const text = `# kept as written\n${samplePolicy}`;
  const created = await put(ops, 'acme/default?message=first%20one', text, { 'X-User-ID': 'ada' });
  assert.equal(created.status, 201, created.text);
  assert.deepEqual([created.headers.etag, created.headers.location], ['"1"', '/api/v1/policies/acme/default']);
  assert.equal(created.body.live, true);
  const whole = await get(ops, 'acme/default');
  assert.equal(whole.status, 200);
  assert.equal(whole.headers.etag, '"1"');
  const { source, live, revision, author, message, document } = whole.body;
  assert.deepEqual({ source, live, revision, author, message }, { source: 'store', live: true, revision: 1, author: 'ada', message: 'first one' });
  assert.equal(document.providers[0].name, 'openai/gpt-4o');
  const written = await get(ops, 'acme/default', { Accept: 'application/yaml' });
  assert.deepEqual([written.text, written.headers['content-type']], [text, 'application/yaml']);
  // What was read can be put back, as a document or as a text, and means the same.
  const again = await put(ops, 'acme/default', JSON.stringify(document), json);
  assert.equal(again.status, 200);
  assert.equal((await get(ops, 'acme/default')).body.content, whole.body.content);
  for (let i = 0; i < 20; i++) {
    assert.equal((await put(ops, 'acme/default', only(`p${i}`))).status, 200);
    assert.equal(await decided(stack), `p${i}`, 'read your write');
  }
  assert.equal((await put(ops, '_shared/everyone', only('shared'))).status, 201);
  assert.equal(await decided(stack, { ...good, tenant_id: 'whoever', policy_id: 'everyone' }), 'shared');
  assert.equal((await get(ops, '%2A/everyone')).body.tenant_id, '*');
  const list = (await call(ops, '/api/v1/policies')).body;
  assert.deepEqual(list.policies.map((it) => [it.tenant_id, it.policy_id, it.source, it.live]), [['*', 'everyone', 'store', true], ['acme', 'default', 'store', true], ['demo', 'filed', 'file', true]]);
  const gone = await call(ops, '/api/v1/policies/acme/default', { method: 'DELETE' });
  assert.deepEqual([gone.status, gone.body.live], [200, true]);
  assert.equal(await decided(stack), 'policy_not_found');
  assert.equal((await get(ops, 'acme/default')).status, 404);
  assert.equal((await call(ops, '/api/v1/policies/acme/default', { method: 'DELETE' })).body.error.code, 'policy_not_found');
});

test('lists come in pages that miss and repeat nothing', async (t) => {
  const { ops } = await start(t);
  const names = Array.from({ length: 7 }, (_, i) => `p${i}`);
  for (const name of names) assert.equal((await put(ops, `acme/${name}`, only(name))).status, 201);
  const read = async (path, key) => {
    const found = [];
    for (let after = ''; after !== undefined;) {
      const page = (await call(ops, `${path}&limit=2${after && `&after=${encodeURIComponent(after)}`}`)).body;
      found.push(...page[key]);
      after = page.next;
    }
    return found;
  };
  assert.deepEqual((await read('/api/v1/policies?tenant=acme', 'policies')).map((it) => it.policy_id), names);
  assert.equal((await read('/api/v1/policies?', 'policies')).length, 8);
  assert.deepEqual((await read('/api/v1/providers?tenant=acme', 'providers')).map((it) => it.provider_id), names);
  assert.deepEqual((await call(ops, '/api/v1/providers?tenant=demo&policy=filed')).body.providers[0], { provider_id: 'openai/gpt-4o', tenant_id: 'demo', policy_id: 'filed', label: 'GPT-4o', listed: true, weight: 70, tags: { region: 'us' } });
  for (let i = 0; i < 4; i++) await put(ops, 'acme/p0', only(`q${i}`));
  const first = (await get(ops, 'acme/p0/history?limit=3')).body;
  assert.equal(first.revisions.length, 3);
  const rest = (await get(ops, `acme/p0/history?before=${first.next}`)).body;
  assert.deepEqual([...first.revisions, ...rest.revisions].map((it) => it.revision), [11, 10, 9, 8, 1]);
  assert.equal(rest.next, undefined);
  for (const [path, name] of [['?limit=0', 'limit'], ['?limit=1001', 'limit'], ['?limit=x', 'limit'], ['?limit=1&limit=2', 'limit'], ['?after=x', 'after'], ['?colour=red', 'colour']]) {
    const refused = await call(ops, `/api/v1/policies${path}`);
    assert.deepEqual([refused.status, refused.body.error.code], [400, 'invalid_request'], path);
    assert.ok(refused.body.error.message.startsWith(`${name}: `), refused.text);
  }
});

test('preconditions guard changes, and of racing ones exactly one wins', async (t) => {
  const { ops } = await start(t);
  assert.equal((await put(ops, 'acme/default', only('a'), { 'If-Match': '*' })).status, 412);
  assert.equal((await put(ops, 'acme/default', only('a'), { 'If-Match': '"1"' })).status, 412);
  assert.equal((await put(ops, 'acme/default', only('a'), { 'If-None-Match': '*' })).status, 201);
  const refused = await put(ops, 'acme/default', only('b'), { 'If-None-Match': '*' });
  assert.deepEqual([refused.status, refused.body.error.code], [412, 'precondition_failed']);
  assert.match(refused.body.error.message, /at revision 1; .*If-Match: "1"/);
  for (const wrong of ['"2"', 'W/"1"', '1', '"1', '""']) assert.equal((await put(ops, 'acme/default', only('b'), { 'If-Match': wrong })).status, 412, wrong);
  assert.equal((await put(ops, 'acme/default', only('b'), { 'If-None-Match': '"1"' })).status, 400);
  assert.equal((await put(ops, 'acme/default', only('b'), { 'If-Match': '"9", "1"' })).status, 200);
  assert.equal((await put(ops, 'acme/default', only('c'), { 'If-Match': '*' })).status, 200);
  assert.equal((await call(ops, '/api/v1/policies/acme/default', { method: 'DELETE', headers: { 'If-Match': '"2"' } })).status, 412);
  let revision = 3;
  for (let round = 0; round < 10; round++) {
    const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true }));
    const replies = await Promise.all(agents.map((agent, i) => call(ops, '/api/v1/policies/acme/default', { method: 'PUT', agent, body: only(`r${round}-${i}`), headers: { ...yaml, 'If-Match': `"${revision}"` } })));
    for (const agent of agents) agent.destroy();
    const won = replies.filter((reply) => reply.status === 200);
    assert.equal(won.length, 1);
    assert.equal(replies.filter((reply) => reply.status === 412).length, 7);
    revision = won[0].body.revision;
    assert.equal((await get(ops, 'acme/default')).body.document.providers[0].name, `r${round}-${replies.indexOf(won[0])}`);
  }
});

test('history, revisions, differences, and the way back', async (t) => {
  const { stack, ops } = await start(t);
  await put(ops, 'acme/default?message=one', JSON.stringify({ providers: [{ name: 'a', weight: 3 }, { name: 'b', weight: 1 }] }));
  await put(ops, 'acme/default?message=two', JSON.stringify({ providers: [{ name: 'a', weight: 1 }, { name: 'b', weight: 1 }], rules: [{ when: { 'metadata.x': 1 }, deny: ['a'] }] }));
  const first = await get(ops, 'acme/default/revisions/1');
  assert.deepEqual([first.headers.etag, first.body.message, first.body.document.providers[0].weight], ['"1"', 'one', 3]);
  assert.equal((await get(ops, 'acme/default/revisions/9')).status, 404);
  assert.equal((await get(ops, 'acme/default/revisions/x')).status, 400);
  const { changes } = (await get(ops, 'acme/default/diff?from=1&to=2')).body;
  assert.deepEqual(changes.map(({ kind, name }) => `${kind} ${name}`), ['share a', 'share b', 'provider a', 'rule 1']);
  assert.deepEqual(changes[0], { kind: 'share', name: 'a', before: 0.75, after: 0.5 });
  assert.deepEqual((await get(ops, 'acme/default/diff?from=2')).body.changes, []);
  const candidate = await post(ops, 'acme/default/diff', 'providers: [{name: a, weight: 1}]\n', yaml);
  assert.deepEqual(candidate.body.changes.map(({ kind, name }) => `${kind} ${name}`), ['share a', 'share b', 'provider b', 'rule 1']);
  assert.match((await get(ops, 'acme/default/diff')).body.error.message, /^from: is missing/);
  assert.equal((await post(ops, 'acme/default/diff?to=1', only('a'))).status, 400);
  assert.equal((await post(ops, 'acme/default/rollback?to=1', undefined, {})).body.revision, 3);
  assert.equal((await get(ops, 'acme/default')).body.message, 'rollback to 1');
  const guarded = await call(ops, '/api/v1/policies/acme/default/rollback?to=2', { method: 'POST', headers: { 'If-Match': '"2"' } });
  assert.equal(guarded.status, 412);
  assert.equal((await call(ops, '/api/v1/policies/acme/default', { method: 'DELETE' })).status, 200);
  assert.equal((await get(ops, 'acme/default/history')).body.revisions[0].deleted, true);
  assert.match((await post(ops, 'acme/default/rollback?to=4')).body.error.message, /revision 4 .* is its deletion/);
  const back = await post(ops, 'acme/default/rollback?to=2&message=again');
  assert.deepEqual([back.status, back.headers.location], [201, '/api/v1/policies/acme/default']);
  assert.equal(await decided(stack, { ...good, metadata: { x: 1 } }), 'b');
  assert.match((await post(ops, 'acme/default/rollback')).body.error.message, /^to: is missing/);
});

test('policies are tried and explained without a trace', async (t) => {
  const { stack, ops } = await start(t);
  await put(ops, 'acme/default', JSON.stringify({ providers: [{ name: 'a' }], rules: [{ when: { 'metadata.x': 1 }, deny: ['a'] }] }));
  const decisions = async () => /router_decisions_total\{reason="weighted"\} (\d+)/.exec((await call(ops, '/metrics')).text)?.[1];
  assert.equal(await decided(stack), 'a');
  const before = await decisions();
  assert.equal(before, '1');
  const request = { task: { type: 'chat', payload: {} }, push_assignment: true, idempotency_key: 'k' };
  const dry = await post(ops, 'acme/default/dry-run', JSON.stringify({ request }));
  assert.equal(dry.status, 200, dry.text);
  assert.equal(dry.body.decision.provider_id, 'a');
  assert.equal(dry.body.explain, undefined);
  const explained = (await post(ops, 'acme/default/explain', JSON.stringify({ request }))).body;
  assert.equal(explained.explain.rules.length, 1);
  for (const policy of [{ providers: [{ name: 'tried' }] }, 'providers: [{name: tried}]\n']) {
    assert.equal((await post(ops, 'acme/default/dry-run', JSON.stringify({ request, policy }))).body.decision.provider_id, 'tried');
  }
  assert.equal((await post(ops, 'nobody/new/dry-run', JSON.stringify({ request, policy: { providers: [{ name: 'tried' }] } }))).body.decision.provider_id, 'tried');
  const none = await post(ops, 'acme/default/dry-run', JSON.stringify({ request: { ...request, metadata: { x: 1 } } }));
  assert.deepEqual([none.status, none.body.error.code, none.body.error.details.candidates.length], [503, 'decision_failed', 1]);
  assert.equal((await post(ops, 'acme/none/dry-run', JSON.stringify({ request }))).status, 404);
  assert.equal((await post(ops, 'acme/default/dry-run', JSON.stringify({ request: { ...request, tenant_id: 'other' } }))).status, 403);
  assert.equal((await post(ops, 'acme/default/dry-run', JSON.stringify({ request: { ...request, policy_id: 'other' } }))).status, 400);
  for (const body of ['', '{', '[]', '{}', '{"request":1}', '{"request":{},"more":1}', '{"request":{},"policy":7}']) {
    assert.equal((await post(ops, 'acme/default/dry-run', body)).status, 400, body);
  }
  const wrong = (await post(ops, 'acme/default/explain', JSON.stringify({ request, policy: { providers: [{ nam: 'x' }] } }))).body.error;
  assert.deepEqual([wrong.code, wrong.details[0].hint], ['invalid_policy', 'did you mean name?']);
  // The shared tenant's policy serves whom the request names.
  await put(ops, '*/everyone', only('shared'));
  assert.equal((await post(ops, '*/everyone/dry-run', JSON.stringify({ request: { ...request, tenant_id: 'who' } }))).body.decision.provider_id, 'shared');
  assert.equal((await post(ops, '*/everyone/dry-run', JSON.stringify({ request }))).status, 400);
  assert.equal(await decisions(), before, 'no decision was counted');
});

test('what is wrong with a document is told whole, and nothing is written', async (t) => {
  const { ops } = await start(t);
  const text = 'providers:\n  - {nam: a}\n  - {name: b, weight: -1}\nrulez: []\n';
  for (const [method, path] of [['PUT', ''], ['POST', '/validate'], ['POST', '/lint']]) {
    const refused = await call(ops, `/api/v1/policies/acme/default${path}`, { method, headers: yaml, body: text });
    assert.deepEqual([refused.status, refused.body.error.code], [400, 'invalid_policy']);
    assert.deepEqual(refused.body.error.details.map(({ line, path: at }) => [line, at]), [[2, 'providers[0].nam'], [3, 'providers[1].weight'], [4, 'rulez']], refused.text);
    for (const finding of refused.body.error.details) assert.ok(finding.message.length > 0 && finding.column > 0);
  }
  assert.equal((await get(ops, 'acme/default')).status, 404);
  assert.equal((await get(ops, 'acme/default/history')).status, 404);
  const fine = await post(ops, 'acme/default/validate', samplePolicy, yaml);
  assert.deepEqual([fine.status, fine.body.warnings], [200, []]);
  const linted = await post(ops, 'acme/default/lint', 'providers: [{name: a}]\nrules:\n  - {when: "metadata.x == 1 && metadata.x == 2", deny: [a]}\n', yaml);
  assert.deepEqual([linted.body.findings[0].code, linted.body.findings[0].line, linted.body.complete], ['rule_never_holds', 3, true]);
  assert.deepEqual((await get(ops, 'demo/filed/lint')).body.findings, []);
  assert.equal((await get(ops, 'demo/none/lint')).status, 404);
  // Bodies say what they are, and are bounded.
  assert.equal((await put(ops, 'acme/default', only('a'), { 'Content-Type': 'text/plain' })).status, 415);
  assert.equal((await put(ops, 'acme/default', 'providers: []', json)).status, 400);
  assert.equal((await put(ops, 'acme/default', '')).status, 400);
  assert.equal((await put(ops, 'acme/default', '{"a":')).body.error.code, 'invalid_policy');
  assert.equal((await put(ops, 'acme/default', `${only('a')}${' '.repeat(1048576)}`)).status, 413);
  const filled = only('a').padEnd(1048576, ' ');
  assert.equal((await put(ops, 'acme/large', filled)).status, 201);
  assert.equal((await get(ops, 'acme/large', { Accept: 'application/yaml' })).text, filled);
  assert.equal((await call(ops, '/api/v1/policies', { method: 'GET', body: 'x', headers: { 'Content-Length': 1 } })).status, 400);
  for (const id of ['a%20b', 'x'.repeat(256), '%C3%A9']) assert.equal((await put(ops, `acme/${id}`, only('a'))).status, 400, id);
  assert.equal((await put(ops, `${'t'.repeat(255)}/${'p'.repeat(255)}`, only('a'))).status, 201);
});

test('policies of files are read here, and changed where they are', async (t) => {
  const { stack, ops } = await start(t);
  const read = await get(ops, 'demo/filed');
  assert.deepEqual([read.body.source, read.body.document.version, read.body.revision], ['file', '1.0', undefined]);
  assert.match(read.headers.etag, /^"file-[0-9a-f]{12}"$/);
  assert.equal((await get(ops, 'demo/filed', { Accept: 'application/yaml' })).text, samplePolicy);
  for (const [method, path] of [['PUT', ''], ['DELETE', ''], ['POST', '/rollback?to=1']]) {
    const refused = await call(ops, `/api/v1/policies/demo/filed${path}`, { method, headers: method === 'PUT' ? yaml : {}, body: method === 'PUT' ? only('a') : undefined });
    assert.deepEqual([refused.status, refused.body.error.code], [403, 'forbidden']);
    assert.match(refused.body.error.message, /comes from a file, .*demo\/filed\.yaml; change the file/);
  }
  assert.deepEqual((await post(ops, 'demo/filed/diff', samplePolicy, yaml)).body.changes, []);
  stack.putPolicy('demo/filed.yaml', 'providers: 7\n');
  await until(async () => (await get(ops, 'demo/filed')).body.live === false, 'the broken file to be seen');
  assert.equal((await get(ops, 'demo/filed')).body.document.providers, 7);
  assert.equal((await put(ops, 'demo/filed', only('a'))).status, 403);
  stack.removePolicy('demo/filed.yaml');
  await until(async () => (await get(ops, 'demo/filed')).status === 404, 'the file to be gone');
  assert.equal((await put(ops, 'demo/filed', only('a'))).status, 201);
});

test('without a store there is nothing to write to', async (t) => {
  const { ops } = await start(t, { BEAMLINE_POLICIES_STORE: '' });
  const refused = await put(ops, 'acme/default', only('a'));
  assert.deepEqual([refused.status, refused.body.error.code], [503, 'unavailable']);
  assert.match(refused.body.error.message, /set policies\.store/);
  assert.equal((await get(ops, 'demo/filed')).status, 200);
  assert.equal((await call(ops, '/api/v1/stats')).body.store, undefined);
});

test('administration is for this machine, and not for pages in its browser', async (t) => {
  const socket = join(tmpdir(), `bl-ops-${process.pid}.sock`);
  t.after(() => rmSync(socket, { force: true }));
  const { stack, port, ops } = await start(t, { BEAMLINE_HTTP_OPS_LISTEN: `127.0.0.1:0,0.0.0.0:0,unix:${socket}` });
  const log = stack.router.log();
  const others = Number(/"address":"0\.0\.0\.0:(\d+)","administration":"refused: others reach it"/.exec(log)[1]);
  assert.equal((await call(ops, '/api/v1/stats')).status, 200);
  assert.equal((await call(socket, '/api/v1/stats', { headers: { Host: 'anything' } })).status, 200);
  for (const [method, path] of [['GET', '/api/v1/stats'], ['PUT', '/api/v1/policies/a/b'], ['DELETE', '/api/v1/policies/a/b'], ['OPTIONS', '/api/v1/policies/a/b']]) {
    const refused = await call(others, path, { method, headers: method === 'PUT' ? yaml : {}, body: method === 'PUT' ? only('a') : undefined });
    assert.deepEqual([refused.status, refused.body.error.code], [403, 'forbidden'], path);
    assert.match(refused.body.error.message, /on this machine only.*http\.ops_listen/);
    assert.equal((await call(port, path, { method, headers: yaml })).status, 403, 'not on http.listen either');
  }
  assert.equal((await call(others, '/live')).status, 200);
  for (const headers of [{ Host: 'evil.example' }, { Host: '127.0.0.1.evil.example' }, { Origin: 'http://evil.example' }, { Origin: 'null' }, { 'Sec-Fetch-Site': 'cross-site' }]) {
    const refused = await put(ops, 'acme/default', only('a'), headers);
    assert.deepEqual([refused.status, refused.body.error.code], [403, 'forbidden'], JSON.stringify(headers));
  }
  const own = `127.0.0.1:${ops}`;
  assert.equal((await put(ops, 'acme/default', only('a'), { Host: own, Origin: `http://${own}`, 'Sec-Fetch-Site': 'same-origin' })).status, 201);
  assert.equal((await call(ops, '/live', { headers: { Host: 'probe.example' } })).status, 200, 'probes may use any name');
  assert.equal((await call(ops, '/api/v1/routes/decide', { method: 'POST', body: '{}' })).status, 404);
});

test('operators read what the gateway reads, and what can be asked at all', async (t) => {
  const { port, ops } = await start(t);
  assert.deepEqual((await call(ops, '/api/v1/extensions/health')).body, { health: {} });
  assert.deepEqual((await call(ops, '/api/v1/extensions/circuit-breakers')).body, { states: {} });
  assert.equal((await get(ops, 'demo/filed/complexity')).body.complexity_level, 'low');
  assert.equal((await get(ops, 'demo/none/complexity')).body.error.code, 'policy_not_found');
  const stats = (await call(ops, '/api/v1/stats')).body;
  assert.deepEqual([stats.ready, stats.policies.files], [true, 1]);
  const here = await call(ops, '/api/v1/openapi.json');
  const there = await call(port, '/api/v1/openapi.json');
  assert.equal(here.text, there.text);
  assert.equal(here.body.openapi, '3.1.0');
  const options = await call(ops, '/api/v1/policies/a/b', { method: 'OPTIONS' });
  assert.deepEqual([options.status, options.headers.allow, options.text], [200, 'GET, HEAD, PUT, DELETE, OPTIONS', '']);
  const wrong = await call(ops, '/api/v1/policies/a/b', { method: 'PATCH' });
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'GET, HEAD, PUT, DELETE, OPTIONS']);
  const head = await call(ops, '/api/v1/stats', { method: 'HEAD' });
  assert.deepEqual([head.status, head.text], [200, '']);
  for (const path of ['/api/v1/policies/', '/api/v1/nothing', '/api/v1/policies/a']) assert.equal((await call(ops, path)).status, 404, path);
  for (const path of ['/api/v1//policies', '/api/v1/policies/a%2Fb/c', '/api/v1/policies/%2e%2e/c', '/api/v1/policies/a%/c']) assert.equal((await call(ops, path)).status, 400, path);
});

test('what was acknowledged survives a kill', async (t) => {
  const { stack, ops, store } = await start(t);
  let acknowledged = 0;
  let running = true;
  const writers = Array.from({ length: 4 }, async (_, i) => {
    for (let n = 0; running; n++) {
      const reply = await put(ops, `acme/w${i}-${n}`, only(`w${i}-${n}`)).catch(() => undefined);
      if (reply === undefined) return n;
      assert.equal(reply.status, 201);
      acknowledged++;
    }
    return 0;
  });
  await until(() => acknowledged > 40, 'some writes');
  await stack.router.stop('SIGKILL');
  running = false;
  const counts = await Promise.all(writers);
  const listed = spawnSync(beamline, ['policy', 'list', '--store', store, '--limit', '100000', '--json'], { encoding: 'utf8', maxBuffer: 1e8 });
  const ids = new Set(JSON.parse(listed.stdout).map((it) => it.policy_id));
  counts.forEach((count, i) => { for (let n = 0; n < count; n++) assert.ok(ids.has(`w${i}-${n}`), `w${i}-${n} was acknowledged`); });
  await stack.startRouter();
  await until(() => stack.router.log().includes('"message":"serving operators"'), 'the router to be back');
  const again = Number(/"message":"serving operators","address":"127\.0\.0\.1:(\d+)"/.exec(stack.router.log())[1]);
  const stats = (await call(again, '/api/v1/stats')).body;
  assert.equal(stats.policies.stored, ids.size);
});
