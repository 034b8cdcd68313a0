import type { Json } from './template.ts';

/** Texts that many fields take; the first that fits one is given to it. */
const WORDS = ['dev', 'grace', 'a-service', 'grace@example.com', '+33 6 12 34 56 78'];

export type Values = Record<string, unknown>;

/** Which values a form is given. */
export interface Choice {
  /** Whether a field that is not required is filled in. */
  all: boolean;
  /** Which of several values is taken. */
  nth: number;
}

export const CHOICES = [
  // everything filled in
  { all: true, nth: 0 },
  // only what is required
  { all: false, nth: 0 },
  // the last of every choice
  { all: true, nth: -1 },
] as const satisfies readonly Choice[];

/** Values that the pages of a form take, as somebody would fill it in. `fixed` are what a field of that name is given. */
export function valuesOf(pages: readonly Json[], choice: Choice, fixed: Readonly<Values> = {}): Values {
  const values: Values = {};
  for (const page of pages) fill(page, values, choice, fixed);
  return values;
}

function fill(schema: Json, values: Values, choice: Choice, fixed: Readonly<Values>): void {
  const required = (schema['required'] ?? []) as string[];
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, Json>)) {
    if (name in values || 'const' in field) continue;
    // The form fills in what has a default.
    if (choice.all || required.includes(name) || 'default' in field) values[name] = fixed[name] ?? valueOf(name, field, choice);
  }
  for (const [name, dependent] of Object.entries((schema['dependencies'] ?? {}) as Record<string, Json>)) {
    if (!(name in values)) continue;
    for (const branch of (dependent['oneOf'] as Json[] | undefined) ?? [dependent]) {
      const is = ((branch['properties'] ?? {}) as Record<string, Json>)[name];
      if (is === undefined || is['const'] === values[name] || (is['enum'] as unknown[] | undefined)?.includes(values[name])) fill(branch, values, choice, fixed);
    }
  }
}

function valueOf(name: string, schema: Json, choice: Choice): unknown {
  if (Array.isArray(schema['enum'])) return (schema['enum'] as unknown[]).at(choice.nth);
  if (choice.nth === 0 && 'default' in schema) return schema['default'];
  switch (schema['type']) {
    case 'boolean':
      return true;
    case 'integer':
    case 'number':
      return (choice.nth === 0 ? schema['minimum'] : schema['maximum']) ?? 3;
    case 'array':
      return [valueOf(name, (schema['items'] ?? {}) as Json, choice)];
    case 'object': {
      const values: Values = {};
      fill(schema, values, choice, {});
      return values;
    }
    default: {
      const pattern = new RegExp((schema['pattern'] as string | undefined) ?? '');
      const isAddress = schema['format'] === 'email';
      const fits = (word: string): boolean => pattern.test(word) && word.includes('@') === isAddress;
      const word = WORDS.find(fits);
      if (word === undefined) throw new Error(`no word is known that fits the field ${name}`);
      return word;
    }
  }
}
