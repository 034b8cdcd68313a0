import type { JsonObject } from '@backstage/types';
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import actions from './__fixtures__/actions.json';
import { FakeSidestage, refuse } from './__fixtures__/fakeSidestage';
import { Scaffolder, template } from './__fixtures__/scaffolder';

const workspace = {
  id: 'ws',
  name: 'Create the workspace',
  action: 'coder:create-workspace',
  input: { user: 'ada', template: 'node', workspaceName: 'dev' },
};
const output = { workspaceId: 'w-1', workspaceUrl: 'https://coder.example.com/@ada/dev', created: true };

const templates = [
  template('one', [workspace], {
    url: '${{ steps.ws.output.workspaceUrl }}',
    created: '${{ steps.ws.output.created }}',
  }),
  template('each', [{ ...workspace, each: ['ada', 'bob'], input: { ...workspace.input, user: '${{ each.value }}' } }], {
    ids: '${{ steps.ws.output.workspaceId }}',
  }),
];

interface ListedAction {
  id: string;
  description?: string;
  examples?: unknown;
  schema?: { input?: JsonObject; output?: JsonObject };
}

describe('with Sidestage', () => {
  let sidestage: FakeSidestage;
  let scaffolder: Scaffolder;

  before(async () => {
    sidestage = await FakeSidestage.start();
    const limits = { firstPause: 10, longestPause: 50 };
    scaffolder = await Scaffolder.start({ sidestage: { baseUrl: `${sidestage.url}/` }, templates, limits });
  });
  after(async () => {
    await scaffolder.stop();
    await sidestage.stop();
  });

  test('the list is asked for at start, as the scaffolder itself', () => {
    const [request] = sidestage.requests;
    assert.equal(`${request?.method} ${request?.path}`, 'GET /v1/actions');
    assert.match(String(request?.headers.authorization), /"sub":"plugin:scaffolder","target":"sidestage"/);
    assert.equal(sidestage.requests.length, 1);
  });

  test('its actions are listed with their schemas and examples', async () => {
    const listed = await scaffolder.json<ListedAction[]>('GET', '/v2/actions');
    const { id, description, examples, schema } = actions[0]!;
    const found = listed.find(action => action.id === id);
    assert.deepEqual(found, { id, description, examples, schema });
  });

  describe('a step', () => {
    beforeEach(() => sidestage.reset());

    test('runs, its lines come while it runs, and its outputs reach the task', async () => {
      const task = await scaffolder.task('one');
      const run = await sidestage.nextRun();
      assert.deepEqual(run.request, { action: 'coder:create-workspace', input: workspace.input, dryRun: false });
      run.log('Terraform plans the workspace');
      run.log('The template is old', 'warn');
      run.progress('Building', 40);
      const line = await task.until('Building (40%)');
      assert.equal(line.body.stepId, 'ws');
      assert.equal(run.status, 'running');
      assert.ok(task.log().includes('info: Terraform plans the workspace'), task.log().join('\n'));
      assert.ok(task.log().includes('warn: The template is old'), task.log().join('\n'));
      run.succeed(output);
      const { body } = await task.completion();
      assert.equal(body.message, 'Run completed with status: completed');
      assert.deepEqual(body.output, { url: output.workspaceUrl, created: true });
    });

    test('is refused by Backstage when its input does not fit the schema', async () => {
      const bad = template('bad', [{ ...workspace, input: { user: 'ada', template: 'node', workspace: 'dev' } }]);
      const response = await scaffolder.request('POST', '/v2/dry-run', {
        template: bad,
        values: {},
        directoryContents: [],
      });
      assert.equal(response.status, 400);
      assert.match(await response.text(), /requires property \\"workspaceName\\"/);
      assert.deepEqual(sidestage.requests, []);
    });

    test("fails with the run's sentence and without a path of ours", async () => {
      const task = await scaffolder.task('one');
      const run = await sidestage.nextRun();
      const detail = 'Workspace ada/dev exists and differs: template is "python", asked for "node".';
      run.fail({ status: 409, code: 'conflict', detail, retryable: false });
      const { body } = await task.completion();
      assert.deepEqual(body.error, { name: 'ConflictError', message: detail });
      const failed = task.events.find(event => event.body.status === 'failed');
      assert.equal(failed?.body.message, `ConflictError: ${detail}`);
      assert.doesNotMatch(task.log().join('\n'), /\.(js|ts):\d/);
    });

    test('fails with the sentence of a refusal to start, one line per field', async () => {
      sidestage.override = ({ path }, response) => {
        if (path !== '/v1/runs') return false;
        const errors = [
          { field: '/user', detail: 'is empty' },
          { field: '/template', detail: 'is unknown' },
        ];
        refuse(response, { status: 400, code: 'invalid_input', detail: 'Two fields are wrong.', errors });
        return true;
      };
      const task = await scaffolder.task('one');
      const { body } = await task.completion();
      assert.deepEqual(body.error, {
        name: 'InputError',
        message: 'Two fields are wrong.\n- /user: is empty\n- /template: is unknown',
      });
    });

    test('is cancelled with its task', async () => {
      const task = await scaffolder.task('one');
      const run = await sidestage.nextRun();
      run.log('Building');
      await task.until('Building');
      await task.cancel();
      await sidestage.requested('POST', new RegExp(`^/v1/runs/${run.id}/cancel$`));
      run.cancelled();
      await task.until('CancelledError: The workspace build was cancelled.');
    });

    test('goes on after a dropped connection, with every line once', async () => {
      const task = await scaffolder.task('one');
      const run = await sidestage.nextRun();
      run.log('one');
      run.log('two');
      await task.until('two');
      run.drop();
      run.log('three');
      const [, again] = await sidestage.requested('GET', /\/events$/, 2);
      assert.equal(again?.headers['last-event-id'], '2');
      run.log('four');
      run.succeed(output);
      await task.completion();
      const said = task.log().flatMap(line => /^info: (one|two|three|four)$/.exec(line)?.[1] ?? []);
      assert.deepEqual(said, ['one', 'two', 'three', 'four']);
      const lost = task.log().filter(line => line.includes('connection to Sidestage is'));
      assert.equal(lost.length, 2, lost.join('\n'));
      assert.match(lost[0]!, /^warn: The connection to Sidestage is lost/);
      assert.equal(lost[1], 'info: The connection to Sidestage is back.');
    });

    test('is started again with the same key when Sidestage does not know its run', async () => {
      const task = await scaffolder.task('one');
      const first = await sidestage.nextRun();
      first.log('Building');
      await task.until('Building');
      sidestage.forget();
      const second = await sidestage.nextRun();
      assert.equal(second.key, first.key);
      assert.deepEqual(second.request, first.request);
      second.log('Adopted');
      second.succeed(output);
      const { body } = await task.completion();
      assert.deepEqual(body.output, { url: output.workspaceUrl, created: true });
      assert.match(task.log().join('\n'), /warn: Sidestage does not know run \S+ any more: starting it again/);
      assert.ok(task.log().includes('info: Adopted'));
    });

    test('has the same key when its task is retried', async () => {
      const task = await scaffolder.task('one');
      const first = await sidestage.nextRun();
      first.fail({ status: 503, code: 'upstream_unavailable', detail: 'Coder cannot be reached.', retryable: true });
      const { body } = await task.completion();
      assert.deepEqual(body.error, { name: 'ServiceUnavailableError', message: 'Coder cannot be reached.' });
      const retried = await task.retry();
      const second = await sidestage.nextRun();
      assert.equal(second.key, first.key);
      assert.match(second.key, new RegExp(`^${task.id}:ws:[0-9a-f]{64}$`));
      second.succeed(output);
      assert.match(String((await retried.completion()).body.message), /completed$/);
    });

    test('has a key of its own in each iteration', async () => {
      const task = await scaffolder.task('each');
      const first = await sidestage.nextRun();
      first.succeed(output);
      const second = await sidestage.nextRun();
      second.succeed({ ...output, workspaceId: 'w-2' });
      const { body } = await task.completion();
      assert.deepEqual(body.output, { ids: ['w-1', 'w-2'] });
      assert.notEqual(first.key, second.key);
      assert.deepEqual([first.request.input.user, second.request.input.user], ['ada', 'bob']);
    });

    test('sends the person it acts for, and nothing of the secrets', async () => {
      const task = await scaffolder.task(
        'one',
        {},
        { PASSWORD: 'hunter2-secret', backstageToken: 'user-token-secret' },
      );
      const run = await sidestage.nextRun();
      run.succeed(output);
      await task.completion();
      const sent = JSON.stringify(sidestage.requests);
      assert.doesNotMatch(sent, /hunter2|user-token-secret|backstageToken|mock-user-token|__initiatorCredentials/);
      for (const { headers } of sidestage.requests) {
        assert.match(String(headers.authorization), /^Bearer mock-service-token:.*"obo":"user:default\/mock"/);
        assert.match(String(headers.authorization), /"target":"sidestage"/);
      }
    });

    test('is dry run by Sidestage', async () => {
      const answer = scaffolder.json<{ output: JsonObject; log: { body: { message: string } }[] }>(
        'POST',
        '/v2/dry-run',
        {
          template: templates[0]!,
          values: {},
          directoryContents: [],
        },
      );
      const run = await sidestage.nextRun();
      assert.equal(run.request.dryRun, true);
      run.log('Would create workspace ada/dev');
      run.succeed(output);
      const { output: taskOutput, log } = await answer;
      assert.deepEqual(taskOutput, { url: output.workspaceUrl, created: true });
      assert.ok(log.some(({ body }) => body.message.includes('Would create workspace ada/dev')));
    });
  });
});

