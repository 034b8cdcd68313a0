import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser as Chromium, type Page } from 'playwright-core';
import { ROOT } from './paths.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const picturesAreKept = process.env['UPDATE_SCREENSHOTS'] === '1';

/** A Chromium without a window. Its pictures go to docs/images when they are to be taken anew, else nowhere. */
export class Browser {
  readonly #chromium: Chromium;
  readonly #pictures: string;

  private constructor(browser: Chromium, pictures: string) {
    this.#chromium = browser;
    this.#pictures = pictures;
  }

  static async start(): Promise<Browser> {
    const pictures = picturesAreKept ? join(ROOT, 'docs', 'images') : await mkdtemp(join(tmpdir(), 'sidestage-pictures-'));
    await mkdir(pictures, { recursive: true });
    const executablePath = execFileSync(join(ROOT, 'scripts', 'install-browser.sh'), { encoding: 'utf8' }).trim();
    return new Browser(await chromium.launch({ executablePath, args: FLAGS }), pictures);
  }

  /** A page with cookies of its own: a person of its own. */
  async newPage(): Promise<Page> {
    const context = await this.#chromium.newContext({ viewport: { width: 1280, height: 1000 } });
    // For the pages that this one opens as well.
    context.setDefaultTimeout(120_000);
    return context.newPage();
  }

  async picture(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: join(this.#pictures, `${name}.png`), animations: 'disabled' });
  }

  async stop(): Promise<void> {
    await this.#chromium.close();
    if (!picturesAreKept) await rm(this.#pictures, { recursive: true });
  }
}
