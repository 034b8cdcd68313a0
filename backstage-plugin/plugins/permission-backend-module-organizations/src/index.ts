/**
 * A permission policy that keeps organizations apart.
 *
 * @packageDocumentation
 */
export { permissionModuleOrganizations as default } from './module';
