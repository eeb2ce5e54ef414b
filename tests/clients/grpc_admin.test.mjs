// RouterAdmin over gRPC, by gRPC's own Python client.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, Stack } from '../support/stack.mjs';

test('policies are administered over gRPC', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bl-admin-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const stack = await Stack.start(t, { env: { BEAMLINE_HTTP_OPS_LISTEN: '127.0.0.1:0', BEAMLINE_POLICIES_STORE: join(folder, 'store.db') } });
  const [, port] = /"message":"serving operators","address":"127\.0\.0\.1:(\d+)"/.exec(stack.router.log());
  const child = spawn('/usr/bin/python3', [join(root, 'tests', 'clients', 'grpc_admin.py'), `127.0.0.1:${port}`]);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => { said += part; });
  const code = await new Promise((resolve) => child.on('close', resolve));
  assert.equal(code, 0, said);
});
