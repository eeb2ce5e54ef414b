// The clients of examples/clients, as a reader runs them, against a real router.
import assert from 'node:assert/strict';
import { spawn, execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, Stack } from '../support/stack.mjs';

const ends = [];
const folder = mkdtempSync(join(tmpdir(), 'bl-examples-'));
const key = join(folder, 'key.pem');
const chain = join(folder, 'chain.pem');
let plain;
let encrypted;

before(async () => {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', chain], { stdio: 'ignore' });
  cpSync(join(root, 'examples', 'clients'), folder, { recursive: true, filter: (path) => !path.includes('node_modules') });
  symlinkSync(join(root, 'tests', 'node_modules'), join(folder, 'node_modules'));
  execFileSync('protoc', ['-I', join(root, 'proto'), `--python_out=${folder}`, 'beamline/flow/v1/flow.proto']);
  const stack = await Stack.start({ after: (end) => ends.push(end) }, { env: {
    BEAMLINE_HTTP_LISTEN: '127.0.0.1:0', BEAMLINE_HTTP_TLS_LISTEN: '127.0.0.1:0',
    BEAMLINE_HTTP_TLS_CERTIFICATE_FILE: chain, BEAMLINE_HTTP_TLS_KEY_FILE: key } });
  [plain, encrypted] = ['listening', 'listening with TLS'].map((message) =>
    Number(new RegExp(`"message":"${message}","address":"127\\.0\\.0\\.1:(\\d+)"`).exec(stack.router.log())?.[1]));
});

after(async () => {
  await Promise.all(ends.map((end) => end()));
  rmSync(folder, { recursive: true, force: true });
});

function run(command, args, env = {}) {
  const child = spawn(command, args, { cwd: folder, env: { ...process.env, PROTO_PATH: join(root, 'proto'), ...env } });
  const said = { out: '', err: '' };
  child.stdout.on('data', (part) => { said.out += part; });
  child.stderr.on('data', (part) => { said.err += part; });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...said })));
}

const examples = {
  'decide.sh': (address, env) => run('./decide.sh', [`http://${address}`], env),
  'decide.mjs': (address, env) => run(process.execPath, ['decide.mjs', address], env),
  'decide.py': (address, env) => run('/usr/bin/python3', ['decide.py', address], env),
};

for (const [name, ask] of Object.entries(examples)) {
  test(`${name} gets a decision each way`, async () => {
    const { code, out, err } = await ask(`127.0.0.1:${plain}`);
    assert.equal(code, 0, err);
    const lines = out.trim().split('\n');
    assert.equal(lines.length, 2, out);
    for (const line of lines) assert.match(line, /openai\/gpt-4o|anthropic\/sonnet/);
  });

  test(`${name} says that nobody answers`, async () => {
    const { code, err } = await ask('127.0.0.1:1');
    assert.notEqual(code, 0);
    assert.match(err, new RegExp(`${name}: .*127\\.0\\.0\\.1:1`), err);
  });
}

test('decide.sh speaks HTTP/2 over TLS', async () => {
  const { code, out, err } = await run('./decide.sh', [`https://localhost:${encrypted}`], { CA_FILE: chain });
  assert.equal(code, 0, err);
  assert.equal(out.trim().split('\n').length, 2, out);
  assert.notEqual((await run('./decide.sh', [`https://localhost:${encrypted}`])).code, 0);
});
