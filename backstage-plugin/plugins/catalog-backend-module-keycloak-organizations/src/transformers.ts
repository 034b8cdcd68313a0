import type { GroupTransformer, UserTransformer } from '@backstage-community/plugin-catalog-backend-module-keycloak';
import { label } from './labels';
import { groupName, organizationOf, parentOf, userName } from './names';

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

/** Leaves out who is disabled, names everybody apart, and says whose organizations a person is in. */
export const userTransformer: UserTransformer = async (entity, { id, username, enabled }, _realm, groups) => {
  // Keycloak gives everybody an id and a user name.
  if (enabled === false || !id || !username) return undefined;
  entity.metadata.name = userName(username, id);
  const paths = groups.flatMap(({ path, members }) => (path && members?.includes(username) ? [path] : []));
  label(entity, [...new Set(paths.map(organizationOf))]);
  return entity;
};
