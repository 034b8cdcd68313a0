import type { Entity } from '@backstage/catalog-model';
import type { CatalogProcessor } from '@backstage/plugin-catalog-node';
import type { JsonObject } from '@backstage/types';
import { groupName, parentOf } from './names';
import { KEYCLOAK_PATH } from './transformers';

/**
 * Puts each group below the one above it in Keycloak. The provider does that after the transformers and by the groups'
 * last names, which is the wrong organization as soon as two have a team of one name.
 */
export class KeycloakHierarchyProcessor implements CatalogProcessor {
  getProcessorName(): string {
    return 'KeycloakHierarchyProcessor';
  }

  async preProcessEntity(entity: Entity): Promise<Entity> {
    const path = entity.metadata.annotations?.[KEYCLOAK_PATH];
    if (entity.kind !== 'Group' || !path) return entity;
    const parent = parentOf(path);
    const spec: JsonObject = { ...entity.spec, children: [] };
    if (parent === undefined) delete spec['parent'];
    else spec['parent'] = groupName(parent);
    return { ...entity, spec };
  }
}
