import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { Browser } from '../harness/browser.ts';
import { serveFrontend, type Frontend } from '../harness/frontend.ts';
import { HttpError, json } from '../harness/json.ts';
import { type Keycloak, PEOPLE, type Person } from '../harness/keycloak.ts';
import { freePort } from '../harness/ports.ts';
import { until } from '../harness/until.ts';
import { choose, next } from './form.ts';
import { failureOf, logOf } from './shared.ts';
import { useSystem } from './use-system.ts';

// People of two organizations, from Keycloak's sign-in page to what is made for them, and what they must not get at.

const ORGANIZATIONS = `organizations:
  acme-corp:
    members:
      backstageGroups: [group:default/acme-corp]
      keycloakOrganizations: [acme-corp]
    connections:
      coder: {organization: acme}
  globex:
    members:
      backstageGroups: [group:default/globex]
      keycloakOrganizations: [globex]
    connections:
      coder: {organization: coder}
`;

let port: number;
let frontend: Frontend;
let browser: Browser;
/** Those who have signed in. */
const pages = new Map<Person, Page>();

const running = useSystem(
  async () => {
    port = await freePort();
    return { door: 2, buildSeconds: 3, frontendUrl: `http://127.0.0.1:${port}`, withKeycloak: true, moreConfig: ORGANIZATIONS };
  },
  async ({ backstage }) => {
    frontend = await serveFrontend({ port, backendUrl: backstage.url, signIn: 'keycloak' });
    browser = await Browser.start();
    return async () => {
      await browser.stop();
      await frontend.stop();
    };
  },
);

function keycloak(): Keycloak {
  const { keycloak } = running();
  assert.ok(keycloak, 'Keycloak runs');
  return keycloak;
}

/** Opens Backstage, goes to Keycloak's page from there and says who it is; answers both pages. */
async function nameOneself(person: Person): Promise<{ page: Page; popup: Page }> {
  const page = await browser.newPage();
  await page.goto(`${frontend.url}/create`);
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  if (person === PEOPLE.ofAcme) await browser.picture(page, 'keycloak-sign-in');
  const opened = page.waitForEvent('popup');
  await page.getByRole('button', { name: 'Sign in' }).click();
  const popup = await opened;
  await popup.getByLabel('Username or email').fill(person);
  await popup.getByRole('button', { name: 'Sign In' }).click();
  return { page, popup };
}

/** Answers Backstage's page, with Keycloak's filled in. */
async function trySignIn(person: Person): Promise<Page> {
  const { page, popup } = await nameOneself(person);
  // A realm with organizations asks for the password on a page of its own: it might send people elsewhere for it.
  await popup.getByLabel('Password', { exact: true }).fill(keycloak().password);
  if (person === PEOPLE.ofAcme) await browser.picture(popup, 'keycloak');
  await popup.getByRole('button', { name: 'Sign In' }).click();
  return page;
}

async function signIn(person: Person): Promise<Page> {
  const page = await trySignIn(person);
  await page.getByRole('button', { name: 'Choose' }).first().waitFor();
  pages.set(person, page);
  return page;
}

/** Backstage's token of somebody who has signed in, as the person could take it out of the browser. */
async function backstageToken(person: Person): Promise<string> {
  const page = await pageOf(person);
  const url = `${running().backstage.url}/api/auth/keycloak/refresh?env=production`;
  const answer = await page.evaluate(async (address) => {
    const response = await fetch(address, { credentials: 'include', headers: { 'x-requested-with': 'XMLHttpRequest' } });
    return (await response.json()) as { backstageIdentity?: { token: string } };
  }, url);
  assert.ok(answer.backstageIdentity, JSON.stringify(answer));
  return answer.backstageIdentity.token;
}

async function pageOf(person: Person): Promise<Page> {
  return pages.get(person) ?? (await signIn(person));
}

interface Run {
  id: string;
  status: string;
  error: { code: string; detail: string } | null;
}

