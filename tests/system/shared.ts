import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Door, FinishedTask } from '../harness/backstage.ts';
import type { System } from '../harness/system.ts';
import { plain } from '../harness/text.ts';

/** Everything that the person sees in the task's log, as text. */
export function logOf(task: FinishedTask): string {
  return task.events.map(({ body }) => plain(body.message ?? '')).join('\n');
}

/** What the person is told about the step that failed. */
export function failureOf(task: FinishedTask): string {
  return task.events
    .filter(({ body }) => body.status === 'failed')
    .map(({ body }) => plain(body.message ?? ''))
    .join('\n');
}

/** How often Coder was asked to make a workspace and did. */
export async function workspacesMade(system: System): Promise<number> {
  const requests = await system.sandbox.requests();
  return requests.filter(({ method, path, status }) => method === 'POST' && path.endsWith('/workspaces') && status === 201).length;
}

/** What holds whichever way Backstage reaches Sidestage. Over door 1 Backstage adds a stack of its own to a failure. */
export function testsOfEachDoor(door: Door, running: () => System): void {
  test(`a template's step succeeds through door ${door} and its output reaches the task`, async () => {
    const { backstage, sandbox } = running();
    const id = await backstage.createTask('any-workspace', {
      template: 'node',
      workspaceName: 'plain',
      parameters: { cpu: 2 },
    });
    const task = await backstage.finish(id);
    assert.equal(task.completion.error, undefined, logOf(task));

    const [workspace, ...others] = await sandbox.workspacesNamed('plain');
    assert.ok(workspace, 'the workspace is in Coder');
    assert.deepEqual(others, []);
    assert.deepEqual(task.completion.output, {
      workspaceId: workspace.id,
      workspaceUrl: `${sandbox.coderUrl}/@ada/plain`,
      workspaceName: 'plain',
      ownerName: 'ada',
      status: 'ready',
      created: true,
    });
    assert.match(logOf(task), /the next step sees plain/);
  });

  test(`the template coder-workspace runs through door ${door} and shows its links`, async () => {
    const { backstage, sandbox } = running();
    const values = { workspaceName: 'from-form', organization: 'acme', coderOrganization: 'coder', template: 'node', cpu: 2, region: 'eu' };
    const task = await backstage.finish(await backstage.createTask('coder-workspace', values));
    assert.equal(task.completion.error, undefined, logOf(task));
    const output = task.completion.output as { links: { title: string; url: string }[]; text: { content: string }[] };
    assert.deepEqual(
      output.links.filter(({ title }) => title === 'Open the workspace').map(({ url }) => url),
      [`${sandbox.coderUrl}/@ada/from-form`],
    );
    assert.match(output.text[0]?.content ?? '', /\*\*ada\/from-form\*\* is ready\./);
  });

  test(`the template coder-workspace sends no field that the chosen Coder template lacks, through door ${door}`, async () => {
    const { backstage } = running();
    const values = { workspaceName: 'in-python', organization: 'acme', coderOrganization: 'coder', template: 'python' };
    const task = await backstage.finish(await backstage.createTask('coder-workspace', values));
    assert.equal(task.completion.error, undefined, logOf(task));
  });

  test(`running the same template again through door ${door} adopts the workspace`, async () => {
    const { backstage, sandbox } = running();
    const values = { template: 'node', workspaceName: 'again', parameters: { cpu: 2 } };
    const first = await backstage.finish(await backstage.createTask('any-workspace', values));
    const second = await backstage.finish(await backstage.createTask('any-workspace', values));
    assert.equal(first.completion.output?.['created'], true, logOf(first));
    assert.equal(second.completion.output?.['created'], false, logOf(second));
    assert.equal(second.completion.output['workspaceId'], first.completion.output['workspaceId']);
    assert.equal((await sandbox.workspacesNamed('again')).length, 1);
  });

  test(`a name that Coder would refuse is explained in the task's log, through door ${door}`, async () => {
    const { backstage, sandbox } = running();
    const id = await backstage.createTask('any-workspace', { template: 'node', workspaceName: 'my_app' });
    const task = await backstage.finish(id);
    assert.ok(task.completion.error, 'the task has failed');
    const told = failureOf(task);
    assert.match(told, /Coder refuses the workspaceName/);
    assert.match(told, /letters .* digits/);
    if (door === 2) assert.doesNotMatch(told, /\n\s+at /, 'no stack');
    assert.deepEqual(await sandbox.workspacesNamed('my_app'), []);
  });

  test(`a refusal of Coder's own reaches the person as a sentence to act on, through door ${door}`, async () => {
    const { backstage, sandbox } = running();
    await sandbox.addFault({
      service: 'coder',
      method: 'POST',
      path: '/api/v2/users/*/workspaces',
      times: 1,
      fault: { kind: 'status', status: 403, body: { message: 'Unauthorized to create workspaces in this organization.' } },
    });
    const id = await backstage.createTask('any-workspace', { template: 'node', workspaceName: 'refused' });
    const task = await backstage.finish(id);
    assert.ok(task.completion.error, 'the task has failed');
    const told = failureOf(task);
    assert.match(told, /Coder/);
    assert.match(told, /Unauthorized to create workspaces in this organization/);
    if (door === 2) assert.doesNotMatch(told, /\n\s+at /, 'no stack');
  });

  test(`a create whose answer is lost makes one workspace, through door ${door}`, async () => {
    const { backstage, sandbox } = running();
    await sandbox.addFault({
      service: 'coder',
      method: 'POST',
      path: '/api/v2/users/*/workspaces',
      times: 1,
      fault: { kind: 'drop_after' },
    });
    const id = await backstage.createTask('any-workspace', { template: 'node', workspaceName: 'lost-answer' });
    const task = await backstage.finish(id);
    assert.equal(task.completion.error, undefined, logOf(task));
    assert.equal((await sandbox.workspacesNamed('lost-answer')).length, 1);
  });

  test(`Backstage's retry of a failed task does not create a second workspace, through door ${door}`, async () => {
    const { backstage, sandbox } = running();
    await sandbox.nextBuild({ behaviour: 'fail', error: 'terraform apply: exit status 1' });
    const made = await workspacesMade(running());
    const id = await backstage.createTask('any-workspace', { template: 'node', workspaceName: 'retried' });
    const failed = await backstage.finish(id);
    assert.ok(failed.completion.error, `the first build fails:\n${logOf(failed)}`);
    assert.match(failureOf(failed), /terraform apply: exit status 1/);

    await backstage.retry(id);
    const retried = await backstage.finish(id, failed.events.at(-1)?.id);
    assert.equal(retried.completion.error, undefined, logOf(retried));
    assert.equal((await sandbox.workspacesNamed('retried')).length, 1);
    assert.equal((await workspacesMade(running())) - made, 1);
  });
}
