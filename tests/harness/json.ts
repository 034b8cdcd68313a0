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
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

/** One JSON request with its JSON answer. The caller says what the answer is. */
export async function json(url: string, request: JsonRequest = {}): Promise<unknown> {
  const { method = 'GET', token, body, headers = {} } = request;
  const response = await fetch(url, {
    method,
    headers: {
      accept: 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new HttpError(`${method} ${url}`, response.status, text);
  return text === '' ? undefined : JSON.parse(text);
}
