/**
 * Sign-in with Keycloak: the auth provider `keycloak`.
 *
 * @packageDocumentation
 */
export { authModuleKeycloakProvider as default } from './module';
export { keycloakSignInResolvers } from './resolvers';
