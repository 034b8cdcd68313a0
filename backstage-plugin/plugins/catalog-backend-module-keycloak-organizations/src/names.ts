import { createHash } from 'node:crypto';

/** What Backstage takes as an entity's name. */
const LONGEST = 63;

/**
 * The name in the catalog of the group at a path in Keycloak: `/acme-corp/engineering` is `acme-corp.engineering`.
 * Two paths never have one name: where a part cannot stand as it is, the end of the name is made from the whole path.
 */
export function groupName(path: string): string {
  const parts = partsOf(path);
  const plain = parts.join('.');
  if (plain.length <= LONGEST && parts.every(part => /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/i.test(part))) return plain;
  const digest = createHash('sha256').update(path).digest('hex').slice(0, 8);
  const legible = plain
    .replace(/[^a-z0-9]+/gi, '-')
    .slice(0, LONGEST - digest.length - 1)
    .replace(/^-+|-+$/g, '');
  return [legible, digest].filter(Boolean).join('-');
}

/** The organization that a group belongs to: the topmost group of its path. */
export function organizationOf(path: string): string {
  return groupName(`/${escaped(partsOf(path)[0] ?? '')}`);
}

/** The path of the group above; undefined for an organization. */
export function parentOf(path: string): string | undefined {
  const parts = partsOf(path);
  return parts.length > 1
    ? parts
        .slice(0, -1)
        .map(part => `/${escaped(part)}`)
        .join('')
    : undefined;
}

/** The names of the groups on the way. Keycloak writes a slash within a name as `~/`. */
function partsOf(path: string): string[] {
  return path
    .split(/(?<!~)\//)
    .slice(1)
    .map(part => part.replaceAll('~/', '/'));
}

function escaped(name: string): string {
  return name.replaceAll('/', '~/');
}
