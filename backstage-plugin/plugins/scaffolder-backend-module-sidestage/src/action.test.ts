import { mockCredentials, mockServices } from '@backstage/backend-test-utils';
import type { BackstageCredentials, LoggerService } from '@backstage/backend-plugin-api';
import type { ActionContext } from '@backstage/plugin-scaffolder-node';
import type { JsonObject } from '@backstage/types';
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';
import { FakeSidestage, json, refuse } from './__fixtures__/fakeSidestage';
import { recordingLogger } from './__fixtures__/recordingLogger';
import { toTemplateAction } from './action';
import { type ClientLimits, SidestageClient } from './client';

const input = { user: 'ada' };

/** A step of the action on its own, without a scaffolder. */
function step(
  sidestage: FakeSidestage,
  options: {
    signal?: AbortSignal;
    credentials?: BackstageCredentials;
    limits?: Partial<ClientLimits>;
    cancelLimit?: number;
    backendLog?: LoggerService;
    output?: () => void;
  } = {},
) {
  const { signal, credentials = mockCredentials.user(), limits, cancelLimit, backendLog = recordingLogger() } = options;
  const lines: string[] = [];
  const waiting = new Map<string, () => void>();
  const logger = recordingLogger(line => {
    lines.push(line);
    for (const [part, resolve] of waiting) if (line.includes(part)) resolve();
  });
  const outputs: JsonObject = {};
  const client = new SidestageClient(sidestage.url, { firstPause: 5, longestPause: 20, ...limits });
  const action = toTemplateAction(
    { id: 'coder:create-workspace', supportsDryRun: true },
    {
      client,
      auth: mockServices.auth(),
      logger: backendLog,
      ...(cancelLimit !== undefined && { cancelLimit }),
    },
  );
  const context: ActionContext<JsonObject, JsonObject> = {
    input,
    logger,
    task: { id: 'task' },
    step: { id: 'ws' },
    workspacePath: '/nowhere',
    checkpoint: () => assert.fail('checkpoints are unsafe under each'),
    createTemporaryDirectory: () => assert.fail('there are no files'),
    getInitiatorCredentials: () => Promise.resolve(credentials),
    output: (name, value) => {
      options.output?.();
      outputs[String(name)] = value;
    },
    ...(signal && { signal }),
  };
  return {
    lines,
    outputs,
    done: action.handler(context),
    /** Resolves when a line with this in it is said. */
    said: (part: string) =>
      new Promise<void>(resolve => {
        if (lines.some(line => line.includes(part))) resolve();
        else waiting.set(part, resolve);
      }),
  };
}

function fails(done: Promise<void>, name: string, message: RegExp | string) {
  return assert.rejects(done, (error: Error) => {
    assert.equal(error.name, name, error.message);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(error.stack, `${error.name}: ${error.message}`);
    return true;
  });
}

