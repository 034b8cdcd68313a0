/**
 * People and groups of several organizations from one Keycloak realm.
 *
 * @packageDocumentation
 */
export { catalogModuleKeycloakOrganizations as default } from './module';
export { organizationLabel } from './labels';
