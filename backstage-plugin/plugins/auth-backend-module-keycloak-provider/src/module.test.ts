import { mockServices, startTestBackend } from '@backstage/backend-test-utils';
import authPlugin from '@backstage/plugin-auth-backend';
import { catalogServiceMock } from '@backstage/plugin-catalog-node/testUtils';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import authModuleKeycloakProvider from './index';

test('Backstage sends people to Keycloak, and asks for their organizations', async () => {
  const keycloak = createServer((_, response) => {
    response.setHeader('content-type', 'application/json').end(
      JSON.stringify({
        issuer: 'https://keycloak.test/realms/platform',
        authorization_endpoint: 'https://keycloak.test/realms/platform/protocol/openid-connect/auth',
        token_endpoint: 'https://keycloak.test/realms/platform/protocol/openid-connect/token',
        userinfo_endpoint: 'https://keycloak.test/realms/platform/protocol/openid-connect/userinfo',
        jwks_uri: 'https://keycloak.test/realms/platform/protocol/openid-connect/certs',
      }),
    );
  });
  await new Promise<void>(resolve => keycloak.listen(0, '127.0.0.1', resolve));
  const { port } = keycloak.address() as AddressInfo;
  const backend = await startTestBackend({
    features: [
      authPlugin,
      authModuleKeycloakProvider,
      catalogServiceMock.factory({ entities: [] }),
      mockServices.rootConfig.factory({
        data: {
          app: { baseUrl: 'http://localhost:3000' },
          auth: {
            session: { secret: 'for-this-test-only' },
            providers: {
              keycloak: {
                development: {
                  clientId: 'backstage',
                  clientSecret: 'for-this-test-only',
                  metadataUrl: `http://127.0.0.1:${port}/.well-known/openid-configuration`,
                  additionalScopes: ['organization:*'],
                  prompt: 'auto',
                  signIn: {
                    resolvers: [
                      { resolver: 'keycloakIdMatchingUserEntityAnnotation', allowedOrganizations: ['acme-corp'] },
                    ],
                  },
                },
              },
            },
          },
        },
      }),
    ],
  });
  try {
    const start = `http://127.0.0.1:${backend.server.port()}/api/auth/keycloak/start?env=development`;
    const response = await fetch(start, { redirect: 'manual' });
    assert.equal(response.status, 302);
    const location = new URL(response.headers.get('location') ?? '');
    assert.equal(location.origin, 'https://keycloak.test');
    assert.equal(location.searchParams.get('client_id'), 'backstage');
    assert.match(location.searchParams.get('redirect_uri') ?? '', /\/api\/auth\/keycloak\/handler\/frame$/);
    assert.deepEqual(location.searchParams.get('scope')?.split(' ').sort(), [
      'email',
      'openid',
      'organization:*',
      'profile',
    ]);
    assert.equal(location.searchParams.get('prompt'), null);
  } finally {
    await backend.stop();
    keycloak.close();
  }
});
