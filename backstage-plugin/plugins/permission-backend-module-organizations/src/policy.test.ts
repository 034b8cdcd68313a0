import { mockCredentials, mockServices } from '@backstage/backend-test-utils';
import {
  catalogEntityDeletePermission,
  catalogEntityReadPermission,
  catalogLocationCreatePermission,
  catalogLocationReadPermission,
} from '@backstage/plugin-catalog-common/alpha';
import { permissionRules as catalogRules } from '@backstage/plugin-catalog-backend/alpha';
import type { Entity } from '@backstage/catalog-model';
import { AuthorizeResult, type Permission, type PolicyDecision } from '@backstage/plugin-permission-common';
import {
  actionExecutePermission,
  taskCancelPermission,
  taskCreatePermission,
  taskReadPermission,
  templateDryRunPermission,
  templateManagementPermission,
  templateParameterReadPermission,
} from '@backstage/plugin-scaffolder-common/alpha';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRules } from './config';
import { OrganizationPolicy } from './policy';

const OWNERSHIP: Record<string, string[]> = {
  jane: ['group:default/acme-corp.engineering', 'group:default/acme-corp'],
  bob: ['group:default/globex.engineering', 'group:default/globex'],
  carol: ['group:default/acme-corp', 'group:default/globex'],
  noah: [],
  root: ['group:default/platform'],
};

const TABLE = {
  sidestage: {
    administrators: ['group:default/platform'],
    organizations: {
      'acme-corp': { groups: ['group:default/acme-corp'], templates: ['onboarding'] },
      globex: { groups: ['globex'], actions: ['coder:create-workspace'] },
    },
  },
};

async function decide(name: string, permission: Permission): Promise<PolicyDecision> {
  const userEntityRef = `user:default/${name}`;
  const userInfo = mockServices.userInfo({
    userEntityRef,
    ownershipEntityRefs: [userEntityRef, ...(OWNERSHIP[name] ?? [])],
  });
  const policy = new OrganizationPolicy(readRules(mockServices.rootConfig({ data: TABLE })), userInfo);
  const credentials = mockCredentials.user(userEntityRef);
  return policy.handle(
    { permission },
    { credentials, info: { userEntityRef: 'user:default/mallory', ownershipEntityRefs: [] } },
  );
}

/** Evaluates a decision as the plugin that asked for it would. */
function allows(decision: PolicyDecision, test: (rule: string, params: Record<string, never>) => boolean): boolean {
  if (decision.result !== AuthorizeResult.CONDITIONAL) return decision.result === AuthorizeResult.ALLOW;
  const holds = (criteria: unknown): boolean => {
    const node = criteria as Record<string, unknown>;
    if (Array.isArray(node['anyOf'])) return node['anyOf'].some(holds);
    if (Array.isArray(node['allOf'])) return node['allOf'].every(holds);
    if (node['not']) return !holds(node['not']);
    return test(String(node['rule']), (node['params'] ?? {}) as Record<string, never>);
  };
  return holds(decision.conditions);
}

async function sees(name: string, entity: Entity): Promise<boolean> {
  return allows(await decide(name, catalogEntityReadPermission), (rule, params) => {
    const known = Object.values(catalogRules).find(({ name: ruleName }) => ruleName === rule);
    assert.ok(known, `the catalog has the rule ${rule}`);
    return (known.apply as (resource: Entity, params: unknown) => boolean)(entity, params);
  });
}

async function mayRun(name: string, action: string, input: Record<string, unknown>): Promise<boolean> {
  return allows(
    await decide(name, actionExecutePermission),
    (rule, params: { actionId?: string; key?: string; value?: string }) =>
      rule === 'HAS_ACTION_ID' ? params.actionId === action : input[params.key ?? ''] === params.value,
  );
}

function entity(kind: string, name: string, more: { owner?: string; organization?: string } = {}): Entity {
  const labels = more.organization ? { [`organization.sidestage.dev/${more.organization}`]: 'true' } : {};
  return {
    apiVersion: 'backstage.io/v1alpha1',
    kind,
    metadata: { name, namespace: 'default', labels },
    relations: more.owner ? [{ type: 'ownedBy', targetRef: more.owner }] : [],
  };
}

test('a template is seen by its owners and by the organizations that the table gives it to', async () => {
  const onboarding = entity('Template', 'onboarding', { owner: 'group:default/platform' });
  assert.equal(await sees('jane', onboarding), true);
  assert.equal(await sees('carol', onboarding), true);
  assert.equal(await sees('bob', onboarding), false);
  assert.equal(await sees('noah', onboarding), false);
  const ours = entity('Template', 'ours', { owner: 'group:default/globex' });
  assert.equal(await sees('bob', ours), true);
  assert.equal(await sees('jane', ours), false);
  // The name alone is not enough.
  const namesake = { ...onboarding, metadata: { ...onboarding.metadata, namespace: 'globex' } };
  assert.equal(await sees('jane', namesake), false);
});

