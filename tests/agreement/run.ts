import type { DryRun } from '../harness/backstage.ts';
import { HttpError } from '../harness/json.ts';
import { plain } from '../harness/text.ts';
import { type Json, parts, type Step, type Template, texts } from './template.ts';

/** What became of a template with some values. */
export interface Run {
  /** What Backstage refused it for, or what failed. */
  failure?: string;
  /** The steps, and whether they ran. */
  steps: ReadonlyMap<string, boolean>;
  /** The output as it came. */
  output: string;
  /** How many links and texts are shown. */
  shown: Readonly<Record<string, number>>;
  /** What is not as it is written, each with its place. */
  silently: string[];
}

/** Runs a template, and holds what arrived at each action against what is written. */
export async function run(template: Template, ask: (observed: Template) => Promise<DryRun>): Promise<Run> {
  try {
    return read(template, await ask(observed(template)));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { failure: reason(error.body), steps: new Map(), output: '', shown: {}, silently: [] };
  }
}

/** What is worse than in the run of the right template with the same values. */
export function worse(run: Run, right: Run): string[] {
  if (run.failure !== undefined) return [`fails: ${run.failure}`];
  const silently = run.silently.filter((what) => !right.silently.includes(what));
  const otherwise = [...run.steps].filter(([id, ran]) => right.steps.has(id) && right.steps.get(id) !== ran);
  const shown = Object.entries(run.shown).filter(([list, count]) => count !== right.shown[list]);
  const says = run.output === right.output ? [] : ['the output says something else'];
  return [...silently, ...says, ...shown.map(([list, count]) => `output: ${count} ${list} are shown`), ...otherwise.map(([id, ran]) => (ran ? `${id} runs` : `${id} does not run`))];
}

