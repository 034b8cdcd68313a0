import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSystem } from '../harness/system.ts';
import { until } from '../harness/until.ts';
import { onboardingOfEachDoor } from './onboarding.ts';
import { failureOf, logOf, testsOfEachDoor } from './shared.ts';
import { useSystem } from './use-system.ts';

// Sidestage does not wait for its runs when it is stopped: the tests that restart it want it gone in the middle of one.
const running = useSystem(() => ({ door: 2, moreConfig: 'server:\n  shutdownGrace: 0s\n' }));

testsOfEachDoor(2, running);
onboardingOfEachDoor(2, running);

test('the module lists the action with its schemas and its examples', async () => {
  const action = (await running().backstage.actions()).find(({ id }) => id === 'coder:create-workspace');
  assert.ok(action, 'the action is listed');
  assert.ok('workspaceName' in (action.schema?.input as { properties: Record<string, unknown> }).properties);
  assert.ok((action.examples ?? []).length > 0, 'it has examples');
});

test('log lines arrive while the build still runs, and cancelling the task cancels the build', async () => {
  const { backstage, sandbox } = running();
  // The build of this template goes on until somebody cancels it: whatever arrives now arrives before the end.
  const id = await backstage.createTask('any-workspace', { template: 'slow', workspaceName: 'to-cancel' });
  const build = async (): Promise<string | undefined> => (await sandbox.workspacesNamed('to-cancel'))[0]?.builds.at(-1)?.status;
  await until(async () => (await build()) !== undefined, { what: 'the build has begun' });
  await backstage.waitForLine(id, /to-cancel/);
  assert.equal((await backstage.task(id)).status, 'processing');

  await backstage.cancel(id);
  const task = await backstage.finish(id);
  assert.ok(task.completion.error, 'Backstage calls a cancelled task failed');
  assert.match(logOf(task), /cancel/i);
  await until(async () => (await build()) === 'canceled', { what: 'the build is cancelled in Coder' });
});

test('Sidestage killed and started again in the middle of a wait does not leave the task hanging', async () => {
  const { backstage, sandbox, sidestage } = running();
  const id = await backstage.createTask('any-workspace', { template: 'node', workspaceName: 'survivor' });
  await until(async () => (await sandbox.workspacesNamed('survivor')).length > 0, { what: 'the workspace is being built' });
  await sidestage.kill();
  await sidestage.start();
  const task = await backstage.finish(id);
  assert.equal(task.completion.error, undefined, logOf(task));
  assert.match(logOf(task), /connection to Sidestage is lost/, 'it happened in the middle of the wait');
  assert.equal((await sandbox.workspacesNamed('survivor')).length, 1);
});

test('Sidestage stopped in good order and started again in the middle of a wait does not leave the task hanging', async () => {
  const { backstage, sandbox, sidestage } = running();
  const id = await backstage.createTask('any-workspace', { template: 'node', workspaceName: 'redeployed' });
  await until(async () => (await sandbox.workspacesNamed('redeployed')).length > 0, { what: 'the workspace is being built' });
  await sidestage.stop();
  await sidestage.start();
  const task = await backstage.finish(id);
  assert.equal(task.completion.error, undefined, logOf(task));
  assert.match(logOf(task), /taken up again/, 'it happened in the middle of the wait');
  assert.equal((await sandbox.workspacesNamed('redeployed')).length, 1);
});

test('Backstage starts while Sidestage is down: the action is listed, and a step says what is wrong', async () => {
  const late = await startSystem({ door: 2, withoutSidestage: true });
  try {
    const action = (await late.backstage.actions()).find(({ id }) => id === 'coder:create-workspace');
    assert.ok(action?.schema?.input, 'the action is listed with its schema');

    const id = await late.backstage.createTask('any-workspace', { template: 'node', workspaceName: 'late' });
    const failed = await late.backstage.finish(id);
    assert.ok(failed.completion.error, 'the step fails');
    assert.match(failureOf(failed), /Sidestage/);
    assert.ok(failureOf(failed).includes(late.sidestage.url), `it says where Sidestage was looked for:\n${failureOf(failed)}`);
    assert.doesNotMatch(failureOf(failed), /\n\s+at /, 'no stack');

    // No restart of Backstage is needed.
    await late.sidestage.start();
    await late.backstage.retry(id);
    const retried = await late.backstage.finish(id, failed.events.at(-1)?.id);
    assert.equal(retried.completion.error, undefined, logOf(retried));
  } finally {
    await late.stop();
  }
});
