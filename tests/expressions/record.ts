/**
 * Asks nunjitsu, the engine of Backstage's scaffolder, what it makes of every text of the corpus, and writes that down for
 * the tests of crates/templates: `node expressions/record.ts`. With `--check` it only says whether what is written is
 * still so.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTemplateRenderer, TemplateRenderError, type TemplateFilter, type TemplateValue } from 'nunjitsu';
import { ROOT } from '../harness/paths.ts';
import { CONTEXTS } from './contexts.ts';
import { CORPUS } from './corpus.ts';
import { generate } from './generate.ts';

const OUT = join(ROOT, 'crates', 'templates', 'tests', 'expressions.json');

/** Does what Backstage's own filters do with what they are given, without its catalog and integrations. */
const filters: Record<string, TemplateFilter> = {
  parseRepoUrl: input => parseRepoUrl(input),
  projectSlug: input => {
    const { owner, repo } = parseRepoUrl(input);
    return `${owner ?? ''}/${repo ?? ''}`;
  },
  parseEntityRef: (input, defaults) => {
    const given = (defaults ?? {}) as { defaultKind?: string; defaultNamespace?: string };
    const match = typeof input === 'string' ? /^([^:/]+:)?([^:/]+\/)?([^:/]+)$/.exec(input.trim()) : null;
    const kind = match?.[1]?.slice(0, -1) ?? given.defaultKind;
    if (!match?.[3] || !kind) throw new TypeError('not an entity reference');
    return { kind, namespace: match[2]?.slice(0, -1) ?? given.defaultNamespace ?? 'default', name: match[3] };
  },
  pick: (input, path) => {
    let value: unknown = input;
    for (const key of (typeof path === 'string' ? path : 'undefined').split('.')) value = (value as Record<string, unknown> | null | undefined)?.[key];
    return value as TemplateValue | undefined;
  },
};

function text(value: TemplateValue | undefined): string {
  if (typeof value !== 'string') throw new TypeError('not a string');
  return value;
}

function parseRepoUrl(input: TemplateValue | undefined): Record<string, string> {
  const url = new URL(`https://${text(input)}`);
  if (!url.searchParams.has('repo')) throw new TypeError('no repo in the URL');
  return { host: url.host, ...Object.fromEntries(url.searchParams) };
}

const renderer = createTemplateRenderer({ allowRegexExecution: true, filters, globals: { always: () => true, failure: () => false } });

interface Recorded {
  text: string;
  /** The value, if there is one that JSON has. */
  value?: unknown;
  /** Why there is none: nothing, a number such as NaN, or how it failed. */
  instead?: 'nothing' | 'number' | 'syntax' | 'evaluation';
}

function record(text: string): Recorded {
  try {
    const value = renderer.renderValue(text, CONTEXTS.form);
    if (value === undefined) return { text, instead: 'nothing' };
    if (typeof value === 'number' && !Number.isFinite(value)) return { text, instead: 'number' };
    return { text, value };
  } catch (error) {
    if (!(error instanceof TemplateRenderError)) return { text, instead: 'evaluation' };
    return { text, instead: error.code === 'syntax_error' ? 'syntax' : 'evaluation' };
  }
}

const recorded = {
  generatedBy: 'tests/expressions/record.ts',
  context: CONTEXTS.form,
  written: CORPUS.map(record),
  generated: generate(1, 2500).map(record),
};
const lines = (list: Recorded[]) => list.map(line => JSON.stringify(line)).join(',\n');
const json = `{"generatedBy":${JSON.stringify(recorded.generatedBy)},\n"context":${JSON.stringify(recorded.context)},\n"written":[\n${lines(recorded.written)}\n],\n"generated":[\n${lines(recorded.generated)}\n]}\n`;
if (process.argv.includes('--check')) {
  if ((await readFile(OUT, 'utf8')) !== json) {
    console.error(`${OUT} is not what nunjitsu says: make expressions`);
    process.exitCode = 1;
  }
} else {
  await writeFile(OUT, json);
  console.log(`${OUT}: ${recorded.written.length} texts by hand, ${recorded.generated.length} made up`);
}
