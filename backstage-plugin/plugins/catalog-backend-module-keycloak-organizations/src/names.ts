import { createHash } from 'node:crypto';

/** What Backstage takes as an entity's name. */
const LONGEST = 63;

/** How a hash stands at the end of a name: 64 bits, so that nobody can find a second path with the same one. */
const HASHED = /-[0-9a-f]{16}$/;

/**
 * The name in the catalog of the group at a path in Keycloak: `/acme-corp/engineering` is `acme-corp.engineering`.
 * In practice two paths never have one name: where a part cannot stand as it is, the name ends in a hash of the path.
 */
export function groupName(path: string): string {
  const parts = partsOf(path);
  const plain = parts.join('.');
  return parts.every(part => /^[a-z0-9]([-_a-z0-9]*[a-z0-9])?$/i.test(part)) && fits(plain)
    ? plain
    : hashed(plain.replace(/[^a-z0-9]+/gi, '-'), path);
}

/**
 * The name in the catalog of a person. A user name that cannot stand as it is, such as an e-mail address, ends in a
 * hash of the person's id in Keycloak, which nobody chooses: so nobody can register under another one's name.
 */
export function userName(username: string, id: string): string {
  return /^[a-z0-9]([-_.a-z0-9]*[a-z0-9])?$/.test(username) && fits(username)
    ? username
    : hashed(username.replace(/[^-_.a-z0-9]+/gi, '-'), id);
}

/** Whether a name can stand as it is. What looks like a hashed name could be meant to be taken for one. */
function fits(name: string): boolean {
  return name.length <= LONGEST && !HASHED.test(name);
}

/** A name that can be read and that ends in a hash of `unique`. */
function hashed(name: string, unique: string): string {
  const digest = createHash('sha256').update(unique).digest('hex').slice(0, 16);
  const legible = name.slice(0, LONGEST - digest.length - 1).replace(/^[-_.]+|[-_.]+$/g, '');
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
