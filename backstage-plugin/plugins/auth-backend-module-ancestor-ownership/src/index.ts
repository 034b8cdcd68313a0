/**
 * Ownership that includes the groups above a person's own.
 *
 * @packageDocumentation
 */
export { authModuleAncestorOwnership as default } from './module';