describe('without Sidestage at start', () => {
  let sidestage: FakeSidestage;
  let scaffolder: Scaffolder;
  let port: number;

  before(async () => {
    // A port on which nobody listens any more.
    sidestage = await FakeSidestage.start();
    port = sidestage.port;
    const baseUrl = sidestage.url;
    await sidestage.stop();
    const limits = { firstPause: 10, longestPause: 50, start: 100 };
    scaffolder = await Scaffolder.start({ sidestage: { baseUrl, startupTimeout: '100ms' }, templates, limits });
  });
  after(() => scaffolder.stop());

  test('the scaffolder starts with the actions of the package', async () => {
    const listed = await scaffolder.json<ListedAction[]>('GET', '/v2/actions');
    const found = listed.find(action => action.id === 'coder:create-workspace');
    assert.deepEqual(found?.schema, actions[0]!.schema);
  });

  test('a step says that Sidestage cannot be reached, where, and what to check', async () => {
    const task = await scaffolder.task('one');
    const { body } = await task.completion();
    assert.equal(body.error?.name, 'ServiceUnavailableError');
    assert.equal(
      body.error?.message,
      `Sidestage cannot be reached at http://127.0.0.1:${port} (connect ECONNREFUSED 127.0.0.1:${port}). ` +
        `Check that it is running, and that sidestage.baseUrl in Backstage's configuration points to it.`,
    );
  });

  test('a step works as soon as Sidestage does', async () => {
    await sidestage.listen(port);
    try {
      const task = await scaffolder.task('one');
      (await sidestage.nextRun()).succeed(output);
      assert.match(String((await task.completion()).body.message), /completed$/);
    } finally {
      await sidestage.stop();
    }
  });
});

test('a baseUrl that is none is refused when Backstage starts', async () => {
  for (const baseUrl of ['sidestage:7008', 'http://user:secret@sidestage', 'ftp://sidestage']) {
    await assert.rejects(Scaffolder.start({ sidestage: { baseUrl } }), (error: Error) => {
      assert.match(error.message, /sidestage\.baseUrl in Backstage's configuration must be an http or https URL/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
});
