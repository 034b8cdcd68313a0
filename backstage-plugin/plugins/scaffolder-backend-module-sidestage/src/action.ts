import type { AuthService, BackstageCredentials, LoggerService } from '@backstage/backend-plugin-api';
import { AuthenticationError } from '@backstage/errors';
import type { ActionContext, TemplateAction } from '@backstage/plugin-scaffolder-node';
import type { JsonObject } from '@backstage/types';
import type { ActionDescriptor, RunEvent, SidestageClient, TokenSource } from './client';
import { CancelledError, isExpected, ProblemError, toStepError, UnreachableError } from './errors';
import { idempotencyKey } from './idempotencyKey';
import { StepLog } from './stepLog';

/** The audience of the tokens that Sidestage takes. */
export const SIDESTAGE_PLUGIN_ID = 'sidestage';

/** How long a cancelled run may take to end, in milliseconds. */
const CANCEL_LIMIT = 30_000;

/** How often Sidestage may forget the step's run before the step gives up. */
const MOST_RESTARTS = 5;

/** What the actions of Sidestage need. */
export interface ActionOptions {
  client: SidestageClient;
  auth: AuthService;
  /** The backend's log: it gets the stack traces that a task's log does not show. */
  logger: LoggerService;
  /** For tests. */
  cancelLimit?: number;
}

type Context = ActionContext<JsonObject, JsonObject>;

/**
 * The action that Backstage runs for a descriptor.
 *
 * A plain object: `createTemplateAction` takes zod schemas only and drops JSON Schema without a word.
 */
export function toTemplateAction(
  descriptor: ActionDescriptor,
  options: ActionOptions,
): TemplateAction<JsonObject, JsonObject> {
  const { id, title, description = title, examples, schema, supportsDryRun = false } = descriptor;
  return {
    id,
    ...(description !== undefined && { description }),
    ...(examples && { examples }),
    ...(schema && { schema }),
    supportsDryRun,
    async handler(ctx) {
      try {
        await new Step(id, ctx, options).run();
      } catch (error) {
        const level = isExpected(error) ? 'debug' : 'error';
        options.logger[level](`Step of ${id} failed`, error instanceof Error ? error : { error: String(error) });
        throw toStepError(error);
      }
    },
  };
}

/** One step of a task: starts its run, or joins it, and follows it to its end. */
class Step {
  readonly #actionId: string;
  readonly #ctx: Context;
  readonly #options: ActionOptions;
  readonly #log: StepLog;
  readonly #token: TokenSource;
  /** Aborts when the step is over, or when a cancelled run took too long to end. */
  readonly #over = new AbortController();

  constructor(actionId: string, ctx: Context, options: ActionOptions) {
    this.#actionId = actionId;
    this.#ctx = ctx;
    this.#options = options;
    this.#log = new StepLog(ctx.logger, 'Sidestage');
    this.#token = () => tokenFor(ctx, options.auth);
  }

