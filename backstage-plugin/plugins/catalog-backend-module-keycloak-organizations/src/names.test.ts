import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupName, organizationOf, parentOf } from './names';

test('a group is named after its full path', () => {
  assert.equal(groupName('/acme-corp'), 'acme-corp');
  assert.equal(groupName('/acme-corp/engineering'), 'acme-corp.engineering');
  assert.equal(groupName('/globex/engineering/on_call'), 'globex.engineering.on_call');
});

test('two paths never have one name', () => {
  const paths = [
    '/acme/corp/x',
    '/acme.corp/x',
    '/acme/corp.x',
    '/acme corp/x',
    '/acme-corp/x',
    '/acme~/corp/x',
    '/Café/x',
    '/Cafe/x',
    '/团队',
    '/部门',
    `/${'a'.repeat(64)}`,
    `/${'a'.repeat(65)}`,
  ];
  const names = paths.map(groupName);
  assert.equal(new Set(names).size, paths.length, names.join(' '));
  for (const name of names) assert.match(name, /^[a-z0-9]([-_.a-z0-9]{0,61}[a-z0-9])?$/i);
});

test('the topmost group of the path is the organization, and has no parent', () => {
  assert.equal(organizationOf('/acme-corp/engineering/backend'), 'acme-corp');
  assert.equal(organizationOf('/acme-corp'), 'acme-corp');
  assert.equal(organizationOf('/acme~/eu/x'), groupName('/acme~/eu'));
  assert.equal(parentOf('/acme-corp'), undefined);
  assert.equal(parentOf('/acme-corp/engineering/backend'), '/acme-corp/engineering');
  assert.equal(parentOf('/acme~/eu/x'), '/acme~/eu');
});
