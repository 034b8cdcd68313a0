import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asProblem, ProblemError, toStepError, UnreachableError } from './errors';

test('each status of the run API has its class of @backstage/errors, or its own name', () => {
  const names: [number, string, string][] = [
    [400, 'invalid_input', 'InputError'],
    [401, 'unauthenticated', 'AuthenticationError'],
    [403, 'forbidden', 'NotAllowedError'],
    [404, 'not_found', 'NotFoundError'],
    [409, 'conflict', 'ConflictError'],
    [422, 'idempotency_mismatch', 'InputError'],
    [429, 'rate_limited', 'ServiceUnavailableError'],
    [499, 'cancelled', 'CancelledError'],
    [500, 'internal', 'InternalError'],
    [502, 'upstream_rejected', 'UpstreamRejectedError'],
    [502, 'outcome_unknown', 'OutcomeUnknownError'],
    [503, 'upstream_unavailable', 'ServiceUnavailableError'],
    [504, 'deadline_exceeded', 'ServiceUnavailableError'],
  ];
  for (const [status, code, name] of names) {
    const error = toStepError(new ProblemError({ status, code, detail: 'A sentence.', retryable: true }));
    assert.equal(error.name, name);
    assert.equal(error.message, 'A sentence.');
    assert.equal(error.stack, `${name}: A sentence.`);
  }
});

test('the id of a request is shown where the reason is in the log alone', () => {
  const messageOf = (code: string, status: number) =>
    toStepError(new ProblemError({ status, code, detail: 'A sentence.', requestId: 'r-1' })).message;
  assert.equal(messageOf('internal', 500), 'A sentence. (request r-1)');
  assert.equal(messageOf('conflict', 409), 'A sentence.');
});

test('an error of ours shows no path either', () => {
  const error = toStepError(new TypeError('x is not a function'));
  assert.equal(error.stack, 'TypeError: x is not a function');
  assert.match(
    toStepError(new UnreachableError('http://s', 'no answer in time')).stack!,
    /^ServiceUnavailableError: [^\n]*$/,
  );
});

test('only a problem is read as one', () => {
  assert.equal(asProblem({ error: { message: 'no' } }), undefined);
  assert.equal(asProblem('no'), undefined);
  assert.equal(asProblem(null), undefined);
  const problem = { status: 400, code: 'x', detail: 'y', requestId: 'r' };
  assert.deepEqual(asProblem({ ...problem, more: 1, errors: [{ field: '/a', detail: 'b' }, 'no'] }), {
    ...problem,
    errors: [{ field: '/a', detail: 'b' }],
  });
});
