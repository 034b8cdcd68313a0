import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parse } from 'yaml';
import { json } from './json.ts';
import { type Keycloak, PEOPLE } from './keycloak.ts';
import { ROOT } from './paths.ts';
import { Service } from './process.ts';
import type { Sandbox } from './sandbox.ts';
import { serverSentEvents } from './sse.ts';
import { plain } from './text.ts';
import { until } from './until.ts';

/** How Backstage reaches Sidestage: 1 by its own actions protocol and configuration alone, 2 by the module. */
export type Door = 1 | 2;

export interface RemotePlugin {
  id: string;
  url: string;
}

export interface BackstageOptions {
  folder: string;
  port: number;
  door: Door;
  sidestageUrl: string;
  /** Whose Gitea `publish:gitea` pushes to. */
  sandbox: Sandbox;
  /** Where the web UI is served, when it is. */
  frontendUrl?: string;
  /** More plugins whose actions are asked for over HTTP. */
  remotePlugins?: readonly RemotePlugin[];
  /** Who signs in is from here, and may do what `app-config.keycloak.yaml` says. Without it a guest may do everything. */
  keycloak?: Keycloak;
}

export interface TaskEvent {
  id: number;
  taskId: string;
  type: 'log' | 'completion' | 'cancelled' | 'recovered';
  createdAt: string;
  body: {
    /** Not with `recovered`. */
    message?: string;
    stepId?: string;
    status?: string;
    output?: Record<string, unknown>;
    error?: { name: string; message: string };
  };
}

export interface Task {
  id: string;
  status: 'open' | 'processing' | 'completed' | 'failed' | 'cancelled';
}

export interface ScaffolderAction {
  id: string;
  description?: string;
  examples?: { description: string; example: string }[];
  schema?: { input?: Record<string, unknown>; output?: Record<string, unknown> };
}

/** What a dry run answers. */
export interface DryRun {
  log: { body: { message: string; stepId?: string; status?: string } }[];
  output?: Record<string, unknown>;
}

export interface Entity {
  metadata: { name: string; labels?: Record<string, string> };
  spec: Record<string, unknown>;
  relations: { type: string; targetRef: string }[];
}

export interface FinishedTask {
  events: TaskEvent[];
  /** The body of the last event. */
  completion: TaskEvent['body'];
}

// A bound on a task that hangs, so that the failure can be shown.
const GIVE_UP_MS = 120_000;

// What the harness itself looks into the catalog with, where there is no guest. Made up for these runs.
const OBSERVER_TOKEN = 'sidestage-tests-observer-0123456789abcdef';

/** A real Backstage backend, and the calls that its web UI would make. */
export class Backstage {
  readonly url: string;
  readonly service: Service;
  readonly #token: string | undefined;

  private constructor(url: string, service: Service, token?: string) {
    this.url = url;
    this.service = service;
    this.#token = token;
  }

  static async start(options: BackstageOptions): Promise<Backstage> {
    const url = `http://127.0.0.1:${options.port}`;
    const folder = join(ROOT, 'tests', 'backstage');
    const config = join(options.folder, 'app-config.run.yaml');
    await writeFile(config, JSON.stringify(runConfig(options, url), undefined, 2));
    const service = await Service.start({
      name: 'Backstage',
      command: process.execPath,
      args: [
        'backend.js',
        '--config',
        join(folder, 'app-config.yaml'),
        ...(options.keycloak === undefined ? [] : ['--config', join(ROOT, 'backstage-plugin', 'app-config.keycloak.yaml')]),
        '--config',
        config,
      ],
      cwd: folder,
      env: {
        NODE_ENV: 'development',
        SIDESTAGE_MODULE: options.door === 2 ? '1' : '0',
        ...(options.keycloak === undefined ? {} : keycloakEnvironment(options.keycloak)),
      },
      readyUrl: `${url}/.backstage/health/v1/readiness`,
      logFile: join(options.folder, 'backstage.log'),
    });
    const observer = new Backstage(url, service, options.keycloak === undefined ? undefined : OBSERVER_TOKEN);
    const backstage = new Backstage(url, service);
    try {
      await observer.#waitForCatalog(options.keycloak === undefined ? 'ada' : PEOPLE.ofAcme);
    } catch (error) {
      await service.kill();
      throw new Error(`${error instanceof Error ? error.message : String(error)}\n${service.tail()}`, { cause: error });
    }
    return backstage;
  }

