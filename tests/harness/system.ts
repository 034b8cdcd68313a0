import { Backstage, type Door, type RemotePlugin } from './backstage.ts';
import { Keycloak } from './keycloak.ts';
import { RunFolder } from './paths.ts';
import { freePort } from './ports.ts';
import { Sandbox } from './sandbox.ts';
import { Sidestage } from './sidestage.ts';

export interface SystemOptions {
  door: Door;
  buildSeconds?: number;
  frontendUrl?: string;
  /** People sign in with a real Keycloak, and are kept apart by their organizations. */
  withKeycloak?: boolean;
  /** More of `sidestage.yaml`, as YAML. */
  moreConfig?: string;
  remotePlugins?: readonly RemotePlugin[];
  /** Leaves Sidestage to be started later, by `sidestage.start()`. */
  withoutSidestage?: boolean;
  /** Told about each part once it runs. */
  onStarted?: (name: string, url: string) => void;
}

/** Sandbox, Sidestage, Backstage and, if asked for, Keycloak on ports of their own. */
export interface System {
  sandbox: Sandbox;
  sidestage: Sidestage;
  backstage: Backstage;
  /** With `withKeycloak`. */
  keycloak: Keycloak | undefined;
  /** Where the configuration and the logs of this run are. */
  folder: RunFolder;
  /** The last lines that each part printed. */
  tails: () => string;
  stop: () => Promise<void>;
}

export async function startSystem(options: SystemOptions): Promise<System> {
  const { door, buildSeconds, frontendUrl, withKeycloak = false, moreConfig, remotePlugins, withoutSidestage = false, onStarted } = options;
  const folder = new RunFolder();
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one();
    folder.remove();
  };
  try {
    const sandbox = await Sandbox.start(folder.path, buildSeconds === undefined ? {} : { buildSeconds });
    stops.push(() => sandbox.service.stop());
    onStarted?.('Sandbox', sandbox.url);

    const backstagePort = await freePort();
    const backstageUrl = `http://127.0.0.1:${backstagePort}`;
    const keycloak = withKeycloak ? await Keycloak.start({ folder: folder.path, backstageUrl }) : undefined;
    if (keycloak !== undefined) {
      stops.push(() => keycloak.stop());
      onStarted?.('Keycloak', keycloak.url);
    }

    const sidestage = new Sidestage({
      folder: folder.path,
      port: await freePort(),
      backstageUrl,
      sandbox,
      ...(keycloak === undefined ? {} : { keycloak }),
      ...(moreConfig === undefined ? {} : { moreConfig }),
    });
    stops.push(() => sidestage.stop());
    if (!withoutSidestage) {
      await sidestage.start();
      onStarted?.('Sidestage', sidestage.url);
    }

    const backstage = await Backstage.start({
      folder: folder.path,
      port: backstagePort,
      door,
      sidestageUrl: sidestage.url,
      sandbox,
      ...(keycloak === undefined ? {} : { keycloak }),
      ...(frontendUrl === undefined ? {} : { frontendUrl }),
      ...(remotePlugins === undefined ? {} : { remotePlugins }),
    });
    stops.push(() => backstage.service.stop());
    onStarted?.('Backstage', backstage.url);
    const tails = (): string =>
      [sandbox.service, keycloak?.service, sidestage.service, backstage.service].map((service) => service?.tail() ?? '').join('\n');
    return { sandbox, sidestage, backstage, keycloak, folder, tails, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
