import { createServer } from 'node:http';
import { listen } from './listen.ts';
import { freePort } from './ports.ts';
import { until } from './until.ts';

export interface TokenListener {
  /** The plugin's base URL, for `discovery.endpoints`. */
  url: string;
  /** The last token that Backstage sent. */
  token: () => Promise<string>;
  stop: () => Promise<void>;
}

/** Plays a Backstage plugin without actions, and keeps the token that it is called with. */
export async function listenForToken(pluginId: string): Promise<TokenListener> {
  let last: string | undefined;
  const server = createServer((request, response) => {
    last = request.headers.authorization?.replace(/^Bearer /, '') ?? last;
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"actions":[]}');
  });
  const port = await freePort();
  const stop = await listen(server, port);
  return {
    url: `http://127.0.0.1:${port}/api/${pluginId}`,
    token: () => until(() => Promise.resolve(last), { what: `Backstage calls the plugin ${pluginId}` }),
    stop,
  };
}
