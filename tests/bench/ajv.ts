// What a team can do today without a Backstage that runs: each template in a folder against the JSON Schema of templates,
// with ajv, as the catalog does it. Prints how many were right.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../harness/paths.ts';

interface Common {
  templateEntityV1beta3Validator: { check: (entity: unknown) => Promise<boolean> };
}

const { templateEntityV1beta3Validator } = createRequire(join(ROOT, 'tests', 'backstage', 'package.json'))('@backstage/plugin-scaffolder-common') as Common;
const folder = process.argv[2];
if (folder === undefined) throw new Error('which folder?');
let right = 0;
for (const file of readdirSync(folder)) {
  if (await templateEntityV1beta3Validator.check(parse(readFileSync(join(folder, file), 'utf8')))) right += 1;
}
process.stdout.write(`${right} right\n`);
