import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import type { Door, FinishedTask } from '../harness/backstage.ts';
import { RunFolder } from '../harness/paths.ts';
import type { RecordedRequest, Sandbox } from '../harness/sandbox.ts';
import type { System } from '../harness/system.ts';
import { failureOf, logOf } from './shared.ts';

type Values = Record<string, unknown>;

/** What the form of templates/unified-onboarding says, everything switched on. */
function form(username: string, more: Values = {}): Values {
  return {
    firstName: username.charAt(0).toUpperCase() + username.slice(1),
    lastName: 'Newcomer',
    email: `${username}@example.com`,
    username,
    organization: 'acme',
    coder: true,
    coderOrganization: 'acme',
    coderTemplate: 'node',
    workspaceName: 'dev',
    gitea: true,
    giteaOrganization: 'acme',
    giteaTeam: 'developers',
    repository: `${username}-first`,
    repositoryOwner: 'organization',
    repositoryVisibility: 'public',
    mattermost: true,
    mattermostTeam: 'engineering',
    mattermostChannels: ['backend', 'off-topic'],
    twenty: true,
    jobTitle: 'Engineer',
    phone: '+33 6 12 34 56 78',
    newCompany: 'Newcomers Ltd',
    ...more,
  };
}

/** What the form of templates/offboarding says, everything switched on. */
function leaving(username: string, more: Values = {}): Values {
  return {
    username,
    email: `${username}@example.com`,
    organization: 'acme',
    workspaces: ['dev'],
    coder: true,
    gitea: true,
    mattermost: true,
    twenty: true,
    ...more,
  };
}

interface Account {
  username: string;
}

interface Presence {
  /** `open`, whether the person has signed in or not yet, or `suspended`. */
  coder: string[];
  workspaces: string[];
  /** `active`, or `no sign-in` where it is prohibited. */
  gitea: string[];
  giteaTeams: string[];
  repositories: string[];
  mattermost: string[];
  channels: string[];
  twenty: string[];
}

/** What a person has in each service: the state of every account that bears the name, so that two of one are seen. */
async function presence(sandbox: Sandbox, username: string): Promise<Presence> {
  const [coder, gitea, mattermost, twenty] = await Promise.all([
    sandbox.state<{ users: (Account & { status: string })[]; workspaces: { name: string; owner: string; status: string }[] }>('coder'),
    sandbox.state<{
      users: (Account & { prohibitLogin: boolean })[];
      organizations: { name: string; teams: { name: string; members: string[] }[] }[];
      repositories: { owner: string; name: string; branches: unknown }[];
    }>('gitea'),
    sandbox.state<{
      users: (Account & { active: boolean })[];
      teams: { name: string; channels: { name: string; members: string[] }[] }[];
    }>('mattermost'),
    sandbox.state<{ people: { emails: { primaryEmail: string }; deletedAt: string | null }[] }>('twenty'),
  ]);
  const theirs = <T extends Account>(users: T[]): T[] => users.filter((user) => user.username === username);
  return {
    coder: theirs(coder.users).map(({ status }) => (status === 'suspended' ? status : 'open')),
    workspaces: coder.workspaces
      .filter(({ owner, status }) => owner === username && status !== 'deleted')
      .map(({ name, status }) => `${name} ${status}`),
    gitea: theirs(gitea.users).map(({ prohibitLogin }) => (prohibitLogin ? 'no sign-in' : 'active')),
    giteaTeams: gitea.organizations.flatMap(({ name, teams }) =>
      teams.filter(({ members }) => members.includes(username)).map((team) => `${name}/${team.name}`),
    ),
    repositories: gitea.repositories.filter(({ name }) => name === `${username}-first`).map(({ owner, name }) => `${owner}/${name}`),
    mattermost: theirs(mattermost.users).map(({ active }) => (active ? 'active' : 'deactivated')),
    channels: mattermost.teams.flatMap(({ name, channels }) =>
      channels.filter(({ members }) => members.includes(username)).map((channel) => `${name}/${channel.name}`),
    ),
    twenty: twenty.people
      .filter(({ emails }) => emails.primaryEmail === `${username}@example.com`)
      .map(({ deletedAt }) => (deletedAt === null ? 'there' : 'deleted')),
  };
}

