import { randomBytes } from 'node:crypto';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { json } from './json.ts';
import { ROOT } from './paths.ts';
import { freePort } from './ports.ts';
import { Service } from './process.ts';

export interface KeycloakOptions {
  folder: string;
  /** Backstage's backend: where people come back to after they have signed in. */
  backstageUrl: string;
}

/** The people of `tests/keycloak/realm.json`, by what is special about them. */
export const PEOPLE = {
  ofAcme: 'jane',
  ofGlobex: 'bob',
  ofBoth: 'carol',
  ofNone: 'noah',
  disabled: 'dave',
} as const;

export type Person = (typeof PEOPLE)[keyof typeof PEOPLE];

const REALM = 'sidestage';
const HOME = join(ROOT, '.tools', 'keycloak');

/** A real Keycloak in development mode with the realm of the tests. It can be stopped and started again in its place. */
export class Keycloak {
  readonly url: string;
  readonly realm = REALM;
  /** What the tokens call their issuer. */
  readonly issuer: string;
  // What realm.json leaves open is drawn for each run.
  /** Everybody's password. */
  readonly password = randomBytes(12).toString('hex');
  /** The secret of the clients that Backstage has. */
  readonly clientSecret = randomBytes(24).toString('hex');
  readonly #administrationSecret = randomBytes(24).toString('hex');
  readonly #options: KeycloakOptions;
  readonly #managementPort: number;
  #service: Service | undefined;

  private constructor(options: KeycloakOptions, port: number, managementPort: number) {
    this.#options = options;
    this.#managementPort = managementPort;
    this.url = `http://127.0.0.1:${port}`;
    this.issuer = `${this.url}/realms/${REALM}`;
  }

  static async start(options: KeycloakOptions): Promise<Keycloak> {
    const keycloak = new Keycloak(options, await freePort(), await freePort());
    // The database of an empty server, made when Keycloak was installed.
    await cp(join(HOME, 'data', 'h2'), keycloak.#databaseFolder, { recursive: true });
    await mkdir(join(HOME, 'data', 'import'), { recursive: true });
    await cp(join(ROOT, 'tests', 'keycloak', 'realm.json'), join(HOME, 'data', 'import', `${REALM}-realm.json`));
    await keycloak.start();
    return keycloak;
  }

  get service(): Service | undefined {
    return this.#service;
  }

  get #databaseFolder(): string {
    return join(this.#options.folder, 'keycloak');
  }

  /** Starts it, the first time or again: people, keys and sessions are those it was stopped with. */
  async start(): Promise<void> {
    this.#service = await Service.start({
      name: 'Keycloak',
      command: join(HOME, 'bin', 'kc.sh'),
      args: [
        'start-dev',
        '--import-realm',
        '--health-enabled=true',
        '--http-host=127.0.0.1',
        `--http-port=${new URL(this.url).port}`,
        `--http-management-port=${this.#managementPort}`,
        `--db-url=jdbc:h2:file:${join(this.#databaseFolder, 'keycloakdb')};NON_KEYWORDS=VALUE`,
      ],
      env: {
        // Half the work of a start is the JVM's optimising compiler.
        JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
        PEOPLE_PASSWORD: this.password,
        BACKSTAGE_CLIENT_SECRET: this.clientSecret,
        ADMINISTRATION_CLIENT_SECRET: this.#administrationSecret,
        BACKSTAGE_URL: this.#options.backstageUrl,
      },
      // kc.sh has the server as its child.
      ownGroup: true,
      readyUrl: `http://127.0.0.1:${this.#managementPort}/health/ready`,
      logFile: join(this.#options.folder, 'keycloak.log'),
    });
  }

  async stop(): Promise<void> {
    await this.#service?.stop();
  }

  /** An access token of the person's own, as a command line would get one, without Backstage. */
  async accessToken(person: Person): Promise<string> {
    return this.#token({
      grant_type: 'password',
      client_id: 'command-line',
      username: person,
      password: this.password,
      scope: 'openid organization:*',
    });
  }

  /** An access token that stands for a client and for no person. */
  async serviceToken(): Promise<string> {
    return this.#clientToken('backstage-catalog', this.clientSecret);
  }

  /** Signs with a new key from now on; the old ones stay published, or are taken away at once. */
  async rotateKeys(old: 'published' | 'removed' = 'published'): Promise<void> {
    const realm = (await this.#admin('GET', '')) as { id: string };
    const providerType = 'org.keycloak.keys.KeyProvider';
    const providers = (await this.#admin('GET', `/components?type=${providerType}`)) as KeyProvider[];
    const signing = providers.filter(({ providerId }) => providerId === 'rsa-generated');
    const priority = 1 + Math.max(...signing.map(({ config }) => Number(config.priority?.[0] ?? 0)));
    await this.#admin('POST', '/components', {
      name: `rsa-generated-${priority}`,
      providerId: 'rsa-generated',
      providerType,
      parentId: realm.id,
      config: { priority: [String(priority)], enabled: ['true'], active: ['true'], algorithm: ['RS256'] },
    });
    if (old === 'removed') for (const { id } of signing) await this.#admin('DELETE', `/components/${id}`);
  }

  async #clientToken(clientId: string, secret: string): Promise<string> {
    return this.#token({ grant_type: 'client_credentials', client_id: clientId, client_secret: secret });
  }

  async #token(form: Record<string, string>): Promise<string> {
    const answer = await json(`${this.issuer}/protocol/openid-connect/token`, { method: 'POST', body: new URLSearchParams(form) });
    return (answer as { access_token: string }).access_token;
  }

  async #admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const token = await this.#clientToken('administration', this.#administrationSecret);
    return json(`${this.url}/admin/realms/${REALM}${path}`, { method, token, body });
  }
}

interface KeyProvider {
  id: string;
  providerId: string;
  config: { priority?: string[] };
}
