// Asks a real Backstage with every official scaffolder module for its actions, and writes down what it says:
// `make backstage-actions`. The checker knows Backstage's own actions by this.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { json } from './harness/json.ts';
import { ROOT, RunFolder } from './harness/paths.ts';
import { freePort } from './harness/ports.ts';
import { Service } from './harness/process.ts';

const HERE = join(ROOT, 'tests', 'backstage-actions');
const OUT = join(ROOT, 'actions-schema', 'backstage');

const folder = new RunFolder();
const url = `http://127.0.0.1:${await freePort()}`;
const config = join(folder.path, 'app-config.yaml');
await writeFile(
  config,
  JSON.stringify({
    app: { baseUrl: url },
    backend: { baseUrl: url, listen: { host: '127.0.0.1', port: Number(new URL(url).port) }, database: { client: 'better-sqlite3', connection: ':memory:' } },
    auth: { environment: 'development', providers: { guest: { dangerouslyAllowOutsideDevelopment: true } } },
  }),
);
const backstage = await Service.start({
  name: 'Backstage',
  command: process.execPath,
  args: ['backend.js', '--config', config],
  cwd: HERE,
  env: { NODE_ENV: 'development' },
  readyUrl: `${url}/.backstage/health/v1/readiness`,
  logFile: join(folder.path, 'backstage.log'),
});
try {
  const guest = (await json(`${url}/api/auth/guest/refresh`)) as { backstageIdentity: { token: string } };
  const { token } = guest.backstageIdentity;
  const actions = (await json(`${url}/api/scaffolder/v2/actions`, { token })) as { id: string }[];
  actions.sort((a, b) => (a.id < b.id ? -1 : 1));
  await mkdir(OUT, { recursive: true });
  await save('actions.json', actions);
  await save('templating-extensions.json', await json(`${url}/api/scaffolder/v2/templating-extensions`, { token }));
  await save('packages.json', await packages());
  process.stdout.write(`${actions.length} actions of Backstage's are in ${OUT}\n`);
} finally {
  await backstage.stop();
  folder.remove();
}

async function save(name: string, content: unknown): Promise<void> {
  await writeFile(join(OUT, name), `${JSON.stringify(content, undefined, 2)}\n`);
}

/** The packages that the actions are from, with their versions. */
async function packages(): Promise<Record<string, string>> {
  const { dependencies } = JSON.parse(await readFile(join(HERE, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
  return Object.fromEntries(Object.entries(dependencies).filter(([name]) => name.includes('scaffolder')));
}