/** What everybody has whom the form has onboarded with everything. */
const EVERYWHERE = (username: string, owner = 'acme'): Presence => ({
  coder: ['open'],
  workspaces: ['dev running'],
  gitea: ['active'],
  giteaTeams: ['acme/developers'],
  repositories: [`${owner}/${username}-first`],
  mattermost: ['active'],
  channels: ['engineering/town-square', 'engineering/off-topic', 'engineering/backend'],
  twenty: ['there'],
});

interface Output {
  links: { title: string; url: string }[];
  text: { title: string; content: string }[];
}

async function run(system: System, template: string, values: Values): Promise<FinishedTask> {
  const { backstage } = system;
  return backstage.finish(await backstage.createTask(template, values));
}

function outputOf(task: FinishedTask): Output {
  assert.equal(task.completion.error, undefined, logOf(task));
  return task.completion.output as unknown as Output;
}

/** The rows of the table that the person reads, without its head. */
function rows(output: Output): string[] {
  return (output.text[0]?.content ?? '')
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(1)
    .map((line) => line.replaceAll(/\]\([^)]*\)/g, ']'));
}

async function writes(sandbox: Sandbox): Promise<RecordedRequest[]> {
  return (await sandbox.requests()).filter((request) => request.writes && request.status < 300);
}

