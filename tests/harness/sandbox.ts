import { join } from 'node:path';
import { json } from './json.ts';
import { SIDESTAGE } from './paths.ts';
import { freePort } from './ports.ts';
import { Service } from './process.ts';

/** A request that the sandbox got, and whether it changed something. */
export interface RecordedRequest {
  service: string;
  method: string;
  path: string;
  status: number;
  writes: boolean;
}

/** A service of the sandbox, and so a provider of Sidestage's. */
export type ServiceName = 'coder' | 'mattermost' | 'twenty' | 'gitea';

/** Tokens that a service of the sandbox knows: no secrets, the sandbox prints them. */
export type Tokens = Record<ServiceName, { administrator: string; member: string }>;

export interface FaultRule {
  service: ServiceName;
  method: string;
  /** A glob over the path. */
  path: string;
  times: number;
  fault: { kind: 'status' | 'delay' | 'drop_before' | 'drop_after' | 'rate_limit' | 'broken_body' } & Record<string, unknown>;
}

export interface SandboxWorkspace {
  id: string;
  name: string;
  owner: string;
  template: string;
  /** Oldest first. */
  builds: { number: number; transition: string; status: string; parameters: Record<string, string> }[];
}

/** The sandbox and its control API. */
export class Sandbox {
  readonly url: string;
  readonly service: Service;
  readonly tokens: Tokens;

  private constructor(url: string, service: Service, tokens: Tokens) {
    this.url = url;
    this.service = service;
    this.tokens = tokens;
  }

  static async start(folder: string, options: { buildSeconds?: number } = {}): Promise<Sandbox> {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const service = await Service.start({
      name: 'the sandbox',
      command: SIDESTAGE,
      args: ['sandbox', '--listen', `127.0.0.1:${port}`, '--build-seconds', String(options.buildSeconds ?? 1)],
      readyUrl: `${url}/sandbox/health`,
      logFile: join(folder, 'sandbox.log'),
    });
    return new Sandbox(url, service, (await json(`${url}/sandbox/tokens`)) as Tokens);
  }

  get coderUrl(): string {
    return this.urlOf('coder');
  }

  urlOf(service: ServiceName): string {
    return `${this.url}/${service}`;
  }

  /** Everything that there is in a service. */
  async state<T>(service: ServiceName): Promise<T> {
    const state = (await json(`${this.url}/sandbox/state`)) as Record<ServiceName, T>;
    return state[service];
  }

  async requests(): Promise<RecordedRequest[]> {
    return (await json(`${this.url}/sandbox/requests`)) as RecordedRequest[];
  }

  async workspaces(): Promise<SandboxWorkspace[]> {
    return (await this.state<{ workspaces: SandboxWorkspace[] }>('coder')).workspaces;
  }

  async workspacesNamed(name: string): Promise<SandboxWorkspace[]> {
    return (await this.workspaces()).filter((workspace) => workspace.name === name);
  }

  async addFault(rule: FaultRule): Promise<void> {
    await json(`${this.url}/sandbox/faults`, { method: 'POST', body: rule });
  }

  /** How the next build goes, instead of as its template says. */
  async nextBuild(behaviour: { behaviour: 'fail'; error: string } | { behaviour: 'hang' | 'quota' }): Promise<void> {
    await json(`${this.url}/sandbox/coder/builds`, { method: 'POST', body: { ...behaviour, times: 1 } });
  }

  /** Back to the seed: no workspaces of ours, no faults, no recorded requests. */
  async reset(): Promise<void> {
    await json(`${this.url}/sandbox/reset`, { method: 'POST' });
  }
}
