import { type Json, type Part, parts, rename, type Step, type Template, texts } from './template.ts';

/** A way to break a template: what can be done to it, one at each place. */
export interface Way {
  name: string;
  places: (template: Template) => (() => void)[];
}

export interface Broken {
  name: string;
  template: Template;
}

/** A template broken in every way, each at every place, or at `most` of them, from the first to the last. */
export function* broken(template: Template, most = Infinity): Generator<Broken> {
  for (const { name, places } of WAYS) {
    const all = [...places(template).keys()];
    for (const nth of all.filter((nth) => Math.floor((nth * most) / all.length) !== Math.floor(((nth - 1) * most) / all.length))) {
      const copy = structuredClone(template);
      places(copy)[nth]?.();
      yield { name: `${name} ${nth + 1}`, template: copy };
    }
  }
}

/** Two letters in the middle swapped. */
function slip(word: string): string {
  const middle = Math.max(1, Math.floor(word.length / 2));
  const [before, behind] = [word.charAt(middle - 1), word.charAt(middle)];
  return before === behind ? word.slice(0, middle) + word.slice(middle + 1) : word.slice(0, middle - 1) + behind + before + word.slice(middle + 1);
}

/** Every place where a pattern is found in the texts of steps and output; its first group, if it has one, is what `by` is given. */
function inTexts(pattern: RegExp, by: (found: string) => string, where: (part: Part) => boolean = () => true): Way['places'] {
  return ({ spec }) =>
    [...texts({ steps: spec.steps, output: spec.output ?? {} })].filter(where).flatMap((part) =>
      [...part.value.matchAll(pattern)].map((match) => () => {
        const [whole, group = whole] = match;
        const changed = whole.replace(group, () => by(group));
        part.set(part.value.slice(0, match.index) + changed + part.value.slice(match.index + whole.length));
      }),
    );
}

const isCondition = ({ path }: Part): boolean => path.at(-1) === 'if';

/** The inputs of all steps, with everything in them. */
const inputs = ({ spec }: Template): Part[] => spec.steps.flatMap(({ input }) => [...parts(input ?? {})]);

const schemas = ({ spec }: Template): Json[] =>
  [...parts(spec.parameters)].map(({ value }) => value).filter((value): value is Json => typeof value === 'object' && value !== null);

/** The values of a keyword in the form. */
const keyword = (template: Template, name: string): Part[] =>
  [...parts(template.spec.parameters)].filter(({ path }) => path.at(-1) === name && path.at(-2) !== 'properties');

/** Gives a key of each step another name. */
const renamed =
  (key: keyof Step): Way['places'] =>
  ({ spec }) =>
    spec.steps
      .filter((step) => key in step)
      .map((step) => () => {
        rename(step, key, slip(key));
      });

const literals = (template: Template, type: string): Part[] =>
  inputs(template).filter(({ value }) => typeof value === type && !String(value).includes('${{'));

