import { mockCredentials, mockServices, startTestBackend } from '@backstage/backend-test-utils';
import scaffolderPlugin from '@backstage/plugin-scaffolder-backend';
import { catalogServiceMock } from '@backstage/plugin-catalog-node/testUtils';
import type { JsonObject, JsonValue } from '@backstage/types';
import { createParser } from 'eventsource-parser';
import assert from 'node:assert/strict';
import type { ClientLimits } from '../client';
import { createSidestageModule } from '../module';

/** An event of a task, as Backstage's UI gets it. */
export interface TaskEvent {
  type: string;
  body: {
    message?: string;
    stepId?: string;
    status?: string;
    output?: JsonObject;
    error?: { name: string; message: string };
  };
}

/** A template with these steps. */
export function template(name: string, steps: JsonValue[], output: JsonObject = {}) {
  return {
    apiVersion: 'scaffolder.backstage.io/v1beta3',
    kind: 'Template',
    metadata: { name, namespace: 'default', uid: name },
    spec: { owner: 'user:default/mock', type: 'service', parameters: [], steps, output },
  };
}

/** A backend with the real scaffolder, this module, and nothing else. */
export class Scaffolder {
  private constructor(
    readonly url: string,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(options: {
    sidestage: JsonObject;
    templates?: ReturnType<typeof template>[];
    limits?: Partial<ClientLimits>;
  }): Promise<Scaffolder> {
    const { sidestage, templates = [], limits = {} } = options;
    const backend = await startTestBackend({
      features: [
        scaffolderPlugin,
        createSidestageModule({ limits }),
        catalogServiceMock.factory({ entities: templates }),
        mockServices.rootConfig.factory({ data: { sidestage } }),
      ],
    });
    return new Scaffolder(`http://127.0.0.1:${backend.server.port()}/api/scaffolder`, () => backend.stop());
  }

  async request(method: string, path: string, body?: JsonObject): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: { authorization: mockCredentials.user.header(), 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
  }

  async json<T>(method: string, path: string, body?: JsonObject): Promise<T> {
    const response = await this.request(method, path, body);
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** Starts a task. */
  async task(templateName: string, values: JsonObject = {}, secrets: JsonObject = {}): Promise<Task> {
    const templateRef = `template:default/${templateName}`;
    const { id } = await this.json<{ id: string }>('POST', '/v2/tasks', { templateRef, values, secrets });
    return new Task(id, this);
  }
}

export class Task {
  /** Everything it said so far. */
  readonly events: TaskEvent[] = [];
  readonly #incoming: AsyncGenerator<TaskEvent, void>;

  constructor(
    readonly id: string,
    readonly scaffolder: Scaffolder,
  ) {
    this.#incoming = this.#stream();
  }

  /** Reads on to the first event with this in its message. */
  async until(part: string): Promise<TaskEvent> {
    for (;;) {
      const next = await this.#incoming.next();
      if (next.done) assert.fail(`the task ended without saying ${part}:\n${this.log().join('\n')}`);
      if (next.value.body.message?.includes(part)) return next.value;
    }
  }

  /** Reads on to the end. */
  async completion(): Promise<TaskEvent> {
    return this.until('Run completed with status');
  }

  /** The log lines so far, without colours. */
  log(): string[] {
    // eslint-disable-next-line no-control-regex
    return this.events.map(event => (event.body.message ?? '').replace(/\u001b\[\d+m/g, ''));
  }

  async cancel() {
    await this.scaffolder.json('POST', `/v2/tasks/${this.id}/cancel`);
  }

  async retry() {
    await this.scaffolder.json('POST', `/v2/tasks/${this.id}/retry`, { secrets: {} });
    return new Task(this.id, this.scaffolder);
  }

  async *#stream(): AsyncGenerator<TaskEvent, void> {
    const response = await this.scaffolder.request('GET', `/v2/tasks/${this.id}/eventstream`);
    assert.ok(response.ok && response.body);
    const batch: TaskEvent[] = [];
    const parser = createParser({ onEvent: ({ data }) => batch.push(JSON.parse(data) as TaskEvent) });
    const decoder = new TextDecoder();
    for await (const bytes of response.body) {
      parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
      for (const event of batch.splice(0)) {
        this.events.push(event);
        yield event;
        if (event.type === 'completion') return;
      }
    }
  }
}