function reason(body: string): string {
  try {
    const { error, errors } = JSON.parse(body) as { error?: { message: string }; errors?: { stack: string }[] };
    const message = error?.message ?? errors?.map(({ stack }) => stack).join(', ') ?? body;
    return message.replaceAll(/\/\S*\/dry-run-[0-9a-f-]+\//g, '');
  } catch {
    return body;
  }
}

/** An action that a dry run passes over, whatever it is given: what it is given is in the log all the same. */
const PASSED_OVER = 'publish:gitea';
const PROBE = 'probe-';
/** What a probe says whose condition is true. */
const RAN = '<it ran>';

/** The template with steps more that show what becomes of each expression in a text by itself. */
function observed(template: Template): Template {
  const { spec } = template;
  if (!Array.isArray(spec.steps)) return template;
  const steps = spec.steps.flatMap((step, index) => [...probes(index, step), step]);
  const output = { id: `${PROBE}output`, name: 'Probe', action: PASSED_OVER, input: { expressions: expressions(unconditional(spec.output ?? {}), true) } };
  return { ...template, spec: { ...spec, steps: [...steps, output] } };
}

function probes(index: number, { each, if: condition, input }: Step): Step[] {
  const id = `${PROBE}${index}`;
  const shown = expressions(input);
  const common = { name: 'Probe', ...(condition === undefined ? {} : { if: condition }) };
  if (each === undefined) return [{ ...common, id, action: PASSED_OVER, input: { expressions: shown } }];
  // What `each` gives is not in what a dry run says of an input, only in what the action itself says. And of a list
  // with nothing in it nothing is said, whatever became of the condition, which is another one than without `each`:
  // it is given secrets.
  return [
    { ...common, id: `${id}-once`, each: ['once'], action: 'debug:log', input: { message: RAN } },
    { ...common, id, each, action: 'debug:log', input: { message: shown.map((one) => `<${one}>`).join(' ') } },
  ];
}

/** The expressions in texts that are more than one expression: of one that is nothing, nothing is left there. With `all`, others too. */
function expressions(value: unknown, all = false): string[] {
  return [...texts([value])].flatMap(({ value: text }) => {
    const found = text.match(/\$\{\{.*?\}\}/g) ?? [];
    return text.includes('{%') || (found[0] === text && !all) ? [] : found;
  });
}

/** Links and texts that have a condition come or do not: what is left is not held against the list. */
function unconditional(output: Json): Json {
  const conditional = (items: unknown): boolean => Array.isArray(items) && items.some((item) => (item as Json)['if'] !== undefined);
  return Object.fromEntries(Object.entries(output).filter(([, value]) => !conditional(value)));
}

const RUNS = /^(?:info: )?Running \S+ in dry-run mode with inputs \(secrets redacted\): /;

function read(template: Template, { log, output }: DryRun): Run {
  const lines = log.map(({ body }) => ({ ...body, message: plain(body.message) }));
  const inputs = new Map<string, Json>();
  for (const { stepId = '', message } of lines) {
    if (RUNS.test(message)) inputs.set(stepId, JSON.parse(message.replace(RUNS, '')) as Json);
  }
  const silently: string[] = [];
  for (const [index, step] of template.spec.steps.entries()) {
    const arrived = inputs.get(step.id);
    if (step.each !== undefined) {
      const said = lines.filter(({ stepId, message }) => (stepId === step.id || stepId === `${PROBE}${index}`) && !RUNS.test(message)).map(({ message }) => message);
      if (said.some((message) => message.includes('<>'))) silently.push(`${step.id}: something is nothing in a text`);
      if (said.some((message) => message.includes('${{'))) silently.push(`${step.id}: something is passed on unevaluated`);
      continue;
    }
    if (arrived === undefined) continue;
    silently.push(...differences(step.input ?? {}, arrived).map((difference) => `${step.id}: ${difference}`));
    silently.push(...holes(expressions(step.input), inputs.get(`${PROBE}${index}`)?.['expressions']).map((hole) => `${step.id}: ${hole}`));
  }
  if (output !== undefined) {
    const written = unconditional(template.spec.output ?? {});
    silently.push(...differences(written, output).map((difference) => `output: ${difference}`));
    silently.push(...holes(expressions(written, true), inputs.get(`${PROBE}output`)?.['expressions']).map((hole) => `output: ${hole}`));
  }
  const shown = Object.fromEntries(['links', 'text'].map((list) => [list, (output?.[list] as unknown[] | undefined)?.length ?? 0]));
  const ran = new Set(lines.filter(({ message }) => message.includes(RAN) && !RUNS.test(message)).map(({ stepId }) => stepId));
  const steps = template.spec.steps.map(({ id, each }, index) => [id, each === undefined ? inputs.has(id) : ran.has(`${PROBE}${index}-once`)] as const);
  return { output: JSON.stringify(output), shown, steps: new Map(steps), silently };
}

/** The expressions that are nothing. */
function holes(written: readonly string[], arrived: unknown): string[] {
  if (!Array.isArray(arrived)) return [];
  return written.filter((_, index) => arrived[index] === undefined || arrived[index] === null).map((expression) => `${expression} is nothing in a text`);
}

/** What of the written is not there, or is there in another sense. */
function differences(written: Json, arrived: Json): string[] {
  const found: string[] = [];
  const there = new Map([...parts(arrived)].map(({ path, value }) => [path.join('.'), value]));
  for (const { path, value } of parts(written)) {
    const outer = path.slice(0, -1).join('.');
    const came = there.get(path.join('.'));
    const missing = came === undefined || (came === null && value !== null);
    if (missing && (outer === '' || there.has(outer))) found.push(`${path.join('.')} is left out`);
  }
  for (const { path, value } of texts(arrived)) {
    const at = path.join('.');
    if (value === '') found.push(`${at} is empty`);
    if (/\$\{\{|\{%/.test(value)) found.push(`${at} is passed on unevaluated`);
    for (const word of ['NaN', '[object Object]', 'undefined']) if (value.includes(word)) found.push(`${at} has ${word} in it`);
  }
  return found;
}
