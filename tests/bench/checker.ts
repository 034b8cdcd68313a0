// What it takes to check templates: with `sidestage check`, with a plain JSON Schema check in Node, and with the dry run
// of a Backstage that runs. Measures, and asserts nothing but that each found its templates right.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { read, RIGHT, SECRETS, SKELETONS } from '../agreement/right.ts';
import { valuesOf } from '../agreement/values.ts';
import { ROOT, RunFolder, SIDESTAGE } from '../harness/paths.ts';
import { startSystem } from '../harness/system.ts';

const SIZES = [10, 1000, 10_000];
/** Each is measured so often, one after the other; the middle one counts. */
const ROUNDS = 3;
/** How many dry runs are under way at a time. */
const AT_A_TIME = 4;

interface Measured {
  seconds: number;
  /** The most memory that the process had, if it is one. */
  megabytes?: number | undefined;
}

const folder = new RunFolder();
const texts = await Promise.all(RIGHT.map(({ file }) => readFile(join(ROOT, file), 'utf8')));
const rows: string[][] = [];

for (const size of SIZES) {
  const templates = join(folder.path, String(size));
  await mkdir(templates);
  for (let n = 0; n < size; n += 1) {
    const text = texts[n % texts.length] ?? '';
    await writeFile(join(templates, `${n}.yaml`), text.replace(/^ {2}name: (.*)$/m, (line) => `${line}-${n}`));
  }
  const ways = {
    'sidestage check': () => processOf(SIDESTAGE, ['check', templates], `in ${size} templates`),
    'ajv in Node': () => processOf(process.execPath, [join(import.meta.dirname, 'ajv.ts'), templates], `${size} right`),
  };
  const measured = new Map<string, Measured[]>();
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, way] of Object.entries(ways)) measured.set(name, [...(measured.get(name) ?? []), await way()]);
  }
  for (const [name, rounds] of measured) rows.push(row(size, name, middle(rounds)));
}
rows.push(await dryRuns());

console.log(`${cpus()[0]?.model ?? 'unknown'}, ${cpus().length} cores; load after: ${loadavg()[0]?.toFixed(1) ?? '?'}\n`);
console.log('| templates | with | time | templates a second | memory, at most |\n|---|---|---|---|---|');
for (const cells of rows) console.log(`| ${cells.join(' | ')} |`);
folder.remove();

/** The right templates, each with its first form, in a Backstage that runs already. */
async function dryRuns(): Promise<string[]> {
  const system = await startSystem({ door: 2 });
  try {
    const repoUrl = `${new URL(system.sandbox.urlOf('gitea')).host}?owner=acme&repo=a-service`;
    const backstage = system.backstage.as(await system.backstage.userToken());
    const requests = await Promise.all(
      RIGHT.flatMap(({ file, forms: [form] }) => (form === undefined ? [] : [{ file, form }])).map(async ({ file, form }) => {
        const template = await read(file);
        return { template, given: { values: valuesOf(template.spec.parameters, form.choice, { ...form.fixed, repoUrl }), secrets: SECRETS, files: SKELETONS } };
      }),
    );
    const rounds: Measured[] = [];
    // The first warms it up, and does not count.
    for (let round = 0; round <= ROUNDS; round += 1) {
      const waiting = [...requests];
      const started = performance.now();
      const worker = async (): Promise<void> => {
        for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await backstage.dryRun(next.template, next.given);
      };
      await Promise.all(Array.from({ length: AT_A_TIME }, worker));
      if (round > 0) rounds.push({ seconds: (performance.now() - started) / 1000 });
    }
    return row(requests.length, 'dry run of a Backstage that runs', middle(rounds));
  } finally {
    await system.stop();
  }
}

/** Runs a command to its end, and looks on how much memory it has. */
async function processOf(command: string, args: readonly string[], says: string): Promise<Measured> {
  const started = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let megabytes: number | undefined;
  const watch = setInterval(() => {
    void readFile(`/proc/${child.pid ?? 0}/status`, 'utf8').then((status) => {
      const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
      if (kilobytes !== undefined) megabytes = Number(kilobytes) / 1024;
    }, () => undefined);
  }, 5);
  await new Promise((resolve) => child.once('close', resolve));
  clearInterval(watch);
  const seconds = (performance.now() - started) / 1000;
  assert.ok(output.includes(says), `${command} says: ${output.slice(0, 500)}`);
  return { seconds, megabytes };
}

function middle(rounds: readonly Measured[]): Measured {
  const [one] = rounds.toSorted((a, b) => a.seconds - b.seconds).slice(Math.floor(rounds.length / 2));
  assert.ok(one !== undefined);
  return one;
}

function row(templates: number, name: string, { seconds, megabytes }: Measured): string[] {
  const time = seconds < 1 ? `${(seconds * 1000).toFixed(0)} ms` : `${seconds.toFixed(2)} s`;
  return [String(templates), name, time, (templates / seconds).toFixed(templates / seconds < 10 ? 1 : 0), megabytes === undefined ? '' : `${megabytes.toFixed(0)} MB`];
}
