/** What a bus and all its scopes share. Topics are absolute here; `Bus` translates. */
import { deliver, replay, type EmissionMode, type EmitReport, type ListenerFailure } from "./emission.ts";
import type { BusEvent } from "./events.ts";
import { History } from "./history.ts";
import { runThrough, type Middleware } from "./middleware.ts";
import { Registry, type Registration } from "./registry.ts";

export interface BusSettings {
  /** "sequential" when left out. */
  readonly mode?: EmissionMode;
  /** How many events to keep for `replay`; none when left out. */
  readonly history?: number;
  /** Told of every failure of a listener, also of those during a replay, which no report has. Must not throw. */
  readonly onError?: (failure: ListenerFailure) => void;
  /** The time of events, in milliseconds; `Date.now` when left out. */
  readonly clock?: () => number;
}

export class Core {
  readonly registry = new Registry();
  readonly #middleware: Middleware[] = [];
  readonly #history: History;
  readonly #mode: EmissionMode;
  readonly #onError: (failure: ListenerFailure) => void;
  readonly #clock: () => number;
  #sequence = 0;

  constructor({ mode = "sequential", history = 0, onError = () => {}, clock = Date.now }: BusSettings) {
    if (!Number.isInteger(history) || history < 0) throw new RangeError("history is a number of events");
    this.#mode = mode;
    this.#history = new History(history);
    this.#onError = onError;
    this.#clock = clock;
  }

  use(middleware: Middleware): () => void {
    this.#middleware.push(middleware);
    return () => {
      const index = this.#middleware.indexOf(middleware);
      if (index !== -1) this.#middleware.splice(index, 1);
    };
  }

  async emit(topic: string, payload: unknown): Promise<EmitReport> {
    this.#sequence += 1;
    const emitted: BusEvent = { topic, payload, sequence: this.#sequence, at: this.#clock() };
    const audience = this.registry.audience(topic);
    let report: EmitReport = { delivered: 0, failures: [], stopped: true };
    await runThrough([...this.#middleware], emitted, async (event) => {
      this.#history.add(event);
      report = await deliver(this.registry, audience, event, this.#mode);
      report.failures.forEach((failure) => this.#onError(failure));
    });
    return report;
  }

  /** Registers a listener, and hands it the last `replayed` events that it listens to, starting in a microtask. */
  register(registration: Registration, replayed = 0): void {
    this.registry.add(registration);
    const events = replayed === 0 ? [] : this.#history.last(replayed, registration.matches);
    if (events.length > 0) void this.#replay(registration, events);
  }

  async #replay(registration: Registration, events: readonly BusEvent[]): Promise<void> {
    await Promise.resolve();
    const failures = await replay(this.registry, registration, events);
    failures.forEach((failure) => this.#onError(failure));
  }
}
