import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { Browser } from '../harness/browser.ts';
import { serveFrontend, type Frontend } from '../harness/frontend.ts';
import { freePort } from '../harness/ports.ts';
import { choose, next } from './form.ts';
import { useSystem } from './use-system.ts';

let port: number;
let frontend: Frontend;
let browser: Browser;
let page: Page;

const running = useSystem(
  async () => {
    port = await freePort();
    return { door: 2, buildSeconds: 6, frontendUrl: `http://127.0.0.1:${port}` };
  },
  async ({ backstage }) => {
    frontend = await serveFrontend({ port, backendUrl: backstage.url });
    browser = await Browser.start();
    page = await browser.newPage();
    return async () => {
      await browser.stop();
      await frontend.stop();
    };
  },
);

const picture = (name: string): Promise<void> => browser.picture(page, name);

test('a person in a browser finds the action, fills in the form, watches the log and opens the workspace', async (t) => {
  await t.test('signs in as guest and finds the action with its examples on the actions page', async () => {
    await page.goto(`${frontend.url}/create/actions`);
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByRole('row', { name: 'coder:create-workspace' }).click();
    await page.getByRole('heading', { name: 'coder:create-workspace' }).waitFor();
    await page.getByRole('rowheader', { name: 'workspaceName' }).first().waitFor();
    await picture('action');
    // Each example is a template step that can be copied.
    const example = page.getByTestId('example_code0');
    await example.getByText('coder:create-workspace').waitFor();
    await example.scrollIntoViewIfNeeded();
    await picture('action-examples');
  });

  await t.test('fills in the form of the template', async () => {
    await page.getByRole('tab', { name: 'Templates', exact: true }).click();
    await page.getByRole('heading', { name: 'Coder workspace' }).waitFor();
    await picture('templates');
    // The cards stand in the order of their titles; ours is the one whose details link names it.
    const card = page.locator('.MuiCard-root').filter({ has: page.getByRole('heading', { name: 'Coder workspace' }) });
    await card.getByRole('button', { name: 'Choose' }).click();
    await page.getByRole('textbox', { name: 'Name' }).fill('dev');
    await page.getByRole('textbox', { name: 'Organization' }).fill('acme');
    await next(page);
    await choose(page, 'Organization in Coder', 'coder');
    await page.getByRole('spinbutton', { name: 'CPU cores' }).fill('4');
    await picture('form');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByText('dev', { exact: true }).waitFor();
    await picture('review');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
  });

  await t.test('watches the log while the workspace is built', async () => {
    await page.waitForURL(/\/create\/tasks\/[0-9a-f-]{36}$/);
    await page.getByRole('button', { name: 'Show logs' }).click();
    // The log scrolls along with the run, and only the lines in sight are in the page.
    await page.getByText(/info: /).nth(3).waitFor();
    await picture('task-running');
    const task = page.url().split('/').at(-1) ?? '';
    const link = page.getByRole('link', { name: 'Open the workspace' });
    const failure = page.getByText('Run completed with status: failed');
    await link.or(failure).first().waitFor();
    const finished = await running().backstage.finish(task);
    assert.equal(finished.completion.error, undefined, JSON.stringify(finished.completion));
    await picture('task-done');
  });

  await t.test('follows the link to the workspace', async () => {
    const link = page.getByRole('link', { name: 'Open the workspace' });
    const [workspace] = await running().sandbox.workspacesNamed('dev');
    assert.ok(workspace, 'the sandbox has the workspace');
    const href = (await link.getAttribute('href')) ?? '';
    assert.equal(href, `${running().sandbox.coderUrl}/@ada/dev`);
    // It opens in a new tab.
    const opened = page.context().waitForEvent('page');
    await link.click();
    const tab = await opened;
    await tab.waitForLoadState();
    assert.equal(tab.url(), href);
    assert.match(await tab.locator('body').innerText(), /dev/);
  });
});

test('a person in a browser onboards somebody, choosing from what is in the services, and sees a link to each account', async (t) => {
  await t.test('says who it is', async () => {
    // Somebody who has not signed in yet.
    page = await browser.newPage();
    await page.goto(`${frontend.url}/create/templates/default/unified-onboarding`);
    await page.getByRole('button', { name: 'Enter' }).click();
    await page.getByRole('textbox', { name: 'First name' }).fill('Katherine');
    await page.getByRole('textbox', { name: 'Last name' }).fill('Johnson');
    await page.getByRole('textbox', { name: 'E-mail address' }).fill('katherine@example.com');
    await page.getByRole('textbox', { name: 'User name' }).fill('katherine');
    await page.getByRole('textbox', { name: 'Organization' }).fill('acme');
    await next(page);
  });

  await t.test('chooses what there is in each service', async () => {
    await choose(page, 'Organization in Coder', 'acme');
    await choose(page, 'Workspace template', 'node');
    await next(page);
    await choose(page, 'Organization in Gitea', 'Acme Corporation');
    await choose(page, 'Team in Gitea', 'developers');
    await page.getByRole('textbox', { name: 'First repository' }).fill('trajectories');
    await page.getByRole('radio', { name: "The organization's, with a first commit" }).check();
    await page.getByRole('radio', { name: 'Everybody who reaches this Gitea' }).check();
    await next(page);
    await choose(page, 'Team in Mattermost', 'Engineering');
    await choose(page, 'Channels', 'Backend', 'Off-Topic');
    await picture('onboarding-form');
    await next(page);
    await page.getByRole('textbox', { name: 'Job title' }).fill('Mathematician');
    await page.getByRole('textbox', { name: 'Or a new company' }).fill('NACA');
    await page.getByRole('button', { name: 'Review' }).click();
    await page.getByRole('button', { name: 'Create', exact: true }).click();
  });

  await t.test('has a link to each account', async () => {
    await page.waitForURL(/\/create\/tasks\/[0-9a-f-]{36}$/);
    const task = page.url().split('/').at(-1) ?? '';
    const finished = await running().backstage.finish(task);
    assert.equal(finished.completion.error, undefined, JSON.stringify(finished.completion));
    for (const account of ['Coder, katherine', 'Workspace dev', 'Gitea, katherine', 'Repository acme/trajectories', 'Mattermost, katherine', 'Twenty, Katherine Johnson']) {
      await page.getByRole('link', { name: account }).waitFor();
    }
    const row = page.getByRole('row', { name: 'Mattermost' });
    assert.match(await row.innerText(), /made, in backend, off-topic/);
    await page.setViewportSize({ width: 1280, height: 1300 });
    await picture('onboarding-done');
  });
});
