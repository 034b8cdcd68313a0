import { keycloakTransformerExtensionPoint } from '@backstage-community/plugin-catalog-backend-module-keycloak';
import { createBackendModule } from '@backstage/backend-plugin-api';
import { catalogProcessingExtensionPoint } from '@backstage/plugin-catalog-node';
import { KeycloakHierarchyProcessor } from './processor';
import { groupTransformer, userTransformer } from './transformers';

/**
 * Tells the community's Keycloak provider how to name and place groups, and whom to leave out.
 *
 * @public
 */
export const catalogModuleKeycloakOrganizations = createBackendModule({
  pluginId: 'catalog',
  moduleId: 'keycloak-organizations',
  register(reg) {
    reg.registerInit({
      deps: {
        catalog: catalogProcessingExtensionPoint,
        keycloak: keycloakTransformerExtensionPoint,
      },
      async init({ catalog, keycloak }) {
        keycloak.setGroupTransformer(groupTransformer);
        keycloak.setUserTransformer(userTransformer);
        catalog.addProcessor(new KeycloakHierarchyProcessor());
      },
    });
  },
});
