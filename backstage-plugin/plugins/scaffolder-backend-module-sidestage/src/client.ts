import type { JsonObject, JsonValue } from '@backstage/types';
import { createParser } from 'eventsource-parser';
import { setTimeout as sleep } from 'node:timers/promises';
import { asProblem, type Problem, ProblemError, UnexpectedAnswerError, UnreachableError } from './errors';

/** An action as Sidestage describes it: the shape of Backstage's `/api/scaffolder/v2/actions` with more keys. */
export interface ActionDescriptor {
  /** What a template's step names, for example `coder:create-workspace`. */
  id: string;
  title?: string;
  description?: string;
  examples?: { description: string; example: string }[];
  /** JSON Schema, draft-07. */
  schema?: { input?: JsonObject; output?: JsonObject };
  supportsDryRun?: boolean;
}

/** What a run is started with. */
export interface RunRequest {
  action: string;
  input: JsonObject;
  dryRun: boolean;
  idempotencyKey: string;
}

/** A run that was started or joined. */
export interface StartedRun {
  id: string;
  /** Whether it was there already. */
  joined: boolean;
}

/** How loud a line is. */
export type Level = 'debug' | 'info' | 'warn' | 'error';

/** What a run says. */
export type RunEvent =
  | { event: 'log'; level: Level; message: string }
  | { event: 'progress'; message: string; percent?: number }
  | { event: 'output'; output: JsonObject }
  | { event: 'end'; status: string; error?: Problem };

/** What a run says, and what becomes of the connection that carries it. */
export type FollowEvent = RunEvent | { event: 'lost'; reason: string } | { event: 'back' };

/** A token for one request. They expire, so each request asks for its own. */
export type TokenSource = () => Promise<string>;

/** Time limits, in milliseconds. */
export interface ClientLimits {
  /** For the header of any answer to come, and for the whole of a short one. */
  answer: number;
  /** For the next bytes of an event stream: Sidestage sends a comment every 15 s. */
  streamSilence: number;
  /** How long a request that starts something is repeated while Sidestage cannot be reached. */
  start: number;
  /** How long a lost event stream is asked for again. */
  reconnect: number;
  /** The first pause between tries; it doubles up to `longestPause`. */
  firstPause: number;
  longestPause: number;
}

export const defaultLimits: ClientLimits = {
  answer: 30_000,
  streamSilence: 45_000,
  start: 15_000,
  reconnect: 120_000,
  firstPause: 250,
  longestPause: 5_000,
};

/** The run API of Sidestage (`docs/run-api.md`), as far as a step needs it. */
export class SidestageClient {
  readonly #limits: ClientLimits;

  constructor(
    /** Where Sidestage is, without a slash at the end. */
    readonly baseUrl: string,
    limits: Partial<ClientLimits> = {},
  ) {
    this.#limits = { ...defaultLimits, ...limits };
  }

  /** The actions that Sidestage offers. Asks again while it cannot be reached, for `patience` milliseconds. */
  async actions(token: TokenSource, patience: number): Promise<ActionDescriptor[]> {
    const get = (signal: AbortSignal) => this.#json('GET', '/v1/actions', { token, signal });
    const list = await this.#persist(patience, new AbortController().signal, get);
    const actions = readActions(list.body);
    if (!actions) throw this.#unexpected('GET', '/v1/actions', 'with something that is no list of actions');
    return actions;
  }

  /**
   * Starts a run, or joins the one that the key names. Safe to repeat because of the key, so it asks again while
   * Sidestage cannot be reached; `onRetry` hears of the first failure.
   */
  async startRun(
    token: TokenSource,
    { action, input, dryRun, idempotencyKey }: RunRequest,
    { signal, onRetry }: { signal: AbortSignal; onRetry: (error: Error) => void },
  ): Promise<StartedRun> {
    const body = JSON.stringify({ action, input, dryRun });
    const headers = { 'idempotency-key': idempotencyKey };
    const post = (limit: AbortSignal) => this.#json('POST', '/v1/runs', { token, signal: limit, headers, body });
    const answer = await this.#persist(this.#limits.start, signal, post, onRetry);
    const id = isObject(answer.body) ? answer.body.id : undefined;
    if (typeof id !== 'string') throw this.#unexpected('POST', '/v1/runs', 'without the id of a run');
    return { id, joined: answer.status === 200 };
  }

