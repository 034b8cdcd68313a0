import {
  AuthenticationError,
  ConflictError,
  InputError,
  NotAllowedError,
  NotFoundError,
  ServiceUnavailableError,
} from '@backstage/errors';

/** What Sidestage says when it refuses (RFC 9457), as far as this module reads it. */
export interface Problem {
  /** The HTTP status of the class of error. */
  status: number;
  /** The stable name of the class of error. */
  code: string;
  /** A sentence that a person can act on. */
  detail: string;
  /** The fields at fault, if there are several. */
  errors?: { field: string; detail: string }[];
  /** Whether the same request can succeed later without a change. */
  retryable?: boolean;
  /** Seconds to wait. */
  retryAfter?: number;
  /** What Sidestage's log has the refused request under. */
  requestId?: string;
}

/** Reads a problem out of anything that was parsed from JSON. */
export function asProblem(value: unknown): Problem | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { status, code, detail, errors, retryable, retryAfter, requestId } = value as Record<string, unknown>;
  if (typeof status !== 'number' || typeof code !== 'string' || typeof detail !== 'string') return undefined;
  const problem: Problem = { status, code, detail };
  if (Array.isArray(errors)) {
    problem.errors = (errors as (Record<string, unknown> | null)[]).flatMap(item =>
      typeof item?.field === 'string' && typeof item.detail === 'string'
        ? [{ field: item.field, detail: item.detail }]
        : [],
    );
  }
  if (typeof retryable === 'boolean') problem.retryable = retryable;
  if (typeof retryAfter === 'number') problem.retryAfter = retryAfter;
  if (typeof requestId === 'string') problem.requestId = requestId;
  return problem;
}

/** Sidestage refused: a request, or the run. */
export class ProblemError extends Error {
  override name = 'ProblemError';
  /** What it said. */
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Sidestage could not be asked: no connection, no answer in time, or a proxy that says so. Asking again may help. */
export class UnreachableError extends Error {
  override name = 'UnreachableError';
  /** Why, in a few words. */
  readonly reason: string;

  constructor(baseUrl: string, reason: string) {
    super(
      `Sidestage cannot be reached at ${baseUrl} (${reason}). ` +
        `Check that it is running, and that sidestage.baseUrl in Backstage's configuration points to it.`,
    );
    this.reason = reason;
  }
}

/** Something answered that is not Sidestage's run API. Asking again does not help. */
export class UnexpectedAnswerError extends Error {
  override name = 'UnexpectedAnswerError';
}

/** The task was cancelled. */
export class CancelledError extends Error {
  override name = 'CancelledError';
}

/** Whether an error is one that a step may end with. Any other is a fault of this module or of Backstage. */
export function isExpected(error: unknown): boolean {
  return [ProblemError, UnreachableError, UnexpectedAnswerError, CancelledError, AuthenticationError].some(
    expected => error instanceof expected,
  );
}

/** The refusals whose reason is in Sidestage's log alone, under the request's id. */
const EXPLAINED_IN_LOG = ['unauthenticated', 'internal'];

const classes: Record<number, new (message: string) => Error> = {
  400: InputError,
  401: AuthenticationError,
  403: NotAllowedError,
  404: NotFoundError,
  409: ConflictError,
  413: InputError,
  422: InputError,
  429: ServiceUnavailableError,
  503: ServiceUnavailableError,
  504: ServiceUnavailableError,
};

/** `upstream_rejected` -> `UpstreamRejectedError` */
function nameOf(code: string): string {
  const words = code.split('_').filter(Boolean);
  return `${words.map(word => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Error`;
}

/**
 * What a step throws for `error`. Backstage shows a person the name, the message and the stack, nothing else: so the
 * class is one of `@backstage/errors` where one fits, the message is the sentence, and the stack holds no paths.
 */
export function toStepError(error: unknown): Error {
  if (error instanceof ProblemError) {
    const { status, code, detail, errors = [], requestId } = error.problem;
    const reference = requestId && EXPLAINED_IN_LOG.includes(code) ? ` (request ${requestId})` : '';
    const message = [detail + reference, ...errors.map(item => `- ${item.field}: ${item.detail}`)].join('\n');
    const Class = classes[status];
    const mapped = Class ? new Class(message) : new Error(message);
    if (!Class) mapped.name = nameOf(code);
    return withoutStack(mapped);
  }
  if (error instanceof UnreachableError || error instanceof UnexpectedAnswerError) {
    return withoutStack(new ServiceUnavailableError(error.message));
  }
  // Another error than the caught one, which keeps its stack for the log.
  const shown = new Error(error instanceof Error ? error.message : String(error));
  if (error instanceof Error) shown.name = error.name;
  return withoutStack(shown);
}

/** The error with a stack that is only its name and message. */
function withoutStack<E extends Error>(error: E): E {
  error.stack = `${error.name}: ${error.message}`;
  return error;
}
