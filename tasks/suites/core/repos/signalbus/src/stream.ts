/**
 * Events as an async iterator. A stream reads ahead: what its reader has not asked for yet waits in a buffer, and the
 * overflow policy says what happens when the buffer is full.
 */
import { StreamOverflowError } from "./errors.ts";

/**
 * - `drop-oldest`: the unread event that has waited longest makes room.
 * - `drop-newest`: the new event is dropped.
 * - `fail`: the stream ends; the reader gets what is buffered and then a `StreamOverflowError`.
 * - `wait`: the emission waits until there is room.
 */
export type OverflowPolicy = "drop-oldest" | "drop-newest" | "fail" | "wait";

export interface StreamSettings {
  /** How many unread events the buffer holds at most. 64 when left out. */
  readonly capacity?: number;
  /** `wait` when left out. */
  readonly overflow?: OverflowPolicy;
}

export class EventStream<Event> implements AsyncIterableIterator<Event, undefined> {
  readonly #capacity: number;
  readonly #overflow: OverflowPolicy;
  readonly #buffer: Event[] = [];
  #dropped = 0;
  #ended = false;
  #failure: StreamOverflowError | undefined;
  #onEnd: (() => void) | undefined;
  /** Wakes the reader that waits for an event. */
  #arrival: (() => void) | undefined;
  /** Wakes the emission that waits for room. */
  #room: (() => void) | undefined;

  constructor({ capacity = 64, overflow = "wait" }: StreamSettings = {}) {
    if (!Number.isInteger(capacity) || capacity < 1) throw new RangeError("a stream's capacity is at least 1");
    this.#capacity = capacity;
    this.#overflow = overflow;
  }

  /** How many events wait to be read; never more than the capacity. */
  get buffered(): number {
    return this.#buffer.length;
  }

  /** How many events the reader will never see because there was no room for them or the stream ended. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Registers what to do when the stream ends from within: the reader returns, or the buffer overflows. */
  onEnd(callback: () => void): void {
    this.#onEnd = callback;
  }

  /** Takes an event in. The promise settles when it is in the buffer or dropped; it never rejects. */
  async push(event: Event): Promise<void> {
    if (this.#ended) {
      this.#dropped += 1;
      return;
    }
    if (this.#buffer.length >= this.#capacity) {
      if (this.#overflow === "drop-oldest") {
        this.#buffer.shift();
        this.#dropped += 1;
      } else if (this.#overflow === "wait") {
        await new Promise<void>((resolve) => {
          this.#room = resolve;
        });
      } else {
        this.#dropped += 1;
        if (this.#overflow === "fail") {
          this.#failure = new StreamOverflowError(this.#capacity);
          this.end();
        }
        return;
      }
    }
    this.#buffer.push(event);
    this.#arrival?.();
  }

  /** Takes nothing in from now on. The reader still gets what is buffered. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#arrival?.();
    this.#room?.();
    this.#onEnd?.();
  }

  async next(): Promise<IteratorResult<Event, undefined>> {
    if (this.#buffer.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#arrival = resolve;
      });
    }
    const event = this.#buffer.shift();
    if (event !== undefined) {
      this.#room?.();
      return { done: false, value: event };
    }
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure !== undefined) throw failure;
    return { done: true, value: undefined };
  }

  /** Ends the stream and drops what is buffered; `break` in a `for await` loop calls it. */
  async return(): Promise<IteratorResult<Event, undefined>> {
    this.#dropped += this.#buffer.length;
    this.#buffer.length = 0;
    this.#failure = undefined;
    this.end();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}
