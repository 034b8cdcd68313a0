// A Backstage backend with every scaffolder module that is published for it; see ../snapshot-actions.ts.
const { createBackend } = require('@backstage/backend-defaults');
const { dependencies } = require('./package.json');

const backend = createBackend();
for (const name of Object.keys(dependencies)) {
  if (/\/(plugin-|scaffolder-backend-module)/.test(name)) backend.add(require(name));
}
backend.start();
