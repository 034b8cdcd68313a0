/**
 * Sidestage's actions as steps of Backstage's scaffolder.
 *
 * @packageDocumentation
 */

export { scaffolderModuleSidestage as default } from './module';
