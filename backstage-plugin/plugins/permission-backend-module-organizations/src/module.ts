import { coreServices, createBackendModule } from '@backstage/backend-plugin-api';
import { policyExtensionPoint } from '@backstage/plugin-permission-node/alpha';
import { readRules } from './config';
import { OrganizationPolicy } from './policy';

/**
 * Installs the policy. Backstage takes one policy: this one in place of any other.
 *
 * @public
 */
export const permissionModuleOrganizations = createBackendModule({
  pluginId: 'permission',
  moduleId: 'organizations',
  register(reg) {
    reg.registerInit({
      deps: {
        config: coreServices.rootConfig,
        policy: policyExtensionPoint,
        userInfo: coreServices.userInfo,
      },
      async init({ config, policy, userInfo }) {
        policy.setPolicy(new OrganizationPolicy(readRules(config), userInfo));
      },
    });
  },
});