/** Asks Sidestage itself for a workspace of ada's, who is in both organizations' part of Coder. */
function startRun(token: string, input: Record<string, unknown>): Promise<Run> {
  const body = { action: 'coder:create-workspace', input: { user: 'ada', template: 'node', ...input } };
  return json(`${running().sidestage.url}/v1/runs`, { method: 'POST', token, body }) as Promise<Run>;
}

function lookAtRun(token: string, id: string): Promise<Run> {
  return json(`${running().sidestage.url}/v1/runs/${id}`, { token }) as Promise<Run>;
}

function finishRun(token: string, id: string): Promise<Run> {
  const ended = async (): Promise<Run | false> => {
    const run = await lookAtRun(token, id);
    return run.status !== 'running' && run;
  };
  return until(ended, { what: `run ${id} ends` });
}

/** Holds that these are all the templates that the person is shown. */
async function seesTemplates(page: Page, titles: string[]): Promise<void> {
  const cards = page.locator('.MuiCard-root').getByRole('heading', { level: 4 });
  for (const title of titles) await cards.filter({ hasText: title }).waitFor();
  assert.deepEqual((await cards.allInnerTexts()).sort(), titles);
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<string, unknown>;
}

const refused = (status: number, what: RegExp) => (error: unknown): boolean => {
  assert.ok(error instanceof HttpError, String(error));
  assert.equal(error.status, status, error.message);
  assert.match(error.body, what);
  return true;
};

test("Keycloak's access tokens are made for Sidestage and name the person's organizations", async () => {
  const jane = claimsOf(await keycloak().accessToken(PEOPLE.ofAcme));
  assert.equal(jane['iss'], keycloak().issuer);
  assert.equal(jane['aud'], 'sidestage');
  assert.equal(jane['azp'], 'command-line');
  assert.deepEqual(jane['organization'], ['acme-corp']);
  assert.deepEqual(jane['groups'], ['/acme-corp/engineering']);
  const carol = claimsOf(await keycloak().accessToken(PEOPLE.ofBoth));
  assert.deepEqual((carol['organization'] as string[]).sort(), ['acme-corp', 'globex']);
  assert.ok(!('organization' in claimsOf(await keycloak().accessToken(PEOPLE.ofNone))), 'without any the claim is left out');
  await assert.rejects(keycloak().accessToken(PEOPLE.disabled), refused(400, /Account disabled/));
});

test("same-named teams of two organizations stay apart in Backstage's catalog", async () => {
  const jane = running().backstage.as(await backstageToken(PEOPLE.ofAcme));
  const team = await jane.entity({ kind: 'group', name: 'acme-corp.engineering' });
  const related = (type: string): string[] => team.relations.filter((r) => r.type === type).map((r) => r.targetRef);
  assert.deepEqual(related('childOf'), ['group:default/acme-corp']);
  assert.deepEqual(related('hasMember'), [`user:default/${PEOPLE.ofAcme}`]);
  // The other organization's people and groups are not hers to see; somebody who is disabled is nobody's.
  for (const ref of [
    { kind: 'group', name: 'globex.engineering' },
    { kind: 'user', name: PEOPLE.ofGlobex },
    { kind: 'user', name: PEOPLE.disabled },
  ]) {
    await assert.rejects(jane.entity(ref), refused(404, /./));
  }
});

let janesTask: string;