describe('a step', () => {
  let sidestage: FakeSidestage;
  before(async () => {
    sidestage = await FakeSidestage.start();
  });
  beforeEach(() => sidestage.reset());
  after(() => sidestage.stop());

  describe('that is cancelled', () => {
    test('before it began asks for nothing', async () => {
      await fails(step(sidestage, { signal: AbortSignal.abort() }).done, 'CancelledError', /before the step began/);
      assert.deepEqual(sidestage.requests, []);
    });

    test('before its run is known cancels it as soon as it is', async () => {
      const controller = new AbortController();
      sidestage.override = ({ path }) => {
        if (path === '/v1/runs') controller.abort();
        return false;
      };
      const { done } = step(sidestage, { signal: controller.signal });
      const run = await sidestage.nextRun();
      await sidestage.requested('POST', /\/cancel$/);
      run.cancelled();
      await fails(done, 'CancelledError', 'The workspace build was cancelled.');
    });

    test('asks again when the cancellation did not come through', async () => {
      const controller = new AbortController();
      let refusals = 0;
      sidestage.override = ({ path }, response) => {
        if (!path.endsWith('/cancel') || ++refusals > 2) return false;
        response.destroy();
        return true;
      };
      const { done, said } = step(sidestage, { signal: controller.signal });
      const run = await sidestage.nextRun();
      run.log('Building');
      await said('Building');
      controller.abort();
      await sidestage.requested('POST', /\/cancel$/, 3);
      run.cancelled();
      await fails(done, 'CancelledError', 'The workspace build was cancelled.');
    });

    test('but had succeeded gives its outputs', async () => {
      const controller = new AbortController();
      const { done, outputs, said } = step(sidestage, { signal: controller.signal });
      const run = await sidestage.nextRun();
      run.log('Building');
      await said('Building');
      controller.abort();
      await sidestage.requested('POST', /\/cancel$/);
      run.succeed({ id: 'w-1' });
      await done;
      assert.deepEqual(outputs, { id: 'w-1' });
    });

    test('does not wait for ever', async () => {
      const controller = new AbortController();
      const { done, said } = step(sidestage, { signal: controller.signal, cancelLimit: 20 });
      const run = await sidestage.nextRun();
      run.log('Building');
      await said('Building');
      controller.abort();
      await fails(done, 'CancelledError', /Sidestage did not say within .* that the run has ended/);
    });

    test('is not started again when Sidestage does not know its run any more', async () => {
      const controller = new AbortController();
      const { done, said } = step(sidestage, { signal: controller.signal });
      const run = await sidestage.nextRun();
      run.log('Building');
      await said('Building');
      controller.abort();
      await sidestage.requested('POST', /\/cancel$/);
      sidestage.forget();
      await fails(done, 'CancelledError', /Sidestage does not know run \S+ any more\. Look at the service/);
      assert.equal((await sidestage.requested('POST', /\/runs$/)).length, 1);
    });
  });

  test('says when the sign-in it acts for has expired', async () => {
    // Backstage keeps credentials as JSON: the date is text.
    const credentials = { ...mockCredentials.user(), expiresAt: '2026-01-01T00:00:00.000Z' as unknown as Date };
    const { done } = step(sidestage, { credentials });
    await fails(
      done,
      'AuthenticationError',
      /sign-in with which this task was started expired at 2026-01-01T00:00:00.000Z/,
    );
    assert.deepEqual(sidestage.requests, []);
  });

  test('says when Backstage gives no token', async () => {
    const { done } = step(sidestage, { credentials: mockCredentials.none() });
    await fails(done, 'AuthenticationError', /^Backstage gave no token to call Sidestage with: Refused to issue/);
  });

  test('joins a run and says so', async () => {
    const first = step(sidestage);
    const run = await sidestage.nextRun();
    run.succeed({ id: 'w-1' });
    await first.done;
    const second = step(sidestage);
    await second.done;
    assert.deepEqual(second.outputs, { id: 'w-1' });
    assert.ok(second.lines.includes(`info: Sidestage had run ${run.id} of this step already: following it.`));
  });

  test('gives each line at its level', async () => {
    const { done, lines } = step(sidestage);
    const run = await sidestage.nextRun();
    for (const level of ['debug', 'info', 'warn', 'error'] as const) run.log(`a ${level} line`, level);
    run.progress('Half', 50);
    run.progress('Somewhere');
    run.succeed({});
    await done;
    assert.deepEqual(lines.slice(1), [
      'debug: a debug line',
      'info: a info line',
      'warn: a warn line',
      'error: a error line',
      'info: Half (50%)',
      'info: Somewhere',
    ]);
  });

  test('asks again when the answer to its start was lost', async () => {
    let lost = false;
    sidestage.override = ({ path }, response) => {
      if (path !== '/v1/runs' || lost) return false;
      lost = true;
      response.destroy();
      return true;
    };
    const { done, lines } = step(sidestage);
    (await sidestage.nextRun()).succeed({});
    await done;
    const [one, two] = await sidestage.requested('POST', /\/runs$/, 2);
    assert.equal(one?.headers['idempotency-key'], two?.headers['idempotency-key']);
    assert.match(lines[0]!, /^warn: Sidestage cannot be reached \(.*\): trying again\.$/);
  });

  test('waits when Sidestage asks it to', async () => {
    let refused = false;
    sidestage.override = ({ path }, response) => {
      if (path !== '/v1/runs' || refused) return false;
      refused = true;
      refuse(response, { status: 429, code: 'rate_limited', detail: 'Slow down.', retryable: true, retryAfter: 0.01 });
      return true;
    };
    const { done, lines } = step(sidestage);
    (await sidestage.nextRun()).succeed({});
    await done;
    assert.equal(lines[0], 'warn: Sidestage asks to wait: Slow down.');
  });

  test('gives up on a Sidestage that takes its start and does not answer', async () => {
    sidestage.override = () => true;
    const { done } = step(sidestage, { limits: { start: 50 } });
    await fails(done, 'ServiceUnavailableError', /^Sidestage cannot be reached at \S+ \(no answer in time\)/);
  });

  test('comes back to its run when Sidestage stops, and says why it went', async () => {
    const { done, lines, said } = step(sidestage);
    const run = await sidestage.nextRun();
    run.log('Building');
    await said('Building');
    run.leave();
    await sidestage.requested('GET', /\/events$/, 2);
    run.succeed({});
    await done;
    assert.deepEqual(lines.slice(2), [
      'warn: The connection to Sidestage is lost (Sidestage is stopping): connecting again. The run goes on meanwhile.',
      'info: The connection to Sidestage is back.',
    ]);
  });

  test('leaves the stack of a fault of ours in the log of the backend, and shows the sentence', async () => {
    const fault = new TypeError('x is not a function');
    const { stack } = fault;
    const logged: unknown[] = [];
    const backendLog = recordingLogger((line, meta) => logged.push(line, meta));
    const output = () => {
      throw fault;
    };
    const { done } = step(sidestage, { backendLog, output });
    (await sidestage.nextRun()).succeed({ id: 'w-1' });
    await fails(done, 'TypeError', 'x is not a function');
    assert.deepEqual(logged, ['error: Step of coder:create-workspace failed', fault]);
    assert.equal(fault.stack, stack);
  });

  test('says what the log of Sidestage has the reason of a refusal under', async () => {
    const logged: string[] = [];
    sidestage.override = (_, response) => {
      const detail = "The token was not accepted. Sidestage's log has the reason under this request's id.";
      refuse(response, { status: 401, code: 'unauthenticated', detail, requestId: 'r-1' });
      return true;
    };
    const { done } = step(sidestage, { backendLog: recordingLogger(line => logged.push(line)) });
    await fails(done, 'AuthenticationError', /under this request's id\. \(request r-1\)$/);
    assert.deepEqual(logged, ['debug: Step of coder:create-workspace failed']);
  });

  test('gives up on a connection that stays lost', async () => {
    const { done, said } = step(sidestage, { limits: { reconnect: 50 } });
    const run = await sidestage.nextRun();
    run.log('Building');
    await said('Building');
    sidestage.override = ({ path }, response) => {
      if (path.endsWith('/events')) response.destroy();
      return path.endsWith('/events');
    };
    run.drop();
    await fails(done, 'ServiceUnavailableError', /^Sidestage cannot be reached at .* Check that it is running/);
  });

  test('leaves a connection on which nothing comes', async () => {
    const silent: ServerResponse[] = [];
    const { done, lines } = step(sidestage, { limits: { streamSilence: 50 } });
    sidestage.override = ({ path }, response) => {
      if (!path.endsWith('/events') || silent.length) return false;
      silent.push(response.writeHead(200, { 'content-type': 'text/event-stream' }));
      response.flushHeaders();
      return true;
    };
    const run = await sidestage.nextRun();
    await sidestage.requested('GET', /\/events$/, 2);
    run.succeed({});
    await done;
    assert.match(lines.join('\n'), /warn: The connection to Sidestage is lost \(nothing came for/);
  });

  test('passes on a refusal to follow the run', async () => {
    sidestage.override = ({ path }, response) => {
      if (!path.endsWith('/events')) return false;
      refuse(response, { status: 401, code: 'unauthenticated', detail: 'The token has expired.', retryable: false });
      return true;
    };
    await fails(step(sidestage).done, 'AuthenticationError', 'The token has expired.');
  });

  test('does not start the run again when the run itself did not find something', async () => {
    const { done } = step(sidestage);
    const run = await sidestage.nextRun();
    run.fail({ status: 404, code: 'not_found', detail: 'Coder has no template "nod".', retryable: false });
    await fails(done, 'NotFoundError', 'Coder has no template "nod".');
    assert.equal((await sidestage.requested('POST', /\/runs$/)).length, 1);
  });

  test('does not start its run for ever', async () => {
    sidestage.override = ({ path }, response) => {
      if (!path.endsWith('/events')) return false;
      refuse(response, { status: 404, code: 'not_found', detail: 'There is no such run.', retryable: false });
      return true;
    };
    await fails(step(sidestage).done, 'NotFoundError', 'There is no such run.');
    assert.equal((await sidestage.requested('POST', /\/runs$/)).length, 6);
  });

  describe('that reaches something else', () => {
    const host = () => new URL(sidestage.url).host;

    test('says so, without its page', async () => {
      sidestage.override = (_, response) => {
        response.writeHead(403, { 'content-type': 'text/html' }).end('<h1>Blocked by ACME</h1>');
        return true;
      };
      await fails(
        step(sidestage).done,
        'ServiceUnavailableError',
        `${host()} answered POST /v1/runs 403 Forbidden. That is not Sidestage, or something in between: ` +
          `check sidestage.baseUrl in Backstage's configuration.`,
      );
    });

    test('does not follow a redirect', async () => {
      sidestage.override = ({ path }, response) => {
        if (path === '/v1/runs') response.writeHead(302, { location: '/login' }).end();
        else json(response, 200, { id: 'run' });
        return true;
      };
      await fails(step(sidestage).done, 'ServiceUnavailableError', /answered POST \/v1\/runs 302 Found/);
      assert.equal(sidestage.requests.length, 1);
    });

    test('asks again when a proxy says that Sidestage is away', async () => {
      let asked = 0;
      sidestage.override = (_, response) => {
        if (++asked > 2) return false;
        response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad Gateway</h1>');
        return true;
      };
      const { done } = step(sidestage);
      (await sidestage.nextRun()).succeed({});
      await done;
    });

    test('says when an answer is JSON but no run', async () => {
      sidestage.override = (_, response) => {
        json(response, 200, { hello: 'world' });
        return true;
      };
      await fails(step(sidestage).done, 'ServiceUnavailableError', /answered POST \/v1\/runs without the id of a run/);
    });

    test('says when events are no event stream', async () => {
      sidestage.override = ({ path }, response) => {
        if (!path.endsWith('/events')) return false;
        response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>');
        return true;
      };
      await fails(step(sidestage).done, 'ServiceUnavailableError', /200 OK, which is not what was asked for/);
    });
  });
});
