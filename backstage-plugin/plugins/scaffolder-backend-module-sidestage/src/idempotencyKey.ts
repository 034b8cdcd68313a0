import type { JsonValue } from '@backstage/types';
import { createHash } from 'node:crypto';

/** The longest key that Sidestage takes. */
const LONGEST = 255;

/**
 * The key under which a step's run is started, joined after Backstage's retry, and continued after its recovery.
 *
 * All iterations of an `each` share task and step, and Backstage does not pass on which one it is: so the input is
 * part of the key.
 */
export function idempotencyKey(taskId: string, stepId: string, input: JsonValue): string {
  const key = `${taskId}:${stepId}:${sha256(canonicalJson(input))}`;
  const fits = key.length <= LONGEST && /^[\x21-\x7e]+$/.test(key);
  return fits ? key : `${sha256(taskId)}:${sha256(stepId)}:${sha256(canonicalJson(input))}`;
}

/** JSON with the keys of every object in order and no white space. */
export function canonicalJson(value: JsonValue): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (typeof item !== 'object' || item === null || Array.isArray(item)) return item;
    const entries = Object.entries(item).sort(([one], [other]) => (one < other ? -1 : 1));
    // From entries, so that a key named __proto__ stays a key.
    return Object.fromEntries(entries);
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
