/**
 * What an author writes: the shape of a machine's definition, and of the events that the library itself produces.
 *
 * Nothing here runs. `tree.ts` turns a definition into linked state nodes and reports mistakes in it.
 */

export interface EventObject {
  readonly type: string;
}

/** Delivered once, to the entry actions and guards of the step in which the machine starts. */
export interface InitEvent {
  readonly type: 'statewell.init';
}

/** A delay of an active state has elapsed: `after.<delay>.<path of the state>`. */
export interface AfterEvent {
  readonly type: `after.${string}`;
}

/** An invoked promise was fulfilled: `done.invoke.<id of the invocation>`. */
export interface InvokeDoneEvent {
  readonly type: `done.invoke.${string}`;
  readonly data: unknown;
}

/** An invoked promise was rejected, or its source threw: `error.invoke.<id of the invocation>`. */
export interface InvokeErrorEvent {
  readonly type: `error.invoke.${string}`;
  readonly error: unknown;
}

export type SystemEvent = InitEvent | AfterEvent | InvokeDoneEvent | InvokeErrorEvent;

export type OneOrMany<T> = T | readonly T[];

/** What guards, actions and invocations are called with. */
export interface Args<C, E extends EventObject> {
  readonly context: C;
  readonly event: E | SystemEvent;
}

/** Must be free of side effects: guards run whenever a step is computed, also for `snapshot.can(event)`. */
export type Guard<C, E extends EventObject> = (args: Args<C, E>) => boolean;

/** Runs outside the pure step, after it, with the context as it was at the action's place in the order. */
export type EffectAction<C, E extends EventObject> = (args: Args<C, E>) => void;

/** Replaces the returned keys of the context; later actions of the same step see the result. */
export interface AssignAction<C, E extends EventObject> {
  readonly assign: (args: Args<C, E>) => Partial<C>;
}

/** Queues an event that is handled before the step ends, ahead of anything sent from outside. */
export interface RaiseAction<E extends EventObject> {
  readonly raise: E;
}

export type Action<C, E extends EventObject> = EffectAction<C, E> | AssignAction<C, E> | RaiseAction<E>;

export interface TransitionConfig<C, E extends EventObject> {
  /**
   * Where to go. `'sibling'` and `'sibling.child'` start at the parent of the state that owns the transition,
   * `'.child'` at that state itself and `'#a.b'` at the root. Several targets must lie in different regions of one
   * parallel state. Without a target the actions run and no state is left or entered.
   */
  readonly target?: OneOrMany<string>;
  readonly guard?: Guard<C, E>;
  readonly actions?: OneOrMany<Action<C, E>>;
  /**
   * When true, the owning state is left and entered again even if the target is that state or lies inside it.
   * Defaults to false.
   */
  readonly reenter?: boolean;
}

/** A bare string is a target. Of several candidates, the first whose guard passes is taken. */
export type TransitionInput<C, E extends EventObject> = string | OneOrMany<TransitionConfig<C, E>>;

/** Work that belongs to a state: it starts when the state is entered, and `signal` is aborted when it is left. */
export interface InvokeConfig<C, E extends EventObject> {
  /** Unique in the machine. Defaults to the path of the state, followed by `:<index>` past the first invocation. */
  readonly id?: string;
  readonly src: (args: Args<C, E> & { readonly signal: AbortSignal }) => unknown;
  readonly onDone?: TransitionInput<C, E>;
  readonly onError?: TransitionInput<C, E>;
}

export interface StateConfig<C, E extends EventObject> {
  /** Defaults to `compound` for a state with children and `atomic` for one without. */
  readonly type?: 'atomic' | 'compound' | 'parallel' | 'history';
  /** Key of the child that is entered by default. Required for compound states. */
  readonly initial?: string;
  readonly states?: { readonly [key: string]: StateConfig<C, E> };
  /**
   * Transitions by event descriptor: an event's type, `'prefix.*'` for every type below a dotted prefix, or `'*'`.
   * The most specific descriptor with an enabled transition wins.
   */
  readonly on?: { readonly [descriptor: string]: TransitionInput<C, E> };
  /** Transitions that need no event; examined after every step until none is enabled. */
  readonly always?: TransitionInput<C, E>;
  /** Transitions by delay in milliseconds, counted from the entry of the state. */
  readonly after?: { readonly [milliseconds: number]: TransitionInput<C, E> };
  readonly entry?: OneOrMany<Action<C, E>>;
  readonly exit?: OneOrMany<Action<C, E>>;
  readonly invoke?: OneOrMany<InvokeConfig<C, E>>;
  /** For history states: restore the parent's last child only (`shallow`, the default) or everything below it. */
  readonly history?: 'shallow' | 'deep';
  /** For history states: where to go when the parent was never left. Defaults to the parent's initial state. */
  readonly target?: string;
}

export interface MachineConfig<C, E extends EventObject> extends StateConfig<C, E> {
  /** Names the machine in errors and in persisted snapshots. */
  readonly id: string;
  readonly context: C;
}
