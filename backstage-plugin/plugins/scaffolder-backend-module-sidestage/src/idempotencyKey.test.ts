import type { JsonObject } from '@backstage/types';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson, idempotencyKey } from './idempotencyKey';

test('canonical JSON does not depend on the order of keys', () => {
  const one = canonicalJson({ b: [{ y: 1, x: null }], a: 'ü' });
  assert.equal(one, '{"a":"ü","b":[{"x":null,"y":1}]}');
  assert.equal(canonicalJson({ a: 'ü', b: [{ x: null, y: 1 }] }), one);
});

test('canonical JSON keeps the order of lists and a key named __proto__', () => {
  assert.equal(canonicalJson(['b', 'a']), '["b","a"]');
  assert.equal(canonicalJson(JSON.parse('{"__proto__":{"b":1,"a":2}}') as JsonObject), '{"__proto__":{"a":2,"b":1}}');
});

test('a key names task, step and input', () => {
  const key = idempotencyKey('task', 'step', { a: 1, b: 2 });
  assert.match(key, /^task:step:[0-9a-f]{64}$/);
  assert.equal(idempotencyKey('task', 'step', { b: 2, a: 1 }), key);
  for (const other of [
    idempotencyKey('other', 'step', { a: 1, b: 2 }),
    idempotencyKey('task', 'other', { a: 1, b: 2 }),
    idempotencyKey('task', 'step', { a: 1, b: 3 }),
  ]) {
    assert.notEqual(other, key);
  }
});

test('a key fits whatever the step is called', () => {
  for (const step of ['Ärger', 'two words', 'x'.repeat(300)]) {
    const key = idempotencyKey('task', step, {});
    assert.match(key, /^[\x21-\x7e]{1,255}$/);
    assert.notEqual(key, idempotencyKey('task', `${step}!`, {}));
  }
});
