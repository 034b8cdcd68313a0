import type { AuthResolverContext, BackstageSignInResult } from '@backstage/plugin-auth-node';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keycloakSignInResolvers } from './resolvers';

const { keycloakIdMatchingUserEntityAnnotation } = keycloakSignInResolvers;

type Options = Parameters<typeof keycloakIdMatchingUserEntityAnnotation>[0];

const JANE = 'a3f0c9d2-5a51-4a6e-9a43-0d4d2a1d8e11';

/** Signs somebody in whom Keycloak says this of; answers the annotations that the catalog was asked for. */
async function signIn(options: Options, claims: Record<string, unknown>, inCatalog = [JANE]): Promise<unknown> {
  const userinfo = { sub: JANE, preferred_username: 'jane', ...claims };
  let asked: unknown;
  const context = {
    async signInWithCatalogUser(query: { annotations: Record<string, string> }): Promise<BackstageSignInResult> {
      asked = query.annotations;
      if (!inCatalog.includes(query.annotations['keycloak.org/id'] ?? '')) {
        throw Object.assign(new Error('User not found'), { name: 'NotFoundError' });
      }
      return { token: 'token' };
    },
  } as unknown as AuthResolverContext;
  const verified = claims['email_verified'] === true;
  const info = {
    profile: verified ? { email: claims['email'] } : {},
    result: { fullProfile: { userinfo, tokenset: {} }, session: {} },
  };
  await keycloakIdMatchingUserEntityAnnotation(options)(info as never, context);
  return asked;
}

const refused = { name: 'NotAllowedError', message: /^jane is in no organization that may use this Backstage\./ };

test('a person is found by the id in Keycloak, whatever name and address say', async () => {
  assert.deepEqual(await signIn(undefined, { email: 'bob@globex.test', preferred_username: 'bob' }), {
    'keycloak.org/id': JANE,
  });
});

test('the organization claim is understood in its three shapes', async () => {
  const options = { allowedOrganizations: ['acme-corp'] };
  await signIn(options, { organization: ['globex', 'acme-corp'] });
  await signIn(options, { organization: { 'acme-corp': { id: '1' } } });
  await signIn(options, { organization: 'acme-corp' });
});

test('people of other organizations, or of none, are refused', async () => {
  const options = { allowedOrganizations: ['acme-corp'] };
  for (const organization of [undefined, [], {}, '', 'globex', ['globex'], { globex: {} }, [['acme-corp']], 7, null]) {
    await assert.rejects(signIn(options, { organization }), refused);
  }
  // Only the claim counts: an id in the catalog, or a group of that name, does not make up for it.
  await assert.rejects(signIn(options, { groups: ['/acme-corp'] }), refused);
});

test('groups are compared by whole parts of their full path', async () => {
  const options = { allowedGroups: ['/acme-corp'] };
  await signIn(options, { groups: ['/acme-corp'] });
  await signIn(options, { groups: ['/globex/sales', '/acme-corp/engineering'] });
  for (const group of ['/acme-corp2', '/globex/acme-corp', 'acme-corp', '/']) {
    await assert.rejects(signIn(options, { groups: [group] }), refused);
  }
});

test('a domain counts only in an address that Keycloak has verified', async () => {
  const options = { allowedDomains: ['acme.test'] };
  await signIn(options, { email: 'Jane@ACME.test', email_verified: true });
  await assert.rejects(signIn(options, { email: 'jane@acme.test', email_verified: false }), refused);
  await assert.rejects(signIn(options, { email: 'jane@notacme.test', email_verified: true }), refused);
  await assert.rejects(signIn(options, { email: 'jane@acme.test@evil.test', email_verified: true }), refused);
});

test('one of several conditions is enough', async () => {
  const options = { allowedOrganizations: ['acme-corp'], allowedDomains: ['acme.test'] };
  await signIn(options, { email: 'jane@acme.test', email_verified: true });
  await signIn(options, { organization: ['acme-corp'] });
});

test('somebody who is not in the catalog is told what to do', async () => {
  await assert.rejects(signIn({ allowedOrganizations: ['acme-corp'] }, { organization: ['acme-corp'] }, []), {
    name: 'NotFoundError',
    message: new RegExp(`^Keycloak knows jane, but Backstage's catalog does not\\. .*exactly one user .*${JANE}\\.$`),
  });
});

test('options that would let everybody in by mistake are refused', () => {
  for (const options of [
    { allowedOrganizations: [] },
    { allowedGroups: ['acme-corp'] },
    { allowedOrganisations: ['a'] },
  ]) {
    assert.throws(() => keycloakIdMatchingUserEntityAnnotation(options), /Invalid sign-in resolver options/);
  }
});
