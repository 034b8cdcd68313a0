import {
  type GroupTransformer,
  sanitizeUserNameTransformer,
  type UserTransformer,
} from '@backstage-community/plugin-catalog-backend-module-keycloak';
import type { LoggerService } from '@backstage/backend-plugin-api';
import { label } from './labels';
import { groupName, organizationOf, parentOf } from './names';

/** The annotation that keeps a group's full path in Keycloak. */
export const KEYCLOAK_PATH = 'keycloak.org/path';

/** Names a group after its full path, so that teams of two organizations may be called the same. */
export const groupTransformer: GroupTransformer = async (entity, group) => {
  // Keycloak has given every group its path since version 8.
  if (!group.path) return undefined;
  entity.metadata.name = groupName(group.path);
  entity.metadata.annotations = { ...entity.metadata.annotations, [KEYCLOAK_PATH]: group.path };
  entity.spec.type = parentOf(group.path) === undefined ? 'organization' : 'team';
  // Each group says where it stands (see processor.ts): here children are told by names that others may have, too.
  entity.spec.children = [];
  label(entity, [organizationOf(group.path)]);
  return entity;
};

/** Leaves out who is disabled, and whoever would be taken for somebody else; says whose organizations a person is in. */
export function userTransformer(logger: LoggerService): UserTransformer {
  // One list of groups comes with all people of one reading.
  const names = new WeakMap<object, Map<string, string>>();
  return async (entity, user, realm, groups) => {
    if (user.enabled === false) return undefined;
    const sanitized = await sanitizeUserNameTransformer(entity, user, realm, groups);
    if (!sanitized) return undefined;

    const taken = names.get(groups) ?? new Map<string, string>();
    names.set(groups, taken);
    const name = sanitized.metadata.name.toLowerCase();
    const other = taken.get(name);
    if (other !== undefined) {
      logger.warn(
        `Keycloak's user ${user.username} is left out of the catalog: ${other} has the name ${name} there. Rename one.`,
      );
      return undefined;
    }
    taken.set(name, user.username ?? name);

    const paths = groups
      .filter(({ members }) => user.username && members?.includes(user.username))
      .map(g => g.path ?? '');
    label(sanitized, [...new Set(paths.filter(Boolean).map(organizationOf))]);
    return sanitized;
  };
}