test('people and groups are seen within their organization', async () => {
  assert.equal(await sees('jane', entity('User', 'joe', { organization: 'acme-corp' })), true);
  assert.equal(await sees('jane', entity('Group', 'globex.engineering', { organization: 'globex' })), false);
  assert.equal(await sees('jane', entity('User', 'unlabelled')), false);
  assert.equal(await sees('jane', entity('User', 'jane')), true);
  assert.equal(await sees('jane', entity('Group', 'jane')), false);
  assert.equal(await sees('jane', entity('Component', 'anything')), true);
});

test('an action runs for an organization of the person, and for no other', async () => {
  const action = 'coder:create-workspace';
  assert.equal(await mayRun('jane', action, { organization: 'acme-corp' }), true);
  assert.equal(await mayRun('jane', action, { organization: 'globex' }), false);
  assert.equal(await mayRun('jane', action, { organization: 'ACME-CORP' }), false);
  assert.equal(await mayRun('jane', action, {}), false);
  assert.equal(await mayRun('bob', action, { organization: 'acme-corp' }), false);
  assert.equal(await mayRun('carol', action, { organization: 'acme-corp' }), true);
  assert.equal(await mayRun('carol', action, { organization: 'globex' }), true);
  assert.equal(await mayRun('noah', action, { organization: 'acme-corp' }), false);
  assert.equal(await mayRun('root', action, { organization: 'globex' }), true);
});

test('the table says which actions may be run for an organization', async () => {
  assert.equal(await mayRun('bob', 'coder:create-workspace', { organization: 'globex' }), true);
  assert.equal(await mayRun('bob', 'gitea:create-repository', { organization: 'globex' }), false);
  assert.equal(await mayRun('jane', 'gitea:create-repository', { organization: 'acme-corp' }), true);
});

test('of the actions that concern no organization only the harmless ones run', async () => {
  assert.equal(await mayRun('jane', 'debug:log', {}), true);
  assert.equal(await mayRun('jane', 'publish:gitea', { repoUrl: 'gitea.test?owner=globex&repo=x' }), false);
  assert.equal(await mayRun('noah', 'debug:log', {}), false);
});

test('people read and cancel their own tasks only', async () => {
  for (const permission of [taskReadPermission, taskCancelPermission]) {
    assert.deepEqual(await decide('jane', permission), {
      pluginId: 'scaffolder',
      resourceType: 'scaffolder-task',
      result: 'CONDITIONAL',
      conditions: {
        resourceType: 'scaffolder-task',
        rule: 'IS_TASK_OWNER',
        params: { createdBy: ['user:default/jane'] },
      },
    });
  }
});

test('people of an organization start tasks and look around; changing what others see is for administrators', async () => {
  const result = async (name: string, permission: Permission) => (await decide(name, permission)).result;
  for (const permission of [taskCreatePermission, templateParameterReadPermission, catalogLocationReadPermission]) {
    assert.equal(await result('jane', permission), 'ALLOW');
    assert.equal(await result('noah', permission), 'DENY');
  }
  for (const permission of [templateDryRunPermission, templateManagementPermission, catalogLocationCreatePermission]) {
    assert.equal(await result('jane', permission), 'DENY');
    assert.equal(await result('root', permission), 'ALLOW');
  }
  assert.equal(await result('jane', catalogEntityDeletePermission), 'CONDITIONAL');
});

test('nobody is allowed nothing', async () => {
  const policy = new OrganizationPolicy(readRules(mockServices.rootConfig({ data: TABLE })), mockServices.userInfo());
  assert.deepEqual(await policy.handle({ permission: taskCreatePermission }), { result: 'DENY' });
});

function read(sidestage: object) {
  return readRules(mockServices.rootConfig({ data: { sidestage: { ...sidestage } } }));
}

test('an organization may have any name that it may have in Sidestage', () => {
  const { organizations } = read({
    organizations: { '3m': { groups: ['3m'], templates: ['*'] }, 'acme.com': { groups: ['acme.com'] } },
  });
  assert.deepEqual(organizations, [
    { name: '3m', groups: ['group:default/3m'], templates: 'all', actions: 'all' },
    { name: 'acme.com', groups: ['group:default/acme.com'], templates: [], actions: 'all' },
  ]);
});

test('a pattern among names, which would fit nothing, is refused', () => {
  const acme = (more: object) => read({ organizations: { acme: { groups: ['acme'], ...more } } });
  assert.throws(() => acme({ actions: ['coder:*'] }), /"coder:\*" among the actions .* List each\./);
  assert.throws(() => acme({ templates: ['template:default/*'] }), /"template:default\/\*" among the templates/);
  assert.throws(
    () => read({ organizations: { acme: { groups: ['acme'] } }, sharedActions: ['debug:*'] }),
    /"debug:\*" among the sharedActions/,
  );
});

test('a table that cannot be meant is refused', () => {
  assert.throws(() => read({}), /sidestage\.organizations/);
  assert.throws(
    () => read({ organizations: { acme: {} } }),
    /sidestage\.organizations\.acme\.groups must name the groups/,
  );
  assert.throws(
    () => read({ organizations: { acme: { groups: 'group:default/acme' } } }),
    /'sidestage\.organizations\.acme\.groups'/,
  );
  assert.throws(() => read({ organizations: { acme: { groups: ['user:default/jane'] } } }), /jane .* is no Group/);
});
