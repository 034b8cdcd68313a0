import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SIDESTAGE } from './paths.ts';
import { Service } from './process.ts';

export interface SidestageOptions {
  folder: string;
  port: number;
  backstageUrl: string;
  coderUrl: string;
  coderToken: string;
  /** More of `sidestage.yaml`, as YAML. */
  moreConfig?: string;
}

/** A key for CI, as `auth.keys` takes it. Made up for these runs. */
export const CI_KEY = 'sidestage-tests-ci-key-0123456789abcdef';

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
    const { folder, port, backstageUrl, coderUrl, coderToken, moreConfig = '' } = this.#options;
    const config = join(folder, 'sidestage.yaml');
    await writeFile(
      config,
      `listen: 127.0.0.1:${port}
auth:
  backstage:
    baseUrl: ${backstageUrl}
  keys:
    - name: ci
      token: env:SIDESTAGE_CI_KEY
connections:
  coder:
    provider: coder
    url: ${coderUrl}
    token: env:CODER_TOKEN
    # The sandbox's builds take a second: look as often.
    pollInterval: 200ms
${moreConfig}`,
    );
    this.#service = await Service.start({
      name: 'Sidestage',
      command: SIDESTAGE,
      args: ['serve', '--config', config],
      env: { SIDESTAGE_CI_KEY: CI_KEY, CODER_TOKEN: coderToken },
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
