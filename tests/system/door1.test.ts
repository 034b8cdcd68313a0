import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { ROOT, RunFolder, SIDESTAGE } from '../harness/paths.ts';
import { startSystem } from '../harness/system.ts';
import { until } from '../harness/until.ts';
import { onboardingOfEachDoor } from './onboarding.ts';
import { failureOf, logOf, testsOfEachDoor } from './shared.ts';
import { useSystem } from './use-system.ts';

const running = useSystem(() => ({ door: 1 }));

testsOfEachDoor(1, running);
onboardingOfEachDoor(1, running);

test('a stock Backstage lists the action through door 1, with its schemas and without a line of our code', async () => {
  const action = (await running().backstage.actions()).find(({ id }) => id === 'coder:create-workspace');
  assert.ok(action, 'the action is listed');
  const input = action.schema?.input as { properties: Record<string, unknown> };
  const output = action.schema?.output as { properties: Record<string, unknown> };
  for (const name of ['connection', 'organization', 'user', 'template', 'workspaceName', 'parameters']) {
    assert.ok(name in input.properties, `its input has ${name}`);
  }
  for (const name of ['workspaceId', 'workspaceUrl', 'workspaceName', 'ownerName', 'status', 'created']) {
    assert.ok(name in output.properties, `its output has ${name}`);
  }
});

test('what a real Backstage says of its actions and filters is what the checker knows after a pull', async () => {
  const { backstage } = running();
  const folder = new RunFolder();
  const out = join(folder.path, 'actions.json');
  const run = promisify(execFile);
  await run(SIDESTAGE, ['actions', 'pull', backstage.url, '--out', out], { env: { ...process.env, BACKSTAGE_TOKEN: await backstage.userToken() } });
  const pulled = JSON.parse(await readFile(out, 'utf8')) as { actions: { id: string }[]; templatingExtensions: { filters: Record<string, unknown> } };
  assert.ok(pulled.actions.some(({ id }) => id === 'coder:create-workspace'), 'our actions are among them');
  assert.ok('parseRepoUrl' in pulled.templatingExtensions.filters, 'its filters are there');
  const { stdout } = await run(SIDESTAGE, ['check', '--actions', out, join(ROOT, 'templates')]);
  assert.match(stdout, /^nothing found/);
  folder.remove();
});

test('a wait that outlasts one request ends with "still running", and running the step again joins it', async () => {
  const patient = await startSystem({ door: 1, moreConfig: 'server:\n  stepWait: 1s\n  shutdownGrace: 1s\n' });
  try {
    const { backstage, sandbox } = patient;
    // The build of this template goes on until somebody cancels it.
    const id = await backstage.createTask('any-workspace', { template: 'slow', workspaceName: 'long-wait' });
    const first = await backstage.finish(id);
    assert.ok(first.completion.error, 'the step ends before the wait does');
    assert.match(failureOf(first), /still running/i);
    assert.match(failureOf(first), /again/i);
    const run = /\brun ([0-9a-f-]{36})/i.exec(failureOf(first))?.[1];
    assert.ok(run, `it names the run:\n${failureOf(first)}`);

    await backstage.retry(id);
    const second = await backstage.finish(id, first.events.at(-1)?.id);
    assert.ok(failureOf(second).includes(run), `the same run is joined:\n${failureOf(second)}`);
    assert.equal((await sandbox.workspacesNamed('long-wait')).length, 1);
  } finally {
    await patient.stop();
  }
});

test('Sidestage killed in the middle of a wait fails the step of door 1, and running it again adopts the workspace', async () => {
  const { backstage, sandbox, sidestage } = running();
  const id = await backstage.createTask('any-workspace', { template: 'node', workspaceName: 'cut-short' });
  await until(async () => (await sandbox.workspacesNamed('cut-short')).length > 0, { what: 'the workspace is being built' });
  await sidestage.kill();
  const failed = await backstage.finish(id);
  assert.ok(failed.completion.error, 'the task ends failed');
  assert.notEqual(failureOf(failed), '');

  await sidestage.start();
  await backstage.retry(id);
  const retried = await backstage.finish(id, failed.events.at(-1)?.id);
  assert.equal(retried.completion.error, undefined, logOf(retried));
  assert.equal((await sandbox.workspacesNamed('cut-short')).length, 1);
});
