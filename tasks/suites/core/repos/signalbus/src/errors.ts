/** The bus, or the scope that was used, has been closed. */
export class BusClosedError extends Error {
  override readonly name = "BusClosedError";

  constructor() {
    super("the bus is closed");
  }
}

/** A topic or a pattern is not well formed. */
export class TopicError extends Error {
  override readonly name = "TopicError";
}

/** A stream with the overflow policy "fail" had no room for an event. */
export class StreamOverflowError extends Error {
  override readonly name = "StreamOverflowError";

  constructor(capacity: number) {
    super(`the stream holds ${capacity} unread events already`);
  }
}
