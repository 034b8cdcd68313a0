import type { BackstageUserInfo, UserInfoService } from '@backstage/backend-plugin-api';
import { type CompoundEntityRef, parseEntityRef } from '@backstage/catalog-model';
import { catalogConditions, createCatalogConditionalDecision } from '@backstage/plugin-catalog-backend/alpha';
import {
  catalogEntityDeletePermission,
  catalogEntityReadPermission,
  catalogEntityRefreshPermission,
} from '@backstage/plugin-catalog-common/alpha';
import {
  AuthorizeResult,
  isPermission,
  type PermissionCondition,
  type PermissionCriteria,
  type PolicyDecision,
} from '@backstage/plugin-permission-common';
import type { PermissionPolicy, PolicyQuery, PolicyQueryUser } from '@backstage/plugin-permission-node';
import {
  createScaffolderActionConditionalDecision,
  createScaffolderTaskConditionalDecision,
  scaffolderActionConditions,
  scaffolderTaskConditions,
} from '@backstage/plugin-scaffolder-backend/alpha';
import {
  actionExecutePermission,
  taskCancelPermission,
  taskCreatePermission,
  taskReadPermission,
  templateParameterReadPermission,
  templateStepReadPermission,
} from '@backstage/plugin-scaffolder-common/alpha';
import type { Organization, Rules } from './config';

type EntityCriteria = PermissionCriteria<PermissionCondition<'catalog-entity'>>;
type ActionCriteria = PermissionCriteria<PermissionCondition<'scaffolder-action'>>;

const ALLOW: PolicyDecision = { result: AuthorizeResult.ALLOW };
const DENY: PolicyDecision = { result: AuthorizeResult.DENY };

const { hasLabel, hasMetadata, isEntityKind, isEntityOwner } = catalogConditions;
const { hasActionId, hasStringProperty } = scaffolderActionConditions;
const { isTaskOwner } = scaffolderTaskConditions;

/**
 * Lets people do in their organizations what the rules say, and nothing in another.
 *
 * Who a person is and what groups the person is in comes from Backstage's own record of the sign-in.
 */
export class OrganizationPolicy implements PermissionPolicy {
  readonly #rules: Rules;
  readonly #userInfo: UserInfoService;

  constructor(rules: Rules, userInfo: UserInfoService) {
    this.#rules = rules;
    this.#userInfo = userInfo;
  }

  async handle({ permission }: PolicyQuery, user?: PolicyQueryUser): Promise<PolicyDecision> {
    if (!user) return DENY;
    const person = await this.#userInfo.getUserInfo(user.credentials);
    const isOf = (groups: string[]) => groups.some(group => person.ownershipEntityRefs.includes(group));
    if (isOf(this.#rules.administrators)) return ALLOW;
    const organizations = this.#rules.organizations.filter(({ groups }) => isOf(groups));
    if (organizations.length === 0) return DENY;

    if (isPermission(permission, catalogEntityReadPermission)) {
      return createCatalogConditionalDecision(permission, visibleEntities(person, organizations));
    }
    if (
      isPermission(permission, catalogEntityRefreshPermission) ||
      isPermission(permission, catalogEntityDeletePermission)
    ) {
      return createCatalogConditionalDecision(permission, isEntityOwner({ claims: person.ownershipEntityRefs }));
    }
    if (isPermission(permission, taskReadPermission) || isPermission(permission, taskCancelPermission)) {
      return createScaffolderTaskConditionalDecision(permission, isTaskOwner({ createdBy: [person.userEntityRef] }));
    }
    if (isPermission(permission, actionExecutePermission)) {
      const allowed = allowedActions(this.#rules, organizations);
      return allowed ? createScaffolderActionConditionalDecision(permission, allowed) : DENY;
    }
    // Which template is decided by who sees it: Backstage reads it with the person's own credentials.
    if (
      isPermission(permission, taskCreatePermission) ||
      isPermission(permission, templateParameterReadPermission) ||
      isPermission(permission, templateStepReadPermission)
    ) {
      return ALLOW;
    }
    // Other plugins: looking is free. What changes something, such as registering a location in the catalog or trying
    // a template of one's own, is for administrators.
    return permission.attributes.action === 'read' ? ALLOW : DENY;
  }
}

/** The templates that the organizations may use, their people and groups, and everything of any other kind. */
function visibleEntities(person: BackstageUserInfo, organizations: Organization[]): EntityCriteria {
  const templates = organizations.map(organization => organization.templates);
  const named = templates.flatMap(list => (list === 'all' ? [] : list));
  // People and groups that come from elsewhere than Keycloak have no label: one's own are seen in any case.
  const own = person.ownershipEntityRefs.map(ref => parseEntityRef(ref));
  return {
    anyOf: [
      { not: isEntityKind({ kinds: ['Template', 'User', 'Group'] }) },
      templates.includes('all')
        ? isEntityKind({ kinds: ['Template'] })
        : { anyOf: [ownTemplates(person), ...named.map(isEntity)] },
      ...own.map(isEntity),
      ...organizations.flatMap(organization => organization.groups.map(membersOf)),
    ],
  };
}

function ownTemplates(person: BackstageUserInfo): EntityCriteria {
  return { allOf: [isEntityKind({ kinds: ['Template'] }), isEntityOwner({ claims: person.ownershipEntityRefs })] };
}

function isEntity({ kind, namespace, name }: CompoundEntityRef): EntityCriteria {
  return {
    allOf: [
      isEntityKind({ kinds: [kind] }),
      hasMetadata({ key: 'namespace', value: namespace }),
      hasMetadata({ key: 'name', value: name }),
    ],
  };
}

/** By the label that @sidestage/plugin-catalog-backend-module-keycloak-organizations gives to people and groups. */
function membersOf(group: string): EntityCriteria {
  const label = `organization.sidestage.dev/${parseEntityRef(group).name}`;
  return { allOf: [isEntityKind({ kinds: ['User', 'Group'] }), hasLabel({ label })] };
}

/**
 * An action that concerns no organization, or one that says that it is for one of theirs. An action that leaves its
 * `organization` out is refused: whose it would be is not known here. Undefined when no action is allowed at all.
 */
function allowedActions({ sharedActions }: Rules, organizations: Organization[]): ActionCriteria | undefined {
  const [first, ...others] = [
    ...sharedActions.map(actionId => hasActionId({ actionId })),
    ...organizations.flatMap(({ name, actions }): ActionCriteria[] => {
      const isForIt = hasStringProperty({ key: 'organization', value: name });
      if (actions === 'all') return [isForIt];
      return actions.map(actionId => ({ allOf: [hasActionId({ actionId }), isForIt] }));
    }),
  ];
  return first && { anyOf: [first, ...others] };
}