export const WAYS: readonly Way[] = [
  { name: 'an output misspelt', places: inTexts(/\.output\.(\w+)/g, slip) },
  { name: 'the id of a step misspelt', places: inTexts(/steps\.(\w+)\.output/g, slip) },
  { name: 'a parameter misspelt', places: inTexts(/parameters\.(\w+)/g, slip) },
  { name: 'the word parameters misspelt', places: inTexts(/(parameters)\./g, slip) },
  { name: 'a filter misspelt', places: inTexts(/\| (\w+)/g, slip) },
  { name: 'a filter as a function', places: inTexts(/(parameters[\w.]+ \| \w+) /g, (found) => `${found.split(' | ')[1] ?? ''}(${found.split(' | ')[0] ?? ''})`) },
  { name: 'the end of an expression left out', places: inTexts(/ \}\}/g, () => '') },
  { name: 'an expression without its $', places: inTexts(/\$\{\{/g, () => '{{') },
  { name: '= for ==', places: inTexts(/ (==) /g, () => '=') },
  { name: '&& for and', places: inTexts(/ (and) (?=parameters)/g, () => '&&', isCondition) },
  { name: 'not before a comparison', places: inTexts(/parameters\.\w+ != '\w+'/g, (found) => `not ${found.replace('!=', '==')}`) },
  { name: 'a quote left out', places: inTexts(/'(?= )/g, () => '') },
  { name: 'a value of an enum misspelt', places: inTexts(/[!=]= '(\w+)'/g, slip) },
  { name: 'a condition without its marks', places: inTexts(/^\$\{\{.*\}\}$/g, (found) => found.slice(3, -2).trim(), isCondition) },
  { name: 'something behind a condition', places: inTexts(/\}\}$/g, () => '}} == true', isCondition) },
  { name: 'a secret in a condition', places: inTexts(/\$\{\{.*\}\}$/g, () => '${{ secrets.TOKEN }}', isCondition) },
  { name: 'an id with a dash after a dot', places: inTexts(/\bsteps\.\w+\.output/g, () => 'steps.fetch-skeleton.output') },
  { name: 'an object in a text', places: inTexts(/[a-z] \$\{\{ (parameters\.\w+) \}\}/g, () => 'parameters') },
  { name: 'each over a text', places: ({ spec }) => spec.steps.filter(({ each }) => each !== undefined).map((step) => () => (step.each = '${{ user.ref }}')) },
  { name: 'each left out', places: ({ spec }) => spec.steps.filter(({ each }) => each !== undefined).map((step) => () => delete step.each) },
  { name: 'the name of an action misspelt', places: ({ spec }) => spec.steps.map((step) => () => (step.action = slip(step.action))) },
  { name: 'the action left out', places: ({ spec }) => spec.steps.map((step) => () => delete (step as Partial<Step>).action) },
  { name: 'input misspelt', places: renamed('input') },
  { name: 'if misspelt', places: renamed('if') },
  { name: 'each misspelt', places: renamed('each') },
  {
    name: 'an id given twice',
    places: ({ spec }) => spec.steps.slice(1).map((step, index) => () => (step.id = spec.steps[index]?.id ?? '')),
  },
  {
    name: 'a step moved to the end',
    places: ({ spec }) => spec.steps.slice(0, -1).map((step) => () => spec.steps.push(...spec.steps.splice(spec.steps.indexOf(step), 1))),
  },
  { name: 'a step left out', places: ({ spec }) => spec.steps.map((_, index) => () => spec.steps.splice(index, 1)) },
  { name: 'an input left out', places: (template) => inputs(template).map(({ remove }) => remove) },
  {
    name: 'an input misspelt',
    places: (template) =>
      inputs(template)
        .filter(({ path }) => typeof path.at(-1) === 'string')
        .map(({ path, rename }) => () => {
          rename(slip(String(path.at(-1))));
        }),
  },
  { name: 'a number for a text', places: (template) => literals(template, 'string').map(({ set }) => () => { set(42); }) },
  { name: 'a list for a text', places: (template) => literals(template, 'string').map(({ set }) => () => { set(['a', 'b']); }) },
  { name: 'a text for a boolean', places: (template) => literals(template, 'boolean').map(({ set }) => () => { set('true'); }) },
  { name: 'a text for an object', places: (template) => inputs(template).filter(({ value }) => typeof value === 'object').map(({ set }) => () => { set('a'); }) },
  { name: 'a secret in a message', places: (template) => inputs(template).filter(({ path }) => path.at(-1) === 'message').map(({ set }) => () => { set('${{ secrets.TOKEN }}'); }) },
  { name: 'a required field misspelt', places: (template) => keyword(template, 'required').flatMap(({ value }) => (value as string[]).map((name, index) => () => ((value as string[])[index] = slip(name)))) },
  { name: 'a type misspelt', places: (template) => keyword(template, 'type').map(({ value, set }) => () => { set(slip(value as string)); }) },
  { name: 'a default outside the enum', places: (template) => schemas(template).filter((schema) => 'enum' in schema).map((schema) => () => (schema['default'] = 'no-such-value')) },
  { name: 'enum no list', places: (template) => keyword(template, 'enum').map(({ set }) => () => { set('a'); }) },
  { name: 'an expression in the name of a step', places: ({ spec }) => spec.steps.map((step) => () => (step.name = 'Greet ${{ user.ref }}')) },
  { name: 'another apiVersion', places: (template) => [() => (template.apiVersion = 'scaffolder.backstage.io/v1beta2')] },
  { name: 'no type', places: ({ spec }) => [() => delete (spec as Partial<Template['spec']>).type] },
  { name: 'steps no list', places: ({ spec }) => [() => (spec.steps = {} as Step[])] },
];