  get #client() {
    return this.#options.client;
  }

  get #isCancelled() {
    return this.#ctx.signal?.aborted ?? false;
  }

  async run() {
    const { signal } = this.#ctx;
    const limit = this.#options.cancelLimit ?? CANCEL_LIMIT;
    let patience: NodeJS.Timeout | undefined;
    const onAbort = () => {
      patience = setTimeout(() => this.#over.abort(), limit);
    };
    try {
      if (this.#isCancelled) throw new CancelledError('The task was cancelled before the step began.');
      signal?.addEventListener('abort', onAbort, { once: true });
      await this.#runToEnd();
    } catch (error) {
      // The only one who aborts before the step is over is the time limit of the cancellation.
      if (!this.#over.signal.aborted) throw error;
      throw new CancelledError(
        `The task was cancelled, but Sidestage did not say within ${Math.round(limit / 1000)} s that the run has ended. ` +
          `It may still be going on: look at the service before running the template again.`,
      );
    } finally {
      signal?.removeEventListener('abort', onAbort);
      clearTimeout(patience);
      this.#over.abort();
      this.#log.close();
    }
  }

  /**
   * Starts the run and follows it. A run outlives a restart of Sidestage; it is started again only when Sidestage does
   * not know it: its journal was lost, or the run is older than what is kept.
   */
  async #runToEnd() {
    for (let restarts = 0; ; restarts++) {
      const run = await this.#start();
      this.#log.waitFor(`run ${run.id} of Sidestage`);
      const end = await this.#follow(run.id);
      if (end === 'done') return;
      if (this.#isCancelled) {
        throw new CancelledError(
          `The task was cancelled, and Sidestage does not know run ${run.id} any more. ` +
            `Look at the service before running the template again.`,
        );
      }
      if (restarts === MOST_RESTARTS) throw end;
      this.#log.say(
        'warn',
        `Sidestage does not know run ${run.id} any more: starting it again. What was made is found and used.`,
      );
    }
  }

  async #start() {
    const { task, step, input, isDryRun } = this.#ctx;
    const request = {
      action: this.#actionId,
      input,
      dryRun: isDryRun ?? false,
      idempotencyKey: idempotencyKey(task.id, step?.id ?? '', input),
    };
    const run = await this.#client.startRun(this.#token, request, {
      signal: this.#over.signal,
      onRetry: error => {
        const why =
          error instanceof UnreachableError
            ? `Sidestage cannot be reached (${error.reason}): trying again.`
            : `Sidestage asks to wait: ${error.message}`;
        this.#log.say('warn', why);
      },
    });
    if (run.joined) this.#log.say('info', `Sidestage had run ${run.id} of this step already: following it.`);
    else this.#log.say('debug', `Sidestage started run ${run.id}.`);
    return run;
  }

  /** Follows the run to its end. Gives the refusal when Sidestage does not know it any more. */
  async #follow(runId: string): Promise<'done' | ProblemError> {
    const { signal } = this.#ctx;
    const cancel = () => void this.#cancel(runId);
    if (this.#isCancelled) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
    // Given to Backstage only at the end: under `each` it would count a second one as the next iteration's.
    let output: JsonObject = {};
    try {
      for await (const event of this.#client.followRun(this.#token, runId, this.#over.signal)) {
        switch (event.event) {
          case 'log':
            this.#log.say(event.level, event.message);
            break;
          case 'progress':
            this.#log.say('info', event.message + (event.percent === undefined ? '' : ` (${event.percent}%)`));
            break;
          case 'output':
            output = event.output;
            break;
          case 'lost':
            this.#log.say(
              'warn',
              `The connection to Sidestage is lost (${event.reason}): connecting again. The run goes on meanwhile.`,
            );
            break;
          case 'back':
            this.#log.say('info', 'The connection to Sidestage is back.');
            break;
          case 'end':
            this.#end(event, output);
            break;
        }
      }
      return 'done';
    } catch (error) {
      if (error instanceof RunFailed) throw new ProblemError(error.problem);
      if (error instanceof ProblemError && error.problem.status === 404) return error;
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  #end({ status, error }: Extract<RunEvent, { event: 'end' }>, output: JsonObject) {
    if (status !== 'succeeded') {
      throw new RunFailed(
        error ?? { status: 500, code: 'internal', detail: `Sidestage says that the run ${status}, and not why.` },
      );
    }
    for (const [name, value] of Object.entries(output)) this.#ctx.output(name, value);
  }

  /** Asks the run to end. What becomes of it is heard by following it. */
  async #cancel(runId: string) {
    this.#log.say('info', `Cancelling run ${runId} of Sidestage.`);
    try {
      await this.#client.cancelRun(this.#token, runId, this.#over.signal);
    } catch (error) {
      if (this.#over.signal.aborted) return;
      this.#log.say('warn', `Sidestage could not be asked to cancel run ${runId}: ${toStepError(error).message}`);
    }
  }
}

/** The run's own failure; apart from a refusal to follow it, which looks the same. */
class RunFailed extends ProblemError {}

/** A token that says who asks: the person who started the task, through the scaffolder. */
async function tokenFor(ctx: Context, auth: AuthService): Promise<string> {
  const credentials = await ctx.getInitiatorCredentials();
  const expiresAt = expiryOf(credentials);
  if (expiresAt && expiresAt.getTime() <= Date.now()) {
    throw new AuthenticationError(
      `The Backstage sign-in with which this task was started expired at ${expiresAt.toISOString()}, so nothing more ` +
        `can be asked of Sidestage in your name. Start the task again: what was made already is found and used.`,
    );
  }
  try {
    const { token } = await auth.getPluginRequestToken({
      onBehalfOf: credentials,
      targetPluginId: SIDESTAGE_PLUGIN_ID,
    });
    return token;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AuthenticationError(`Backstage gave no token to call Sidestage with: ${reason}`);
  }
}

/** Backstage keeps credentials as JSON with a task: what says Date in the type is text then. */
function expiryOf({ expiresAt }: BackstageCredentials): Date | undefined {
  if (!expiresAt) return undefined;
  const date = new Date(expiresAt);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
