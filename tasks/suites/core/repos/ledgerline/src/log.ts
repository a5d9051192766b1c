import type { RecordedEvent } from './event.ts';

/** Where events are kept. */
export interface Log {
  /** Keeps all of the records or none. */
  append(records: readonly RecordedEvent[]): Promise<void>;
  /** Up to `limit` records behind the position, in order. */
  read(after: number, limit: number): Promise<readonly RecordedEvent[]>;
}

/** A log in memory. */
export class MemoryLog implements Log {
  readonly #records: RecordedEvent[] = [];

  async append(records: readonly RecordedEvent[]): Promise<void> {
    this.#records.push(...records);
  }

  async read(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    const start = this.#records.findIndex(({ position }) => position > after);
    return start === -1 ? [] : this.#records.slice(start, start + limit);
  }
}
