// What people type: outputs and exit codes of each command.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beamline, root, samplePolicy, Stack, until } from '../support/stack.mjs';

const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BEAMLINE_')));

function run(args, options = {}) {
  const done = spawnSync(beamline, args, { encoding: 'utf8', cwd: root, env: { ...environment, ...options.env }, input: options.input, timeout: 20000 });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

function scratch(t, files) {
  const folder = mkdtempSync(join(tmpdir(), 'bl-cli-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

test('help and usage', () => {
  for (const command of ['serve', 'dev', 'decide', 'policy', 'check', 'bench']) {
    const help = run([command, '--help']);
    assert.equal(help.code, 0, command);
    assert.match(help.out, /^Usage: beamline /);
    assert.equal(run([command, '--no-such-option']).code, 2, command);
  }
  assert.equal(run([]).code, 2);
  const typo = run(['serv']);
  assert.equal(typo.code, 2);
  assert.match(typo.err, /did you mean serve\?/);
});

test('check reports every problem with its line', (t) => {
  const folder = scratch(t, { 'bad.yaml': 'profile: dev\nnats:\n  urll: x\n  drain_batch: -1\nlogs: {level: loud}\nrouter: {key: plain}\nextra: 1\n' });
  const done = run(['check', '--config', join(folder, 'bad.yaml')]);
  assert.equal(done.code, 1);
  for (const line of [3, 4, 5, 6, 7]) assert.match(done.out, new RegExp(`bad\\.yaml:${line}:\\d+: error`));
  assert.match(done.out, /hint: did you mean url\?/);
  const json = JSON.parse(run(['check', '--json', '--config', join(folder, 'bad.yaml')]).out.split('\n')[0]);
  assert.equal(json.length, 5);
});

test('production says what is missing and does not start', () => {
  const done = run(['serve']);
  assert.equal(done.code, 1);
  for (const part of [/in the clear/, /router key/, /policies\.directory/]) assert.match(done.err, part);
  assert.equal(run(['serve', '--config', '/nonexistent.yaml', '--profile', 'dev']).code, 1);
});

test('a folder of policies that is not there: check and serve both refuse', (t) => {
  const folder = scratch(t, { 'router.yaml': 'profile: dev\n' });
  for (const command of ['check', 'serve']) {
    const done = run([command, '--config', join(folder, 'router.yaml'), '--policies', join(folder, 'gone')]);
    assert.equal(done.code, 1, command);
    assert.match(done.out + done.err, /gone.*(No such file|cannot be read)/);
  }
});

test('a secret is never shown', (t) => {
  const folder = scratch(t, { key: 'very-secret-router-key-0123456789', 'good.yaml': '' });
  writeFileSync(join(folder, 'good.yaml'), `profile: dev\nrouter: {key: "file:${join(folder, 'key')}"}\n`);
  const done = run(['check', '--dump', '--config', join(folder, 'good.yaml')]);
  assert.equal(done.code, 0, done.out);
  assert.match(done.out, /key: "file:/);
  assert.ok(!done.out.includes('very-secret'));
});

test('policy validate and explain', (t) => {
  const folder = scratch(t, { 'good.yaml': samplePolicy, 'bad.yaml': 'providers:\n  - {nam: a}\n' });
  const good = run(['policy', 'validate', join(folder, 'good.yaml')]);
  assert.equal(good.code, 0);
  assert.match(good.out, /ok: 3 providers, 2 rules/);
  const bad = run(['policy', 'validate', join(folder, 'bad.yaml')]);
  assert.equal(bad.code, 1);
  assert.match(bad.out, /bad\.yaml:2:\d+: error: providers\[0\]/);
  const explain = run(['policy', 'explain', join(folder, 'good.yaml'), '-r', '-'],
    { input: '{"tenant_id":"demo","task":{"type":"x","payload":{}},"metadata":{"region":"eu"}}' });
  assert.equal(explain.code, 0, explain.err);
  assert.match(explain.out, /rule 1 \(line \d+\) matched: require_tags \{region: eu\}/);
  assert.equal(run(['policy', 'validate']).code, 2);
});

test('validate and lint over several files give one array, with those that cannot be read', (t) => {
  const folder = scratch(t, { 'good.yaml': samplePolicy, 'bad.yaml': 'providers:\n  - {nam: a}\n' });
  const files = ['bad.yaml', 'gone.yaml', 'good.yaml'].map((name) => join(folder, name));
  for (const command of ['validate', 'lint']) {
    const done = run(['policy', command, '--json', ...files]);
    assert.equal(done.code, 1);
    const findings = JSON.parse(done.out);
    assert.deepEqual([...new Set(findings.map((finding) => finding.file))].slice(0, 2), files.slice(0, 2), command);
    assert.equal(findings.find((finding) => finding.file === files[1]).message, 'the file cannot be read');
  }
  assert.deepEqual(JSON.parse(run(['policy', 'validate', '--json', files[2]]).out), []);
});

test('an expression may begin with a minus', () => {
  for (const args of [['-7/2'], ['--json', '-7/2'], ['--', '-7/2'], ['-7/2', '--json']]) {
    const done = run(['policy', 'eval', ...args]);
    assert.equal(done.code, 0, `${args} ${done.err}`);
    assert.match(done.out, /-3/);
  }
  assert.match(run(['policy', 'eval', '-(1 + 2)']).out, /-3/);
  assert.equal(run(['policy', 'eval', '-x']).code, 1); // an expression, of an unknown name
  assert.equal(run(['policy', 'eval', '--no-such-option', '1']).code, 2);
});

test('migrate says that comments are not carried over', (t) => {
  const folder = scratch(t, { 'old.yaml': `# why\n${samplePolicy}` });
  assert.match(run(['policy', 'migrate', join(folder, 'old.yaml')]).err, /comments are not carried over/);
});

test('decide offline', (t) => {
  const folder = scratch(t, { 'p.yaml': samplePolicy });
  const done = run(['decide', '--offline', '--policy-file', join(folder, 'p.yaml'), '-m', 'tier=gold', '--json']);
  assert.equal(done.code, 0, done.err);
  assert.equal(JSON.parse(done.out).decision.reason, 'rule');
  assert.equal(run(['decide', '--offline']).code, 2);
  assert.equal(run(['decide', '--offline', '--policy-file', '/nonexistent']).code, 1);
});

test('decide says what is wrong with its options', (t) => {
  const folder = scratch(t, { 'p.yaml': samplePolicy, 'empty.json': '', 'request.json': '{"tenant_id":"demo","task":{"type":"x","payload":{}}}' });
  const offline = ['decide', '--offline', '--policy-file', join(folder, 'p.yaml')];
  assert.match(run([...offline, '--tenant', 'a b']).err, /the tenant is no tenant id/);
  assert.match(run([...offline, '--tenant', '']).err, /names no tenant/);
  for (const bad of ['{bad', '[1', ' {"a":1}}']) {
    const refused = run([...offline, '--payload', bad]);
    assert.equal(refused.code, 2);
    assert.match(refused.err, /--payload is no JSON: line 1, column \d+/);
  }
  for (const good of ['plain text', '{"a":[1]}', '7', '']) assert.equal(run([...offline, '--payload', good]).code, 0, good);
  const request = [...offline, '-r', join(folder, 'request.json')];
  assert.equal(run(request).code, 0);
  for (const more of [['-t', 'acme'], ['-p', 'x'], ['-m', 'a=b'], ['-c', 'a=b'], ['-x'], ['--dry-run'], ['--payload', '{}'], ['--max-cost', '1']]) {
    const refused = run([...request, ...more]);
    assert.equal(refused.code, 2, more.join(' '));
    assert.match(refused.err, /--request FILE is the whole request; --\w/);
  }
  const empty = run([...offline, '-r', join(folder, 'empty.json')]);
  assert.equal(empty.code, 1);
  assert.match(empty.err, /empty\.json is empty/);
});

test('usage errors name the whole command', () => {
  assert.match(run(['serve', '--bogus']).err, /^beamline serve: unrecognized option '--bogus'/);
  assert.match(run(['policy', '--bogus']).err, /^beamline policy: unrecognized/);
  assert.match(run(['policy', 'put', '--bogus']).err, /^beamline policy put: unrecognized/);
});

test('nothing there: exit code 3 and a hint', () => {
  const done = run(['decide', '--nats', 'nats://127.0.0.1:1', '--timeout-ms', '300']);
  assert.equal(done.code, 3);
  assert.match(done.err, /no NATS server answered at nats:\/\/127\.0\.0\.1:1/);
  assert.match(done.err, /hint:/);
  assert.doesNotMatch(done.err, /\.c:\d/);
  const json = run(['decide', '--json', '--nats', 'nats://127.0.0.1:1', '--timeout-ms', '300']);
  assert.equal(json.code, 3);
  assert.equal(JSON.parse(json.out).ok, false);
  assert.equal(JSON.parse(json.out).error.code, 'unavailable');
});

test('decide and bench against a router', async (t) => {
  const stack = await Stack.start(t);
  const env = { BEAMLINE_NATS_URL: stack.url };
  const decided = run(['decide', '--context', 'user_id=u-1', '--explain'], { env });
  assert.equal(decided.code, 0, decided.err);
  assert.match(decided.out, /^provider {2}(openai|anthropic)/);
  assert.match(decided.out, /why {7}none of 2 rules matched/);
  const refused = run(['decide', '--tenant', 'nobody'], { env });
  assert.equal(refused.code, 1);
  assert.match(refused.out, /policy_not_found/);
  for (const load of [['--outstanding', '32'], ['--rate', '2000']]) {
    const bench = run(['bench', '--duration', '500ms', '--warmup', '100ms', '--json', ...load], { env });
    assert.equal(bench.code, 0, bench.err);
    const figures = JSON.parse(bench.out);
    assert.equal(figures.offered, figures.ok);
    assert.ok(figures.p50_us > 0 && figures.p50_us <= figures.p99_us && figures.p99_us <= figures.max_us);
  }
  assert.equal(run(['bench', '--duration', '200ms', '--warmup', '0s', '--subject', 'nobody.here'], { env }).code, 3);
});

test('decide and bench log in', async (t) => {
  const folder = scratch(t, { password: 'right-password\n', wrong: 'wrong-password', token: 'x' });
  const router = { BEAMLINE_NATS_USER: 'u', BEAMLINE_NATS_PASSWORD: `file:${join(folder, 'password')}` };
  const stack = await Stack.start(t, {
    natsConfig: 'authorization { user: u, password: right-password }', login: { user: 'u', pass: 'right-password' }, env: router });
  const env = { BEAMLINE_NATS_URL: stack.url };
  const login = ['--user', 'u', '--password-file', join(folder, 'password')];
  const bench = ['bench', '--duration', '200ms', '--warmup', '0s', '--outstanding', '4'];
  assert.equal(run(['decide', ...login], { env }).code, 0);
  assert.equal(run([...bench, ...login], { env }).code, 0);
  assert.equal(run(['decide'], { env: { ...env, ...router } }).code, 0);
  assert.equal(run(bench, { env: { ...env, ...router } }).code, 0);
  const began = Date.now();
  for (const wrong of [[], ['--user', 'u', '--password-file', join(folder, 'wrong')], ['--token-file', join(folder, 'token')]]) {
    const refused = run(['decide', ...wrong], { env });
    assert.equal(refused.code, 3, refused.err);
    assert.match(refused.err, /refuses the login.*Authorization Violation.*\n.*--password-file/);
    assert.doesNotMatch(refused.err, /\.c:\d|wrong-password/);
  }
  assert.ok(Date.now() - began < 10000, 'a refused login is told at once');
  assert.match(run(bench, { env }).err, /refuses the login/);
  const half = run(['decide', '--user', 'u'], { env: { ...env, ...router } });
  assert.match(half.err, /go together/);
  assert.match(run(['decide', '--creds', '/nonexistent'], { env }).err, /'\/nonexistent' cannot be read/);
  assert.match(run(['decide'], { env: { ...env, BEAMLINE_NATS_TOKEN: 'plain' } }).err, /BEAMLINE_NATS_TOKEN: a secret is named by file:/);
});

test('dev starts, serves, and leaves nothing behind', async (t) => {
  const child = spawn(beamline, ['dev', '--port', '14777'], { env: environment });
  t.after(() => child.kill('SIGKILL'));
  let out = '';
  child.stdout.on('data', (data) => { out += data; });
  await until(() => out.includes('Ctrl-C'), 'dev to be ready');
  const folder = /policies +(\S+)\/policies/.exec(out)[1];
  assert.ok(existsSync(folder));
  assert.equal(run(['decide'], { env: { BEAMLINE_NATS_URL: 'nats://127.0.0.1:14777' } }).code, 0);
  const exit = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGINT');
  assert.equal(await exit, 0);
  assert.ok(!existsSync(folder));
  assert.equal(run(['decide', '--timeout-ms', '300'], { env: { BEAMLINE_NATS_URL: 'nats://127.0.0.1:14777' } }).code, 3);
});
