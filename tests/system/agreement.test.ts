import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { type Form, read, RIGHT, SECRETS, SKELETONS } from '../agreement/right.ts';
import { type Run, run, worse } from '../agreement/run.ts';
import type { Template } from '../agreement/template.ts';
import { valuesOf } from '../agreement/values.ts';
import { broken } from '../agreement/ways.ts';
import { ROOT, SIDESTAGE } from '../harness/paths.ts';
import { useSystem } from './use-system.ts';

/** What is wrong with the form shows in the browser: a dry run has none. */
const IN_THE_BROWSER = new Set(['invalid-form']);
/** How many dry runs are under way at a time. */
const AT_A_TIME = 4;

interface Finding {
  rule: string;
  severity: 'error' | 'warning' | 'note';
  message: string;
  file: string;
}

interface Subject {
  name: string;
  template: Template;
  right: Template;
  forms: readonly Form[];
}

const isRight = ({ template, right }: Subject): boolean => template === right;

const running = useSystem(() => ({ door: 2 as const }));

test('what the checker says of a template is what Backstage makes of it', async (t) => {
  const bases = await Promise.all(RIGHT.map(async (base) => ({ ...base, right: await read(base.file) })));
  const subjects = bases.flatMap(({ right, most, forms }) => {
    const { name } = right.metadata;
    const wrong = [...broken(right, most)].map((one) => ({ name: `${name}: ${one.name}`, template: one.template, right, forms }));
    return [{ name: `${name}: right`, template: right, right, forms }, ...wrong];
  });
  const [found, harm] = await Promise.all([findings(subjects), harms(subjects)]);

  const lies: string[] = [];
  const disagreements: string[] = [];
  for (const [n, { name }] of subjects.entries()) {
    const worst = found[n]?.filter(({ severity }) => severity !== 'note') ?? [];
    const errors = worst.filter(({ severity, rule }) => severity === 'error' && !IN_THE_BROWSER.has(rule));
    const what = harm[n];
    if (what === undefined && errors.length > 0) lies.push(`${name}: ${errors.map(({ rule, message }) => `${rule}: ${message}`).join('; ')}`);
    if (what !== undefined && worst.length === 0) disagreements.push(`${name}: ${what.split('\n')[0] ?? ''}`);
  }
  t.diagnostic(`${subjects.length} templates: ${harm.filter((what) => what !== undefined).length} do something else than the right one`);
  const reviewed = (await readFile(join(ROOT, 'tests', 'agreement', 'reviewed.txt'), 'utf8')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  // First, where the checker says error and Backstage does what is written; then, where it is the other way round.
  assert.deepEqual({ lies, disagreements: disagreements.sort() }, { lies: [], disagreements: reviewed.sort() });
});

/** What the checker says of each. */
async function findings(subjects: readonly Subject[]): Promise<Finding[][]> {
  const folder = join(running().folder.path, 'templates');
  await mkdir(folder);
  await Promise.all(subjects.map(({ template }, n) => writeFile(join(folder, `${n}.yaml`), stringify(template, { lineWidth: 0, aliasDuplicateObjects: false }))));
  const { stdout } = await promisify(execFile)(SIDESTAGE, ['check', '--format', 'json', '--fail-on', 'never', folder], { maxBuffer: 1 << 28 });
  const found = subjects.map((): Finding[] => []);
  for (const finding of (JSON.parse(stdout) as { findings: Finding[] }).findings) found[Number(basename(finding.file, '.yaml'))]?.push(finding);
  return found;
}

/**
 * The first thing that Backstage does with each and not with the right one, if any.
 *
 * Of a right one, what is not as it is written when every field is filled in: what a form leaves empty is left out.
 */
async function harms(subjects: readonly Subject[]): Promise<(string | undefined)[]> {
  const repoUrl = `${new URL(running().sandbox.urlOf('gitea')).host}?owner=acme&repo=a-service`;
  const backstage = running().backstage.as(await running().backstage.userToken());
  const dryRun = async ({ name, template, right }: Subject, { choice, fixed }: Form): Promise<Run> => {
    const values = valuesOf(right.spec.parameters, choice, { ...fixed, repoUrl });
    return run(template, (observed) => backstage.dryRun(observed, { values, secrets: SECRETS, files: SKELETONS })).catch((error: unknown) => {
      throw new Error(`the dry run of "${name}" with ${JSON.stringify(values)} cannot be read`, { cause: error });
    });
  };
  const rightRuns = new Map<Template, Run[]>();
  for (const subject of subjects.filter(isRight)) {
    const each = await Promise.all(subject.forms.map((form) => dryRun(subject, form)));
    for (const { failure } of each) assert.equal(failure, undefined, `${subject.name} fails`);
    rightRuns.set(subject.right, each);
  }
  const harm = async (subject: Subject): Promise<string | undefined> => {
    for (const [f, form] of subject.forms.entries()) {
      const right = rightRuns.get(subject.right)?.[f];
      assert.ok(right !== undefined);
      const [first] = isRight(subject) ? right.silently.slice(0, f === 0 ? 1 : 0) : worse(await dryRun(subject, form), right);
      if (first !== undefined) return first;
    }
    return undefined;
  };
  const found = subjects.map((): string | undefined => undefined);
  const waiting = [...subjects.entries()];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) found[next[0]] = await harm(next[1]);
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return found;
}
