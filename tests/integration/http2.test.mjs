// HTTP/2 in the clear, by prior knowledge: many requests on one connection, and what a stranger may send.
import assert from 'node:assert/strict';
import { connect as connectHttp2, constants } from 'node:http2';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { Stack, until } from '../support/stack.mjs';

const PATH = '/api/v1/routes/decide';
const good = JSON.stringify({ tenant_id: 'demo', task: { type: 'chat', payload: {} } });
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

async function start(t, env = {}) {
  const stack = await Stack.start(t, { env: { BEAMLINE_HTTP_LISTEN: '127.0.0.1:0', BEAMLINE_HTTP_OPS_LISTEN: '127.0.0.1:0', BEAMLINE_WORKERS_COUNT: '1', ...env } });
  const port = (message) => Number(new RegExp(`"message":"${message}","address":"127\\.0\\.0\\.1:(\\d+)"`).exec(stack.router.log())[1]);
  return { stack, port: port('listening'), ops: port('serving operators') };
}

function session(t, port, options = {}) {
  const client = connectHttp2(`http://127.0.0.1:${port}`, options);
  client.on('error', () => {});
  t.after(() => client.destroy());
  return client;
}

function call(client, { headers = {}, body = good } = {}) {
  return new Promise((resolve, reject) => {
    const stream = client.request({ ':method': 'POST', ':path': PATH, ...headers }, { endStream: body === null });
    const parts = [];
    let head = {};
    stream.on('response', (found) => { head = found; });
    stream.on('data', (part) => parts.push(part));
    stream.on('end', () => resolve({ status: head[':status'], headers: head, text: Buffer.concat(parts).toString() }));
    stream.on('error', reject);
    if (body !== null) stream.end(body);
  });
}

const scrape = (ops) => new Promise((resolve, reject) => {
  request({ host: '127.0.0.1', port: ops, path: '/metrics' }, (response) => {
    let text = '';
    response.on('data', (part) => { text += part; });
    response.on('end', () => resolve(text));
  }).on('error', reject).end();
});
const value = async (ops, name) => Number(new RegExp(`${name.replace(/[{}"]/g, '\\$&')} (\\d+)`).exec(await scrape(ops))[1]);
const faults = (ops, reason) => value(ops, `router_http_faults_total{listener="api",reason="${reason}"}`);

// A frame as it stands on the wire.
function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}
const SETTINGS = frame(4, 0, 0);
// POST, http, path and host, without HPACK's tables.
const literal = (name, text) => Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name), Buffer.from([text.length]), Buffer.from(text)]);
const HEAD = Buffer.concat([literal(':method', 'POST'), literal(':scheme', 'http'), literal(':path', PATH), literal(':authority', 'x')]);

// Sends bytes and collects what comes until the peer closes.
function raw(port, pieces, ms = 5000) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const parts = [];
    let closed = false;
    socket.on('data', (part) => parts.push(part));
    socket.on('close', () => { closed = true; resolve({ bytes: Buffer.concat(parts), closed }); });
    socket.on('error', () => {});
    for (const piece of pieces) socket.write(piece);
    setTimeout(() => { if (!closed) { resolve({ bytes: Buffer.concat(parts), closed }); socket.destroy(); } }, ms);
  });
}

test('a thousand requests share one connection, and each gets its own answer', async (t) => {
  const { stack, port, ops } = await start(t);
  const client = session(t, port);
  const replies = await Promise.all(Array.from({ length: 1000 }, (_, i) => call(client, { headers: { 'x-request-id': `r-${i}` } })));
  replies.forEach((reply, i) => {
    assert.equal(reply.status, 200);
    assert.equal(JSON.parse(reply.text).context.request_id, `r-${i}`);
  });
  assert.equal(replies[0].headers['content-type'], 'application/json');
  assert.equal(Number(replies[0].headers['content-length']), replies[0].text.length);
  assert.equal((await call(client, { headers: { ':path': '/nothing' } })).status, 404);
  const wrong = await call(client, { headers: { ':method': 'GET' }, body: null });
  assert.deepEqual([wrong.status, wrong.headers.allow], [405, 'POST, OPTIONS']);
  const head = await call(client, { headers: { ':method': 'HEAD' }, body: null });
  assert.deepEqual([head.status, head.text], [405, '']);
  await until(async () => (await value(ops, 'router_http_requests_total{listener="api",protocol="HTTP/2"}')) === 1003, 'all requests to be counted');
  assert.equal(stack.router.over, undefined);
});