test('jane of acme signs in with Keycloak, onboards somebody, watches the log and opens what was made', async (t) => {
  const page = await pageOf(PEOPLE.ofAcme);

  await t.test('she sees the templates of her organization', async () => {
    await seesTemplates(page, ['Coder workspace', 'Onboard a person']);
    await browser.picture(page, 'keycloak-templates');
  });

  await t.test('she fills in the form', async () => {
    const card = page.locator('.MuiCard-root').filter({ has: page.getByRole('heading', { name: 'Onboard a person' }) });
    await card.getByRole('button', { name: 'Choose' }).click();
    await page.getByRole('textbox', { name: 'First name' }).fill('Mia');
    await page.getByRole('textbox', { name: 'Last name' }).fill('Moreau');
    await page.getByRole('textbox', { name: 'E-mail address' }).fill('mia@acme.test');
    await page.getByRole('textbox', { name: 'User name' }).fill('mia');
    await page.getByRole('textbox', { name: 'Organization' }).fill('acme-corp');
    await browser.picture(page, 'keycloak-form');
    await next(page);
    await choose(page, 'Organization in Coder', 'acme');
    await choose(page, 'Workspace template', 'node');
    await next(page);
    for (const service of ['Gitea account', 'Mattermost account', 'Person in Twenty']) {
      await page.getByRole('checkbox', { name: service }).uncheck();
      await (service === 'Person in Twenty' ? page.getByRole('button', { name: 'Review' }).click() : next(page));
    }
    await page.getByRole('button', { name: 'Create', exact: true }).click();
  });

  await t.test('she watches the log until the links are there', async () => {
    await page.waitForURL(/\/create\/tasks\/[0-9a-f-]{36}$/);
    janesTask = page.url().split('/').at(-1) ?? '';
    await page.getByRole('button', { name: 'Show logs' }).click();
    await page.getByText(/info: /).nth(1).waitFor();
    const link = page.getByRole('link', { name: 'Workspace dev' });
    const failure = page.getByText('Run completed with status: failed');
    await link.or(failure).first().waitFor();
    const jane = running().backstage.as(await backstageToken(PEOPLE.ofAcme));
    const task = await jane.finish(janesTask);
    assert.equal(task.completion.error, undefined, logOf(task));
    await browser.picture(page, 'keycloak-done');
  });

  await t.test('she opens what was made', async () => {
    const opened = page.context().waitForEvent('page');
    await page.getByRole('link', { name: 'Workspace dev' }).click();
    const tab = await opened;
    await tab.waitForLoadState();
    assert.equal(tab.url(), `${running().sandbox.coderUrl}/@mia/dev`);
    assert.match(await tab.locator('body').innerText(), /dev/);
  });
});

test('bob of globex does not see what is of acme, and is refused when he asks for it by hand', async (t) => {
  const page = await pageOf(PEOPLE.ofGlobex);
  const { backstage, sandbox, sidestage } = running();
  const bob = backstage.as(await backstageToken(PEOPLE.ofGlobex));
  const intruder = { user: 'ada', template: 'node', workspaceName: 'intruder' };

  await t.test("acme's template is not among his", async () => {
    await seesTemplates(page, ['Coder workspace', 'Workspace at Globex']);
  });

  await t.test("Backstage does not start acme's template for him", async () => {
    const values = { firstName: 'Mia', lastName: 'Moreau', email: 'mia@acme.test', username: 'mia', organization: 'acme-corp' };
    await assert.rejects(bob.createTask('unified-onboarding', values), refused(404, /not found/i));
  });

  await t.test('nor does it run a step for acme in a template of his own, while one for globex runs', async () => {
    const foreign = await bob.finish(await bob.createTask('globex-workspace', { organization: 'acme-corp', workspaceName: 'intruder' }));
    assert.match(failureOf(foreign), /Unauthorized action: coder:create-workspace/);
    const own = await bob.finish(await bob.createTask('globex-workspace', { organization: 'globex', workspaceName: 'ours' }));
    assert.equal(own.completion.error, undefined, logOf(own));
  });

  await t.test("jane's task and its log are not his to read, nor to cancel", async () => {
    await assert.rejects(bob.task(janesTask), refused(403, /./));
    await assert.rejects(bob.finish(janesTask), /403/);
    await assert.rejects(bob.cancel(janesTask), refused(403, /./));
  });

  await t.test('past Backstage, Sidestage refuses him: on its own API', async () => {
    const token = await keycloak().accessToken(PEOPLE.ofGlobex);
    await assert.rejects(startRun(token, { workspaceName: 'intruder', organization: 'acme-corp' }), refused(403, /acme-corp/));
    // For his own organization, but in the other one's part of Coder.
    const smuggled = await startRun(token, { workspaceName: 'intruder', organization: 'globex', coderOrganization: 'acme' });
    const { status, error } = await finishRun(token, smuggled.id);
    assert.equal(status, 'failed');
    assert.equal(error?.code, 'forbidden', JSON.stringify(error));
    // Backstage's own client in Keycloak is nobody.
    await assert.rejects(startRun(await keycloak().serviceToken(), { workspaceName: 'intruder', organization: 'globex' }), refused(401, /./));
  });

  await t.test("and on Backstage's protocol, where a person's own token is none", async () => {
    const invoke = `${sidestage.url}/api/coder/.backstage/actions/v1/actions/coder%3Acreate-workspace/invoke`;
    for (const token of [await keycloak().accessToken(PEOPLE.ofGlobex), await backstageToken(PEOPLE.ofGlobex)]) {
      await assert.rejects(json(invoke, { method: 'POST', token, body: { ...intruder, organization: 'acme-corp' } }), refused(401, /./));
    }
  });

  assert.deepEqual(await sandbox.workspacesNamed('intruder'), []);
});

