import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { HttpError, json } from '../harness/json.ts';
import { Keycloak, PEOPLE } from '../harness/keycloak.ts';
import { RunFolder } from '../harness/paths.ts';

// What the other tests and Sidestage's own settings rely on, asked of the real Keycloak.

const folder = new RunFolder();
let keycloak: Keycloak;

before(async () => {
  keycloak = await Keycloak.start({ folder: folder.path, backstageUrl: 'http://127.0.0.1:7007' });
});
afterEach((context) => {
  if ('passed' in context && !context.passed) process.stdout.write(`${keycloak.service?.tail() ?? ''}\n`);
});
after(async () => {
  await keycloak.stop();
  folder.remove();
});

function part(token: string, index: 0 | 1): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;
}

async function publishedKeys(): Promise<string[]> {
  const { keys } = (await json(`${keycloak.issuer}/protocol/openid-connect/certs`)) as { keys: { kid: string; use: string }[] };
  return keys.filter(({ use }) => use === 'sig').map(({ kid }) => kid);
}

test("a person's access token is made for Sidestage and says which organizations and groups the person is in", async () => {
  const claims = part(await keycloak.accessToken(PEOPLE.ofAcme), 1);
  assert.equal(claims['iss'], keycloak.issuer);
  assert.equal(claims['aud'], 'sidestage');
  assert.equal(claims['azp'], 'command-line');
  assert.equal(claims['typ'], 'Bearer');
  assert.deepEqual(claims['organization'], ['acme-corp']);
  assert.deepEqual(claims['groups'], ['/acme-corp/engineering']);
  assert.match(String(claims['sub']), /^[0-9a-f-]{36}$/);

  const both = part(await keycloak.accessToken(PEOPLE.ofBoth), 1);
  assert.deepEqual((both['organization'] as string[]).sort(), ['acme-corp', 'globex']);
  const none = part(await keycloak.accessToken(PEOPLE.ofNone), 1);
  assert.ok(!('organization' in none), 'the claim is left out');
});

test('somebody who is disabled gets no token', async () => {
  await assert.rejects(keycloak.accessToken(PEOPLE.disabled), (error) => error instanceof HttpError && error.body.includes('Account disabled'));
});

test("a client's own token names no person", async () => {
  const claims = part(await keycloak.serviceToken(), 1);
  assert.equal(claims['preferred_username'], 'service-account-backstage-catalog');
});

test('after a rotation tokens have a new key, and the old one stays published until it is removed', async () => {
  const [first] = await publishedKeys();
  await keycloak.rotateKeys();
  const kid = part(await keycloak.accessToken(PEOPLE.ofAcme), 0)['kid'] as string;
  assert.notEqual(kid, first);
  assert.deepEqual((await publishedKeys()).sort(), [first, kid].sort());

  await keycloak.rotateKeys('removed');
  const last = part(await keycloak.accessToken(PEOPLE.ofAcme), 0)['kid'] as string;
  assert.deepEqual(await publishedKeys(), [last]);
});

test('stopped and started again it has the same people and the same keys', async () => {
  const before = part(await keycloak.accessToken(PEOPLE.ofAcme), 1)['sub'];
  const keys = await publishedKeys();
  await keycloak.stop();
  await keycloak.start();
  assert.equal(part(await keycloak.accessToken(PEOPLE.ofAcme), 1)['sub'], before);
  assert.deepEqual(await publishedKeys(), keys);
});
