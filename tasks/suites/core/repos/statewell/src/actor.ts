/**
 * The interpreter: a machine that lives in time. It owns the mailbox, the timers of delayed transitions and the work
 * of invocations, and performs the effects that the pure steps return.
 *
 * Events are handled one at a time, in the order of arrival: an event sent by an action or a listener waits until the
 * step at hand is over.
 */
import { systemClock, type Clock, type TimerHandle } from './clock.ts';
import type { Args, EventObject, SystemEvent } from './config.ts';
import { inDocumentOrder } from './configuration.ts';
import type { Machine, Outcome } from './machine.ts';
import type { Snapshot } from './snapshot.ts';
import type { Effect } from './step.ts';
import type { Invocation, StateNode } from './tree.ts';

export interface ActorOptions<C, E extends EventObject> {
  /** Defaults to the system's timers. */
  readonly clock?: Clock;
  /** Where to resume. Entry actions are not repeated; delays and invocations of the active states start afresh. */
  readonly snapshot?: Snapshot<C, E>;
  /**
   * Receives what actions, guards and listeners throw, and the error of an invocation that nothing handles. The
   * actor goes on. By default the error is thrown again outside of the actor, as an uncaught exception.
   */
  readonly onError?: (error: unknown) => void;
}

export type Listener<C, E extends EventObject> = (snapshot: Snapshot<C, E>) => void;

export class Actor<C extends object, E extends EventObject> {
  readonly #machine: Machine<C, E>;
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  #snapshot: Snapshot<C, E> | undefined;
  #started = false;
  #busy = false;
  readonly #mailbox: (E | SystemEvent)[] = [];
  readonly #listeners = new Set<Listener<C, E>>();
  /** By the type of the event that the timer delivers. */
  readonly #timers = new Map<string, TimerHandle>();
  /** By id of the invocation; only those that have not settled. */
  readonly #running = new Map<string, AbortController>();

  constructor(machine: Machine<C, E>, options: ActorOptions<C, E> = {}) {
    this.#machine = machine;
    this.#clock = options.clock ?? systemClock;
    this.#report = options.onError ?? rethrow;
    this.#snapshot = options.snapshot;
  }

  /** The latest snapshot. Throws before `start`, unless the actor resumes from a snapshot. */
  get snapshot(): Snapshot<C, E> {
    if (this.#snapshot === undefined) throw new Error(`the actor of '${this.#machine.id}' has not been started`);
    return this.#snapshot;
  }

  /** Enters the initial states, or resumes. Does nothing when called again. */
  start(): this {
    if (this.#started) return this;
    this.#started = true;
    const resumed = this.#snapshot;
    this.#exclusively(() => {
      if (resumed === undefined) this.#commit(this.#machine.start());
      else if (resumed.status === 'active') this.#resume(resumed);
    });
    return this;
  }

  /** Has no effect once the actor is stopped. Throws before `start`. */
  send(event: E): void {
    if (!this.#started) throw new Error(`the actor of '${this.#machine.id}' has not been started`);
    this.#deliver(event);
  }

  /** Ends all delays and invocations. Exit actions do not run. Listeners get a last snapshot and are let go. */
  stop(): void {
    if (!this.#started || this.snapshot.status === 'stopped') return;
    for (const handle of this.#timers.values()) this.#clock.clearTimeout(handle);
    this.#timers.clear();
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
    this.#snapshot = this.snapshot.withStatus('stopped');
    this.#notify();
    this.#listeners.clear();
  }

  /** Calls the listener after each step that changed something. Returns the function that ends the subscription. */
  subscribe(listener: Listener<C, E>): () => void {
    // Wrapped, so that a function subscribed twice counts as two subscriptions.
    const entry: Listener<C, E> = (snapshot) => listener(snapshot);
    this.#listeners.add(entry);
    return () => {
      this.#listeners.delete(entry);
    };
  }

  #deliver(event: E | SystemEvent): void {
    if (this.snapshot.status !== 'active') return;
    this.#mailbox.push(event);
    if (!this.#busy) this.#exclusively(() => {});
  }

  /** Runs `first` and then everything that is in the mailbox by the end of it. */
  #exclusively(first: () => void): void {
    this.#busy = true;
    try {
      this.#attempt(first);
      for (let event = this.#mailbox.shift(); event !== undefined; event = this.#mailbox.shift()) {
        const current = event;
        this.#attempt(() => this.#handle(current));
      }
    } finally {
      this.#busy = false;
    }
  }

  #handle(event: E | SystemEvent): void {
    const outcome = this.#machine.transition(this.snapshot, event);
    if (outcome.handled) this.#commit(outcome);
    else if (isInvokeError(event)) this.#report(event.error);
  }

  #commit(outcome: Outcome<C, E>): void {
    this.#snapshot = outcome.snapshot;
    for (const effect of outcome.effects) this.#perform(effect);
    this.#notify();
  }

  #resume(snapshot: Snapshot<C, E>): void {
    const args = { context: snapshot.context, event: { type: 'statewell.init' } } as const;
    for (const node of inDocumentOrder(snapshot.configuration)) this.#begin(node, args);
  }

  #perform(effect: Effect<C, E>): void {
    switch (effect.kind) {
      case 'run':
        this.#attempt(() => effect.action(effect.args));
        break;
      case 'enter':
        this.#begin(effect.node, effect.args);
        break;
      case 'exit':
        this.#end(effect.node);
        break;
    }
  }

  /** Starts what belongs to a state: its delays and its invocations. */
  #begin(node: StateNode<C, E>, args: Args<C, E>): void {
    for (const { milliseconds, eventType } of node.delays) {
      const handle = this.#clock.setTimeout(() => {
        this.#timers.delete(eventType);
        this.#deliver({ type: eventType });
      }, milliseconds);
      this.#timers.set(eventType, handle);
    }
    for (const invocation of node.invocations) this.#invoke(invocation, args);
  }

  #end(node: StateNode<C, E>): void {
    for (const { eventType } of node.delays) {
      this.#clock.clearTimeout(this.#timers.get(eventType));
      this.#timers.delete(eventType);
    }
    for (const { id } of node.invocations) {
      this.#running.get(id)?.abort();
      this.#running.delete(id);
    }
  }

  #invoke({ id, src }: Invocation<C, E>, args: Args<C, E>): void {
    const controller = new AbortController();
    this.#running.set(id, controller);
    const settle = (event: SystemEvent): void => {
      // The state has been left in the meantime: nobody waits for the outcome.
      if (!this.#running.has(id)) return;
      this.#running.delete(id);
      this.#deliver(event);
    };
    // Through a promise from the start, so that a source that throws is a rejection like any other.
    new Promise((resolve) => {
      resolve(src({ ...args, signal: controller.signal }));
    }).then(
      (data) => settle({ type: `done.invoke.${id}`, data }),
      (error: unknown) => settle({ type: `error.invoke.${id}`, error }),
    );
  }

  #notify(): void {
    for (const listener of this.#listeners) this.#attempt(() => listener(this.snapshot));
  }

  #attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#report(error);
    }
  }
}

/** An actor that has yet to be started. */
export function createActor<C extends object, E extends EventObject>(
  machine: Machine<C, E>,
  options?: ActorOptions<C, E>,
): Actor<C, E> {
  return new Actor(machine, options);
}

function isInvokeError(event: EventObject): event is Extract<SystemEvent, { error: unknown }> {
  return event.type.startsWith('error.invoke.') && 'error' in event;
}

function rethrow(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
