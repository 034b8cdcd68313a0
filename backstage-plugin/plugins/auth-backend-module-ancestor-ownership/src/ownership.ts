import { type Entity, RELATION_CHILD_OF, RELATION_MEMBER_OF, stringifyEntityRef } from '@backstage/catalog-model';

/** Looks groups up; a group that is not there is left out or undefined. */
export type FindGroups = (refs: string[]) => Promise<(Entity | undefined)[]>;

/** The person, the person's groups, and every group above them; each once, nearest first. */
export async function ownershipEntityRefs(person: Entity, find: FindGroups): Promise<string[]> {
  const found = new Set([stringifyEntityRef(person)]);
  let level = groupsBy(RELATION_MEMBER_OF, person);
  while (level.length > 0) {
    // A group that was met before is not followed again: groups may be put in a circle by mistake.
    const fresh = [...new Set(level)].filter(ref => !found.has(ref));
    if (fresh.length === 0) break;
    fresh.forEach(ref => found.add(ref));
    level = (await find(fresh)).flatMap(group => (group ? groupsBy(RELATION_CHILD_OF, group) : []));
  }
  return [...found];
}

function groupsBy(type: string, entity: Entity): string[] {
  const relations = entity.relations ?? [];
  return relations
    .filter(({ type: t, targetRef }) => t === type && targetRef.startsWith('group:'))
    .map(r => r.targetRef);
}
