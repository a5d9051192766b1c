import type { BusEvent } from "./events.ts";

/** The last events of the bus, up to a fixed number, for listeners that come late. */
export class History {
  readonly #capacity: number;
  readonly #events: BusEvent[] = [];

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(event: BusEvent): void {
    if (this.#capacity === 0) return;
    this.#events.push(event);
    if (this.#events.length > this.#capacity) this.#events.shift();
  }

  /** The last `count` events whose topic `matches`, oldest first. */
  last(count: number, matches: (topic: string) => boolean): BusEvent[] {
    const matching = this.#events.filter((event) => matches(event.topic));
    return matching.slice(Math.max(0, matching.length - count));
  }
}
