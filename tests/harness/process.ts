import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { constants } from 'node:os';
import { plain } from './text.ts';
import { until } from './until.ts';

export interface ServiceOptions {
  /** What it is called in messages. */
  name: string;
  command: string;
  args: readonly string[];
  /** Added to the environment. */
  env?: Readonly<Record<string, string>>;
  cwd?: string;
  /** A script that starts the service as its child: signals go to all of them. */
  ownGroup?: boolean;
  /** Answers 2xx once the service can be used. */
  readyUrl: string;
  /** Everything that it prints goes here. */
  logFile: string;
}

const TAIL_LINES = 40;
// Backstage's line for every request that it gets: too many to find anything between them.
const ACCESS_LOG = /type="?incomingRequest/;
const STOP_GRACE_MS = 15_000;

const running = new Set<Service>();

// The last resort: whoever ends this process, nothing that it started lives on.
process.once('exit', () => {
  for (const service of running) service.signal('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Someone who wants to stop in good order has a listener of their own; else go now.
    if (process.listenerCount(signal) === 1) process.exit(128 + constants.signals[signal]);
  });
}

/** A process of ours: started, waited for, its output kept, stopped by its own id. */
export class Service {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #ownGroup: boolean;
  readonly #ended: Promise<void>;
  readonly #tail: string[] = [];
  readonly #log: WriteStream;
  #exit: string | undefined;

  private constructor(options: ServiceOptions) {
    this.name = options.name;
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
    this.#ownGroup = options.ownGroup ?? false;
    this.#child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: this.#ownGroup,
    });
    running.add(this);
    this.#child.stdout?.on('data', this.#keep);
    this.#child.stderr?.on('data', this.#keep);
    this.#ended = new Promise((resolve) => {
      const end = (how: string): void => {
        this.#exit ??= how;
        running.delete(this);
        this.#log.end();
        resolve();
      };
      this.#child.once('error', (error) => {
        end(`could not be started: ${error.message}`);
      });
      this.#child.once('close', (code, signal) => {
        end(signal === null ? `ended with code ${code ?? '?'}` : `was ended by ${signal}`);
      });
    });
  }

  /** Starts a service and waits until it is ready. When it does not get there, the error has the end of its output. */
  static async start(options: ServiceOptions): Promise<Service> {
    const service = new Service(options);
    const gone = new AbortController();
    void service.#ended.then(() => {
      gone.abort(new Error(`it ${service.#exit ?? 'ended'}`));
    });
    try {
      await until(async () => (await fetch(options.readyUrl, { signal: AbortSignal.timeout(2_000) })).ok, {
        what: `${options.readyUrl} answers`,
        giveUpAfterMs: 600_000,
        signal: gone.signal,
      });
    } catch (error) {
      await service.kill();
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${options.name} did not get ready: ${reason}\n${service.tail()}`, { cause: error });
    }
    return service;
  }

  /** The last lines it printed. */
  tail(): string {
    const lines = plain(this.#tail.join(''))
      .split('\n')
      .filter((line) => !ACCESS_LOG.test(line))
      .slice(-TAIL_LINES)
      .map((line) => line.slice(0, 400));
    return [`--- the end of what ${this.name} printed ---`, ...lines, '---'].join('\n');
  }

  /** Asks it to end, and insists when it does not. */
  async stop(): Promise<void> {
    this.signal('SIGTERM');
    const insist = setTimeout(() => {
      this.signal('SIGKILL');
    }, STOP_GRACE_MS);
    await this.#ended;
    clearTimeout(insist);
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.#ended;
  }

  signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (this.#exit !== undefined) return;
    if (!this.#ownGroup || this.#child.pid === undefined) {
      this.#child.kill(signal);
      return;
    }
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // The last of them ended just now.
    }
  }

  readonly #keep = (chunk: Buffer): void => {
    if (!this.#log.writableEnded) this.#log.write(chunk);
    this.#tail.push(chunk.toString('utf8'));
    if (this.#tail.length > 4_000) this.#tail.splice(0, 2_000);
  };
}
