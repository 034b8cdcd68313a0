import type { JsonObject } from '@backstage/types';
import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ActionDescriptor, Level, RunEvent } from '../client';
import type { Problem } from '../errors';
import actions from './actions.json';

/** A request as it came. */
export interface Recorded {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A run of the fake: the test is its action. */
export class FakeRun {
  status = 'running';
  readonly #events: RunEvent[] = [];
  readonly #followers = new Set<ServerResponse>();

  constructor(
    readonly id: string,
    readonly key: string,
    readonly request: { action: string; input: JsonObject; dryRun: boolean },
  ) {}

  log(message: string, level: Level = 'info') {
    this.#say({ event: 'log', level, message });
  }

  progress(message: string, percent?: number) {
    this.#say({ event: 'progress', message, ...(percent !== undefined && { percent }) });
  }

  succeed(output: JsonObject) {
    this.#say({ event: 'output', output });
    this.#end({ event: 'end', status: 'succeeded' });
  }

  fail(error: Problem, status = 'failed') {
    this.#end({ event: 'end', status, error });
  }

  cancelled() {
    this.fail({ status: 499, code: 'cancelled', detail: 'The workspace build was cancelled.' }, 'cancelled');
  }

  /** Drops the connections of the followers, in the middle of a line. */
  drop() {
    for (const response of this.#followers) {
      response.write('id: 999\nevent: log\ndata: {"mess', () => response.destroy());
    }
    this.#followers.clear();
  }

  /** Sends the followers away, as a Sidestage does that stops. */
  leave() {
    const message = 'Sidestage is stopping; the run goes on. Follow it again.';
    for (const response of this.#followers) {
      response.end(`event: reconnect\nretry: 1000\ndata: ${JSON.stringify({ message })}\n\n`);
    }
    this.#followers.clear();
  }

  /** Serves a follower that has seen the events up to `after`. */
  follow(response: ServerResponse, after: number) {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': keep-alive\n\n');
    this.#events.slice(after).forEach((event, index) => response.write(frame(after + index + 1, event)));
    if (this.status !== 'running') response.end();
    else this.#followers.add(response);
  }

  #say(event: RunEvent) {
    this.#events.push(event);
    for (const response of this.#followers) response.write(frame(this.#events.length, event));
  }

  #end(event: Extract<RunEvent, { event: 'end' }>) {
    this.#say(event);
    this.status = event.status;
    for (const response of this.#followers) response.end();
    this.#followers.clear();
  }
}

function frame(id: number, { event, ...data }: RunEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify({ time: '2026-11-23T12:00:00Z', ...data })}\n\n`;
}

/** Answers a request instead of the fake; false leaves it to the fake. */
export type Override = (request: Recorded, response: ServerResponse) => boolean;

/** A Sidestage that speaks `docs/run-api.md`. What its runs do, the test decides. */
export class FakeSidestage {
  actions: unknown = actions satisfies ActionDescriptor[];
  readonly requests: Recorded[] = [];
  override: Override = () => false;
  #server: Server;
  #runs = new Map<string, FakeRun>();
  #count = 0;
  readonly #fresh: FakeRun[] = [];
  readonly #happened = new EventEmitter();

  private constructor() {
    this.#server = this.#createServer();
  }

  static async start(): Promise<FakeSidestage> {
    const fake = new FakeSidestage();
    await fake.listen(0);
    return fake;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Listens (again). */
  async listen(port: number) {
    this.#server = this.#createServer();
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop() {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  /** As if its journal was lost. */
  forget() {
    const runs = [...this.#runs.values()];
    this.#runs = new Map();
    for (const run of runs) run.drop();
  }

  /** The next run that is started and was not handed out yet. */
  async nextRun(): Promise<FakeRun> {
    for (;;) {
      const run = this.#fresh.shift();
      if (run) return run;
      await once(this.#happened, 'run');
    }
  }

  /** The requests of a kind, as soon as there are so many of them. */
  async requested(method: string, path: RegExp, count = 1): Promise<Recorded[]> {
    for (;;) {
      const found = this.requests.filter(request => request.method === method && path.test(request.path));
      if (found.length >= count) return found;
      await once(this.#happened, 'request');
    }
  }

  /** As if nothing had happened yet. */
  reset() {
    this.requests.length = 0;
    this.#fresh.length = 0;
    this.#runs = new Map();
    this.override = () => false;
  }

  #createServer() {
    return createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const recorded: Recorded = {
          method: request.method ?? '',
          path: request.url ?? '',
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        };
        this.requests.push(recorded);
        if (!this.override(recorded, response)) this.#answer(recorded, response);
        this.#happened.emit('request', recorded);
      });
    });
  }

  #answer({ method, path, headers, body }: Recorded, response: ServerResponse) {
    if (!headers.authorization?.startsWith('Bearer ')) {
      return refuse(response, { status: 401, code: 'unauthenticated', detail: 'There is no token.' });
    }
    if (method === 'GET' && path === '/v1/actions') return json(response, 200, this.actions);
    if (method === 'POST' && path === '/v1/runs')
      return this.#startRun(String(headers['idempotency-key']), body, response);
    const [, id = '', verb] = /^\/v1\/runs\/([^/]+)\/(events|cancel)$/.exec(path) ?? [];
    const run = this.#runs.get(id);
    if (!run) return refuse(response, { status: 404, code: 'not_found', detail: `There is no run ${id}.` });
    if (method === 'GET' && verb === 'events') return run.follow(response, Number(headers['last-event-id'] ?? 0));
    if (method === 'POST' && verb === 'cancel') return json(response, 202, { id, status: run.status });
    return refuse(response, { status: 405, code: 'method_not_allowed', detail: 'Not so.' });
  }

  #startRun(key: string, body: string, response: ServerResponse) {
    const known = [...this.#runs.values()].find(
      run => run.key === key && ['running', 'succeeded'].includes(run.status),
    );
    if (known) return json(response, 200, { id: known.id, status: known.status });
    const run = new FakeRun(`run-${++this.#count}`, key, JSON.parse(body) as FakeRun['request']);
    this.#runs.set(run.id, run);
    this.#fresh.push(run);
    json(response, 201, { id: run.id, status: run.status });
    this.#happened.emit('run', run);
  }
}

export function json(response: ServerResponse, status: number, body: unknown, type = 'application/json') {
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
}

export function refuse(response: ServerResponse, problem: Problem) {
  json(response, problem.status, problem, 'application/problem+json');
}
