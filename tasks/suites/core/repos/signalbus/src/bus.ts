import { Core, type BusSettings } from "./core.ts";
import type { EmitReport } from "./emission.ts";
import { BusClosedError } from "./errors.ts";
import type { BusEvent, Listener, Matched, TopicOf } from "./events.ts";
import type { Middleware } from "./middleware.ts";
import { Owner } from "./owner.ts";
import type { Registration } from "./registry.ts";
import { EventStream, type StreamSettings } from "./stream.ts";
import { absoluteTopic, checkPattern, checkTopic, relativeTopic, scopedMatcher } from "./topic.ts";

export interface ListenSettings {
  /** Higher ones are called first; 0 when left out. */
  readonly priority?: number;
  /** Unsubscribes when it aborts. */
  readonly signal?: AbortSignal;
  /** Also receive up to this many past events, oldest first, as far as the bus's history has them. */
  readonly replay?: number;
}

export interface WaitSettings<Event> {
  /** Rejects with the signal's reason when it aborts. */
  readonly signal?: AbortSignal;
  /** Wait for an event that passes. */
  readonly filter?: (event: Event) => boolean;
}

export interface SubscribeSettings extends StreamSettings {
  /** Ends the stream when it aborts. */
  readonly signal?: AbortSignal;
}

export type Unsubscribe = () => void;

/** A bus for the events of an event map, such as `{ "order.paid": { id: string } }`. */
export function createBus<Events extends object>(settings: BusSettings = {}): Bus<Events> {
  return new Bus<Events>(new Core(settings), new Owner(), "");
}

/** A bus, or a scope of one. Made by `createBus` and `scope`. */
export class Bus<Events extends object> {
  readonly #core: Core;
  readonly #owner: Owner;
  readonly #prefix: string;

  constructor(core: Core, owner: Owner, prefix: string) {
    this.#core = core;
    this.#owner = owner;
    this.#prefix = prefix;
  }

  /** Calls `listener` with every event whose topic matches `pattern`, until the returned function is called. */
  on<const Pattern extends string>(
    pattern: Pattern,
    listener: Listener<Matched<Events, Pattern>>,
    settings: ListenSettings = {},
  ): Unsubscribe {
    return this.#listen(pattern, listener as Listener<BusEvent>, settings, false);
  }

  /** Calls `listener` with the first such event only. */
  once<const Pattern extends string>(
    pattern: Pattern,
    listener: Listener<Matched<Events, Pattern>>,
    settings: ListenSettings = {},
  ): Unsubscribe {
    return this.#listen(pattern, listener as Listener<BusEvent>, settings, true);
  }

  /**
   * Sends an event to everyone who listens to its topic now. Resolves when all of them are done, whether they failed
   * or not; rejects when the bus is closed or a middleware fails.
   */
  async emit<const Topic extends TopicOf<Events>>(topic: Topic, payload: Events[Topic]): Promise<EmitReport> {
    this.#owner.assertOpen();
    checkTopic(topic);
    return this.#core.emit(absoluteTopic(this.#prefix, topic), payload);
  }

  /** Puts `middleware` around every emission on the bus, also those in other scopes. Topics are the root's. */
  use(middleware: Middleware): Unsubscribe {
    this.#owner.assertOpen();
    return this.#core.use(middleware);
  }

  /** The next event whose topic matches `pattern`. Rejects when the signal aborts, the filter throws or the bus closes. */
  async waitFor<const Pattern extends string>(
    pattern: Pattern,
    settings: WaitSettings<Matched<Events, Pattern>> = {},
  ): Promise<Matched<Events, Pattern>> {
    const { signal, filter } = settings as WaitSettings<BusEvent>;
    signal?.throwIfAborted();
    const found = new Promise<BusEvent>((resolve, reject) => {
      const abort = () => {
        stop();
        reject(signal?.reason as Error);
      };
      const registration = this.#registration(pattern, {
        listener: (event) => {
          try {
            if (filter !== undefined && !filter(event)) return;
            resolve(event);
          } catch (error) {
            reject(error as Error);
          }
          stop();
        },
        priority: 0,
        once: false,
        released: () => signal?.removeEventListener("abort", abort),
        closed: () => reject(new BusClosedError()),
      });
      const stop = () => this.#core.registry.remove(registration);
      signal?.addEventListener("abort", abort, { once: true });
      this.#core.register(registration);
    });
    return (await found) as Matched<Events, Pattern>;
  }

  /** The events whose topic matches `pattern`, from now on, to be read with `for await`. Listeners come before streams. */
  stream<const Pattern extends string>(
    pattern: Pattern,
    settings: SubscribeSettings = {},
  ): EventStream<Matched<Events, Pattern>> {
    const stream = new EventStream<BusEvent>(settings);
    const { signal } = settings;
    const end = () => stream.end();
    const registration = this.#registration(pattern, {
      listener: (event) => stream.push(event),
      priority: Number.NEGATIVE_INFINITY,
      once: false,
      released: () => signal?.removeEventListener("abort", end),
      closed: end,
    });
    if (signal?.aborted) {
      stream.end();
    } else {
      stream.onEnd(() => this.#core.registry.remove(registration));
      signal?.addEventListener("abort", end, { once: true });
      this.#core.register(registration);
    }
    return stream as unknown as EventStream<Matched<Events, Pattern>>;
  }

  /** A view of the bus on the topics below `prefix`, which it leaves out of every topic and pattern. */
  scope(prefix: string): Bus<Record<string, unknown>> {
    this.#owner.assertOpen();
    checkTopic(prefix);
    return new Bus(this.#core, new Owner(this.#owner), absoluteTopic(this.#prefix, prefix));
  }

  /** Ends every listener, stream, wait and scope of this bus or scope, and refuses new ones. Middleware stays. */
  close(): void {
    if (this.#owner.isClosed) return;
    this.#owner.close();
    this.#core.registry.close(this.#owner);
  }

  #listen(pattern: string, listener: Listener<BusEvent>, settings: ListenSettings, once: boolean): Unsubscribe {
    const { priority = 0, signal, replay = 0 } = settings;
    if (Number.isNaN(priority)) throw new RangeError("a priority is a number");
    const unsubscribe = () => this.#core.registry.remove(registration);
    const registration = this.#registration(pattern, {
      listener,
      priority,
      once,
      released: () => signal?.removeEventListener("abort", unsubscribe),
    });
    if (signal?.aborted) return () => {};
    signal?.addEventListener("abort", unsubscribe, { once: true });
    this.#core.register(registration, replay);
    return unsubscribe;
  }

  /** Completes a registration with what every one of this bus has in common; the listener sees the scope's topics. */
  #registration(pattern: string, parts: Omit<Registration, "matches" | "owner">): Registration {
    this.#owner.assertOpen();
    checkPattern(pattern);
    const prefix = this.#prefix;
    return {
      ...parts,
      matches: scopedMatcher(prefix, pattern),
      listener: (event) => parts.listener({ ...event, topic: relativeTopic(prefix, event.topic) }),
      owner: this.#owner,
    };
  }
}
