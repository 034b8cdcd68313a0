export type Json = Record<string, unknown>;

export interface Step {
  id: string;
  name?: string;
  action: string;
  if?: string | boolean;
  each?: unknown;
  input?: Json;
}

export interface Template {
  apiVersion: string;
  kind: string;
  metadata: { name: string };
  spec: { type: string; parameters: Json[]; steps: Step[]; output?: Json };
}

/** A value in something, and where: the keys that lead to it. */
export interface Part {
  path: (string | number)[];
  value: unknown;
  set: (value: unknown) => void;
  /** Takes the key, or the item, out. */
  remove: () => void;
  /** Gives the key another name; an item has none. */
  rename: (name: string) => void;
}

/** Gives a key another name, in its old place. */
export function rename(holder: object, key: string, name: string): void {
  const entries = Object.entries(holder as Json).map(([old, value]) => [old === key ? name : old, value] as const);
  for (const [old] of Object.entries(holder)) Reflect.deleteProperty(holder, old);
  Object.assign(holder, Object.fromEntries(entries));
}

/** Every value in something, the outer first. */
export function* parts(value: unknown, path: (string | number)[] = []): Generator<Part> {
  if (typeof value !== 'object' || value === null) return;
  const holder = value as Record<string | number, unknown>;
  for (const key of Array.isArray(value) ? value.keys() : Object.keys(value)) {
    const at = [...path, key];
    yield {
      path: at,
      value: holder[key],
      set: (next) => (holder[key] = next),
      remove: () => {
        if (Array.isArray(value)) value.splice(key as number, 1);
        else Reflect.deleteProperty(value, key);
      },
      rename: (name) => {
        rename(value, String(key), name);
      },
    };
    yield* parts(holder[key], at);
  }
}

export function* texts(value: unknown): Generator<Part & { value: string }> {
  for (const part of parts(value)) if (typeof part.value === 'string') yield part as Part & { value: string };
}
