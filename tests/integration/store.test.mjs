// Policies in a store: the command line writes while a router serves; what breaks leaves it serving.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beamline, Stack, until } from '../support/stack.mjs';

const task = { type: 'text.generate', payload: {} };
const provider = (name) => `providers: [{name: ${name}}]\n`;

function folderFor(t) {
  const folder = mkdtempSync(join(tmpdir(), 'bl-store-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

// Runs `beamline policy …` with a store; `input` is its standard input.
function policy(store, args, input) {
  return spawnSync(beamline, ['policy', ...args], { encoding: 'utf8', input, env: { ...process.env, BEAMLINE_POLICIES_STORE: store } });
}

function succeed(store, args, input) {
  const result = policy(store, args, input);
  assert.equal(result.status, 0, result.stderr);
  return result.stdout;
}

const put = (store, name, id = 'default') => JSON.parse(succeed(store, ['put', '-', '--id', id, '--json'], provider(name)));

async function decided(stack, tenant = 'demo', id = 'default') {
  const reply = await stack.request({ tenant_id: tenant, policy_id: id, task });
  return reply.ok ? reply.decision.provider_id : reply.error.code;
}

// A router with a store, which holds one policy if named, and without files unless the test gives some.
async function startWithStore(t, policies = {}, stored) {
  const folder = folderFor(t);
  const store = join(folder, 'policies.db');
  if (stored) put(store, stored);
  return { folder, store, stack: await Stack.start(t, { policies, args: ['--store', store] }) };
}

test('what is put while a router serves decides within two seconds, and rolls back', async (t) => {
  const { store, stack } = await startWithStore(t);
  assert.equal(await decided(stack), 'policy_not_found');
  put(store, 'first');
  await until(async () => (await decided(stack)) === 'first', 'the first revision', 2500);
  let slowest = 0;
  for (let round = 0; round < 5; round++) {
    put(store, `round-${round}`);
    const began = Date.now();
    await until(async () => (await decided(stack)) === `round-${round}`, 'the change', 2000);
    slowest = Math.max(slowest, Date.now() - began);
  }
  t.diagnostic(`slowest ${slowest} ms`);
  succeed(store, ['rollback', 'default', '--to', '1']);
  await until(async () => (await decided(stack)) === 'first', 'the rollback', 2000);
  await until(() => /router_policy_store_revision 7/.test(stack.metrics()), 'the metric');
  assert.match(stack.metrics(), /router_policies\{source="store"\} 1/);
  succeed(store, ['delete', 'default', '-m', 'over']);
  await until(async () => (await decided(stack)) === 'policy_not_found', 'the deletion', 2000);
});

test('a file wins over the store, and the rest adds up', async (t) => {
  const { store, stack } = await startWithStore(t, { 'demo/default.yaml': provider('from-file') });
  put(store, 'from-store');
  put(store, 'only-store', 'other');
  await until(async () => (await decided(stack, 'demo', 'other')) === 'only-store', 'the stored policy');
  assert.equal(await decided(stack), 'from-file');
  assert.match(stack.router.log(), /"level":"WARN".*a file holds this policy too/);
  // Two looks at the store may bring its two policies in.
  await until(() => [/router_policies\{source="directory"\} 1\n/, /router_policies\{source="store"\} 1\n/, /router_policies_shadowed 1\n/]
    .every((line) => line.test(stack.metrics())), 'the metrics');
  stack.removePolicy('demo/default.yaml');
  await until(async () => (await decided(stack)) === 'from-store', 'the store to take over');
});

// Ways to break a store: another file takes its place, as a restore that went wrong would do it.
function replace(store, folder, bytes) {
  writeFileSync(join(folder, 'other'), bytes);
  for (const ending of ['-wal', '-shm']) rmSync(store + ending, { force: true });
  renameSync(join(folder, 'other'), store);
}
const faults = {
  'not a database': (store, folder) => replace(store, folder, 'this is no database, '.repeat(500)),
  'empty file': (store, folder) => replace(store, folder, ''),
  'truncated file': (store, folder) => replace(store, folder, readFileSync(store).subarray(0, 8192)),
  'gone': (store) => rmSync(store),
};

for (const [name, breakIt] of Object.entries(faults)) {
  test(`a store that is broken while serving (${name}) keeps the last good policies`, async (t) => {
    const { folder, store, stack } = await startWithStore(t, {}, 'good');
    assert.equal(await decided(stack), 'good');
    breakIt(store, folder);
    await until(() => stack.router.log().includes('policy store cannot be read'), 'the report');
    await until(() => /router_policy_store_unreadable 1/.test(stack.metrics()), 'the metric');
    for (let i = 0; i < 20; i++) assert.equal(await decided(stack), 'good');
    await new Promise((resolve) => setTimeout(resolve, 2500)); // two more looks
    assert.equal(stack.router.log().split('policy store cannot be read').length, 2, 'told once');
    for (const ending of ['', '-wal', '-shm']) rmSync(store + ending, { force: true });
    put(store, 'mended');
    await until(async () => (await decided(stack)) === 'mended', 'the mended store');
    assert.match(stack.router.log(), /policy store can be read/);
  });
}

test('an import is one change, and prunes', async (t) => {
  const { folder, store, stack } = await startWithStore(t);
  put(store, 'old', 'legacy');
  for (const tenant of ['demo', '_shared']) {
    mkdirSync(join(folder, 'files', tenant), { recursive: true });
    writeFileSync(join(folder, 'files', tenant, `${tenant === 'demo' ? 'default' : 'everywhere'}.yaml`), provider(`of-${tenant}`));
  }
  const files = join(folder, 'files');
  const plan = JSON.parse(succeed(store, ['import', files, '--prune', '--dry-run', '--json']));
  assert.deepEqual([plan.written, plan.new.sort(), plan.gone], [false, ['_shared/everywhere', 'demo/default'], ['demo/legacy']]);
  assert.match(succeed(store, ['import', files, '--prune', '-m', 'deploy 7']), /2 new, 0 changed, 1 gone, 0 the same/);
  await until(async () => (await decided(stack)) === 'of-demo', 'the import');
  assert.equal(await decided(stack, 'anybody', 'everywhere'), 'of-_shared');
  assert.equal(await decided(stack, 'demo', 'legacy'), 'policy_not_found');
  assert.match(succeed(store, ['import', files]), /0 new, 0 changed, 0 only in the store, 2 the same/);
  writeFileSync(join(files, 'demo', 'broken.yaml'), 'providers: [{nam: x}]\n');
  writeFileSync(join(files, 'demo', 'default.yaml'), provider('changed'));
  const refused = policy(store, ['import', files]);
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /broken\.yaml:1:\d+: error: providers\[0\]\.nam: unknown key/);
  assert.match(refused.stderr, /nothing was written/);
  assert.match(succeed(store, ['get', 'default']), /of-demo/);
});

test('the command line: history, compare-and-set, refusals and next steps', (t) => {
  const store = join(folderFor(t), 'policies.db');
  assert.match(policy(store, ['list']).stderr, /there is no store: .*\n.*hint: 'beamline policy put'/);
  assert.equal(policy('', ['list']).status, 2);
  assert.deepEqual(put(store, 'one'), { ok: true, tenant_id: 'demo', policy_id: 'default', revision: 1, previous_revision: 0 });
  assert.match(succeed(store, ['put', '-', '--id', 'default', '--if-revision', '1', '-m', 'why', '--author', 'ann'], provider('two')), /revision 2 after 1/);
  const stale = policy(store, ['put', '-', '--id', 'default', '--if-revision', '1', '--json'], provider('three'));
  assert.equal(stale.status, 1);
  assert.equal(JSON.parse(stale.stdout).error.code, 'precondition_failed');
  assert.equal(policy(store, ['put', '-', '--id', 'default', '--if-revision', '0'], provider('three')).status, 1);
  const wrong = policy(store, ['put', '-', '--id', 'default', '--json'], 'providers: [{nam: x}]\n');
  assert.equal(wrong.status, 1);
  assert.match(JSON.parse(wrong.stdout).findings[0].path, /providers\[0\]\.nam/);
  const history = JSON.parse(succeed(store, ['history', 'default', '--json']));
  assert.deepEqual(history.map((entry) => [entry.revision, entry.message, entry.deleted]), [[2, 'why', false], [1, '', false]]);
  assert.equal(history[0].author, 'ann');
  assert.notEqual(history[1].author, '');
  assert.equal(succeed(store, ['get', 'default']), provider('two'));
  assert.equal(succeed(store, ['get', 'default', '--revision', '1']), provider('one'));
  assert.equal(JSON.parse(succeed(store, ['get', 'default', '--json'])).document, provider('two'));
  succeed(store, ['delete', 'default']);
  assert.match(policy(store, ['get', 'default']).stderr, /was deleted by .* in revision 3/);
  assert.match(policy(store, ['delete', 'default']).stderr, /there is nothing to delete/);
  assert.match(policy(store, ['rollback', 'default', '--to', '3']).stderr, /that revision is a deletion/);
  assert.match(succeed(store, ['rollback', 'default', '--to', '2']), /revision 4 after 3/);
  assert.match(policy(store, ['rollback', 'default']).stderr, /--to N/);
  assert.match(policy(store, ['get', 'other']).stderr, /hint: beamline policy list/);
  assert.equal(policy(store, ['list', '--prune']).status, 2);
  assert.equal(policy(store, ['put', '-', '--tenant', 'no tenant']).status, 2);
  assert.match(succeed(store, ['list']), /demo +default +4 /);
  assert.deepEqual(JSON.parse(succeed(store, ['list', '--tenant', 'nobody', '--json'])), []);
});

test('the store of a configuration, and a file that wins', (t) => {
  const folder = folderFor(t);
  mkdirSync(join(folder, 'files', 'demo'), { recursive: true });
  writeFileSync(join(folder, 'files', 'demo', 'default.yaml'), provider('file'));
  writeFileSync(join(folder, 'router.yaml'), `profile: dev\npolicies: {directory: ${folder}/files, store: ${folder}/p.db, store_history: 2}\n`);
  const run = (...args) => spawnSync(beamline, ['policy', ...args, '--config', join(folder, 'router.yaml')], { encoding: 'utf8', input: provider('stored') });
  assert.match(run('put', '-', '--id', 'default').stderr, /note: .*files\/demo\/default\.yaml holds this policy too, and wins/);
  for (let i = 0; i < 3; i++) assert.equal(run('put', '-', '--id', 'other').stderr, '');
  assert.equal(JSON.parse(run('history', 'other', '--json').stdout).length, 2);
  const check = spawnSync(beamline, ['check', '--config', join(folder, 'router.yaml')], { encoding: 'utf8' });
  assert.equal(check.status, 0, check.stdout + check.stderr);
  assert.match(check.stdout, /p\.db: 2 policies, 0 broken, revision 4/);
  writeFileSync(join(folder, 'p.db'), 'damaged, damaged, damaged');
  const broken = spawnSync(beamline, ['check', '--config', join(folder, 'router.yaml')], { encoding: 'utf8' });
  assert.equal(broken.status, 1);
  assert.match(broken.stdout, /not a SQLite database/);
});

test('a put that is killed at any moment leaves a whole store', async (t) => {
  const store = join(folderFor(t), 'policies.db');
  let acknowledged = 0;
  for (let round = 0; round < 30; round++) {
    const child = spawn(beamline, ['policy', 'put', '-', '--id', `p${round}`, '--json'], { env: { ...process.env, BEAMLINE_POLICIES_STORE: store } });
    let output = '';
    child.stdout.on('data', (data) => { output += data; });
    child.stdin.on('error', () => {});
    child.stdin.end(provider(`p${round}`));
    const timer = setTimeout(() => child.kill('SIGKILL'), Math.random() * 60);
    await new Promise((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    if (output.includes('"ok":true')) {
      acknowledged++;
      assert.equal(succeed(store, ['get', `p${round}`]), provider(`p${round}`));
    }
  }
  t.diagnostic(`${acknowledged} of 30 were acknowledged`);
  put(store, 'last');
  const listed = JSON.parse(succeed(store, ['list', '--json']));
  assert.ok(listed.length > acknowledged);
  for (const entry of listed) succeed(store, ['get', entry.policy_id]);
});

test('a read-only store can be read, and a write says why not', { skip: process.getuid() === 0 && 'root may write everything' }, (t) => {
  const folder = folderFor(t);
  const store = join(folder, 'policies.db');
  put(store, 'one');
  chmodSync(store, 0o444);
  chmodSync(folder, 0o555);
  try {
    assert.equal(succeed(store, ['get', 'default']), provider('one'));
    assert.match(policy(store, ['put', '-', '--id', 'x'], provider('two')).stderr, /read-only/);
  } finally {
    chmodSync(folder, 0o755);
  }
});

test('import takes a folder that it cannot read for a problem, not for an empty one', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bl-import-'));
  t.after(() => { chmodSync(join(folder, 'files', 'a'), 0o755); rmSync(folder, { recursive: true, force: true }); });
  for (const tenant of ['a', 'b']) {
    mkdirSync(join(folder, 'files', tenant), { recursive: true });
    writeFileSync(join(folder, 'files', tenant, 'default.yaml'), 'providers: [{name: x}]\n');
  }
  // Permissions do not bind root, so the command runs as somebody else where the test is root.
  const somebody = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};
  if (process.getuid() === 0) for (const path of [folder, join(folder, 'files')]) chownSync(path, 65534, 65534);
  const run = (...args) => spawnSync(beamline, ['policy', ...args, '--store', join(folder, 'p.db')], { encoding: 'utf8', timeout: 20000, ...somebody });
  const first = run('import', join(folder, 'files'), '--prune');
  assert.equal(first.status, 0, first.stderr);
  chmodSync(join(folder, 'files', 'a'), 0);
  const second = run('import', join(folder, 'files'), '--prune');
  assert.equal(second.status, 1, second.stdout);
  assert.match(second.stderr, /Permission denied/);
  assert.match(second.stderr, /nothing was written/);
  assert.equal(run('import', join(folder, 'gone'), '--prune').status, 1);
  assert.equal(run('list').stdout.split('\n').filter((line) => line.includes('default')).length, 2);
});
