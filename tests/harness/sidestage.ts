import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keycloak } from './keycloak.ts';
import { SIDESTAGE } from './paths.ts';
import { Service } from './process.ts';
import type { Sandbox, ServiceName } from './sandbox.ts';

export interface SidestageOptions {
  folder: string;
  port: number;
  backstageUrl: string;
  sandbox: Sandbox;
  /** Whose access tokens are taken, besides Backstage's. */
  keycloak?: Keycloak;
  /** More of `sidestage.yaml`, as YAML. */
  moreConfig?: string;
}

/** A key for CI, as `auth.keys` takes it. Made up for these runs. */
export const CI_KEY = 'sidestage-tests-ci-key-0123456789abcdef';

/** What Sidestage keeps of a key, as `sidestage keys` prints it. */
const kept = (key: string): string =>
  `hash: sha256:${createHash('sha256').update(key).digest('hex')}
      expires: 9999-12-31`;

const tokenVariable = (service: ServiceName): string => `${service.toUpperCase()}_TOKEN`;

// The sandbox's builds take a second: look as often.
const connection = (service: ServiceName, url: string): string => `  ${service}:
    provider: ${service}
    url: ${url}
    token: env:${tokenVariable(service)}
    pollInterval: 200ms
`;

const acceptedFrom = (keycloak: Keycloak): string => `  keycloak:
    issuer: ${keycloak.issuer}
    clients: [command-line]
`;

/** Sidestage itself. It can be killed and started again in its old place. */
export class Sidestage {
  readonly url: string;
  readonly #options: SidestageOptions;
  #service: Service | undefined;

  constructor(options: SidestageOptions) {
    this.#options = options;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  get service(): Service | undefined {
    return this.#service;
  }

  async start(): Promise<void> {
    const { folder, port, backstageUrl, sandbox, keycloak, moreConfig = '' } = this.#options;
    const services = Object.entries(sandbox.tokens) as [ServiceName, { administrator: string }][];
    const config = join(folder, 'sidestage.yaml');
    await writeFile(
      config,
      `listen: 127.0.0.1:${port}
auth:
  backstage:
    baseUrl: ${backstageUrl}
${keycloak === undefined ? '' : acceptedFrom(keycloak)}  keys:
    - name: ci
      ${kept(CI_KEY)}
connections:
${services.map(([service]) => connection(service, sandbox.urlOf(service))).join('')}${moreConfig}`,
    );
    this.#service = await Service.start({
      name: 'Sidestage',
      command: SIDESTAGE,
      args: ['serve', '--config', config],
      env: Object.fromEntries(services.map(([service, tokens]) => [tokenVariable(service), tokens.administrator])),
      cwd: folder,
      readyUrl: `${this.url}/.backstage/health/v1/readiness`,
      logFile: join(folder, 'sidestage.log'),
    });
  }

  async stop(): Promise<void> {
    await this.#service?.stop();
  }

  /** Ends it as a crash or `kill -9` would. */
  async kill(): Promise<void> {
    await this.#service?.kill();
  }
}
