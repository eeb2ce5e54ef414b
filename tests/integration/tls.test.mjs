// TLS in front of HTTP/1.1, HTTP/2 and gRPC: what is agreed on, who is let in, a certificate that changes.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, request } from 'node:https';
import { request as requestPlain } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { beamline, Stack, until } from '../support/stack.mjs';

const PATH = '/api/v1/routes/decide';
const good = JSON.stringify({ tenant_id: 'demo', task: { type: 'chat', payload: {} } });

function openssl(...args) {
  const done = spawnSync('openssl', args, { encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
}

// An authority, and certificates of it, in a folder of their own.
class Authority {
  constructor(t, name = 'authority') {
    this.folder = mkdtempSync(join(tmpdir(), 'bl-tls-'));
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    this.ca = join(this.folder, `${name}.pem`);
    this.caKey = join(this.folder, `${name}.key`);
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', this.caKey, '-out', this.ca);
  }

  issue(name, days = '60') {
    const [key, request, certificate, extensions] = ['key', 'csr', 'pem', 'ext'].map((ending) => join(this.folder, `${name}.${ending}`));
    writeFileSync(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
    openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
    openssl('x509', '-req', '-in', request, '-CA', this.ca, '-CAkey', this.caKey, '-CAcreateserial', '-days', days, '-extfile', extensions, '-out', certificate);
    return { key, certificate };
  }
}

async function start(t, env = {}) {
  const authority = new Authority(t);
  const server = authority.issue('server');
  const stack = await Stack.start(t, {
    env: {
      BEAMLINE_HTTP_TLS_LISTEN: '127.0.0.1:0',
      BEAMLINE_HTTP_TLS_CERTIFICATE_FILE: server.certificate,
      BEAMLINE_HTTP_TLS_KEY_FILE: server.key,
      BEAMLINE_HTTP_OPS_LISTEN: '127.0.0.1:0',
      BEAMLINE_WORKERS_COUNT: '1',
      ...(typeof env === 'function' ? env(authority) : env),
    },
  });
  const port = (message) => Number(new RegExp(`"message":"${message}","address":"127\\.0\\.0\\.1:(\\d+)"`).exec(stack.router.log())[1]);
  return { stack, authority, server, port: port('listening with TLS'), ops: port('serving operators') };
}

function call(port, options) {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, method: 'POST', path: PATH, ...options }, (response) => {
      let text = '';
      response.on('data', (part) => { text += part; });
      response.on('end', () => resolve({ status: response.statusCode, text, socket: response.socket }));
    });
    sent.on('error', reject);
    sent.end(options.body ?? good);
  });
}

const metric = (ops, name) => new Promise((resolve, reject) => {
  requestPlain({ host: '127.0.0.1', port: ops, path: '/metrics' }, (response) => {
    let text = '';
    response.on('data', (part) => { text += part; });
    response.on('end', () => resolve(Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)[1])));
  }).on('error', reject).end();
});

test('both protocols are agreed on, with modern TLS only', async (t) => {
  const { authority, port, ops } = await start(t);
  const ca = readFileSync(authority.ca);
  assert.equal((await call(port, { ca })).status, 200);
  const client = connectHttp2(`https://127.0.0.1:${port}`, { ca });
  t.after(() => client.destroy());
  const stream = client.request({ ':method': 'POST', ':path': PATH });
  stream.end(good);
  assert.equal(await new Promise((resolve) => { stream.on('response', (head) => resolve(head[':status'])); }), 200);
  assert.equal(client.alpnProtocol, 'h2');
  const curl = (...args) => spawnSync('curl', ['-sS', '-o', '/dev/null', '-w', '%{http_version} %{http_code}', '--cacert', authority.ca, '-d', good, ...args, `https://127.0.0.1:${port}${PATH}`], { encoding: 'utf8' });
  assert.equal(curl('--http2').stdout, '2 200');
  assert.equal(curl('--http1.1', '--tlsv1.2', '--tls-max', '1.2').stdout, '1.1 200');
  assert.equal(curl('--tlsv1.3').stdout, '2 200');
  for (const options of [{ maxVersion: 'TLSv1.1', minVersion: 'TLSv1' }, { ciphers: 'AES128-SHA', maxVersion: 'TLSv1.2' }, { ALPNProtocols: ['spdy/3'] }]) {
    await assert.rejects(new Promise((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, ca, ...options }, resolve);
      socket.on('error', reject);
    }), Error, JSON.stringify(options));
  }
  assert.ok((await metric(ops, 'router_tls_certificate_end_seconds')) > Date.now() / 1000 + 59 * 86400);
  await until(async () => (await metric(ops, 'router_http_faults_total{listener="api",reason="handshake"}')) >= 3, 'failed handshakes to be counted');
});

