import { coreServices, createBackendModule } from '@backstage/backend-plugin-api';
import { authOwnershipResolutionExtensionPoint } from '@backstage/plugin-auth-node';
import { catalogServiceRef } from '@backstage/plugin-catalog-node';
import { ownershipEntityRefs } from './ownership';

/**
 * Lets a person own what is owned by the groups above theirs: a member of a team is of the organization, too.
 *
 * @public
 */
export const authModuleAncestorOwnership = createBackendModule({
  pluginId: 'auth',
  moduleId: 'ancestor-ownership',
  register(reg) {
    reg.registerInit({
      deps: {
        auth: coreServices.auth,
        catalog: catalogServiceRef,
        ownership: authOwnershipResolutionExtensionPoint,
      },
      async init({ auth, catalog, ownership }) {
        ownership.setAuthOwnershipResolver({
          async resolveOwnershipEntityRefs(entity) {
            const credentials = await auth.getOwnServiceCredentials();
            const groups = async (entityRefs: string[]) =>
              (await catalog.getEntitiesByRefs({ entityRefs, fields: ['relations'] }, { credentials })).items;
            return { ownershipEntityRefs: await ownershipEntityRefs(entity, groups) };
          },
        });
      },
    });
  },
});
