// Yesterday's traffic against tomorrow's policy: a real router records, the backtest judges.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, copyFileSync, existsSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { beamline, root, Stack, until } from '../support/stack.mjs';

const live = `providers:
  - {name: a, weight: 50, expect: {latency_ms: 100, cost: 0.01}}
  - {name: b, weight: 50, expect: {latency_ms: 300, cost: 0.001}}
rules:
  - {when: 'metadata.tier == "gold"', prefer: [a]}
`;

function backtest(args) {
  const done = spawnSync(beamline, ['policy', 'backtest', ...args], { encoding: 'utf8', cwd: root, timeout: 20000 });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

async function start(t, env = {}, policies = { 'demo/default.yaml': live }) {
  const file = join('/tmp', `bl-recording-${process.pid}-${Math.random().toString(16).slice(2)}`);
  t.after(() => { for (const name of [file, `${file}.1`]) if (existsSync(name)) spawnSync('rm', [name]); });
  const stack = await Stack.start(t, { policies, env: { BEAMLINE_RECORDING_FILE: file, ...env } });
  return { stack, file };
}

const body = (i, metadata = {}) => ({ tenant_id: 'demo', task: { type: 'chat', payload: { prompt: `secret prompt ${i}` } }, metadata });

async function send(stack, count, metadata) {
  const replies = [];
  for (let i = 0; i < count; i++) replies.push(await stack.request(body(i, metadata?.(i))));
  return replies;
}

test('what was recorded is decided again, and a candidate is compared', async (t) => {
  const { stack, file } = await start(t, { BEAMLINE_RECORDING_FIELDS: '*/task.type,demo/metadata.tier' });
  const replies = await send(stack, 400, (i) => ({ tier: i % 4 === 0 ? 'gold' : 'free' }));
  await stack.router.stop();
  const before = join(stack.folder, 'live.yaml');
  const after = join(stack.folder, 'candidate.yaml');
  writeFileSync(before, live);
  writeFileSync(after, live.replace('prefer: [a]', 'prefer: [b]'));

  const same = backtest([before, '--against', before, '--records', file, '--json']);
  assert.equal(same.code, 0, same.err);
  const alike = JSON.parse(same.out);
  assert.deepEqual([alike.records, alike.judged, alike.changed, alike.damaged], [400, 400, 0, 0]);
  const served = replies.filter((reply) => reply.decision.provider_id === 'a').length;
  assert.equal(alike.live.providers.a, served, 'the same draws give the same providers');

  const changed = JSON.parse(backtest([after, '--against', before, '--records', file, '--json']).out);
  assert.equal(changed.changed, 100);
  assert.deepEqual(changed.moves, [{ from: 'a', to: 'b', count: 100 }]);
  assert.deepEqual(changed.tenants, [{ tenant_id: 'demo', records: 400, changed: 100 }]);
  assert.ok(changed.candidate.expected_cost < changed.live.expected_cost);

  const text = backtest([after, '--against', before, '--records', file, '--max-changed', '5%']);
  assert.equal(text.code, 4);
  assert.match(text.out, /400 records, 400 judged .* 100 decisions change \(25\.00 %\)/);
  assert.match(text.out, /a -> b: 100 \(25\.00 %\)/);
  assert.match(text.err, /25\.00 % change, more than 5\.00 %/);
  assert.equal(backtest([after, '--against', before, '--records', file, '--max-changed', '30%']).code, 0);
});

test('texts are recorded as hashes, unless they are named', async (t) => {
  const { stack, file } = await start(t);
  await send(stack, 20, () => ({ tier: 'gold' }));
  await stack.router.stop();
  const bytes = readFileSync(file);
  assert.ok(bytes.includes('metadata.tier') && bytes.includes('chat'));
  assert.ok(!bytes.includes('gold') && !bytes.includes('secret prompt'));
  const before = join(stack.folder, 'live.yaml');
  writeFileSync(before, live);
  const hidden = backtest([before, '--against', before, '--records', file]);
  assert.equal(hidden.code, 1);
  assert.match(hidden.out, /20 records could not be judged:\n {2}metadata\.tier was recorded as a hash only in 20\n {2}hint: .*\*\/metadata\.tier/);
});

test('what a candidate reads and nobody recorded is told', async (t) => {
  const { stack, file } = await start(t, { BEAMLINE_RECORDING_REDACT: 'false' });
  await send(stack, 10, () => ({ tier: 'free' }));
  await stack.router.stop();
  const before = join(stack.folder, 'live.yaml');
  const after = join(stack.folder, 'candidate.yaml');
  writeFileSync(before, live);
  writeFileSync(after, live.replace('metadata.tier == "gold"', 'size(task.payload.prompt) > 4'));
  const unjudged = backtest([after, '--against', before, '--records', file]);
  assert.equal(unjudged.code, 1);
  assert.match(unjudged.out, /size\(task\.payload\.prompt\) was not recorded in 10/);
});

test('a share is recorded, the file is bounded, and a cut file is read', async (t) => {
  const { stack, file } = await start(t, { BEAMLINE_RECORDING_PER_THOUSAND: '500', BEAMLINE_RECORDING_MAX_BYTES: '65536', BEAMLINE_RECORDING_REDACT: 'false' });
  await send(stack, 1500, () => ({ tier: 'free' }));
  await until(() => /router_decisions_recorded_total \d+/.test(stack.metrics()), 'the metric');
  await stack.router.stop('SIGKILL');
  const sizes = [file, `${file}.1`].map((name) => statSync(name).size);
  assert.ok(sizes[0] + sizes[1] <= 65536 + 2 * 4096, `${sizes}`);
  const before = join(stack.folder, 'live.yaml');
  writeFileSync(before, live);
  const judged = JSON.parse(backtest([before, '--against', before, '--records', file, '--records', `${file}.1`, '--json']).out);
  assert.ok(judged.judged > 100 && judged.judged < 1000, `${judged.judged}`);

  const cut = join(stack.folder, 'cut');
  copyFileSync(file, cut);
  truncateSync(cut, statSync(file).size - 7);
  appendFileSync(cut, 'garbage BLF1 garbage');
  const damaged = JSON.parse(backtest([before, '--against', before, '--records', cut, '--json']).out);
  assert.ok(damaged.damaged >= 1 && damaged.judged > 0);
  assert.match(backtest([before, '--against', before, '--records', before]).err, /holds no record/);
  assert.match(backtest([before, '--against', before, '--records', '/nonexistent']).err, /No such file/);
  assert.equal(backtest([before, '--records', file]).code, 2);
});

test('a shadow decides beside the live policy, without effect', async (t) => {
  const policies = {
    'demo/default.yaml': `${live}shadow: {policy: next}\n`,
    'demo/next.yaml': live.replace('prefer: [a]', 'prefer: [b]'),
  };
  const { stack } = await start(t, {}, policies);
  const replies = await send(stack, 100, (i) => ({ tier: i % 2 === 0 ? 'gold' : 'free' }));
  assert.ok(replies.filter((_, i) => i % 2 === 0).every((reply) => reply.decision.provider_id === 'a'));
  const counted = (outcome) => Number(new RegExp(`router_shadow_decisions_total\\{outcome="${outcome}"\\} (\\d+)`).exec(stack.metrics())?.[1] ?? 0);
  await until(() => counted('same') + counted('other_provider') === 100, 'the shadow to be counted');
  assert.equal(counted('other_provider'), 50);
  stack.removePolicy('demo/next.yaml');
  await until(async () => { await send(stack, 1); return counted('no_policy') > 0; }, 'a missing shadow to be counted');
});
