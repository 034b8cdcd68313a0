import {
  type AuthService,
  coreServices,
  createBackendModule,
  type LoggerService,
  type RootConfigService,
} from '@backstage/backend-plugin-api';
import { readDurationFromConfig } from '@backstage/config';
import { InputError } from '@backstage/errors';
import { scaffolderActionsExtensionPoint } from '@backstage/plugin-scaffolder-node';
import { durationToMilliseconds } from '@backstage/types';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SIDESTAGE_PLUGIN_ID, toTemplateAction } from './action';
import { type ActionDescriptor, type ClientLimits, readActions, SidestageClient } from './client';
import { toStepError } from './errors';

const DEFAULT_STARTUP_TIMEOUT = 5_000;

/**
 * What tests set.
 *
 * @internal
 */
export interface ModuleOptions {
  limits?: Partial<ClientLimits>;
}

/**
 * The module, with other limits than usual.
 *
 * @internal
 */
export function createSidestageModule({ limits }: ModuleOptions = {}) {
  return createBackendModule({
    pluginId: 'scaffolder',
    moduleId: 'sidestage',
    register(reg) {
      reg.registerInit({
        deps: {
          actions: scaffolderActionsExtensionPoint,
          auth: coreServices.auth,
          config: coreServices.rootConfig,
          logger: coreServices.logger,
        },
        async init({ actions, auth, config, logger }) {
          const { baseUrl, startupTimeout } = readConfig(config);
          const client = new SidestageClient(baseUrl, limits);
          const descriptors = await loadDescriptors({ client, auth, logger, startupTimeout });
          actions.addActions(...descriptors.map(descriptor => toTemplateAction(descriptor, { client, auth, logger })));
        },
      });
    },
  });
}

/**
 * Registers every action of Sidestage with the scaffolder.
 *
 * @public
 */
export const scaffolderModuleSidestage = createSidestageModule();

function readConfig(config: RootConfigService) {
  const text = config.getString('sidestage.baseUrl');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash) {
    throw new InputError(
      `sidestage.baseUrl in Backstage's configuration must be an http or https URL without credentials, query and ` +
        `fragment, for example http://sidestage:7008.`,
    );
  }
  const startupTimeout = config.has('sidestage.startupTimeout')
    ? durationToMilliseconds(readDurationFromConfig(config, { key: 'sidestage.startupTimeout' }))
    : DEFAULT_STARTUP_TIMEOUT;
  return { baseUrl: `${url.origin}${url.pathname}`.replace(/\/+$/, ''), startupTimeout };
}

/**
 * The actions as Sidestage lists them now. When it cannot be asked, those that it had when this package was built:
 * Backstage starts in any case, and their steps work as soon as Sidestage does.
 */
async function loadDescriptors(options: {
  client: SidestageClient;
  auth: AuthService;
  logger: LoggerService;
  startupTimeout: number;
}): Promise<ActionDescriptor[]> {
  const { client, auth, logger, startupTimeout } = options;
  const token = async () => {
    const onBehalfOf = await auth.getOwnServiceCredentials();
    return (await auth.getPluginRequestToken({ onBehalfOf, targetPluginId: SIDESTAGE_PLUGIN_ID })).token;
  };
  try {
    const live = withoutDoubles(await client.actions(token, startupTimeout), logger);
    logger.info(`Sidestage at ${client.baseUrl} offers ${ids(live)}`);
    return live;
  } catch (error) {
    const shipped = await shippedActions(logger);
    logger.warn(
      `Sidestage did not list its actions: ${toStepError(error).message} ` +
        `Registered are those that came with this package: ${ids(shipped)}. ` +
        `They work as soon as Sidestage does; others are registered when Backstage is started again.`,
    );
    return shipped;
  }
}

/** The descriptors that the build put beside this file. */
async function shippedActions(logger: LoggerService): Promise<ActionDescriptor[]> {
  try {
    const actions = readActions(JSON.parse(await readFile(join(__dirname, 'actions.json'), 'utf8')));
    if (!actions) throw new Error('it is no list of actions');
    return actions;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    logger.error(`actions.json of @sidestage/plugin-scaffolder-backend-module-sidestage cannot be read: ${reason}`);
    return [];
  }
}

/** The scaffolder does not start when an id is registered twice. */
function withoutDoubles(actions: ActionDescriptor[], logger: LoggerService): ActionDescriptor[] {
  const byId = new Map<string, ActionDescriptor>();
  for (const action of actions) {
    if (byId.has(action.id)) logger.warn(`Sidestage lists ${action.id} twice: the second is left out`);
    else byId.set(action.id, action);
  }
  return [...byId.values()];
}

function ids(actions: ActionDescriptor[]): string {
  return actions.map(action => action.id).join(', ') || 'no actions';
}
