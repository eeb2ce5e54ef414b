// Streams that capture what the router answers: their acknowledgements would be taken for replies.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stack, until } from '../support/stack.mjs';

const captures = {
  'the decide subject': ['beamline.router.v1.decide'],
  'the subject of one tenant': ['beamline.router.v1.t.acme.decide'],
  'stored decisions': ['beamline.router.v1.get_decision'],
  'one administrative subject': ['*.router.v1.admin.get_pipeline_complexity'],
};

for (const [what, subjects] of Object.entries(captures)) {
  test(`a stream that captures ${what} makes the router not ready until it is gone`, async (t) => {
    const stack = await Stack.start(t, { natsArgs: ['-js', '-sd', 'FOLDER/js'], env: { BEAMLINE_WORKERS_COUNT: '2' } });
    const manager = await stack.client.jetstreamManager();
    await manager.streams.add({ name: 'CAPTURE', subjects });
    await stack.router.stop('SIGTERM');
    await stack.startRouter();
    await until(() => stack.router.log().includes('captures a subject that the router answers'), 'the finding').catch((error) => {
      throw new Error(`${error.message}\n${stack.router.log()}`);
    });
    const finding = JSON.parse(stack.router.log().split('\n').find((line) => line.includes('"stream":"CAPTURE"')));
    assert.equal(finding.level, 'ERROR');
    assert.equal(finding.subject, subjects[0].replace('acme', '*').replace('*.router', 'beamline.router'));
    await until(() => /router_ready 0/.test(stack.metrics()), 'the metric');
    assert.ok(!stack.router.log().includes('"message":"ready"'), stack.router.log());
    await manager.streams.delete('CAPTURE');
    await stack.nats.stop('SIGKILL'); // a new connection asks again, as the next minute would
    await stack.startNats();
    await stack.ready();
  });
}

test('a stream beside the subjects that the router answers is none of its business', async (t) => {
  const stack = await Stack.start(t, { natsArgs: ['-js', '-sd', 'FOLDER/js'], env: { BEAMLINE_PUSH_ENABLED: 'false' } });
  const manager = await stack.client.jetstreamManager();
  await manager.streams.add({ name: 'BESIDE', subjects: ['beamline.router.v1.submit', 'beamline.router.v1.t.*.submit', 'caf.>'] });
  await stack.router.stop('SIGTERM');
  await stack.startRouter();
  await stack.ready();
  assert.ok(!stack.router.log().includes('BESIDE'), stack.router.log());
});