/** Onboarding and offboarding, whichever way Backstage reaches Sidestage. */
export function onboardingOfEachDoor(door: Door, running: () => System): void {
  test(`one form onboards a person everywhere, and a second time changes nothing, through door ${door}`, async () => {
    const { sandbox } = running();
    const first = outputOf(await run(running(), 'unified-onboarding', form('katherine')));
    assert.deepEqual(await presence(sandbox, 'katherine'), EVERYWHERE('katherine'));
    assert.deepEqual(rows(first), [
      '| Coder | [katherine] | made |',
      '| Workspace | [dev] | made, ready |',
      '| Gitea | [katherine] | made |',
      '| Gitea team | [acme/developers] | joined |',
      '| Repository | [acme/katherine-first] | made |',
      '| Mattermost | [katherine] | made, in backend, off-topic |',
      '| Twenty | [Katherine Newcomer] | made |',
    ]);
    const gitea = sandbox.urlOf('gitea');
    const repository = `${gitea}/acme/katherine-first`;
    const { people } = await sandbox.state<{ people: { id: string; emails: { primaryEmail: string } }[] }>('twenty');
    const person = people.find(({ emails }) => emails.primaryEmail === 'katherine@example.com');
    assert.deepEqual(
      first.links.map(({ title, url }) => `${title}: ${url}`),
      [
        `Coder, katherine: ${sandbox.coderUrl}/workspaces?filter=owner%3Akatherine`,
        `Workspace dev: ${sandbox.coderUrl}/@katherine/dev`,
        `Gitea, katherine: ${gitea}/katherine`,
        `Repository acme/katherine-first: ${repository}`,
        `Mattermost, katherine: ${sandbox.urlOf('mattermost')}/engineering/messages/@katherine`,
        `Twenty, Katherine Newcomer: ${sandbox.urlOf('twenty')}/object/person/${person?.id ?? ''}`,
      ],
    );
    assert.match(await readme(repository), /The first repository of Katherine Newcomer/);

    const before = await writes(sandbox);
    const second = outputOf(await run(running(), 'unified-onboarding', form('katherine')));
    assert.deepEqual((await writes(sandbox)).slice(before.length), []);
    assert.deepEqual(rows(second), [
      '| Coder | [katherine] | was there |',
      '| Workspace | [dev] | was there, ready |',
      '| Gitea | [katherine] | was there |',
      '| Gitea team | [acme/developers] | was in it |',
      '| Repository | [acme/katherine-first] | was there |',
      '| Mattermost | [katherine] | was there, in backend, off-topic |',
      '| Twenty | [Katherine Newcomer] | was there |',
    ]);
    assert.deepEqual(second.links, first.links);
  });

  test(`each service has a template of its own, through door ${door}`, async () => {
    const { sandbox } = running();
    const person = { username: 'vera', email: 'vera@example.com', organization: 'acme' };
    const templates: [string, Values, string[]][] = [
      [
        'gitea-account',
        { ...person, fullName: 'Vera Rubin', giteaOrganization: 'acme', giteaTeam: 'developers', repository: 'vera-first' },
        ['vera in Gitea', 'Organization acme', 'Repository vera/vera-first'],
      ],
      ['mattermost-account', { ...person, firstName: 'Vera', lastName: 'Rubin', team: 'engineering', channels: ['backend'] }, ['vera in Mattermost']],
      [
        'twenty-person',
        { firstName: 'Vera', lastName: 'Rubin', email: person.email, organization: 'acme', jobTitle: 'Astronomer', newCompany: 'Carnegie' },
        ['Vera Rubin in Twenty', 'The company'],
      ],
    ];
    const before = await writes(sandbox);
    for (const [template, values, links] of templates) {
      const made = outputOf(await run(running(), template, values));
      assert.match(made.text[0]?.content ?? '', /is made\./, template);
      assert.deepEqual(made.links.map(({ title }) => title), links);
      const again = outputOf(await run(running(), template, values));
      assert.match(again.text[0]?.content ?? '', /was there already\./, template);
      assert.deepEqual(again.links, made.links);
    }
    const services = (await writes(sandbox)).slice(before.length).map(({ service }) => service);
    assert.deepEqual([...new Set(services)], ['gitea', 'mattermost', 'twenty']);
    assert.deepEqual(await presence(sandbox, 'vera'), {
      ...EVERYWHERE('vera', 'vera'),
      coder: [],
      workspaces: [],
      channels: ['engineering/town-square', 'engineering/off-topic', 'engineering/backend'],
    });
  });

  test(`what is switched off is left alone, and not said to be done, through door ${door}`, async () => {
    const { sandbox } = running();
    const values = { firstName: 'Mary', lastName: 'Jackson', email: 'mary@example.com', username: 'mary', organization: 'acme' };
    const output = outputOf(await run(running(), 'unified-onboarding', { ...values, coder: false, gitea: false, mattermost: true, twenty: false }));
    assert.deepEqual(rows(output), [
      '| Coder |  | not asked for |',
      '| Workspace |  | not asked for |',
      '| Gitea |  | not asked for |',
      '| Gitea team |  | not asked for |',
      '| Repository |  | not asked for |',
      '| Mattermost | [mary] | made |',
      '| Twenty |  | not asked for |',
    ]);
    assert.deepEqual(
      output.links.map(({ title }) => title),
      ['Mattermost, mary'],
    );
    const nowhere = { coder: [], workspaces: [], gitea: [], giteaTeams: [], repositories: [], channels: [], twenty: [] };
    assert.deepEqual(await presence(sandbox, 'mary'), { ...nowhere, mattermost: ['active'] });
  });

  test(`ten people at once have everything once, through door ${door}`, async () => {
    const { sandbox } = running();
    const people = Array.from({ length: 10 }, (_, n) => ({ name: `crew-${n}`, owner: n % 2 === 0 ? 'organization' : 'person' }));
    const tasks = await Promise.all(people.map(({ name, owner }) => run(running(), 'unified-onboarding', form(name, { repositoryOwner: owner }))));
    for (const task of tasks) outputOf(task);
    for (const { name, owner } of people) {
      assert.deepEqual(await presence(sandbox, name), EVERYWHERE(name, owner === 'person' ? name : 'acme'));
    }
    const { companies } = await sandbox.state<{ companies: { name: string }[] }>('twenty');
    assert.equal(companies.filter(({ name }) => name === 'Newcomers Ltd').length, 1, 'their company is there once');
  });

  test(`a third service that fails midway, and Backstage's retry, through door ${door}`, async () => {
    const { backstage, sandbox } = running();
    await sandbox.addFault({
      service: 'mattermost',
      method: 'POST',
      path: '/api/v4/channels/*/members',
      times: 1,
      fault: {
        kind: 'status',
        status: 403,
        body: { id: 'api.context.permissions.app_error', message: 'You do not have the appropriate permissions.', status_code: 403 },
      },
    });
    const id = await backstage.createTask('unified-onboarding', form('dorothy'));
    const failed = await backstage.finish(id);
    assert.ok(failed.completion.error, logOf(failed));
    assert.match(failureOf(failed), /Mattermost/);
    assert.deepEqual(await presence(sandbox, 'dorothy'), { ...EVERYWHERE('dorothy'), channels: ['engineering/town-square', 'engineering/off-topic'], twenty: [] });
    for (const row of ['| made, ready |', '| Repository | [acme/dorothy-first]', '| Mattermost |  | **not done** |', '| Twenty |  | **not done** |']) {
      assert.ok(logOf(failed).includes(row), `${row}\n${logOf(failed)}`);
    }

    const before = await writes(sandbox);
    await backstage.retry(id);
    outputOf(await backstage.finish(id, failed.events.at(-1)?.id));
    assert.deepEqual(await presence(sandbox, 'dorothy'), EVERYWHERE('dorothy'));
    const services = (await writes(sandbox)).slice(before.length).map(({ service }) => service);
    assert.deepEqual([...new Set(services)], ['mattermost', 'twenty'], 'what was done is not done again');
  });

  test(`offboarding shuts every account, and says what there was to do, through door ${door}`, async () => {
    const { sandbox } = running();
    const gone: Presence = {
      ...EVERYWHERE('katherine'),
      coder: ['suspended'],
      workspaces: [],
      gitea: ['no sign-in'],
      mattermost: ['deactivated'],
      twenty: ['deleted'],
    };
    const first = outputOf(await run(running(), 'offboarding', leaving('katherine')));
    assert.deepEqual(await presence(sandbox, 'katherine'), gone);
    assert.deepEqual(rows(first), [
      '| Workspaces | dev deleted |',
      '| Coder | suspended |',
      '| Gitea | deactivated |',
      '| Mattermost | deactivated |',
      '| Twenty | deleted |',
    ]);

    const before = await writes(sandbox);
    const second = outputOf(await run(running(), 'offboarding', leaving('katherine')));
    assert.deepEqual((await writes(sandbox)).slice(before.length), []);
    assert.deepEqual(rows(second), [
      '| Workspaces | dev was not there |',
      '| Coder | was suspended already |',
      '| Gitea | was deactivated already |',
      '| Mattermost | was deactivated already |',
      '| Twenty | was deleted already |',
    ]);

    outputOf(await run(running(), 'unified-onboarding', form('katherine', { returning: true })));
    assert.deepEqual(await presence(sandbox, 'katherine'), EVERYWHERE('katherine'), 'who comes back has everything as before');

    const partly = outputOf(await run(running(), 'offboarding', leaving('nobody', { workspaces: [], coder: false })));
    assert.deepEqual(rows(partly), [
      '| Workspaces | not asked for |',
      '| Coder | not asked for |',
      '| Gitea | there is no account |',
      '| Mattermost | there is no account |',
      '| Twenty | there is no such person |',
    ]);
  });

  test(`a service that fails keeps no other account open, and what was not done is said, through door ${door}`, async () => {
    const { backstage, sandbox } = running();
    await sandbox.addFault({
      service: 'gitea',
      method: 'PATCH',
      path: '/api/v1/admin/users/*',
      times: 1,
      fault: { kind: 'status', status: 403, body: { message: 'token does not have at least one of required scope(s)' } },
    });
    const id = await backstage.createTask('offboarding', leaving('crew-0'));
    const failed = await backstage.finish(id);
    assert.ok(failed.completion.error, logOf(failed));
    const left = await presence(sandbox, 'crew-0');
    assert.deepEqual([left.coder, left.gitea, left.mattermost, left.twenty], [['suspended'], ['active'], ['deactivated'], ['deleted']]);
    for (const row of ['| Coder | suspended |', '| Gitea | **failed**: the log of its step says why |', '| Mattermost | deactivated |']) {
      assert.ok(logOf(failed).includes(row), `${row}\n${logOf(failed)}`);
    }

    await backstage.retry(id);
    outputOf(await backstage.finish(id, failed.events.at(-1)?.id));
    assert.deepEqual((await presence(sandbox, 'crew-0')).gitea, ['no sign-in']);
  });
}

/** The README of a repository, as git gives it to everybody. */
async function readme(url: string): Promise<string> {
  const folder = new RunFolder();
  try {
    await promisify(execFile)('git', ['clone', '--quiet', '--depth=1', `${url}.git`, folder.path]);
    return await readFile(join(folder.path, 'README.md'), 'utf8');
  } finally {
    folder.remove();
  }
}