test('somebody of both organizations sees what either has', async () => {
  const page = await pageOf(PEOPLE.ofBoth);
  await seesTemplates(page, ['Coder workspace', 'Onboard a person', 'Workspace at Globex']);
});

test('somebody in no organization is told so on the sign-in page', async () => {
  const page = await trySignIn(PEOPLE.ofNone);
  await page.getByText(`${PEOPLE.ofNone} is in no organization that may use this Backstage.`).waitFor();
  await browser.picture(page, 'keycloak-refused');
  const token = await keycloak().accessToken(PEOPLE.ofNone);
  await assert.rejects(startRun(token, { workspaceName: 'intruder', organization: 'acme-corp' }), refused(403, /You are in none of the organizations/));
});

test("somebody who is disabled does not get past Keycloak's page", async () => {
  const { page, popup } = await nameOneself(PEOPLE.disabled);
  await popup.getByText('Account is disabled, contact your administrator.').waitFor();
  await popup.close();
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
});

test('runs go on while Keycloak gets new keys, is stopped and is started again', async () => {
  const ours = { organization: 'acme-corp', coderOrganization: 'acme' };
  const bob = running().backstage.as(await backstageToken(PEOPLE.ofGlobex));
  const before = await keycloak().accessToken(PEOPLE.ofAcme);

  const first = await startRun(before, { ...ours, workspaceName: 'rotated' });
  await keycloak().rotateKeys('removed');
  // Sidestage has not seen the new key, and the run is still hers; what the old one has signed is worth nothing now.
  const after = await keycloak().accessToken(PEOPLE.ofAcme);
  assert.equal((await finishRun(after, first.id)).status, 'succeeded');
  await assert.rejects(lookAtRun(before, first.id), refused(401, /./));

  const second = await startRun(after, { ...ours, workspaceName: 'without-keycloak' });
  await keycloak().stop();
  assert.equal((await finishRun(after, second.id)).status, 'succeeded');
  // Who is signed in to Backstage works on: its tokens are its own.
  const task = await bob.finish(await bob.createTask('globex-workspace', { organization: 'globex', workspaceName: 'meanwhile' }));
  assert.equal(task.completion.error, undefined, logOf(task));

  await keycloak().start();
  // The browser's session has outlived the stop. A Keycloak that has only just started is slow to answer.
  await until(() => backstageToken(PEOPLE.ofAcme), { what: "jane's session goes on" });
  const again = await keycloak().accessToken(PEOPLE.ofAcme);
  const third = await startRun(again, { ...ours, workspaceName: 'after-keycloak' });
  assert.equal((await finishRun(again, third.id)).status, 'succeeded');
});
