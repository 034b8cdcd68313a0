import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordingLogger } from './__fixtures__/recordingLogger';
import { StepLog } from './stepLog';

test('a silence never lasts longer than 25 s', context => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const lines: string[] = [];
  const log = new StepLog(
    recordingLogger(line => lines.push(line)),
    'Sidestage',
  );
  context.mock.timers.tick(20_000);
  log.say('info', 'here');
  context.mock.timers.tick(20_000);
  assert.deepEqual(lines, ['info: here']);
  log.waitFor('run 1');
  log.say('debug', 'usually not shown');
  context.mock.timers.tick(5_000);
  assert.match(lines.at(-1)!, /^info: Still waiting for run 1 \(\d+ s\)$/);
  context.mock.timers.tick(25_000);
  assert.equal(lines.length, 4);
  log.close();
  context.mock.timers.tick(100_000);
  assert.equal(lines.length, 4);
});
