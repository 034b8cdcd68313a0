import type { LoggerService } from '@backstage/backend-plugin-api';
import type { GroupEntity, UserEntity } from '@backstage/catalog-model';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeycloakHierarchyProcessor } from './processor';
import { groupTransformer, userTransformer } from './transformers';

/** What the provider makes of a group before it asks the transformer. */
function group(path: string, subGroups: string[] = []): GroupEntity {
  const name = path.split('/').at(-1) ?? '';
  return {
    apiVersion: 'backstage.io/v1beta1',
    kind: 'Group',
    metadata: { name, annotations: { 'keycloak.org/id': path, 'keycloak.org/realm': 'platform' } },
    spec: { type: 'group', profile: { displayName: name }, children: subGroups },
  };
}

function user(name: string): UserEntity {
  const metadata = { name, annotations: { 'keycloak.org/id': name } };
  return { apiVersion: 'backstage.io/v1beta1', kind: 'User', metadata, spec: { memberOf: [] } };
}

/** A logger of which only the warnings are kept. */
function recordingLogger() {
  const warnings: string[] = [];
  return { warnings, logger: { warn: (message: string) => warnings.push(message) } as unknown as LoggerService };
}

async function transformed(path: string, subGroups?: string[]): Promise<GroupEntity> {
  const entity = await groupTransformer(group(path, subGroups), { path }, 'platform');
  assert.ok(entity);
  return entity;
}

test('same-named teams of two organizations stay apart, each below its own', async () => {
  const processor = new KeycloakHierarchyProcessor();
  for (const organization of ['acme-corp', 'globex']) {
    const top = await transformed(`/${organization}`, ['engineering']);
    assert.equal(top.metadata.name, organization);
    assert.equal(top.spec.type, 'organization');

    const team = await transformed(`/${organization}/engineering`);
    assert.equal(team.metadata.name, `${organization}.engineering`);
    assert.equal(team.spec.type, 'team');
    assert.deepEqual(team.metadata.labels, { [`organization.sidestage.dev/${organization}`]: 'true' });

    // The provider then joins by the last part of the name, and takes whichever comes last.
    const joined = { ...team, spec: { ...team.spec, parent: 'globex', children: ['globex.engineering'] } };
    const { spec } = await processor.preProcessEntity(joined);
    assert.equal(spec?.['parent'], organization);
    assert.deepEqual(spec?.['children'], []);
  }
  const top = {
    ...(await transformed('/acme-corp')),
    spec: { type: 'organization', parent: 'globex', children: ['x'] },
  };
  assert.deepEqual((await processor.preProcessEntity(top)).spec, { type: 'organization', children: [] });
});

test('groups and people from elsewhere are left as they are', async () => {
  const processor = new KeycloakHierarchyProcessor();
  const written = { ...group('platform'), spec: { type: 'team', parent: 'company', children: ['on-call'] } };
  assert.deepEqual(await processor.preProcessEntity(written), written);
  assert.deepEqual(await processor.preProcessEntity(user('ada')), user('ada'));
});

test('a person is labelled for the organizations of all groups', async () => {
  const transform = userTransformer(recordingLogger().logger);
  const groups = [
    { path: '/acme-corp/design', members: ['carol'], entity: await transformed('/acme-corp/design') },
    { path: '/acme-corp', members: ['carol', 'jane'], entity: await transformed('/acme-corp') },
    { path: '/globex/engineering', members: ['carol'], entity: await transformed('/globex/engineering') },
  ];
  const carol = await transform(user('carol'), { username: 'carol' }, 'platform', groups);
  assert.deepEqual(carol?.metadata.labels, {
    'organization.sidestage.dev/acme-corp': 'true',
    'organization.sidestage.dev/globex': 'true',
  });
});

test('somebody who is disabled is left out', async () => {
  const transform = userTransformer(recordingLogger().logger);
  assert.equal(await transform(user('dave'), { username: 'dave', enabled: false }, 'platform', []), undefined);
});

test('a second person whose name comes out the same is left out and reported, in every reading anew', async () => {
  const { logger, warnings } = recordingLogger();
  const transform = userTransformer(logger);
  for (let reading = 1; reading <= 2; reading++) {
    const groups: never[] = [];
    const first = await transform(user('jane@acme.test'), { username: 'jane@acme.test' }, 'platform', groups);
    assert.equal(first?.metadata.name, 'jane-acme.test');
    const second = await transform(user('jane-acme.test'), { username: 'jane-acme.test' }, 'platform', groups);
    assert.equal(second, undefined);
    assert.equal(warnings.length, reading);
  }
  assert.match(warnings[0] ?? '', /jane-acme\.test is left out of the catalog: jane@acme\.test has/);
});
