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

/** A person, as the transformer is given one. */
async function person(username: string, groups: Parameters<typeof userTransformer>[3] = [], id = `id of ${username}`) {
  return userTransformer(user(username), { id, username }, 'platform', groups);
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
  const groups = [
    { path: '/acme-corp/design', members: ['carol'], entity: await transformed('/acme-corp/design') },
    { path: '/acme-corp', members: ['carol', 'jane'], entity: await transformed('/acme-corp') },
    { path: '/globex/engineering', members: ['carol'], entity: await transformed('/globex/engineering') },
  ];
  const carol = await person('carol', groups);
  assert.deepEqual(carol?.metadata.labels, {
    'organization.sidestage.dev/acme-corp': 'true',
    'organization.sidestage.dev/globex': 'true',
  });
});

test('somebody who is disabled is left out', async () => {
  const dave = { id: '4', username: 'dave', enabled: false };
  assert.equal(await userTransformer(user('dave'), dave, 'platform', []), undefined);
});

test('nobody takes the name of somebody else, whoever comes first', async () => {
  const [theirs, mine] = [await person('a@b-c.test'), await person('a-b@c.test')].map(it => it?.metadata.name);
  assert.match(theirs ?? '', /^a-b-c\.test-[0-9a-f]{16}$/);
  assert.match(mine ?? '', /^a-b-c\.test-[0-9a-f]{16}$/);
  assert.notEqual(theirs, mine);
  assert.equal((await person('a-b-c.test'))?.metadata.name, 'a-b-c.test');
  // Their name in the catalog can be read by everybody: it cannot be registered in Keycloak.
  assert.notEqual((await person(String(theirs)))?.metadata.name, theirs);
  // The name stays when the person comes again.
  assert.equal((await person('a@b-c.test'))?.metadata.name, theirs);
});
