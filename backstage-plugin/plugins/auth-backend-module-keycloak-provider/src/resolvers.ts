import { NotAllowedError, NotFoundError } from '@backstage/errors';
import type { OidcAuthResult } from '@backstage/plugin-auth-backend-module-oidc-provider';
import {
  createSignInResolverFactory,
  type OAuthAuthenticatorResult,
  type SignInInfo,
} from '@backstage/plugin-auth-node';
import { z } from 'zod/v3';
import { domainOf, groupsOf, isWithin, organizationsOf } from './membership';

type Person = SignInInfo<OAuthAuthenticatorResult<OidcAuthResult>>;

/** The annotation that Backstage's catalog keeps a person's id in Keycloak in. */
const KEYCLOAK_ID = 'keycloak.org/id';

const optionsSchema = z
  .object({
    allowedOrganizations: z.array(z.string().min(1)).min(1).optional(),
    allowedGroups: z
      .array(z.string().regex(/^(\/[^/]+)+$/, 'must be a full path, such as /acme-corp'))
      .min(1)
      .optional(),
    allowedDomains: z.array(z.string().min(1)).min(1).optional(),
  })
  .strict()
  .default({});

type Options = z.output<typeof optionsSchema>;

/**
 * Finds the person by the id in Keycloak, which is never given to anybody else, in the annotation `keycloak.org/id` of
 * the catalog's users. When options say who may sign in, one of them has to fit:
 *
 * - `allowedOrganizations`: aliases in the `organization` claim;
 * - `allowedGroups`: full paths in the `groups` claim, with everything below them;
 * - `allowedDomains`: of the e-mail address, when Keycloak has verified it.
 *
 * They are asked again whenever Backstage's token is renewed.
 */
const keycloakIdMatchingUserEntityAnnotation = createSignInResolverFactory({
  optionsSchema,
  create(options: Options) {
    return async (info: Person, context) => {
      const { sub } = info.result.fullProfile.userinfo;
      const name = nameOf(info);
      if (!isAllowed(info, options)) {
        throw new NotAllowedError(
          `${name} is in no organization that may use this Backstage. ` +
            `Ask an administrator of Keycloak to add you to one.`,
        );
      }
      try {
        return await context.signInWithCatalogUser({ annotations: { [KEYCLOAK_ID]: sub } });
      } catch (error) {
        if (!(error instanceof Error) || error.name !== 'NotFoundError') throw error;
        throw new NotFoundError(
          `Keycloak knows ${name}, but Backstage's catalog does not. It reads people from Keycloak from time to time: ` +
            `try again in some minutes. If nothing changes, ask an administrator of Backstage to see that exactly one ` +
            `user in the catalog has the annotation ${KEYCLOAK_ID}: ${sub}.`,
        );
      }
    };
  },
});

/**
 * The ways to find who signs in.
 *
 * @public
 */
export const keycloakSignInResolvers = { keycloakIdMatchingUserEntityAnnotation };

function isAllowed(info: Person, { allowedOrganizations, allowedGroups, allowedDomains }: Options): boolean {
  if (!allowedOrganizations && !allowedGroups && !allowedDomains) return true;
  const { userinfo } = info.result.fullProfile;
  const organizations = organizationsOf(userinfo['organization']);
  if (allowedOrganizations?.some(alias => organizations.includes(alias))) return true;
  const groups = groupsOf(userinfo['groups']);
  if (allowedGroups?.some(allowed => groups.some(path => isWithin(path, allowed)))) return true;
  // The profile has an address only if Keycloak has verified it.
  const { email } = info.profile;
  return Boolean(email && allowedDomains?.some(domain => domain.toLowerCase() === domainOf(email)));
}

function nameOf(info: Person): string {
  const { userinfo } = info.result.fullProfile;
  return userinfo.preferred_username ?? userinfo.name ?? userinfo.sub;
}
