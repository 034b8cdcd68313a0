import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { listen } from './listen.ts';
import { ROOT } from './paths.ts';

const DIST = join(ROOT, 'tests', 'backstage', 'frontend', 'dist');

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

export interface Frontend {
  url: string;
  stop: () => Promise<void>;
}

/** Serves Backstage's bundled web UI; any path that is no file is the app's own, as its router wants. */
export async function serveFrontend(options: { port: number; backendUrl: string; signIn?: 'guest' | 'keycloak' }): Promise<Frontend> {
  const { port, backendUrl, signIn = 'guest' } = options;
  const url = `http://127.0.0.1:${port}`;
  const config = [
    {
      context: 'app',
      data: {
        app: { title: 'Sidestage demo', baseUrl: url },
        organization: { name: 'Sidestage demo' },
        backend: { baseUrl: backendUrl },
        auth: { environment: signIn === 'guest' ? 'development' : 'production', providers: { [signIn]: {} } },
        permission: { enabled: true },
      },
    },
  ];
  const index = (await readFile(join(DIST, 'index.html'), 'utf8')).replace(
    '<!-- config -->',
    `<script type="backstage.io/config">${JSON.stringify(config).replaceAll('<', '\\u003c')}</script>`,
  );

  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', url);
    const name = normalize(decodeURIComponent(pathname));
    const page = (): void => {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }).end(index);
    };
    const type = TYPES[extname(name)];
    if (type === undefined || name.includes('..') || name === '/index.html') {
      page();
      return;
    }
    readFile(join(DIST, name)).then((content) => {
      response.writeHead(200, { 'content-type': type }).end(content);
    }, page);
  });
  return { url, stop: await listen(server, port) };
}
