import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The root of the checkout. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** The binary under test; `SIDESTAGE_BIN` names another. */
export const SIDESTAGE = process.env['SIDESTAGE_BIN'] ?? join(ROOT, 'target', 'debug', 'sidestage');

const folders = new Set<RunFolder>();
process.once('exit', () => {
  for (const folder of folders) folder.remove();
});

/** A folder for one run's configuration and logs. It goes with this process at the latest, unless it is kept. */
export class RunFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'sidestage-run-'));
  #kept = false;

  constructor() {
    folders.add(this);
  }

  keep(): void {
    this.#kept = true;
  }

  remove(): void {
    if (!this.#kept) rmSync(this.path, { recursive: true, force: true });
  }
}
