import type { Page } from 'playwright-core';

/** Chooses in a list that SelectFieldFromApi shows: what it offers comes from the service. */
export async function choose(page: Page, label: string, ...options: string[]): Promise<void> {
  await page.locator(`[aria-label="${label}"]`).getByRole('button').click();
  for (const option of options) await page.getByRole('option', { name: option, exact: true }).click();
  // A list of which several can be chosen stays open.
  if (options.length > 1) await page.keyboard.press('Escape');
  await page.getByRole('listbox').waitFor({ state: 'hidden' });
}

/** Goes to the form's next page. */
export function next(page: Page): Promise<void> {
  return page.getByRole('button', { name: 'Next' }).click();
}