  /** The same Backstage, called by whoever this token of Backstage's is of. */
  as(token: string): Backstage {
    return new Backstage(this.url, this.service, token);
  }

  /** The token that calls are made with: of the person who signs in as guest, if no other was given. */
  async userToken(): Promise<string> {
    if (this.#token !== undefined) return this.#token;
    const answer = (await json(`${this.url}/api/auth/guest/refresh`)) as { backstageIdentity: { token: string } };
    return answer.backstageIdentity.token;
  }

  async actions(): Promise<ScaffolderAction[]> {
    return (await this.#call('GET', '/api/scaffolder/v2/actions')) as ScaffolderAction[];
  }

  /** Posts the form of a template; answers the task's id. */
  async createTask(template: string, values: Record<string, unknown>): Promise<string> {
    const body = { templateRef: `template:default/${template}`, values, secrets: {} };
    const answer = (await this.#call('POST', '/api/scaffolder/v2/tasks', body)) as { id: string };
    return answer.id;
  }

  /** Runs a template that need not be in the catalog, and changes nothing. `files` are what lies beside it. */
  async dryRun(template: unknown, given: { values: unknown; secrets?: Record<string, string>; files?: Readonly<Record<string, string>> }): Promise<DryRun> {
    const { values, secrets = {}, files = {} } = given;
    const directoryContents = Object.entries(files).map(([path, text]) => ({ path, base64Content: Buffer.from(text).toString('base64') }));
    return (await this.#call('POST', '/api/scaffolder/v2/dry-run', { template, values, secrets, directoryContents })) as DryRun;
  }

  async task(id: string): Promise<Task> {
    return (await this.#call('GET', `/api/scaffolder/v2/tasks/${id}`)) as Task;
  }

  async cancel(id: string): Promise<void> {
    await this.#call('POST', `/api/scaffolder/v2/tasks/${id}/cancel`, {});
  }

  async retry(id: string): Promise<void> {
    await this.#call('POST', `/api/scaffolder/v2/tasks/${id}/retry`, { secrets: {} });
  }

  /** The task's events as they come, until it has ended. `after` skips the events up to that id. */
  async *follow(id: string, after = 0): AsyncGenerator<TaskEvent> {
    const response = await fetch(`${this.url}/api/scaffolder/v2/tasks/${id}/eventstream?after=${after}`, {
      headers: { accept: 'text/event-stream', authorization: `Bearer ${await this.userToken()}` },
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    if (!response.ok || response.body === null) throw new Error(`the event stream of task ${id} answered ${response.status}`);
    for await (const { data } of serverSentEvents(response.body)) {
      const event = JSON.parse(data) as TaskEvent;
      yield event;
      if (event.type === 'completion') return;
    }
  }

  /** Follows the task to its end. */
  async finish(id: string, after = 0): Promise<FinishedTask> {
    const events: TaskEvent[] = [];
    for await (const event of this.follow(id, after)) events.push(event);
    const last = events.at(-1);
    if (last?.type !== 'completion') throw new Error(`the event stream of task ${id} ended before the task did`);
    return { events, completion: last.body };
  }

  /** Follows the task until a line of its log matches. */
  async waitForLine(id: string, line: RegExp): Promise<TaskEvent> {
    const seen: string[] = [];
    for await (const event of this.follow(id)) {
      const message = plain(event.body.message ?? '');
      seen.push(message);
      if (line.test(message)) return event;
    }
    throw new Error(`task ${id} ended without a line like ${String(line)}:\n${seen.join('\n')}`);
  }

  /** An entity of the catalog, as far as the caller may see it. */
  async entity(ref: { kind: string; name: string }): Promise<Entity> {
    return (await this.#call('GET', `/api/catalog/entities/by-name/${ref.kind}/default/${ref.name}`)) as Entity;
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    return json(`${this.url}${path}`, { method, token: await this.userToken(), body });
  }

  // The catalog reads its locations, and Keycloak, after the backend has become ready.
  async #waitForCatalog(person: string): Promise<void> {
    const templates = [...(await ourTemplates()), 'any-workspace'];
    for (const ref of [...templates.map((name) => ({ kind: 'template', name })), { kind: 'user', name: person }]) {
      await until(() => this.entity(ref), { what: `the catalog has the ${ref.kind} ${ref.name}` });
    }
  }
}

/** The names of the project's templates: each lies in a folder of its name. */
async function ourTemplates(): Promise<string[]> {
  const { spec } = parse(await readFile(join(ROOT, 'templates', 'all.yaml'), 'utf8')) as { spec: { targets: string[] } };
  return spec.targets.map((target) => basename(dirname(target)));
}

/** What `app-config.keycloak.yaml` leaves to the environment. */
function keycloakEnvironment(keycloak: Keycloak): Record<string, string> {
  return {
    SIDESTAGE_KEYCLOAK: '1',
    KEYCLOAK_URL: keycloak.url,
    KEYCLOAK_REALM: keycloak.realm,
    KEYCLOAK_CLIENT_SECRET: keycloak.clientSecret,
    KEYCLOAK_CATALOG_CLIENT_SECRET: keycloak.clientSecret,
    BACKSTAGE_SESSION_SECRET: randomBytes(24).toString('hex'),
  };
}

function runConfig(options: BackstageOptions, url: string): Record<string, unknown> {
  const providers = Object.keys(options.sandbox.tokens);
  const remote = [
    ...(options.door === 1 ? providers.map((id) => ({ id, url: `${options.sidestageUrl}/api/{{ pluginId }}` })) : []),
    ...(options.remotePlugins ?? []),
  ];
  return {
    app: { baseUrl: options.frontendUrl ?? url },
    backend: {
      baseUrl: url,
      listen: { host: '127.0.0.1', port: options.port },
      cors: { origin: options.frontendUrl ?? url, credentials: true, methods: ['GET', 'HEAD', 'PATCH', 'POST', 'PUT', 'DELETE'] },
      ...(remote.length > 0 ? { actions: { pluginSources: remote.map((plugin) => plugin.id) } } : {}),
      workingDirectory: options.folder,
      ...(options.keycloak === undefined
        ? {}
        : { auth: { externalAccess: [{ type: 'static', options: { token: OBSERVER_TOKEN, subject: 'tests' } }] } }),
    },
    ...(remote.length > 0 ? { discovery: { endpoints: remote.map((plugin) => ({ target: plugin.url, plugins: [plugin.id] })) } } : {}),
    ...(options.door === 2 ? { sidestage: { baseUrl: options.sidestageUrl } } : {}),
    // Choices for forms, as docs/forms.md says.
    proxy: { endpoints: { '/sidestage': { target: `${options.sidestageUrl}/api`, credentials: 'forward', allowedMethods: ['GET'] } } },
    ...('gitea' in options.sandbox.tokens ? { integrations: { gitea: [giteaIntegration(options.sandbox)] } } : {}),
    catalog: {
      locations: [
        { type: 'file', target: join(ROOT, 'templates', 'all.yaml') },
        { type: 'file', target: join(ROOT, 'tests', 'backstage', 'catalog', 'org.yaml') },
        { type: 'file', target: join(ROOT, 'tests', 'backstage', 'catalog', 'any-workspace.yaml') },
        ...(options.keycloak === undefined
          ? []
          : [{ type: 'file', target: join(ROOT, 'tests', 'backstage', 'catalog', 'globex-workspace.yaml') }]),
      ],
    },
  };
}

/** The account that `publish:gitea` pushes with: one for all, as Backstage wants it. */
function giteaIntegration(sandbox: Sandbox): Record<string, string> {
  const url = new URL(sandbox.urlOf('gitea'));
  return { host: url.host, baseUrl: url.href, username: 'backstage', password: sandbox.tokens.gitea.administrator };
}
