import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../harness/paths.ts';
import type { Template } from './template.ts';
import { CHOICES, type Choice, type Values } from './values.ts';

/** How a form is filled in: what fields of some names are given, and what the others. The first of a template leaves nothing empty. */
export interface Form {
  choice: Choice;
  fixed: Values;
}

/** What is in the sandbox, for fields of these names. */
const THERE: Values = {
  organization: 'acme',
  coderOrganization: 'acme',
  coderTemplate: 'node',
  template: 'node',
  giteaOrganization: 'acme',
  giteaTeam: 'developers',
  team: 'engineering',
  channels: ['backend'],
  mattermostTeam: 'engineering',
  mattermostChannels: ['backend'],
  phone: '+33 6 12 34 56 78',
  company: 'Acme',
  // Somebody who has an account everywhere: what a dry run makes is not there for the steps after it.
  username: 'ada',
  email: 'ada@example.com',
  user: 'ada',
};
const NOTHING_WANTED: Values = { ...THERE, coder: false, gitea: false, mattermost: false, twenty: false, workspaces: [] };
const LEAVING: Values = { ...THERE, username: 'grace', email: 'grace@example.com', workspaces: ['dev'] };
/** What the form asked for and Backstage keeps to itself. */
export const SECRETS = { TOKEN: 'canary-of-a-secret' };
/** What lies beside the templates. */
export const SKELETONS = Object.fromEntries(['skeleton', 'repository'].map((folder) => [`${folder}/README.md`, '# ${{ values.name }}\n']));

const [EVERYTHING, REQUIRED] = CHOICES;
/** The right templates, and at how many places each way breaks them. With its forms every condition comes out either way. */
export const RIGHT: readonly { file: string; most: number; forms: readonly Form[] }[] = [
  { file: 'tests/agreement/service.yaml', most: 4, forms: CHOICES.map((choice) => ({ choice, fixed: {} })) },
  {
    file: 'templates/unified-onboarding/template.yaml',
    most: 1,
    forms: [THERE, { ...THERE, repositoryOwner: 'organization' }, NOTHING_WANTED].map((fixed) => ({ choice: EVERYTHING, fixed })),
  },
  { file: 'templates/offboarding/template.yaml', most: 1, forms: [LEAVING, NOTHING_WANTED].map((fixed) => ({ choice: EVERYTHING, fixed })) },
  { file: 'templates/coder-workspace/template.yaml', most: 1, forms: [{ choice: EVERYTHING, fixed: THERE }] },
  ...['gitea-account', 'mattermost-account', 'twenty-person'].map((name) => ({
    file: `templates/${name}/template.yaml`,
    most: 1,
    forms: [EVERYTHING, REQUIRED].map((choice) => ({ choice, fixed: THERE })),
  })),
];

/** A right template, without the steps for when another has failed: of a dry run that fails nothing but the failure is shown. */
export async function read(file: string): Promise<Template> {
  const template = parse(await readFile(join(ROOT, file), 'utf8')) as Template;
  return { ...template, spec: { ...template.spec, steps: template.spec.steps.filter((step) => step.if !== '${{ failure() }}') } };
}
