import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import actions from './__fixtures__/actions.json';
import { FakeSidestage, json, refuse } from './__fixtures__/fakeSidestage';
import { SidestageClient } from './client';

const token = () => Promise.resolve('token');

describe('the list of actions', () => {
  let sidestage: FakeSidestage;
  let client: SidestageClient;
  before(async () => {
    sidestage = await FakeSidestage.start();
    client = new SidestageClient(sidestage.url, { firstPause: 5, longestPause: 20 });
  });
  beforeEach(() => sidestage.reset());
  after(() => sidestage.stop());

  test('is asked for again when the first answer was lost', async () => {
    sidestage.override = (_, response) => {
      if (sidestage.requests.length > 1) return false;
      response.destroy();
      return true;
    };
    assert.deepEqual(await client.actions(token, 5_000), actions);
  });

  test('is not waited for longer than said', async () => {
    sidestage.override = () => true;
    await assert.rejects(client.actions(token, 50), /^UnreachableError: .* \(no answer in time\)/);
  });

  test('is not asked for again after a refusal', async () => {
    sidestage.override = (_, response) => {
      refuse(response, {
        status: 401,
        code: 'unauthenticated',
        detail: 'The token is not accepted.',
        retryable: false,
      });
      return true;
    };
    await assert.rejects(client.actions(token, 5_000), /^ProblemError: The token is not accepted\.$/);
    assert.equal(sidestage.requests.length, 1);
  });

  test('is refused when it is none', async () => {
    for (const list of [{ actions: [] }, [{ name: 'no id' }], 'text']) {
      sidestage.override = (_, response) => {
        json(response, 200, list);
        return true;
      };
      await assert.rejects(client.actions(token, 5_000), /^UnexpectedAnswerError: .* no list of actions/);
    }
  });
});

test('a base URL may have a path', async () => {
  const sidestage = await FakeSidestage.start();
  sidestage.override = ({ path }, response) => {
    json(response, path === '/sidestage/v1/actions' ? 200 : 404, []);
    return true;
  };
  try {
    assert.deepEqual(await new SidestageClient(`${sidestage.url}/sidestage`).actions(token, 5_000), []);
  } finally {
    await sidestage.stop();
  }
});
