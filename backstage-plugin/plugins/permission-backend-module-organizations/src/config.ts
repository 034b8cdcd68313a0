import { type CompoundEntityRef, parseEntityRef, stringifyEntityRef } from '@backstage/catalog-model';
import { type Config, ConfigReader } from '@backstage/config';
import { InputError } from '@backstage/errors';
import type { JsonObject } from '@backstage/types';

/** What the people of one organization may do. */
export interface Organization {
  /** What templates give actions as `organization`. */
  name: string;
  /** Whoever owns by one of these is of the organization. */
  groups: string[];
  /** The templates that the organization may use, besides its own. */
  templates: CompoundEntityRef[] | 'all';
  /** The actions that may be run for the organization. */
  actions: string[] | 'all';
}

/** The policy's rules. */
export interface Rules {
  organizations: Organization[];
  /** May do everything. */
  administrators: string[];
  /** Actions that concern no organization. */
  sharedActions: string[];
}

/** Backstage's own actions that work in the task's folder, look something up or wait. */
const SHARED_ACTIONS = [
  'catalog:fetch',
  'catalog:write',
  'debug:log',
  'debug:wait',
  'fetch:plain',
  'fetch:plain:file',
  'fetch:template',
  'fetch:template:file',
  'fs:delete',
  'fs:readdir',
  'fs:rename',
];

/** Reads the rules, and refuses what is no rule: a policy that is misread lets people in. */
export function readRules(config: Config): Rules {
  const sidestage = config.getConfig('sidestage');
  // As it is: Backstage's configuration takes no key that begins with a digit or has a dot, and a name may.
  const table = sidestage.getOptional('organizations');
  if (!isObject(table)) {
    throw new InputError(
      "sidestage.organizations in Backstage's configuration must say which groups make an organization.",
    );
  }
  const organizations = Object.entries(table).map(([name, value]) => {
    const place = `sidestage.organizations.${name}`;
    const organization = new ConfigReader(isObject(value) ? value : {}, "Backstage's configuration", undefined, place);
    const groups = refs(organization, 'groups', 'Group');
    if (groups.length === 0) {
      throw new InputError(`${place}.groups must name the groups whose members are of ${name}.`);
    }
    return {
      name,
      groups: groups.map(ref => stringifyEntityRef(ref)),
      templates: isAll(organization, 'templates') ? ('all' as const) : refs(organization, 'templates', 'Template'),
      actions: isAll(organization, 'actions') ? ('all' as const) : (texts(organization, 'actions') ?? 'all'),
    };
  });
  return {
    organizations,
    administrators: refs(sidestage, 'administrators', 'Group').map(ref => stringifyEntityRef(ref)),
    sharedActions: texts(sidestage, 'sharedActions') ?? SHARED_ACTIONS,
  };
}

/** The entities that a list names; all of one kind, which may be left out. */
function refs(config: Config, key: string, kind: string): CompoundEntityRef[] {
  return (texts(config, key) ?? []).map(text => {
    const ref = parseEntityRef(text, { defaultKind: kind });
    if (ref.kind.toLowerCase() !== kind.toLowerCase()) {
      throw new InputError(`${text} among the ${key} of Backstage's sidestage configuration is no ${kind}.`);
    }
    return ref;
  });
}

function isAll(config: Config, key: string): boolean {
  return config.getOptionalStringArray(key)?.includes('*') ?? false;
}

/** A list of names. One with a `*` in it would be compared as it is, and fit nothing. */
function texts(config: Config, key: string): string[] | undefined {
  const list = config.getOptionalStringArray(key);
  const pattern = list?.find(text => text.includes('*'));
  if (pattern !== undefined) {
    throw new InputError(
      `"${pattern}" among the ${key} of Backstage's sidestage configuration is no name: names are compared as a ` +
        `whole. List each.`,
    );
  }
  return list;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
