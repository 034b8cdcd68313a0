import assert from 'node:assert/strict';
import { test } from 'node:test';
import { groupName, organizationOf, parentOf, userName } from './names';

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
  // What looks like the name of another path is none.
  names.push(groupName(`/${names[3]}`));
  assert.equal(new Set(names).size, names.length, names.join(' '));
  for (const name of names) assert.match(name, /^[a-z0-9]([-_.a-z0-9]{0,61}[a-z0-9])?$/i);
});

test('a user name stays where the catalog takes it, and else ends in a hash of the id', () => {
  for (const plain of ['jane', 'j.doe', 'j_doe-2', 'a'.repeat(63)]) assert.equal(userName(plain, '1'), plain);
  const others = ['jane@acme.test', '_jane', 'jane.', 'Jane', '团队', 'a'.repeat(64), 'jane-0123456789abcdef'];
  for (const other of others) {
    const [name, namesake] = [userName(other, '1'), userName(other, '2')];
    assert.match(name, /^([a-z0-9]([-_.a-z0-9]*[a-z0-9])?-)?[0-9a-f]{16}$/i);
    assert.ok(name.length <= 63, name);
    assert.notEqual(name, namesake);
  }
});

test('the topmost group of the path is the organization, and has no parent', () => {
  assert.equal(organizationOf('/acme-corp/engineering/backend'), 'acme-corp');
  assert.equal(organizationOf('/acme-corp'), 'acme-corp');
  assert.equal(organizationOf('/acme~/eu/x'), groupName('/acme~/eu'));
  assert.equal(parentOf('/acme-corp'), undefined);
  assert.equal(parentOf('/acme-corp/engineering/backend'), '/acme-corp/engineering');
  assert.equal(parentOf('/acme~/eu/x'), '/acme~/eu');
});
