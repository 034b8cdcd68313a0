import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';
import { startSystem, type System, type SystemOptions } from '../harness/system.ts';

/**
 * Starts a system for the tests of a file and stops it after them; `prepare` does what else they need and answers how
 * to undo it. When a test fails, what the parts printed last is shown.
 *
 * Answers a function, since there is no system before the first test.
 */
export function useSystem(
  options: () => Promise<SystemOptions> | SystemOptions,
  prepare?: (system: System) => Promise<() => Promise<void>>,
): () => System {
  let system: System | undefined;
  const stops: (() => Promise<void>)[] = [];
  // One hook for all: those outside of any suite do not wait for each other.
  before(async () => {
    system = await startSystem(await options());
    stops.push(system.stop);
    if (prepare !== undefined) stops.push(await prepare(system));
  });
  afterEach((context) => {
    if ('passed' in context && !context.passed && system !== undefined) process.stdout.write(`${system.tails()}\n`);
  });
  after(async () => {
    const failures: unknown[] = [];
    // One that fails keeps no other running.
    for (const stop of stops.reverse()) await stop().catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw new AggregateError(failures, 'not all parts of the system could be stopped');
  });
  return () => {
    assert.ok(system, 'the system runs');
    return system;
  };
}
