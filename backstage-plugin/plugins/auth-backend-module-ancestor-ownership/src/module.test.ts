import { createBackendPlugin } from '@backstage/backend-plugin-api';
import { startTestBackend } from '@backstage/backend-test-utils';
import type { Entity } from '@backstage/catalog-model';
import { type AuthOwnershipResolver, authOwnershipResolutionExtensionPoint } from '@backstage/plugin-auth-node';
import { catalogServiceMock } from '@backstage/plugin-catalog-node/testUtils';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import authModuleAncestorOwnership from './index';

function entity(kind: string, name: string, relations: Record<string, string[]> = {}): Entity {
  return {
    apiVersion: 'backstage.io/v1alpha1',
    kind,
    metadata: { name, namespace: 'default' },
    relations: Object.entries(relations).flatMap(([type, refs]) => refs.map(targetRef => ({ type, targetRef }))),
  };
}

/** What a person owns by, as Backstage's auth plugin would be told. */
async function ownershipOf(person: Entity, groups: Entity[]): Promise<string[]> {
  let resolver: AuthOwnershipResolver | undefined;
  const auth = createBackendPlugin({
    pluginId: 'auth',
    register(reg) {
      reg.registerExtensionPoint(authOwnershipResolutionExtensionPoint, {
        setAuthOwnershipResolver: given => (resolver = given),
      });
      reg.registerInit({ deps: {}, async init() {} });
    },
  });
  const backend = await startTestBackend({
    features: [auth, authModuleAncestorOwnership, catalogServiceMock.factory({ entities: groups })],
  });
  try {
    assert.ok(resolver, 'the module has set a resolver');
    return (await resolver.resolveOwnershipEntityRefs(person)).ownershipEntityRefs;
  } finally {
    await backend.stop();
  }
}

test('a member of a team owns what the team, the department and the organization own', async () => {
  const jane = entity('User', 'jane', { memberOf: ['group:default/acme-corp.engineering.backend'] });
  const refs = await ownershipOf(jane, [
    entity('Group', 'acme-corp', { parentOf: ['group:default/acme-corp.engineering'] }),
    entity('Group', 'acme-corp.engineering', { childOf: ['group:default/acme-corp'] }),
    entity('Group', 'acme-corp.engineering.backend', { childOf: ['group:default/acme-corp.engineering'] }),
    entity('Group', 'globex', { parentOf: ['group:default/globex.engineering'] }),
  ]);
  assert.deepEqual(refs, [
    'user:default/jane',
    'group:default/acme-corp.engineering.backend',
    'group:default/acme-corp.engineering',
    'group:default/acme-corp',
  ]);
});

test('groups that are not in the catalog, and groups in a circle, end the search', async () => {
  const jane = entity('User', 'jane', {
    memberOf: ['group:default/gone', 'group:default/a'],
    ownerOf: ['group:default/x'],
  });
  const refs = await ownershipOf(jane, [
    entity('Group', 'a', { childOf: ['group:default/b'] }),
    entity('Group', 'b', { childOf: ['group:default/a'] }),
  ]);
  assert.deepEqual(refs, ['user:default/jane', 'group:default/gone', 'group:default/a', 'group:default/b']);
});

test('somebody in no group owns by name alone', async () => {
  assert.deepEqual(await ownershipOf(entity('User', 'noah'), []), ['user:default/noah']);
});