test('a trace comes in and goes out', async (t) => {
  const { port } = await start(t, { BEAMLINE_HTTP_ACCESS_LOG: 'true' });
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const reply = await call(session(t, port), { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01` } });
  assert.match(reply.headers.traceparent, new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
  assert.ok(!reply.headers.traceparent.includes('00f067aa0ba902b7'));
  assert.equal(JSON.parse(reply.text).context.trace_id, trace);
  const named = await call(session(t, port), { headers: { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'x-trace-id': 'mine' } });
  assert.equal(JSON.parse(named.text).context.trace_id, 'mine');
  assert.equal((await call(session(t, port), { headers: { traceparent: 'nonsense' } })).headers.traceparent, undefined);
});

test('the access log tells method, path, status, sizes and trace', async (t) => {
  const { stack, port } = await start(t, { BEAMLINE_HTTP_ACCESS_LOG: 'true' });
  await call(session(t, port), { headers: { 'x-trace-id': 'trace-77' } });
  await call(session(t, port), { headers: { ':path': '/nothing' } });
  await until(() => stack.router.log().split('"message":"request"').length === 3, 'two lines');
  const lines = stack.router.log().split('\n').filter((line) => line.includes('"message":"request"')).map((line) => JSON.parse(line));
  const { method, path, protocol, status, operation, trace_id: traceId } = lines[0];
  assert.deepEqual({ method, path, protocol, status, operation, traceId },
    { method: 'POST', path: PATH, protocol: 'HTTP/2', status: 200, operation: 'decide', traceId: 'trace-77' });
  assert.ok(lines[0].bytes_in === good.length && lines[0].bytes_out > 100 && lines[0].took_us >= 0);
  assert.deepEqual([lines[1].path, lines[1].status], ['/nothing', 404]);
});

test('large bodies and large headers are refused with the status of the contract', async (t) => {
  const { port, ops } = await start(t);
  const client = session(t, port);
  const large = await call(client, { body: 'x'.repeat(1100000) });
  assert.equal(large.status, 400);
  assert.equal(JSON.parse(large.text).error.intake_error_code, 'PAYLOAD_TOO_LARGE');
  const fits = await call(client, { body: JSON.stringify({ ...JSON.parse(good), task: { type: 'chat', payload: { text: 'x'.repeat(1000000) } } }) });
  assert.equal(fits.status, 200);
  const headers = Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`x-h-${i}`, 'y']));
  assert.equal((await call(client, { headers })).status, 431);
  assert.equal((await call(client, { headers: { 'x-large': 'y'.repeat(15000), 'x-more': 'y'.repeat(1500) } })).status, 431);
  assert.equal((await call(client)).status, 200);
  await until(async () => (await faults(ops, 'too_large')) >= 3, 'faults to be counted');
});

test('what is no HTTP/2 ends its connection, and nobody else notices', async (t) => {
  const { stack, port } = await start(t);
  const client = session(t, port);
  const broken = [
    [PREFACE, frame(0, 0, 1, Buffer.from('data without a stream'))],
    [PREFACE, Buffer.alloc(4096, 0xff)],
    [PREFACE, SETTINGS, frame(1, 4, 2, HEAD)], // a client's streams are odd
    [PREFACE, SETTINGS, frame(1, 4, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff]))], // no HPACK
    [PREFACE, SETTINGS, frame(6, 0, 0, Buffer.alloc(7))], // a ping has 8 bytes
    [PREFACE, SETTINGS, frame(4, 0, 0, Buffer.alloc(5))],
    [PREFACE, SETTINGS, frame(8, 0, 0, Buffer.alloc(4))], // a window of 0 more
    [PREFACE, SETTINGS, frame(1, 0, 1, HEAD), frame(0, 0, 1, Buffer.from('x'))], // headers without their end
    [PREFACE, SETTINGS, frame(0, 0, 0, Buffer.alloc(1 << 20))],
    ['PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'],
  ];
  for (const pieces of broken) {
    const done = await raw(port, pieces);
    assert.ok(done.closed, `${pieces.length} ${pieces[pieces.length - 1].subarray?.(0, 20).toString('hex')}`);
  }
  assert.equal((await call(client)).status, 200);
  assert.equal(stack.router.over, undefined);
});

test('floods end their connection, others are served meanwhile', async (t) => {
  const { stack, port, ops } = await start(t);
  const client = session(t, port);
  const many = (piece, count) => Buffer.concat(Array.from({ length: count }, () => piece));
  const resets = Buffer.concat(Array.from({ length: 3000 }, (_, i) => Buffer.concat([frame(1, 4, 2 * i + 1, HEAD), frame(3, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8]))])));
  const continuations = Buffer.concat([frame(1, 0, 1, HEAD), many(frame(9, 0, 1, Buffer.alloc(0)), 5000)]);
  const floods = {
    pings: many(frame(6, 0, 0, Buffer.alloc(8)), 12000),
    settings: many(SETTINGS, 12000),
    'empty data': Buffer.concat([frame(1, 4, 1, HEAD), many(frame(0, 0, 1), 12000)]),
    priorities: many(frame(2, 0, 1, Buffer.from([0, 0, 0, 3, 1])), 12000),
    resets,
    continuations,
  };
  for (const [name, flood] of Object.entries(floods)) {
    const done = await raw(port, [PREFACE, SETTINGS, flood]);
    assert.ok(done.closed, name);
    assert.equal((await call(client)).status, 200, name);
  }
  await until(async () => (await faults(ops, 'flood')) >= 3, 'floods to be counted');
  assert.equal(stack.router.over, undefined);
});

test('a peer that takes no replies is left, and costs no more than its bound', async (t) => {
  const { stack, port, ops } = await start(t, { BEAMLINE_HTTP_WRITE_TIMEOUT_MS: '3000' });
  const window = Buffer.alloc(6);
  window.writeUInt16BE(4, 0); // initial window
  const hungry = connect(port, '127.0.0.1');
  t.after(() => hungry.destroy());
  const body = Buffer.from(good);
  hungry.write(Buffer.concat([PREFACE, frame(4, 0, 0, window)]));
  for (let i = 0; i < 100; i++) hungry.write(Buffer.concat([frame(1, 4, 2 * i + 1, HEAD), frame(0, 1, 2 * i + 1, body)]));
  await until(async () => (await value(ops, 'router_http_memory_bytes{listener="api"}')) > 10000, 'replies to wait');
  assert.equal((await call(session(t, port))).status, 200);
  await until(async () => (await value(ops, 'router_http_memory_bytes{listener="api"}')) === 0, 'their memory to be free again');
  assert.ok((await faults(ops, 'slow')) >= 100);
  assert.equal(stack.router.over, undefined);
});

test('slow requests are refused, and memory under way has a bound', async (t) => {
  const { port, ops } = await start(t, { BEAMLINE_HTTP_BODY_TIMEOUT_MS: '500', BEAMLINE_HTTP_HEADER_TIMEOUT_MS: '500', BEAMLINE_HTTP_MAX_MEMORY_BYTES: '4MiB' });
  const client = session(t, port);
  const slow = client.request({ ':method': 'POST', ':path': PATH });
  slow.write('{');
  const [head] = await new Promise((resolve) => { slow.on('response', (...found) => resolve(found)); });
  assert.equal(head[':status'], 408);
  slow.destroy();
  const half = await raw(port, [PREFACE, SETTINGS, frame(1, 0, 1, HEAD.subarray(0, 10))], 4000);
  assert.ok(half.closed, 'headers that never end');
  const part = JSON.stringify({ ...JSON.parse(good), task: { type: 'chat', payload: { text: 'x'.repeat(900000) } } });
  const results = await Promise.all(Array.from({ length: 40 }, () => {
    const other = session(t, port);
    return call(other, { body: part }).then((reply) => reply.status, () => 'reset');
  }));
  assert.ok(results.includes(200), `some are served: ${results}`);
  assert.ok(results.every((result) => [200, 503, 408, 'reset'].includes(result)), `${results}`);
  await until(async () => (await value(ops, 'router_http_memory_bytes{listener="api"}')) === 0, 'memory to be free again');
  assert.equal((await call(session(t, port))).status, 200);
});

test('a stop says GOAWAY, and finishes the request whose body still comes', async (t) => {
  const { stack, port } = await start(t);
  const client = session(t, port);
  await call(client);
  const stream = client.request({ ':method': 'POST', ':path': PATH });
  stream.write(good.slice(0, 10));
  const http1 = connect(port, '127.0.0.1');
  let text = '';
  http1.on('data', (part) => { text += part; });
  http1.write(`POST ${PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: ${good.length}\r\n\r\n${good.slice(0, 10)}`);
  await new Promise((resolve) => { setTimeout(resolve, 100); });
  let goaway;
  client.on('goaway', (code) => { goaway = code; });
  stack.router.child.kill('SIGTERM');
  await until(() => goaway !== undefined, 'GOAWAY');
  assert.equal(goaway, constants.NGHTTP2_NO_ERROR);
  const reply = new Promise((resolve) => { stream.on('response', (head) => resolve(head[':status'])); });
  stream.end(good.slice(10));
  http1.write(good.slice(10));
  assert.equal(await reply, 200);
  await until(() => /^HTTP\/1\.1 200 OK[\s\S]*Connection: close/.test(text), 'the reply over HTTP/1.1');
  assert.equal((await stack.router.exited).code, 0);
});
