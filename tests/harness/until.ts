import { setTimeout as pause } from 'node:timers/promises';

export interface UntilOptions {
  /** What is waited for, for the error message. */
  what: string;
  /** Gives up after this long: a bound on a broken run, not a measurement. */
  giveUpAfterMs?: number;
  /** Ends the wait early, with the reason. */
  signal?: AbortSignal;
}

/** Asks again and again until the answer is something other than `undefined` or `false`; answers that. */
export async function until<T>(ask: () => Promise<T | undefined | false>, options: UntilOptions): Promise<T> {
  const { what, giveUpAfterMs = 60_000, signal } = options;
  const end = Date.now() + giveUpAfterMs;
  let last: unknown;
  while (Date.now() < end) {
    signal?.throwIfAborted();
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await pause(50);
  }
  throw new Error(`gave up waiting until ${what}${last instanceof Error ? `: ${last.message}` : ''}`, { cause: last });
}
