// The demo: a Backstage template gives a person accounts in every service through Sidestage. `make demo` runs it.
//   KEEP=1  leaves everything running, with Backstage's web UI, until Ctrl-C
//   DOOR=1  without our module: Backstage's own actions protocol and configuration alone
import type { Door, TaskEvent } from './harness/backstage.ts';
import { serveFrontend, type Frontend } from './harness/frontend.ts';
import { freePort } from './harness/ports.ts';
import { startSystem } from './harness/system.ts';
import { plain } from './harness/text.ts';

const keep = process.env['KEEP'] === '1';
const door: Door = process.env['DOOR'] === '1' ? 1 : 2;

const colour = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = (text: string): string => paint(1, text);
const dim = (text: string): string => paint(2, text);
const green = (text: string): string => paint(32, text);
const red = (text: string): string => paint(31, text);
const say = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};

function show(event: TaskEvent): void {
  const { message = '', stepId, status } = event.body;
  if (event.type !== 'log' || stepId === undefined) return;
  if (status === 'processing') say(`\n${bold(message.replace('Beginning step', 'Step:'))}`);
  else if (status === 'completed') say(`  ${green('done')}`);
  else if (status === 'failed' || status === 'skipped') say(red(indent(message)));
  else say(indent(plain(message).replace(/^info: /, '')));
}

/** The table that the template puts out in Markdown, as a terminal shows one, with the URLs of its links. */
function table(markdown: string): string {
  const rows = [...markdown.matchAll(/^\| ([^|]+) \| (?:\[(.*?)\]\((.*?)\))? *\| ([^|]+) \|$/gm)].map(
    ([, service = '', account = '-', url = '', outcome = '']) => [service, account, outcome, url],
  );
  const all = [['service', 'account', '', 'URL'], ...rows];
  const width = (column: number): number => Math.max(...all.map((row) => row[column]?.length ?? 0));
  return all.map((row) => row.map((cell, column) => cell.padEnd(width(column))).join('  ').trimEnd()).join('\n');
}

function indent(text: string): string {
  return text.trimEnd().replaceAll(/^/gm, '  ');
}

say(bold('Sidestage demo: a real Backstage onboards a person in Coder, Gitea, Mattermost and Twenty through Sidestage'));
say(dim(door === 2 ? 'with the module for Backstage (door 2)' : "over Backstage's own actions protocol, by configuration alone (door 1)"));
say();

// Ctrl-C ends the wait of KEEP=1 in good order. Before that it ends everything at once: what was started goes with us.
let endWait: (() => void) | undefined;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (endWait === undefined) process.exit(130);
    endWait();
  });
}

const frontendPort = keep ? await freePort() : undefined;
const system = await startSystem({
  door,
  buildSeconds: 4,
  ...(frontendPort === undefined ? {} : { frontendUrl: `http://127.0.0.1:${frontendPort}` }),
  onStarted: (name, url) => {
    say(`  ${green('running')}  ${name.padEnd(16)} ${url}`);
  },
});
let frontend: Frontend | undefined;
let failed = false;
try {
  if (frontendPort !== undefined) {
    frontend = await serveFrontend({ port: frontendPort, backendUrl: system.backstage.url });
    say(`  ${green('running')}  ${'Web UI'.padEnd(16)} ${frontend.url}`);
  }

  const values = {
    firstName: 'Katherine',
    lastName: 'Johnson',
    email: 'katherine@example.com',
    username: 'katherine',
    organization: 'acme',
    coder: true,
    coderOrganization: 'acme',
    coderTemplate: 'node',
    workspaceName: 'dev',
    gitea: true,
    giteaOrganization: 'acme',
    giteaTeam: 'developers',
    repository: 'trajectories',
    repositoryOwner: 'organization',
    repositoryVisibility: 'public',
    mattermost: true,
    mattermostTeam: 'engineering',
    mattermostChannels: ['backend'],
    twenty: true,
    jobTitle: 'Mathematician',
    newCompany: 'NACA',
  };
  say(`\nThe form of templates/unified-onboarding, sent as its web UI would:\n${dim(indent(JSON.stringify(values, undefined, 2)))}`);
  const task = await system.backstage.createTask('unified-onboarding', values);

  for await (const event of system.backstage.follow(task)) {
    show(event);
    if (event.type !== 'completion') continue;
    failed = event.body.error !== undefined;
    const { text = [] } = (event.body.output ?? {}) as { text?: { title: string; content: string }[] };
    for (const { title, content } of text) say(`\n${bold(title)}\n${indent(table(content))}`);
  }
  if (failed) {
    system.folder.keep();
    say(`\n${red('The task failed.')} What each part printed is in ${system.folder.path}`);
  }

  if (frontend !== undefined) {
    say(`\n${bold('Everything keeps running. Look at:')}`);
    const places = [
      [`${frontend.url}/create`, 'Backstage: enter as guest, choose the template'],
      [`${frontend.url}/create/actions`, 'the actions, with their inputs and examples'],
      [`${frontend.url}/create/tasks/${task}`, 'this task'],
      [`${system.sidestage.url}/docs`, "Sidestage's API"],
      [system.folder.path, 'configuration and logs'],
    ] as const;
    for (const [place, what] of places) say(`  ${place.padEnd(Math.max(...places.map(([url]) => url.length)))}  ${what}`);
    say(dim('\nCtrl-C stops it all.'));
    await new Promise<void>((resolve) => {
      endWait = resolve;
    });
    say();
  }
} finally {
  await frontend?.stop();
  await system.stop();
}
say(dim('\nEverything is stopped.'));
process.exit(failed ? 1 : 0);
