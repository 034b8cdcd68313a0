import type { LoggerService } from '@backstage/backend-plugin-api';
import type { Level } from './client';

/** Backstage's view of a task's log is cut off by proxies after 45 s without a line. */
const LONGEST_SILENCE = 25_000;

/** A step's log, which says that it still waits when nothing else was said for a while. */
export class StepLog {
  readonly #logger: LoggerService;
  #timer: NodeJS.Timeout | undefined;
  readonly #startedAt = performance.now();
  #waitingFor: string;
  #isClosed = false;

  constructor(logger: LoggerService, waitingFor: string) {
    this.#logger = logger;
    this.#waitingFor = waitingFor;
    this.#arm();
  }

  /** Says what the step waits for from now on. */
  waitFor(what: string) {
    this.#waitingFor = what;
  }

  /** Puts a line into the log. */
  say(level: Level, message: string) {
    this.#logger[level](message);
    // A debug line is usually not shown.
    if (level !== 'debug') this.#arm();
  }

  /** The step is over: it waits for nothing any more. */
  close() {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #arm() {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      const seconds = Math.round((performance.now() - this.#startedAt) / 1000);
      this.say('info', `Still waiting for ${this.#waitingFor} (${seconds} s)`);
    }, LONGEST_SILENCE);
  }
}
