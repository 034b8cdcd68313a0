// A stock Backstage backend: published packages, and of ours only what a run asks for.
const { createBackend } = require('@backstage/backend-defaults');

const backend = createBackend();

backend.add(require('@backstage/plugin-auth-backend'));
backend.add(require('@backstage/plugin-catalog-backend'));
backend.add(require('@backstage/plugin-catalog-backend-module-logs'));
backend.add(require('@backstage/plugin-catalog-backend-module-scaffolder-entity-model'));
backend.add(require('@backstage/plugin-permission-backend'));
backend.add(require('@backstage/plugin-proxy-backend'));
backend.add(require('@backstage/plugin-scaffolder-backend'));
backend.add(require('@backstage/plugin-scaffolder-backend-module-gitea'));

// Who signs in, and who may do what: people of Keycloak in their organizations, or a guest who may do everything.
if (process.env.SIDESTAGE_KEYCLOAK === '1') {
  backend.add(require('@sidestage/plugin-auth-backend-module-keycloak-provider'));
  backend.add(require('@sidestage/plugin-auth-backend-module-ancestor-ownership'));
  backend.add(require('@backstage-community/plugin-catalog-backend-module-keycloak'));
  backend.add(require('@sidestage/plugin-catalog-backend-module-keycloak-organizations'));
  backend.add(require('@sidestage/plugin-permission-backend-module-organizations'));
} else {
  backend.add(require('@backstage/plugin-auth-backend-module-guest-provider'));
  backend.add(require('@backstage/plugin-permission-backend-module-allow-all-policy'));
}

// Door 2. Without it Backstage still reaches Sidestage by door 1, which is configuration alone.
if (process.env.SIDESTAGE_MODULE === '1') {
  backend.add(require('@sidestage/plugin-scaffolder-backend-module-sidestage'));
}

backend.start();
