// Listening sockets: shared by workers, handed over by the service manager or by the router before, and
// never taken from a program that is there.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beamline, Stack, until } from '../support/stack.mjs';

const PATH = '/api/v1/routes/decide';
const good = JSON.stringify({ tenant_id: 'demo', task: { type: 'chat', payload: {} } });
const EACH = Number(process.env.BL_UPGRADE_REQUESTS ?? 1500); // of each of eight clients

const portOf = (router, message) => Number(new RegExp(`"message":"${message}","address":"127\\.0\\.0\\.1:(\\d+)"`).exec(router.log())[1]);

function call(options) {
  return new Promise((resolve, reject) => {
    const sent = request({ method: 'POST', path: PATH, ...options }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    sent.on('error', reject);
    sent.end(good);
  });
}

async function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => { const { port } = server.address(); server.close(() => resolve(port)); });
  });
}

// A client that goes on until it is told to stop, and counts.
class Client {
  constructor(one) {
    this.done = 0;
    this.failed = [];
    this.run = (async () => {
      while (this.done < EACH || !this.stopped) {
        try {
          const status = await one();
          if (status !== 200) this.failed.push(status);
        } catch (error) {
          this.failed.push(`${error.code} ${error.message}`);
        }
        this.done += 1;
      }
    })();
  }

  async stop() {
    this.stopped = true;
    await this.run;
  }
}

function http2Client(port) {
  let session;
  const open = () => {
    session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on('error', () => {});
    session.on('goaway', () => { session.goingAway = true; session.close(); });
  };
  open();
  const attempt = () => new Promise((resolve, reject) => {
    if (session.goingAway || session.closed) open();
    const stream = session.request({ ':method': 'POST', ':path': PATH });
    let status;
    stream.on('response', (head) => { status = head[':status']; });
    stream.on('data', () => {});
    stream.on('end', () => resolve(status));
    stream.on('error', reject);
    stream.end(good);
  });
  // A refused stream was not processed, and is for the client to send again (RFC 9113, 8.7): it is what a
  // client makes of its own request when GOAWAY comes first.
  const one = async () => {
    for (let tries = 0; ; tries++) {
      try {
        return await attempt();
      } catch (error) {
        if (!error.message.includes('REFUSED_STREAM') || tries === 3) throw error;
        open();
      }
    }
  };
  return { one, close: () => session.destroy() };
}

test('an upgrade under load loses no request', async (t) => {
  const port = await freePort();
  const ops = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'bl-upgrade-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, 'upgrade.sock');
  const stack = await Stack.start(t, { env: {
    BEAMLINE_HTTP_LISTEN: `127.0.0.1:${port}`, BEAMLINE_HTTP_OPS_LISTEN: `127.0.0.1:${ops}`,
    BEAMLINE_HTTP_UPGRADE_SOCKET: socket, BEAMLINE_WORKERS_COUNT: '2' } });
  await until(() => stack.router.log().includes('"message":"ready"'), 'ready');
  assert.equal(statSync(socket).mode & 0o777, 0o600);
  const agents = [];
  const clients = [];
  for (let i = 0; i < 3; i++) {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    agents.push(agent);
    clients.push(new Client(() => call({ host: '127.0.0.1', port, agent })));
  }
  for (let i = 0; i < 2; i++) clients.push(new Client(() => call({ host: '127.0.0.1', port, agent: false })));
  const sessions = [http2Client(port), http2Client(port), http2Client(port)];
  for (const session of sessions) clients.push(new Client(session.one));

  // A successor that cannot start changes nothing.
  const old = stack.router;
  stack.options.env.BEAMLINE_WORKERS_ARENA_CAP_BYTES = 'nonsense';
  await stack.startRouter();
  await stack.router.exited;
  delete stack.options.env.BEAMLINE_WORKERS_ARENA_CAP_BYTES;
  const rounds = 3;
  let current = old;
  for (let round = 0; round < rounds; round++) {
    await stack.startRouter(); // another number of workers than before, too
    stack.options.env.BEAMLINE_WORKERS_COUNT = ['1', '3', '2'][round];
    await until(() => stack.router.log().includes('"message":"ready"'), 'the successor to be ready', 20000);
    assert.match(stack.router.log(), /taking over from a running router","addresses":2/);
    const { code } = await current.exited;
    assert.equal(code, 0, current.log());
    current = stack.router;
  }
  await Promise.all(clients.map((client) => client.stop()));
  sessions.forEach((session) => session.close());
  agents.forEach((agent) => agent.destroy());
  const total = clients.reduce((sum, client) => sum + client.done, 0);
  t.diagnostic(`${total} requests over ${rounds} upgrades`);
  clients.forEach((client, i) => assert.deepEqual(client.failed, [], `client ${i}`));
  assert.equal(await call({ host: '127.0.0.1', port: ops, method: 'GET', path: '/ready', agent: false }), 200);
});

test('a successor that dies before it is ready leaves the old one serving', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bl-upgrade-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const socket = join(folder, 'upgrade.sock');
  const stack = await Stack.start(t, { env: { BEAMLINE_HTTP_LISTEN: '127.0.0.1:0', BEAMLINE_HTTP_UPGRADE_SOCKET: socket, BEAMLINE_WORKERS_COUNT: '1' } });
  await until(() => stack.router.log().includes('"message":"ready"'), 'ready');
  const port = portOf(stack.router, 'listening');
  const old = stack.router;
  t.after(() => old.stop('SIGKILL'));
  const url = stack.url;
  stack.url = 'nats://127.0.0.1:1'; // it will never be ready
  await stack.startRouter();
  await until(() => old.log().includes('a successor has the sockets'), 'the sockets to be given');
  // Meanwhile a second one is told to wait.
  const second = spawnSync(beamline, ['serve', '--profile', 'dev', '--nats', url], { encoding: 'utf8', env: { ...process.env, BEAMLINE_HTTP_LISTEN: '127.0.0.1:0', BEAMLINE_HTTP_UPGRADE_SOCKET: socket } });
  assert.equal(second.status, 1);
  assert.match(second.stdout + second.stderr, /does not hand its sockets over[\s\S]*wait for an upgrade/);
  await stack.router.stop('SIGKILL');
  await until(() => old.log().includes('went away before it was ready'), 'the failure to be told');
  for (let i = 0; i < 20; i++) assert.equal(await call({ host: '127.0.0.1', port, agent: false }), 200);
  stack.url = url;
  await stack.startRouter();
  await until(() => stack.router.log().includes('"message":"ready"'), 'the next one to be ready');
  assert.equal((await old.exited).code, 0);
  assert.equal(await call({ host: '127.0.0.1', port, agent: false }), 200);
});

