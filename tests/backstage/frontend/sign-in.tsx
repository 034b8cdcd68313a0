// The sign-in page: Keycloak where it is configured, else a guest. docs/keycloak.md has the same for one's own Backstage.
import { OAuth2 } from '@backstage/core-app-api';
import { SignInPage } from '@backstage/core-components';
import {
  type BackstageIdentityApi,
  configApiRef,
  createApiRef,
  discoveryApiRef,
  oauthRequestApiRef,
  type ProfileInfoApi,
  type SessionApi,
  useApi,
} from '@backstage/core-plugin-api';
import { ApiBlueprint } from '@backstage/frontend-plugin-api';
import { SignInPageBlueprint } from '@backstage/plugin-app-react';

const keycloakAuthApiRef = createApiRef<BackstageIdentityApi & ProfileInfoApi & SessionApi>({ id: 'auth.keycloak' });

export const keycloakAuthApi = ApiBlueprint.make({
  name: 'keycloak-auth',
  params: (define) =>
    define({
      api: keycloakAuthApiRef,
      deps: { configApi: configApiRef, discoveryApi: discoveryApiRef, oauthRequestApi: oauthRequestApiRef },
      factory: ({ configApi, discoveryApi, oauthRequestApi }) =>
        OAuth2.create({
          configApi,
          discoveryApi,
          oauthRequestApi,
          environment: configApi.getOptionalString('auth.environment'),
          provider: { id: 'keycloak', title: 'Keycloak', icon: () => null },
          defaultScopes: ['openid', 'profile', 'email'],
        }),
    }),
});

const keycloak = {
  id: 'keycloak',
  title: 'Keycloak',
  message: 'Sign in with the account of your organization',
  apiRef: keycloakAuthApiRef,
};

export const signInPage = SignInPageBlueprint.make({
  params: {
    loader: async () => (props) => {
      const hasKeycloak = useApi(configApiRef).has('auth.providers.keycloak');
      return hasKeycloak ? <SignInPage {...props} provider={keycloak} /> : <SignInPage {...props} providers={['guest']} />;
    },
  },
});