  /**
   * Everything that a run says, once and in order, until its end. A lost connection is made again and goes on after
   * the last event that was seen. Throws {@link UnreachableError} when that fails for too long, {@link ProblemError}
   * when Sidestage refuses (404: it does not know the run).
   */
  async *followRun(token: TokenSource, runId: string, signal: AbortSignal): AsyncGenerator<FollowEvent, void> {
    const pause = this.#pauses(signal);
    let lastEventId = 0;
    let lostAt: number | undefined;
    for (;;) {
      try {
        for await (const batch of this.#stream(token, runId, lastEventId, signal)) {
          if (lostAt !== undefined) {
            lostAt = undefined;
            yield { event: 'back' };
          }
          for (const { id, event } of batch) {
            if (id <= lastEventId) continue;
            lastEventId = id;
            pause.reset();
            yield event;
            if (event.event === 'end') return;
          }
        }
      } catch (error) {
        if (!(error instanceof UnreachableError)) throw error;
        signal.throwIfAborted();
        if (lostAt === undefined) {
          lostAt = performance.now();
          yield { event: 'lost', reason: error.reason };
        }
        if (performance.now() - lostAt > this.#limits.reconnect) throw error;
      }
      await pause.next();
    }
  }

  /** Asks a run to end. */
  async cancelRun(token: TokenSource, runId: string, signal: AbortSignal): Promise<void> {
    const path = `/v1/runs/${encodeURIComponent(runId)}/cancel`;
    const post = (limit: AbortSignal) => this.#json('POST', path, { token, signal: limit });
    await this.#persist(this.#limits.reconnect, signal, post);
  }

  /**
   * The events of one connection, in the batches in which they come. A batch may be empty: a comment came. Throws
   * {@link UnreachableError} where it ends: whoever has seen the run's end reads no further.
   */
  async *#stream(token: TokenSource, runId: string, lastEventId: number, signal: AbortSignal) {
    const path = `/v1/runs/${encodeURIComponent(runId)}/events`;
    const silence = new Silence(this.#limits.streamSilence);
    try {
      const response = await this.#send('GET', path, {
        token,
        signal: AbortSignal.any([signal, silence.signal]),
        headers: {
          accept: 'text/event-stream',
          ...(lastEventId > 0 && { 'last-event-id': String(lastEventId) }),
        },
      });
      if (!response.ok || !response.body || !isType(response, 'text/event-stream')) {
        throw await this.#refusal('GET', path, response);
      }
      let batch: { id: number; event: RunEvent }[] = [];
      let isStopping = false;
      const parser = createParser({
        onEvent: ({ id, event, data }) => {
          if (event === 'reconnect') isStopping = true;
          const known = readEvent(event, data);
          if (!known) return;
          if (!/^[1-9]\d*$/.test(id ?? ''))
            throw new UnexpectedAnswerError('Sidestage sent an event without a number.');
          batch.push({ id: Number(id), event: known });
        },
      });
      const decoder = new TextDecoder();
      try {
        for await (const bytes of response.body) {
          silence.over();
          parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
          yield batch;
          batch = [];
        }
      } catch (error) {
        if (error instanceof UnexpectedAnswerError || signal.aborted) throw error;
        if (!isStopping) throw new UnreachableError(this.baseUrl, reasonOf(silence.signal.reason ?? error));
      }
      const reason = isStopping ? 'Sidestage is stopping' : 'the event stream ended before the run did';
      throw new UnreachableError(this.baseUrl, reason);
    } finally {
      silence.end();
    }
  }

  /** One request with a JSON answer. */
  async #json(method: string, path: string, options: RequestOptions): Promise<{ status: number; body: JsonValue }> {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(this.#limits.answer)]);
    const response = await this.#send(method, path, { ...options, signal });
    if (!response.ok || !isType(response, 'application/json')) throw await this.#refusal(method, path, response);
    try {
      return { status: response.status, body: (await response.json()) as JsonValue };
    } catch (error) {
      if (error instanceof SyntaxError) throw this.#unexpected(method, path, 'with something that is no JSON');
      throw new UnreachableError(this.baseUrl, reasonOf(error));
    }
  }

  async #send(method: string, path: string, { token, signal, headers, body }: RequestOptions): Promise<Response> {
    const authorization = `Bearer ${await token()}`;
    try {
      return await fetch(`${this.baseUrl}${path}`, {
        method,
        headers: { authorization, ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
        signal,
        // A redirect would be a login page or another host: neither is Sidestage.
        redirect: 'manual',
        ...(body !== undefined && { body }),
      });
    } catch (error) {
      throw new UnreachableError(this.baseUrl, reasonOf(error));
    }
  }

  /** What an answer that is not the expected one means. */
  async #refusal(method: string, path: string, response: Response): Promise<Error> {
    if (isType(response, 'application/problem+json') || isType(response, 'application/json')) {
      const problem = asProblem(await response.json().catch(() => undefined));
      if (problem) return new ProblemError(problem);
    } else {
      await response.body?.cancel().catch(() => undefined);
    }
    const status = `${response.status} ${response.statusText}`.trim();
    // A proxy's answer for a server that is just being restarted.
    if ([502, 503, 504].includes(response.status))
      return new UnreachableError(this.baseUrl, `a proxy answered ${status}`);
    return this.#unexpected(method, path, `${status}${response.ok ? ', which is not what was asked for' : ''}`);
  }

  #unexpected(method: string, path: string, what: string): UnexpectedAnswerError {
    return new UnexpectedAnswerError(
      `${new URL(this.baseUrl).host} answered ${method} ${path} ${what}. ` +
        `That is not Sidestage, or something in between: check sidestage.baseUrl in Backstage's configuration.`,
    );
  }

  /**
   * Repeats `request` while Sidestage cannot be reached or asks to wait. After `patience` milliseconds it is over, in
   * the middle of a request, too: the signal that each is given says so.
   */
  async #persist<T>(
    patience: number,
    signal: AbortSignal,
    request: (limit: AbortSignal) => Promise<T>,
    onRetry?: (error: Error) => void,
  ): Promise<T> {
    const deadline = performance.now() + patience;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const pause = this.#pauses(limit);
    for (let attempt = 1; ; attempt++) {
      try {
        return await request(limit);
      } catch (error) {
        const wait = waitFor(error);
        if (wait === undefined || limit.aborted || performance.now() + wait >= deadline) throw error;
        if (attempt === 1) onRetry?.(error as Error);
        try {
          await pause.next(wait);
        } catch {
          throw error;
        }
      }
    }
  }

  #pauses(signal: AbortSignal) {
    const { firstPause, longestPause } = this.#limits;
    let pause = firstPause;
    return {
      async next(atLeast = 0) {
        // Not all steps at the same moment, after Sidestage was restarted.
        const jitter = 0.75 + Math.random() / 2;
        await sleep(Math.max(atLeast, pause * jitter), undefined, { signal });
        pause = Math.min(pause * 2, longestPause);
      },
      reset() {
        pause = firstPause;
      },
    };
  }
}

