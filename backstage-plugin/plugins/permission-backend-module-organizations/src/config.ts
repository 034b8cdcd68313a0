import { type CompoundEntityRef, parseEntityRef, stringifyEntityRef } from '@backstage/catalog-model';
import type { Config } from '@backstage/config';
import { InputError } from '@backstage/errors';

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
  const table = sidestage.getOptionalConfig('organizations');
  if (!table) {
    throw new InputError(
      "sidestage.organizations in Backstage's configuration must say which groups make an organization.",
    );
  }
  const organizations = table.keys().map(name => {
    const organization = table.getConfig(name);
    const groups = refs(organization, 'groups', 'Group');
    if (groups.length === 0) {
      throw new InputError(`sidestage.organizations.${name}.groups must name the groups whose members are of ${name}.`);
    }
    const templates = organization.getOptionalStringArray('templates') ?? [];
    const actions = organization.getOptionalStringArray('actions') ?? ['*'];
    return {
      name,
      groups: groups.map(ref => stringifyEntityRef(ref)),
      templates: templates.includes('*') ? ('all' as const) : refs(organization, 'templates', 'Template'),
      actions: actions.includes('*') ? ('all' as const) : actions,
    };
  });
  return {
    organizations,
    administrators: refs(sidestage, 'administrators', 'Group').map(ref => stringifyEntityRef(ref)),
    sharedActions: sidestage.getOptionalStringArray('sharedActions') ?? SHARED_ACTIONS,
  };
}

/** The entities that a list names; all of one kind, which may be left out. */
function refs(config: Config, key: string, kind: string): CompoundEntityRef[] {
  return (config.getOptionalStringArray(key) ?? []).map(text => {
    const ref = parseEntityRef(text, { defaultKind: kind });
    if (ref.kind.toLowerCase() !== kind.toLowerCase()) {
      throw new InputError(`${text} among the ${key} of Backstage's sidestage configuration is no ${kind}.`);
    }
    return ref;
  });
}
