// Writes down what the npm package `yaml` makes of YAML, with the options that Backstage's catalog reads it with: what
// crates/templates is tested with. `--check` only says whether it still is so.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { ROOT } from '../harness/paths.ts';
import { damage } from './damage.ts';
import { TABS, WRITTEN } from './written.ts';

const OUT = join(ROOT, 'crates', 'templates', 'tests', 'yaml.json');

interface Recorded {
  source: string;
  /** For every document its value, or `null` in place of a list of one for one that has an error. */
  documents: (readonly [unknown] | null)[];
}

/** As `parseEntityYaml` of @backstage/plugin-catalog-node does it. */
function record(source: string): Recorded {
  const documents = parseAllDocuments(source, { merge: false, logLevel: 'silent' });
  return {
    source,
    documents: [...documents].map(document => {
      if (document.errors.length > 0) return null;
      try {
        return [JSON.parse(JSON.stringify(document.toJSON() ?? null)) as unknown];
      } catch {
        return null;
      }
    }),
  };
}

const recorded = [...WRITTEN, ...TABS, ...damage(WRITTEN, 1, 1500)].map(record);
const json = `[\n${recorded.map(one => JSON.stringify(one)).join(',\n')}\n]\n`;
if (process.argv.includes('--check')) {
  if ((await readFile(OUT, 'utf8')) !== json) {
    console.error(`${OUT} is not what the package yaml says: make yaml`);
    process.exitCode = 1;
  }
} else {
  await writeFile(OUT, json);
  console.log(`${OUT}: ${recorded.length} texts`);
}