test('workers share a Unix socket, and a free port', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bl-unix-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'http.sock');
  const stack = await Stack.start(t, { env: { BEAMLINE_HTTP_LISTEN: `unix:${path},127.0.0.1:0`, BEAMLINE_WORKERS_COUNT: '3' } });
  await until(() => stack.router.log().includes('"message":"ready"'), 'ready');
  const statuses = await Promise.all(Array.from({ length: 60 }, () => call({ socketPath: path, agent: false })));
  assert.ok(statuses.every((status) => status === 200));
  const ports = new Set([...stack.router.log().matchAll(/"listening","address":"127\.0\.0\.1:(\d+)"/g)].map((found) => found[1]));
  assert.equal(ports.size, 1, 'one port for all workers');
});

test('an address that somebody has is not shared and not taken', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bl-taken-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'http.sock');
  const stack = await Stack.start(t, { env: { BEAMLINE_HTTP_LISTEN: `127.0.0.1:0,unix:${path}`, BEAMLINE_WORKERS_COUNT: '2' } });
  await until(() => stack.router.log().includes('"message":"ready"'), 'ready');
  const port = portOf(stack.router, 'listening');
  for (const address of [`127.0.0.1:${port}`, `unix:${path}`]) {
    const other = spawnSync(beamline, ['serve', '--profile', 'dev', '--nats', stack.url], { encoding: 'utf8', env: { ...process.env, BEAMLINE_HTTP_LISTEN: address } });
    assert.equal(other.status, 1, address);
    assert.match(other.stdout + other.stderr, /http\.listen\[0\][\s\S]*in use[\s\S]*another program listens there/);
  }
  assert.equal(await call({ host: '127.0.0.1', port, agent: false }), 200);
  assert.equal(await call({ socketPath: path, agent: false }), 200);
  await stack.router.stop('SIGKILL');
  await stack.startRouter(); // what a killed one left behind is no obstacle
  await until(() => stack.router.log().includes('"message":"ready"'), 'ready again');
  assert.equal(await call({ socketPath: path, agent: false }), 200);
});

test('sockets of the service manager are used by their names', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bl-fds-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const stack = await Stack.start(t, {});
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  // As systemd does it: descriptors from 3 on, and the process that they are for.
  const script = join(folder, 'activate.sh');
  writeFileSync(script, 'LISTEN_PID=$$ exec "$@"\n');
  chmodSync(script, 0o700);
  const child = spawn('sh', [script, beamline, 'serve', '--profile', 'dev', '--nats', stack.url, '--policies', stack.policies], {
    stdio: ['ignore', 'ignore', 'ignore', server._handle.fd],
    env: { ...process.env, LISTEN_FDS: '1', LISTEN_FDNAMES: 'web', BEAMLINE_HTTP_LISTEN: 'fd:web', BEAMLINE_WORKERS_COUNT: '2' },
  });
  t.after(() => child.kill('SIGKILL'));
  server.close();
  await until(() => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  }), 'the socket to be there');
  const statuses = await Promise.all(Array.from({ length: 30 }, () => call({ host: '127.0.0.1', port, agent: false })));
  assert.ok(statuses.every((status) => status === 200));
  const wrong = spawnSync(beamline, ['serve', '--profile', 'dev', '--nats', stack.url], { encoding: 'utf8', env: { ...process.env, BEAMLINE_HTTP_LISTEN: 'fd:web' } });
  assert.match(wrong.stdout + wrong.stderr, /the service manager handed no socket of that name over/);
});
