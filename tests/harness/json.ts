// A bound on a call that hangs, so that it is known which.
const GIVE_UP_MS = 120_000;

/** An HTTP answer that was not the one asked for; `body` is what came with it. */
export class HttpError extends Error {
  readonly status: number;
  readonly body: string;

  constructor(request: string, status: number, body: string) {
    super(`${request} answered ${status}: ${body.slice(0, 300)}`);
    this.name = 'HttpError';
    this.status = status;
    this.body = body;
  }
}

export interface JsonRequest {
  method?: string;
  token?: string | undefined;
  /** A form as it is, anything else as JSON. */
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** One request with its JSON answer. The caller says what the answer is. */
export async function json(url: string, request: JsonRequest = {}): Promise<unknown> {
  const { method = 'GET', token, body, headers = {} } = request;
  const isJson = body !== undefined && !(body instanceof URLSearchParams);
  const answer = fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(isJson ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    body: isJson ? JSON.stringify(body) : (body ?? null),
    signal: AbortSignal.timeout(GIVE_UP_MS),
  });
  const response = await answer.catch((error: unknown) => {
    throw new Error(`${method} ${url} has no answer: ${String(error)}`, { cause: error });
  });
  const text = await response.text();
  if (!response.ok) throw new HttpError(`${method} ${url}`, response.status, text);
  return text === '' ? undefined : JSON.parse(text);
}
