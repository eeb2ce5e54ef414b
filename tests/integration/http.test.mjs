// HTTP/1.1: decisions for clients that speak no NATS, liveness and metrics for operators, and what a
// stranger may send.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beamline, Stack, until } from '../support/stack.mjs';

// Starts with free ports, and reads from the log which they are.
async function start(t, env = {}, options = {}) {
  const stack = await Stack.start(t, { env: { BEAMLINE_HTTP_LISTEN: '127.0.0.1:0', BEAMLINE_HTTP_OPS_LISTEN: '127.0.0.1:0', ...env }, ...options });
  const port = (message) => Number(new RegExp(`"message":"${message}","address":"127\\.0\\.0\\.1:(\\d+)"`).exec(stack.router.log())[1]);
  return { stack, port: port('listening'), ops: port('serving operators') };
}

function call(port, { method = 'GET', path = '/', headers = {}, body, agent } = {}) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers, agent }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() }));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const decide = (port, body, options = {}) => call(port, { method: 'POST', path: '/api/v1/routes/decide', body: JSON.stringify(body), ...options });
const good = { tenant_id: 'demo', task: { type: 'chat', payload: {} } };

// Sends bytes, some of them later, and collects all that comes until the peer closes or `ms` are over.
function raw(port, pieces, ms = 3000) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    let closed = false;
    socket.on('data', (part) => { text += part; });
    socket.on('close', () => { closed = true; resolve({ text, closed }); });
    socket.on('error', () => {});
    (async () => {
      for (const piece of pieces) {
        if (typeof piece === 'number') await new Promise((done) => setTimeout(done, piece));
        else socket.write(piece);
      }
    })();
    setTimeout(() => { if (!closed) { resolve({ text, closed }); socket.destroy(); } }, ms);
  });
}

test('a decision over HTTP is the decision over NATS, with its core at the top', async (t) => {
  const { stack, port } = await start(t);
  const reply = await decide(port, { ...good, metadata: { tier: 'gold' } });
  assert.equal(reply.status, 200);
  assert.equal(reply.headers['content-type'], 'application/json');
  const body = JSON.parse(reply.text);
  assert.equal(body.ok, true);
  assert.equal(body.decision.provider_id, 'openai/gpt-4o');
  for (const key of ['decision_id', 'provider_id', 'reason', 'priority', 'expected_cost', 'expected_latency_ms']) assert.equal(body[key], body.decision[key], key);
  const overNats = await stack.request({ ...good, metadata: { tier: 'gold' } });
  assert.equal(overNats.provider_id, undefined);
  assert.deepEqual(Object.keys(overNats.decision), Object.keys(body.decision));
  const named = await decide(port, { task: good.task }, { headers: { 'X-Tenant-ID': 'demo', 'X-Request-ID': 'r-77' } });
  assert.equal(JSON.parse(named.text).context.request_id, 'r-77');
  assert.equal((await call(port, { method: 'POST', path: '/api/v1/messages', body: JSON.stringify(good) })).status, 200);
});

test('errors have the status of the contract', async (t) => {
  const { port } = await start(t);
  assert.equal((await decide(port, { ...good, policy_id: 'none' })).status, 404);
  assert.equal((await call(port, { method: 'POST', path: '/api/v1/routes/decide', body: '{bad' })).status, 400);
  assert.equal((await decide(port, { ...good, push_assignment: true })).status, 503);
  assert.ok(Number((await decide(port, { ...good, push_assignment: true })).headers['retry-after']) >= 1);
  const missing = await call(port, { path: '/api/v2/nothing' });
  assert.equal(missing.status, 404);
  assert.match(JSON.parse(missing.text).error.message, /POST \/api\/v1\/routes\/decide/);
  const wrong = await call(port, { path: '/api/v1/routes/decide' });
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'POST, OPTIONS']);
  const conflict = await decide(port, good, { headers: { 'X-Tenant-ID': 'acme' } });
  assert.equal(conflict.status, 403);
  const large = await call(port, { method: 'POST', path: '/api/v1/routes/decide', body: 'x'.repeat(1100000) }).catch((error) => ({ status: error.code }));
  assert.ok(large.status === 400 || large.status === 'ECONNRESET' || large.status === 'EPIPE', `${large.status}`);
});

