// A real nats-server and a real router for tests: started here, ended here by their pids.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect, JSONCodec } from 'nats';

export const root = process.env.BL_SOURCE_DIR ?? join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const beamline = process.env.BL_BEAMLINE ?? join(root, 'build', 'release', 'beamline');
export const natsServer = process.env.BL_NATS_SERVER ?? join(root, '.deps', 'usr', 'sbin', 'nats-server');
export const codec = JSONCodec();

export const samplePolicy = `version: "1.0"
providers:
  - {name: "openai/gpt-4o", weight: 70, label: GPT-4o, tags: {region: us}, expect: {latency_ms: 850, cost: 0.012}}
  - {name: "anthropic/sonnet", weight: 30, tags: {region: eu}, expect: {latency_ms: 900, cost: 0.01}}
  - {name: "local/llama", weight: 0, last_resort: true, tags: {region: eu}}
rules:
  - {when: {metadata.region: eu}, require_tags: {region: eu}}
  - {when: {metadata.tier: gold}, prefer: ["openai/gpt-4o"]}
sticky: {enabled: true, session_key: user_id, ttl: 10m}
`;

// Resolves when `check` gives something truthy; fails after `ms` with what was waited for.
export async function until(check, what, ms = 10000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

class Process {
  constructor(command, args, logPath, env = {}) {
    this.logPath = logPath;
    const log = openSync(logPath, 'a');
    this.child = spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    this.exited = new Promise((resolve) => this.child.on('exit', (code, signal) => resolve({ code, signal })));
    this.child.on('exit', () => { this.over = true; });
  }

  log() {
    return readFileSync(this.logPath, 'utf8');
  }

  signal(name) {
    if (!this.over) this.child.kill(name);
  }

  async stop(name = 'SIGTERM') {
    this.signal('SIGCONT');
    this.signal(name);
    return this.exited;
  }

  rssMiB() {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))[1]) / 1024;
  }
}

export class Stack {
  // options: policies {"tenant/policy.yaml": text}, env, natsConfig (text), natsArgs, login (of the client), args
  static async start(t, options = {}) {
    const stack = new Stack();
    stack.folder = mkdtempSync(join(tmpdir(), 'bl-stack-'));
    stack.options = options;
    stack.port = await freePort();
    stack.url = `nats://127.0.0.1:${stack.port}`;
    stack.policies = join(stack.folder, 'policies');
    stack.metricsFile = join(stack.folder, 'metrics.prom');
    t.after(() => stack.end());
    mkdirSync(stack.policies);
    for (const [name, text] of Object.entries(options.policies ?? { 'demo/default.yaml': samplePolicy })) stack.putPolicy(name, text);
    if (options.nats !== false) await stack.startNats();
    await stack.startRouter();
    if (options.nats !== false) {
      if (!options.refused) await stack.ready();
      stack.client = await connect({ ...options.login, servers: stack.url, reconnect: true, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    }
    return stack;
  }

  putPolicy(name, text) {
    mkdirSync(join(this.policies, dirname(name)), { recursive: true });
    writeFileSync(join(this.policies, name), text);
  }

  removePolicy(name) {
    rmSync(join(this.policies, name));
  }

  async startNats() {
    const args = ['-a', '127.0.0.1', '-p', String(this.port), ...(this.options.natsArgs ?? [])];
    if (this.options.natsConfig) {
      const path = join(this.folder, 'nats.conf');
      writeFileSync(path, this.options.natsConfig);
      args.push('-c', path);
    }
    this.nats = new Process(natsServer, args.map((arg) => arg.replace('FOLDER', this.folder)), join(this.folder, `nats-${Date.now()}.log`));
    await until(() => this.nats.log().includes('Server is ready'), 'nats-server');
  }

  async startRouter() {
    const args = ['serve', '--profile', 'dev', '--nats', this.url, '--policies', this.policies, '--metrics-file', this.metricsFile,
      ...(this.options.args ?? [])];
    this.router = new Process(beamline, args, join(this.folder, `router-${Date.now()}.log`), {
      BEAMLINE_METRICS_INTERVAL_MS: '200', BEAMLINE_NATS_RECONNECT_BASE_MS: '50', BEAMLINE_NATS_RECONNECT_MAX_MS: '200', ...this.options.env });
  }

  ready(count = 1) {
    return until(() => this.router.log().split('"message":"ready"').length > count, 'the router to be ready').catch((error) => {
      throw new Error(`${error.message}\n${this.router.log()}`);
    });
  }

  async request(body, { subject = 'beamline.router.v1.decide', headers, timeout = 5000 } = {}) {
    const data = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    const reply = await this.client.request(subject, data, { timeout, headers });
    return JSON.parse(new TextDecoder().decode(reply.data));
  }

  // The text of the last writing; nothing before the first.
  metrics() {
    return !existsSync(this.metricsFile) ? '' : readFileSync(this.metricsFile, 'utf8');
  }

  async end() {
    if (this.client) await this.client.close();
    if (this.router) await this.router.stop('SIGKILL');
    if (this.nats) await this.nats.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}