interface RequestOptions {
  token: TokenSource;
  signal: AbortSignal;
  headers?: Record<string, string>;
  body?: string;
}

/** Reads a list of action descriptors; undefined when it is none, or holds something that is no action. */
export function readActions(value: unknown): ActionDescriptor[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const actions = value.filter(item => isObject(item) && typeof item.id === 'string' && item.id !== '');
  return actions.length === value.length ? (actions as ActionDescriptor[]) : undefined;
}

/** Reads one event; undefined when a newer Sidestage says something that this module does not know. */
function readEvent(name: string | undefined, text: string): RunEvent | undefined {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    data = undefined;
  }
  if (!isObject(data)) throw new UnexpectedAnswerError(`Sidestage sent an event of the kind ${name} that is no JSON.`);
  const message = typeof data.message === 'string' ? data.message : '';
  switch (name) {
    case 'log':
      return { event: 'log', level: levels.find(level => level === data.level) ?? 'info', message };
    case 'progress':
      return { event: 'progress', message, ...(typeof data.percent === 'number' && { percent: data.percent }) };
    case 'output':
      return { event: 'output', output: isObject(data.output) ? (data.output as JsonObject) : {} };
    case 'end': {
      const error = asProblem(data.error);
      return { event: 'end', status: String(data.status), ...(error && { error }) };
    }
    default:
      return undefined;
  }
}

const levels: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/** How long to wait before asking again, at least; undefined when asking again is no use. */
function waitFor(error: unknown): number | undefined {
  if (error instanceof UnreachableError) return 0;
  if (!(error instanceof ProblemError)) return undefined;
  const { status, retryable, retryAfter = 0 } = error.problem;
  return retryable && (status === 429 || status === 503) ? retryAfter * 1000 : undefined;
}

/** Aborts when nothing was heard for a while. */
class Silence {
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly signal = this.#controller.signal;

  constructor(limit: number) {
    const abort = () => this.#controller.abort(new Error(`nothing came for ${Math.round(limit / 1000)} s`));
    this.#timer = setTimeout(abort, limit);
  }

  over() {
    this.#timer.refresh();
  }

  end() {
    clearTimeout(this.#timer);
  }
}

/** Why a request failed, in a few words: fetch says only "fetch failed" and keeps the reason in `cause`. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  const cause = error.cause;
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error && cause.message ? cause.message : error.message;
}

function isType(response: Response, type: string): boolean {
  return response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase() === type;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
