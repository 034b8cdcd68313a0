import { createServer } from 'node:net';

// Below the range from which Linux gives out ports for outgoing connections, so that nobody is handed
// the port between our asking for it and the process's opening it.
const FIRST = 20_000;
const LAST = 32_000;

const given = new Set<number>();

/** A port on loopback on which nobody listens. Drawn at random: two checkouts do not run into each other. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (!given.has(port) && (await isFree(port))) {
      given.add(port);
      return port;
    }
  }
  throw new Error(`found no free port between ${FIRST} and ${LAST}`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen(port, '127.0.0.1', () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
