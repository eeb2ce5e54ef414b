// What people do with policies before they go live: evaluate, lint, compare, migrate, explain.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { beamline, root } from '../support/stack.mjs';

const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('BEAMLINE_')));

function policy(args, input) {
  const done = spawnSync(beamline, ['policy', ...args], { encoding: 'utf8', cwd: root, env: environment, input, timeout: 20000 });
  return { code: done.status, out: done.stdout, err: done.stderr };
}

function scratch(t, files) {
  const folder = mkdtempSync(join(tmpdir(), 'bl-policy-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return (name) => join(folder, name);
}

test('eval prints value, type and cost', () => {
  const sum = policy(['eval', '[1, 2, 3].filter(x, x > 1).map(x, x * 10)']);
  assert.equal(sum.code, 0, sum.err);
  assert.match(sum.out, /^\[20, 30\]\ntype list \(declared list\(int\)\), cost \d+\n$/);
  const json = JSON.parse(policy(['eval', '--json', 'duration("90m") > duration("1h")']).out);
  assert.deepEqual([json.value, json.type], ['true', 'bool']);
});

test('eval shows where an expression is wrong', () => {
  const syntax = policy(['eval', 'metadata.tier = 1']);
  assert.equal(syntax.code, 1);
  assert.match(syntax.err, / {2}metadata\.tier = 1\n {16}\^\nerror at character 15: '=' is no sign/);
  assert.match(syntax.err, /hint: to compare, write ==/);
  const missing = policy(['eval', 'metadata.tier == "gold"']);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /no such key: metadata\.tier\n {2}hint: test with has\(metadata\.tier\) first/);
  assert.match(policy(['eval', '9223372036854775807 + 1']).err, /overflow/);
  assert.match(policy(['eval', 'tier == 1']).err, /there is no variable tier/);
});

test('eval shows only the surroundings of the place, and says so', () => {
  const depth = policy(['eval', `${'('.repeat(5000)}1${')'.repeat(5000)}`]);
  const [line, place] = depth.err.split('\n');
  assert.match(line, /^ {2}\(+ \.\.\.$/);
  assert.equal(place, `${' '.repeat(2 + 48)}^`);
  assert.ok(depth.err.split('\n').every((text) => text.length < 140), depth.err);
  const sides = policy(['eval', `"${'ü'.repeat(500)}" = "x${'ü'.repeat(500)}"`]).err.split('\n');
  assert.match(sides[0], /^ {2}\.\.\. ü+" = "xü+ \.\.\.$/); // no character is cut in two
  assert.equal(sides[0][sides[1].length - 1], '=');
});

test('eval reads a request, variables, and lines', (t) => {
  const at = scratch(t, {
    'request.json': '{"tenant_id":"acme","task":{"type":"chat","payload":{"prompt":"grüß dich"}},"metadata":{"tier":"gold"}}',
    'vars.json': '{"limits":{"a":[1,2,3]},"tenant":{"region":"eu"}}',
  });
  const read = policy(['eval', '-r', at('request.json'), 'tenant.id == "acme" && metadata.tier == "gold" && size(task.payload.prompt) == 9']);
  assert.match(read.out, /^true\n/, read.err);
  assert.match(policy(['eval', '--vars', at('vars.json'), 'limits.a[1] + size(limits.a)']).out, /^5\n/);
  assert.match(policy(['eval', '--vars', at('vars.json'), 'tenant.region']).out, /^"eu"\n/);
  const lines = policy(['eval'], '1 + 1\n\nnonsense(\n"a" + "b"\n');
  assert.equal(lines.code, 0);
  assert.deepEqual(lines.out.split('\n').filter((line) => !line.startsWith('type')), ['2', '"ab"', '']);
  assert.match(lines.err, /ends where/);
});

test('eval refuses what would run for long', () => {
  const deep = policy(['eval', '('.repeat(1000) + '1' + ')'.repeat(1000)]);
  assert.match(deep.err, /is nested deeper than 48/);
  assert.match(policy(['eval', `"${'a'.repeat(9000)}b".matches("(a+)+$")`]).err, /too much work for a pattern/);
  assert.match(policy(['eval', '1 + '.repeat(6000) + '1']).err, /has \d+ bytes, more than 16384/);
  const ten = '[1,2,3,4,5,6,7,8,9,10]';
  assert.match(policy(['eval', `${ten}.all(a, ${ten}.all(b, ${ten}.all(c, ${ten}.all(d, ${ten}.all(e, ${ten}.all(f, ${ten}.all(g, a + b + c + d + e + f + g > 0)))))))`]).err, /costs too much/);
});

const shady = `version: "1.0"
providers:
  - {name: a, weight: 1, tags: {region: eu}}
  - {name: b, weight: 1, tags: {region: us}}
rules:
  - {when: 'metadata.tier in ["gold", "silver"]', prefer: [a]}
  - {when: 'metadata.tier == "gold" && metadata.n > 3', prefer: [b]}
  - {when: {metadata.region: eu}, require_tags: {region: eu}}
  - {when: 'metadata.cheap == true', require_tags: {region: us}}
`;

test('lint shows a request for what it says, and the request shows it', (t) => {
  const at = scratch(t, { 'shady.yaml': shady });
  const text = policy(['lint', at('shady.yaml')]);
  assert.equal(text.code, 1);
  assert.match(text.out, /shady\.yaml:7: warning: rules\[1\]: is never reached.*\[rule_shadowed\]/);
  assert.match(text.out, /2 warnings/);
  const findings = JSON.parse(policy(['lint', '--json', at('shady.yaml')]).out);
  assert.deepEqual(findings.map((finding) => finding.code), ['rule_shadowed', 'rules_leave_nobody']);
  writeFileSync(at('request.json'), JSON.stringify(findings[1].example));
  const refused = policy(['explain', at('shady.yaml'), '-r', at('request.json'), '--json']);
  assert.equal(refused.code, 1);
  assert.match(refused.out, /no_provider_available/);
  assert.equal(policy(['lint', 'examples/policies/model-canary.yaml']).code, 0);
});

test('diff tells what changes in meaning', (t) => {
  const before = readFileSync(join(root, 'examples/policies/model-canary.yaml'), 'utf8');
  const at = scratch(t, {
    'before.yaml': before,
    'after.yaml': before.replace('weight: 95', 'weight: 75').replace('weight: 5}', 'weight: 25}').replace('12h', '6h'),
    'same.yaml': `# another comment\n${before}`,
  });
  const text = policy(['diff', at('before.yaml'), at('after.yaml')]);
  assert.equal(text.code, 0, text.err);
  assert.match(text.out, /~ share of chat-v2: 5\.0 % -> 25\.0 %/);
  assert.match(text.out, /~ key sticky\n {4}- .*12h.*\n {4}\+ .*6h/);
  assert.doesNotMatch(text.out, /[-+~] rule/);
  const json = JSON.parse(policy(['diff', '--json', at('before.yaml'), at('after.yaml')]).out);
  assert.ok(json.some((change) => change.kind === 'share' && change.name === 'chat-v2' && change.after === 0.25));
  assert.match(policy(['diff', at('before.yaml'), at('same.yaml')]).out, /no difference in meaning/);
  assert.equal(policy(['diff', at('before.yaml')]).code, 2);
  assert.equal(policy(['diff', at('before.yaml'), '/nonexistent.yaml']).code, 1);
});

test('explain compares two policies', () => {
  const done = policy(['explain', '--diff', 'examples/policies/default.yaml', 'examples/policies/cheap-first.yaml']);
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /^before: .*default\.yaml\nprovider /);
  assert.match(done.out, /\nafter: .*cheap-first\.yaml\nprovider {2}small/);
  assert.equal(policy(['explain', '--diff', 'examples/policies/default.yaml']).code, 2);
});

test('explain says why a condition could not be judged', (t) => {
  const at = scratch(t, { 'p.yaml': 'providers: [{name: a, weight: 1}, {name: b, weight: 1}]\nrules:\n  - {when: \'metadata.tier == "gold"\', deny: [a]}\n' });
  const done = policy(['explain', at('p.yaml')]);
  assert.equal(done.code, 0, done.err);
  assert.match(done.out, /rule 1 \(line 3\) could not be judged, so it does not apply: no such key: metadata\.tier/);
  const json = JSON.parse(policy(['explain', at('p.yaml'), '--json']).out);
  assert.equal(JSON.stringify(json).includes('no such key: metadata.tier'), true);
});

test('migrate writes what compiles and decides alike', (t) => {
  const at = scratch(t, {
    'old.json': '{"version":"1.0","weights":{"a":70,"b":30},"defaults":{"x":1},"fallback":{"provider":"c","conditions":["timeout"]},"sticky":{"enabled":true,"ttl_seconds":600,"key":"user_id"},"extensions":{"pre":[{"id":"n","mode":"optional"}]}}',
  });
  const done = policy(['migrate', at('old.json')]);
  assert.equal(done.code, 0, done.err);
  for (const part of [/defaults never had an effect/, /weights becomes providers/, /fallback becomes fallbacks/]) assert.match(done.err, part);
  assert.match(done.out, /sticky: \{"enabled":true,"ttl":"600s","session_key":"user_id"\}/);
  writeFileSync(at('new.yaml'), done.out);
  assert.equal(policy(['validate', at('new.yaml')]).code, 0);
  const again = policy(['migrate', at('new.yaml')]);
  assert.equal(again.out, done.out);
  assert.equal(policy(['migrate', '/nonexistent']).code, 1);
  writeFileSync(at('last.yaml'), 'weights: {openai: 0}\nfallback: local\n');
  writeFileSync(at('migrated.yaml'), policy(['migrate', at('last.yaml')]).out);
  for (const name of ['last.yaml', 'migrated.yaml']) assert.match(policy(['explain', at(name)]).out, /provider {2}local/, name);
});

test('revisions of a store stand for files', (t) => {
  const at = scratch(t, { 'default.yaml': 'providers: [{name: a, weight: 3}, {name: b, weight: 1}]\n', 'next.yaml': 'providers: [{name: a, weight: 1}, {name: b, weight: 1}]\n' });
  const store = ['--store', at('s.db'), '--tenant', 'acme'];
  for (const file of ['default.yaml', 'next.yaml']) {
    const put = policy(['put', at(file), '--id', 'default', ...store]);
    assert.equal(put.code, 0, put.err);
  }
  const diff = policy(['diff', ...store, 'default@1', 'default@latest']);
  assert.match(diff.out, /~ share of a: 75\.0 % -> 50\.0 %/, diff.err);
  assert.equal(policy(['lint', ...store, 'default@2']).code, 0);
  assert.match(policy(['explain', ...store, 'default@1']).out, /provider {2}[ab]/);
  const missing = policy(['diff', ...store, 'default@1', 'default@99']);
  assert.equal(missing.code, 1);
  assert.match(missing.err, /default@99: .*\n {2}hint: beamline policy history default --tenant acme/);
  assert.match(policy(['diff', 'default@1', 'default@2']).err, /no store is named/);
});
