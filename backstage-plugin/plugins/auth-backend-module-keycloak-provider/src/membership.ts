/**
 * The aliases of the organizations in Keycloak's `organization` claim. Depending on how its mapper is configured it is
 * a list of aliases, an object with an alias for each key, or one alias. Without any organization there is no claim.
 */
export function organizationsOf(claim: unknown): string[] {
  if (typeof claim === 'string') return [claim];
  if (Array.isArray(claim)) return claim.filter((alias): alias is string => typeof alias === 'string');
  if (typeof claim === 'object' && claim !== null) return Object.keys(claim);
  return [];
}

/** The paths of the groups in the `groups` claim. Anything else than a full path is left out: it says not whose it is. */
export function groupsOf(claim: unknown): string[] {
  if (!Array.isArray(claim)) return [];
  return claim.filter((path): path is string => typeof path === 'string' && path.startsWith('/'));
}

/** Whether a group is another one or below it, by whole parts of the path: `/acme-corp2` is not in `/acme-corp`. */
export function isWithin(path: string, ancestor: string): boolean {
  return path === ancestor || path.startsWith(`${ancestor}/`);
}

/** The part after the last `@`, in lower case. */
export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1).toLowerCase();
}
