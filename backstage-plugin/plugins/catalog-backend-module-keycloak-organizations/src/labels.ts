import type { Entity } from '@backstage/catalog-model';

/**
 * The label of people and groups that belong to an organization. A permission policy can go by it; its value is `true`.
 *
 * @public
 */
export function organizationLabel(organization: string): string {
  return `organization.sidestage.dev/${organization}`;
}

/** Labels an entity for organizations, each once. */
export function label(entity: Entity, organizations: string[]): void {
  const labels = Object.fromEntries(organizations.map(organization => [organizationLabel(organization), 'true']));
  entity.metadata.labels = { ...entity.metadata.labels, ...labels };
}