test('large requests and many connections at once', async (t) => {
  const { authority, port } = await start(t);
  const ca = readFileSync(authority.ca);
  const large = JSON.stringify({ tenant_id: 'demo', task: { type: 'chat', payload: { text: 'x'.repeat(900000) } } });
  assert.equal((await call(port, { ca, body: large })).status, 200);
  const explain = JSON.stringify({ ...JSON.parse(good), explain: true });
  const replies = await Promise.all(Array.from({ length: 200 }, (_, i) => call(port, { ca, agent: false, body: i % 2 === 0 ? good : explain })));
  assert.ok(replies.every((reply) => reply.status === 200));
  const agent = new Agent({ ca, keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const sockets = new Set();
  for (let i = 0; i < 20; i++) sockets.add((await call(port, { agent })).socket);
  assert.equal(sockets.size, 1, 'one connection is kept alive');
});

test('clients show a certificate where one is asked for', async (t) => {
  const { authority, port } = await start(t, (own) => ({ BEAMLINE_HTTP_TLS_CLIENT_CERTIFICATES: 'required', BEAMLINE_HTTP_TLS_CLIENT_CA_FILE: own.ca }));
  const ca = readFileSync(authority.ca);
  const client = authority.issue('client');
  const stranger = new Authority(t, 'stranger').issue('client');
  const show = (files) => ({ ca, cert: readFileSync(files.certificate), key: readFileSync(files.key), agent: false });
  assert.equal((await call(port, show(client))).status, 200);
  await assert.rejects(call(port, { ca, agent: false }));
  await assert.rejects(call(port, show(stranger)));
  assert.equal((await call(port, show(client))).status, 200);
});

test('a new certificate is taken over, and no connection notices', async (t) => {
  const { stack, authority, server, port } = await start(t);
  const ca = readFileSync(authority.ca);
  const agent = new Agent({ ca, keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const before = await call(port, { agent });
  const serial = () => new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, ca }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.end();
    });
    socket.on('error', reject);
  });
  const old = await serial();
  writeFileSync(server.certificate, 'no certificate');
  await until(() => stack.router.log().includes('certificate not taken over'), 'the broken one to be told');
  assert.equal(await serial(), old, 'the old one stays');
  const fresh = authority.issue('fresh', '5');
  copyFileSync(fresh.key, `${server.key}.new`);
  copyFileSync(fresh.certificate, `${server.certificate}.new`);
  renameSync(`${server.key}.new`, server.key);
  renameSync(`${server.certificate}.new`, server.certificate);
  await until(async () => (await serial()) !== old, 'the new one to be shown');
  assert.match(stack.router.log(), /certificate taken over.*it ends within 14 days/);
  const after = await call(port, { agent });
  assert.equal(after.status, 200);
  assert.equal(after.socket, before.socket, 'the old connection lives on');
});

test('garbage, half a handshake and plain HTTP end their connection', async (t) => {
  const { stack, authority, port } = await start(t, { BEAMLINE_HTTP_HEADER_TIMEOUT_MS: '500' });
  const over = (pieces, ms = 5000) => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    socket.on('close', () => resolve(true));
    for (const piece of pieces) socket.write(piece);
    setTimeout(() => { socket.destroy(); resolve(false); }, ms);
  });
  const hello = Buffer.from('16030100c8010000c40303', 'hex');
  const hostile = [
    ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    [Buffer.alloc(70000, 0x41)],
    [Buffer.from([0x16, 3, 1, 0xff, 0xff]), Buffer.alloc(65535, 1)],
    [Buffer.alloc(16384, 0x16)],
    [hello], // half of one, then silence
    [],
  ];
  const closed = await Promise.all(hostile.slice(0, 5).map((pieces) => over(pieces)));
  assert.deepEqual(closed, [true, true, true, true, true]);
  assert.equal((await call(port, { ca: readFileSync(authority.ca) })).status, 200);
  assert.equal(stack.router.over, undefined);
});

test('check names the file that cannot be used, and production serves TLS to others', async (t) => {
  const authority = new Authority(t);
  const server = authority.issue('server');
  const other = authority.issue('other');
  const check = (env) => spawnSync(beamline, ['check', '--profile', 'production'], {
    encoding: 'utf8',
    env: { ...process.env, BEAMLINE_NATS_URL: 'tls://nats.example:4222', BEAMLINE_ROUTER_KEY: `file:${server.key}`, BEAMLINE_POLICIES_STORE: join(authority.folder, 'store.db'), ...env },
  });
  const tls = { BEAMLINE_HTTP_TLS_LISTEN: '0.0.0.0:9000', BEAMLINE_HTTP_TLS_CERTIFICATE_FILE: server.certificate, BEAMLINE_HTTP_TLS_KEY_FILE: server.key };
  const plain = check({ BEAMLINE_HTTP_LISTEN: '0.0.0.0:9000' });
  assert.match(plain.stdout + plain.stderr, /move the address to http\.tls_listen/);
  assert.doesNotMatch(check(tls).stdout, /http\./);
  assert.match(check({ ...tls, BEAMLINE_HTTP_TLS_KEY_FILE: other.key }).stdout, /other\.key: .*\n?.*http\.tls_key_file has to be/s);
  assert.match(check({ ...tls, BEAMLINE_HTTP_TLS_CERTIFICATE_FILE: '/nowhere.pem' }).stdout, /\/nowhere\.pem/);
  assert.match(check({ BEAMLINE_HTTP_TLS_LISTEN: '0.0.0.0:9000' }).stdout, /needs a certificate and its key/);
});
