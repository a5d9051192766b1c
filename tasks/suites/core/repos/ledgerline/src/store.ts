import { ConcurrencyError } from './errors.ts';
import type { NewEvent, RecordedEvent } from './event.ts';
import type { Log } from './log.ts';

export interface AppendOptions {
  /** The version that the stream must be at; any by default. */
  readonly expected?: number;
}

export type Listener = (event: RecordedEvent) => void;

const PAGE = 100;

/** Streams of events in one log. */
export class EventStore {
  readonly #log: Log;
  readonly #listeners = new Set<Listener>();
  readonly #versions = new Map<string, number>();
  #position = 0;
  #loading: Promise<void> | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Records the events at the end of the stream. Throws a `ConcurrencyError` if that is not at the expected version. */
  async append(stream: string, events: readonly NewEvent[], { expected }: AppendOptions = {}): Promise<RecordedEvent[]> {
    await this.#load();
    const version = this.#versions.get(stream) ?? 0;
    if (expected !== undefined && expected !== version) throw new ConcurrencyError(stream, expected, version);
    const records = events.map((event, index) => ({
      ...event,
      stream,
      version: version + index + 1,
      position: this.#position + index + 1,
    }));
    this.#position += records.length;
    await this.#log.append(records);
    this.#versions.set(stream, version + records.length);
    for (const record of records) for (const listener of this.#listeners) listener(record);
    return records;
  }

  /** The version of the last event of the stream, 0 if it has none. */
  async version(stream: string): Promise<number> {
    await this.#load();
    return this.#versions.get(stream) ?? 0;
  }

  /** The events of a stream behind a version. */
  async read(stream: string, { after = 0 }: { readonly after?: number } = {}): Promise<RecordedEvent[]> {
    const all = await this.readAll();
    return all.filter((event) => event.stream === stream && event.version > after);
  }

  /** The events of all streams behind a position. */
  async readAll({ after = 0, limit = Infinity }: { readonly after?: number; readonly limit?: number } = {}): Promise<RecordedEvent[]> {
    const found: RecordedEvent[] = [];
    while (found.length < limit) {
      const page = await this.#log.read(found.at(-1)?.position ?? after, Math.min(PAGE, limit - found.length));
      if (page.length === 0) break;
      found.push(...page);
    }
    return found;
  }

  /** Calls the listener with each event that is recorded from now on. Returns the function that ends this. */
  subscribe(listener: Listener): () => void {
    // Wrapped, so that a listener that is subscribed twice counts twice.
    const entry: Listener = (event) => listener(event);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  /** Finds out what the log holds already, once. */
  #load(): Promise<void> {
    this.#loading ??= this.readAll().then((events) => {
      for (const { stream, version, position } of events) {
        this.#versions.set(stream, version);
        this.#position = position;
      }
    });
    return this.#loading;
  }
}
