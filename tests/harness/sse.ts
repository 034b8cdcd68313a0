import { EventSourceParserStream, type EventSourceMessage } from 'eventsource-parser/stream';

/** The events of a `text/event-stream` body, as they come. */
export function serverSentEvents(body: ReadableStream<BufferSource>): AsyncIterable<EventSourceMessage> {
  return body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream());
}
