// A stock Backstage backend: published packages, no code of ours but one line, and that one only for door 2.
const { createBackend } = require('@backstage/backend-defaults');

const backend = createBackend();

backend.add(require('@backstage/plugin-auth-backend'));
backend.add(require('@backstage/plugin-auth-backend-module-guest-provider'));
backend.add(require('@backstage/plugin-catalog-backend'));
backend.add(require('@backstage/plugin-catalog-backend-module-logs'));
backend.add(require('@backstage/plugin-catalog-backend-module-scaffolder-entity-model'));
backend.add(require('@backstage/plugin-permission-backend'));
backend.add(require('@backstage/plugin-permission-backend-module-allow-all-policy'));
backend.add(require('@backstage/plugin-proxy-backend'));
backend.add(require('@backstage/plugin-scaffolder-backend'));
backend.add(require('@backstage/plugin-scaffolder-backend-module-gitea'));

// Door 2. Without it Backstage still reaches Sidestage by door 1, which is configuration alone.
if (process.env.SIDESTAGE_MODULE === '1') {
  backend.add(require('@sidestage/plugin-scaffolder-backend-module-sidestage'));
}

backend.start();