test('curl, keep-alive, pipelining, chunks and 100-continue', async (t) => {
  const { stack, port } = await start(t);
  const curl = spawnSync('curl', ['-sS', '-w', '%{http_code} %{num_connects}\n', '-d', JSON.stringify(good),
    `http://127.0.0.1:${port}/api/v1/routes/decide`, `http://127.0.0.1:${port}/api/v1/routes/decide`], { encoding: 'utf8' });
  if (curl.error === undefined) assert.match(curl.stdout, /200 1\n[\s\S]*200 0\n/, curl.stderr);
  const body = JSON.stringify(good);
  const one = `POST /api/v1/routes/decide HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const many = await raw(port, [one.repeat(50), 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']);
  assert.equal(many.text.split('HTTP/1.1 200 OK').length - 1, 50);
  assert.ok(many.text.includes('404 Not Found') && many.closed);
  const bytes = [...one].map((byte) => byte);
  const slow = await raw(port, bytes.flatMap((byte, i) => (i % 40 === 0 ? [5, byte] : [byte])).concat(['GET / HTTP/1.0\r\n\r\n']));
  assert.match(slow.text, /^HTTP\/1\.1 200 OK/);
  const chunked = await raw(port, [`POST /api/v1/routes/decide HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n`,
    `5\r\n${body.slice(0, 5)}\r\n`, `${(body.length - 5).toString(16)};name=value\r\n${body.slice(5)}\r\n0\r\nTrailer: x\r\n\r\n`]);
  assert.match(chunked.text, /^HTTP\/1\.1 200 OK/);
  const waits = await raw(port, [`POST /api/v1/routes/decide HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n`, 50, body]);
  assert.match(waits.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
  const head = await raw(port, ['\r\n\r\nHEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']);
  assert.match(head.text, /^HTTP\/1\.1 404 Not Found\r\n[\s\S]*Content-Length: [1-9]\d*\r\n[\s\S]*\r\n\r\n$/);
  assert.equal(stack.router.over, undefined);
});

test('what can be read in two ways is refused, and nobody else notices', async (t) => {
  const { stack, port, ops } = await start(t);
  const post = (headers, body = '') => `POST /api/v1/routes/decide HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`;
  const refused = [
    post('Content-Length: 5\r\nContent-Length: 6\r\n', 'hello'),
    post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
    post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
    post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', '0\r\n\r\n'),
    post('Transfer-Encoding: xchunked\r\n', '0\r\n\r\n'),
    post('Transfer-Encoding: chunked\r\n', 'zz\r\nhello\r\n0\r\n\r\n'),
    post('Transfer-Encoding: chunked\r\n', 'ffffffffffffffffff\r\n'),
    post('Transfer-Encoding: chunked\r\n', '5\r\nhelloXX0\r\n\r\n'),
    post('Content-Length: -1\r\n'),
    post('Content-Length: 1e3\r\n'),
    post('Content-Length: 99999999999999999999\r\n'),
    post('Content-Length : 0\r\n'),
    post('X: a\r\n folded\r\n'),
    post('X: a\nY: b\r\n'),
    post('X: a\rY: b\r\n'),
    post('X: a\0b\r\n'),
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    'GET / HTTP/1.1\nHost: a\n\n',
    'GET  / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/2.0\r\nHost: a\r\n\r\n',
    'PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n',
    `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20000)}\r\n\r\n`,
    `GET / HTTP/1.1\r\nHost: a\r\n${'X: y\r\n'.repeat(200)}\r\n`,
    `GET /${'a'.repeat(20000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  ];
  await Promise.all(refused.map(async (text) => {
    const done = await raw(port, [text, 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'], 8000);
    const shown = JSON.stringify(text.slice(0, 120));
    assert.match(done.text, /^HTTP\/1\.1 (400|413|431|501|505) /, shown + done.text);
    assert.equal(done.text.match(/HTTP\/1\.1 \d{3} /g).length, 1, `one answer: ${shown}`);
    assert.ok(done.closed, `closed: ${shown}`);
  }));
  assert.equal((await decide(port, good)).status, 200);
  await until(async () => [...(await call(ops, { path: '/metrics' })).text.matchAll(/router_http_faults_total\{listener="api",reason="(?:malformed|too_large)"\} (\d+)/g)]
    .reduce((sum, found) => sum + Number(found[1]), 0) >= refused.length, 'bad requests to be counted');
  assert.equal(stack.router.over, undefined);
});

test('trailers are nobody\'s headers', async (t) => {
  const { port } = await start(t);
  const body = JSON.stringify({ task: good.task, tenant_id: 'demo' });
  const head = 'POST /api/v1/routes/decide HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n`;
  const held = raw(port, [head + chunk, 'X-Request-ID: trailer-1\r\nX-Tenant-ID: acme\r\n', 400, '\r\n'], 4000);
  await new Promise((done) => setTimeout(done, 200));
  await decide(port, { ...good, request_id: 'somebody-elses', metadata: { secret: 'k'.repeat(3000) } });
  const reply = await held;
  assert.match(reply.text, /^HTTP\/1\.1 200 OK/);
  assert.ok(!reply.text.includes('trailer-1') && !reply.text.includes('somebody') && !reply.text.includes('kkk'), reply.text);
  const long = await raw(port, [head + chunk, `X: ${'y'.repeat(20000)}\r\n\r\n`], 3000);
  assert.match(long.text, /^HTTP\/1\.1 400 /);
});

test('slow and silent peers are left, others are served meanwhile', async (t) => {
  const { port, ops } = await start(t, { BEAMLINE_HTTP_HEADER_TIMEOUT_MS: '400', BEAMLINE_HTTP_BODY_TIMEOUT_MS: '400', BEAMLINE_HTTP_IDLE_TIMEOUT_MS: '600', BEAMLINE_HTTP_MAX_CONNECTIONS: '300' });
  const drip = raw(port, ['GET / HTTP/1.1\r\n', 100, 'X: a\r\n', 100, 'Y: b\r\n', 100, 'Z: c\r\n', 100, 'W: d\r\n', 200, 'V: e\r\n'], 4000);
  const body = raw(port, ['POST /api/v1/routes/decide HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'], 4000);
  const silent = raw(port, [], 4000);
  const idle = await Promise.all(Array.from({ length: 250 }, () => new Promise((resolve) => { const socket = connect(port, '127.0.0.1', () => resolve(socket)); socket.on('error', () => {}); })));
  assert.equal((await decide(port, good)).status, 200);
  assert.match((await drip).text, /^HTTP\/1\.1 408 /);
  assert.match((await body).text, /^HTTP\/1\.1 408 /);
  assert.deepEqual(await silent, { text: '', closed: true });
  await until(async () => Number(/router_http_connections\{listener="api"\} (\d+)/.exec((await call(ops, { path: '/metrics' })).text)[1]) === 0, 'idle connections to be closed');
  for (const socket of idle) socket.destroy();
});

test('operators see liveness, readiness and metrics', async (t) => {
  const { stack, ops } = await start(t);
  assert.equal((await call(ops, { path: '/live' })).status, 200);
  const ready = await call(ops, { path: '/ready' });
  assert.equal(ready.status, 200);
  assert.deepEqual(JSON.parse(ready.text), { status: 'ready', components: { worker_0: 'ok', policies: 1 } });
  assert.equal((await call(ops, { path: '/_health' })).status, 200);
  const metrics = await call(ops, { path: '/_metrics' });
  assert.match(metrics.text, /^router_intake_backpressure_active 0\n# HELP router_intake_backpressure_active /);
  assert.equal((await call(ops, { path: '/metrics', method: 'POST' })).status, 405);
  assert.equal((await call(ops, { path: '/api/v1/routes/decide' })).status, 404);
  await stack.nats.stop('SIGKILL');
  await until(async () => (await call(ops, { path: '/ready' })).status === 503, 'readiness to go');
  assert.match((await call(ops, { path: '/ready' })).text, /"worker_0":"not subscribed at NATS"/);
  assert.equal((await call(ops, { path: '/live' })).status, 200);
});

test('an address that is none stops the start with its name', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bl-http-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const [address, reason] of [['127.0.0.1', /it has no port/], ['nowhere.invalid:1', /cannot listen on nowhere\.invalid:1/], ['fd:99', /that descriptor is no listening socket/]]) {
    const done = spawnSync(beamline, ['serve', '--profile', 'dev', '--nats', 'nats://127.0.0.1:1', '--policies', folder],
      { encoding: 'utf8', timeout: 20000, env: { ...process.env, BEAMLINE_HTTP_LISTEN: address } });
    assert.equal(done.status, 1, address);
    assert.match(done.stderr, reason);
    assert.match(done.stderr, /http\.listen\[0\]/);
  }
});

test('unix sockets, and a stop that ends idle connections at once', async (t) => {
  const { stack, port } = await start(t);
  const socket = connect(port, '127.0.0.1');
  const closed = new Promise((resolve) => socket.on('close', () => resolve(Date.now())));
  await new Promise((resolve) => socket.on('connect', resolve));
  const began = Date.now();
  const { code } = await stack.router.stop();
  assert.equal(code, 0);
  assert.ok((await closed) - began < 5000);
});
