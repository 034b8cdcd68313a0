import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CI_KEY } from '../harness/sidestage.ts';
import { listenForToken, type TokenListener } from '../harness/token-listener.ts';
import { useSystem } from './use-system.ts';

let elsewhere: TokenListener;

// Another plugin whose actions Backstage asks for: what it is sent are real tokens, for an audience that is not ours.
const running = useSystem(
  async () => {
    elsewhere = await listenForToken('elsewhere');
    return { door: 1, remotePlugins: [{ id: 'elsewhere', url: elsewhere.url }] };
  },
  () => Promise.resolve(elsewhere.stop),
);

const requests = [
  { what: 'starting a run', method: 'POST', path: '/v1/runs', body: { action: 'coder:create-workspace', input: {} } },
  { what: 'listing actions for /v1', method: 'GET', path: '/v1/actions', body: undefined },
  { what: "listing actions for Backstage's protocol", method: 'GET', path: '/api/coder/.backstage/actions/v1/actions', body: undefined },
  {
    what: "invoking an action over Backstage's protocol",
    method: 'POST',
    path: '/api/coder/.backstage/actions/v1/actions/coder%3Acreate-workspace/invoke',
    body: { user: 'ada', template: 'node', workspaceName: 'intruder' },
  },
];

async function refused(authorization: string | undefined): Promise<void> {
  for (const { what, method, path, body } of requests) {
    const response = await fetch(`${running().sidestage.url}${path}`, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    assert.equal(response.status, 401, `${what} answers ${response.status}: ${text}`);
    assert.match(response.headers.get('content-type') ?? '', /json/);
    assert.doesNotThrow(() => JSON.parse(text) as unknown, `${what} answers JSON`);
    assert.match(text, /token|credential|authorization/i, `${what} says what is missing`);
    const secret = authorization?.replace('Bearer ', '');
    assert.ok(secret === undefined || !text.includes(secret), 'the token is not repeated');
  }
  assert.deepEqual(await running().sandbox.workspacesNamed('intruder'), []);
}

test('without a token every door is shut', async () => {
  await refused(undefined);
});

test('a token that is no token is refused', async () => {
  await refused('Bearer garbage');
});

test("a person's own Backstage token is refused: only Backstage's plugins call", async () => {
  await refused(`Bearer ${await running().backstage.userToken()}`);
});

test('a genuine plugin token that was made for another plugin is refused', async () => {
  await running().backstage.actions();
  await refused(`Bearer ${await elsewhere.token()}`);
});

test('a genuine plugin token with its signature changed is refused', async () => {
  await running().backstage.actions();
  const [header, claims, signature = ''] = (await elsewhere.token()).split('.');
  await refused(`Bearer ${header ?? ''}.${claims ?? ''}.${signature.split('').reverse().join('')}`);
});

test('a key for CI from the configuration is accepted by the run API', async () => {
  const response = await fetch(`${running().sidestage.url}/v1/actions`, { headers: { authorization: `Bearer ${CI_KEY}` } });
  assert.equal(response.status, 200, await response.text());
});
