/** Texts made up from the grammar, and then damaged: always the same ones. */

/** A random number generator with a seed: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const LEAVES = [
  'parameters.name', 'parameters.empty', 'parameters.number', 'parameters.count', 'parameters.zero', 'parameters.flag',
  'parameters.off', 'parameters.nothing', 'parameters.tags', 'parameters.none', 'parameters.ports', 'parameters.nested',
  'parameters.nested.owner', 'parameters.apps', 'parameters.apps[0]', 'parameters.nme', "parameters['name']", 'steps.build.output',
  'steps.build.output.items', 'steps.nowhere.output.x', 'user.entity.metadata', 'each.value', 'nowhere', 'undefined',
  "'a'", "'42'", "''", '"b c"', '0', '1', '2.5', 'true', 'false', 'null', '[]', "['a', 1]", '{ a: 1 }', 'r/a/g', 'parameters',
];
const FILTERS = [
  'abs', 'batch(2)', 'capitalize', 'center(9)', "default('x')", "default('x', true)", 'dictsort', 'dump', 'escape', 'first', 'float', 'float(1)',
  "groupby('name')", 'indent', 'int', 'int(7)', "join(',')", 'last', 'length', 'list', 'lower', 'nl2br', "reject('odd')", "rejectattr('hidden')",
  "replace('a', 'b')", 'reverse', 'round', 'safe', 'select', "selectattr('hidden')", 'slice(2)', 'sort', 'string', 'striptags', 'sum', 'title',
  'trim', 'truncate(2)', 'upper', 'urlencode', 'urlize', 'wordcount', 'nofilter', "pick('name')", 'parseEntityRef', 'parseRepoUrl',
];
const TESTS = ['defined', 'not defined', 'undefined', 'none', 'string', 'number', 'odd', 'even', 'truthy', 'falsy', 'iterable', 'mapping', 'lower', 'eq(1)', 'gt(1)', 'notest', 'odd(1)', 'callable'];
const METHODS = [
  'trim()', 'toUpperCase()', "split('-')", "includes('a')", 'slice(1)', "join('-')", 'at(0)', "indexOf('a')", "concat('x')", 'reverse()', 'flat()',
  'toFixed(1)', 'toString()', 'nomethod()', 'trim', 'length', "startsWith('a')", "replace('a', 'b')", 'pop()', 'at()',
];
const BINARY = ['+', '-', '*', '/', '//', '%', '**', '~', 'and', 'or', '==', '===', '!=', '!==', '<', '<=', '>', '>=', 'in', 'not in'];

export function generate(seed: number, count: number): string[] {
  const next = random(seed);
  const pick = <T>(items: readonly T[]): T => {
    const item = items[Math.floor(next() * items.length)];
    if (item === undefined) throw new Error('an empty list');
    return item;
  };

  function expression(depth: number): string {
    if (depth <= 0) return pick(LEAVES);
    const inner = () => expression(depth - 1 - Math.floor(next() * 2));
    switch (Math.floor(next() * 13)) {
      case 0: return pick(LEAVES);
      case 1:
      case 2: return `${inner()} | ${pick(FILTERS)}`;
      case 3: return `(${inner()}) | ${pick(FILTERS)}`;
      case 4: return `${inner()} ${pick(BINARY)} ${inner()}`;
      case 5: return `(${inner()} ${pick(BINARY)} ${inner()})`;
      case 6: return `${inner()} is ${pick(TESTS)}`;
      case 7: return `(${inner()}).${pick(METHODS)}`;
      case 8: return `${inner()} if ${inner()} else ${inner()}`;
      case 9: return `not ${inner()}`;
      case 10: return `(${inner()})[${pick(['0', "'name'", "'length'", ':1', '::-1', inner()])}]`;
      case 11: return `[${inner()}, ${inner()}]`;
      default: return `{ a: ${inner()}, 'b c': ${inner()} }`;
    }
  }

  function text(): string {
    const expr = expression(1 + Math.floor(next() * 3));
    switch (Math.floor(next() * 12)) {
      case 0: return `a \${{ ${expr} }} b`;
      case 1: return `{% if ${expr} %}\${{ ${expression(1)} }}{% else %}x{% endif %}`;
      case 2: return `{% for x in ${expr} %}\${{ x }};{% endfor %}`;
      case 3: return `{% set x = ${expr} %}\${{ x | string }}`;
      default: return `\${{ ${expr} }}`;
    }
  }

  /** The text with one thing wrong that a hand or an editor can do. */
  function damaged(whole: string): string {
    const at = Math.floor(next() * whole.length);
    switch (Math.floor(next() * 4)) {
      case 0: return whole.slice(0, at) + whole.slice(at + 1);
      case 1: return whole.slice(0, at) + pick(['}', '{', '%', '"', "'", '.', '|', '(', ')', '[', ']', '-', '#}', '{#', '/', '\\', ' ', ':', ',', '=', '!', '1', 'r/', '${{', '}}']) + whole.slice(at);
      case 2: return whole.slice(0, at);
      default: {
        const other = Math.floor(next() * whole.length);
        return whole.slice(0, at) + whole.slice(other);
      }
    }
  }

  const texts = new Set<string>();
  while (texts.size < count) {
    const whole = text();
    texts.add(whole);
    if (next() < 0.4) texts.add(damaged(whole));
  }
  return [...texts].slice(0, count);
}
