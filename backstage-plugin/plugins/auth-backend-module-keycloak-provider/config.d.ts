import type { HumanDuration } from '@backstage/types';

export interface Config {
  auth?: {
    providers?: {
      /**
       * Sign-in with Keycloak. One entry for each environment, such as `production`.
       *
       * @visibility frontend
       */
      keycloak?: {
        [authEnv: string]: {
          /** The client in Keycloak that people sign in to Backstage with. */
          clientId: string;

          /** @visibility secret */
          clientSecret: string;

          /** The realm's discovery document: `<Keycloak>/realms/<realm>/.well-known/openid-configuration`. */
          metadataUrl: string;

          /** Where Keycloak sends people back to. Default: `<backend.baseUrl>/api/auth/keycloak/handler/frame`. */
          callbackUrl?: string;

          /**
           * `organization:*` asks Keycloak for all organizations that the person is in. Realms without organizations
           * refuse it.
           */
          additionalScopes?: string | string[];

          /** What Keycloak asks people who have signed in before. `auto` leaves it to Keycloak; the default is `none`. */
          prompt?: string;

          /** How long to wait for Keycloak. Default: 10 seconds. */
          timeout?: HumanDuration | string;

          /** How long people stay signed in. */
          sessionDuration?: HumanDuration | string;

          signIn?: {
            resolvers: Array<{
              resolver: 'keycloakIdMatchingUserEntityAnnotation';

              /** Aliases of organizations in Keycloak whose members may sign in. */
              allowedOrganizations?: string[];

              /** Full paths of groups in Keycloak whose members may sign in, with everything below them. */
              allowedGroups?: string[];

              /** Domains of verified e-mail addresses that may sign in. */
              allowedDomains?: string[];
            }>;
          };
        };
      };
    };
  };
}
