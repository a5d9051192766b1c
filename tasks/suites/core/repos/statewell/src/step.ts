/**
 * Run to completion: one event in, the next stable state and the effects that got it there out.
 *
 * A step consists of microsteps. The first takes the transitions that the event enables; then, until nothing is left,
 * transitions without an event are taken, and where there are none, the oldest raised event is handled. Assignments
 * happen here; everything that touches the world is returned as an effect, in order, for an interpreter to perform.
 */
import type { Action, Args, EffectAction, EventObject, SystemEvent } from './config.ts';
import {
  entrySet,
  exitSet,
  initialConfiguration,
  recordHistory,
  type Configuration,
  type HistoryRecord,
} from './configuration.ts';
import { selectAlways, selectTransitions } from './selection.ts';
import type { StateNode, Transition } from './tree.ts';

/** Past this many microsteps a step is taken for an endless loop of `always` transitions or raised events. */
const MICROSTEP_LIMIT = 1_000;

export type Effect<C, E extends EventObject> =
  | { readonly kind: 'run'; readonly action: EffectAction<C, E>; readonly args: Args<C, E> }
  | { readonly kind: 'enter'; readonly node: StateNode<C, E>; readonly args: Args<C, E> }
  | { readonly kind: 'exit'; readonly node: StateNode<C, E> };

export interface MachineState<C, E extends EventObject> {
  readonly configuration: Configuration<C, E>;
  readonly history: HistoryRecord<C, E>;
  readonly context: C;
}

export interface StepResult<C, E extends EventObject> {
  readonly state: MachineState<C, E>;
  readonly effects: readonly Effect<C, E>[];
  /** Whether the event enabled a transition. */
  readonly handled: boolean;
}

/** The step does not end: its microsteps keep enabling each other. */
export class EndlessStepError extends Error {
  override readonly name = 'EndlessStepError';
}

/** The step in which a machine starts. */
export function startStep<C, E extends EventObject>(root: StateNode<C, E>, context: C): StepResult<C, E> {
  const work = new Step<C, E>({ configuration: new Set(), history: new Map(), context });
  const event = { type: 'statewell.init' } as const;
  work.enter(initialConfiguration(root), event);
  work.settle(event);
  return work.result(true);
}

/** The step with which a machine answers an event. An event that enables nothing leaves the state as it is. */
export function eventStep<C, E extends EventObject>(
  state: MachineState<C, E>,
  event: E | SystemEvent,
): StepResult<C, E> {
  const transitions = selectTransitions(state.configuration, event, state.context);
  if (transitions.length === 0) return { state, effects: [], handled: false };
  const work = new Step(state);
  work.take(transitions, event);
  work.settle(event);
  return work.result(true);
}

/** The mutable middle of a step. */
class Step<C, E extends EventObject> {
  readonly #configuration: Set<StateNode<C, E>>;
  #history: HistoryRecord<C, E>;
  #context: C;
  readonly #effects: Effect<C, E>[] = [];
  readonly #raised: E[] = [];

  constructor(state: MachineState<C, E>) {
    this.#configuration = new Set(state.configuration);
    this.#history = state.history;
    this.#context = state.context;
  }

  /** One microstep. */
  take(transitions: readonly Transition<C, E>[], event: E | SystemEvent): void {
    for (const transition of transitions) {
      // A transition of another region may have left this one's source by now.
      if (!this.#configuration.has(transition.source)) continue;
      this.#exit(exitSet(transition, this.#configuration), event);
      this.#execute(transition.actions, event);
      this.enter(entrySet(transition, this.#history), event);
    }
  }

  /** Takes microsteps until neither an `always` transition nor a raised event is left. */
  settle(event: E | SystemEvent): void {
    let current = event;
    for (let microsteps = 0; microsteps < MICROSTEP_LIMIT; microsteps += 1) {
      const always = selectAlways(this.#configuration, current, this.#context);
      if (always.length > 0) {
        this.take(always, current);
        continue;
      }
      const raised = this.#raised.shift();
      if (raised === undefined) return;
      current = raised;
      this.take(selectTransitions(this.#configuration, raised, this.#context), raised);
    }
    throw new EndlessStepError(`no stable state within ${MICROSTEP_LIMIT} microsteps of '${event.type}'`);
  }

  /** Enters those of the nodes that are not active yet; `nodes` is in document order. */
  enter(nodes: readonly StateNode<C, E>[], event: E | SystemEvent): void {
    for (const node of nodes) {
      if (this.#configuration.has(node)) continue;
      this.#configuration.add(node);
      this.#execute(node.entry, event);
      this.#effects.push({ kind: 'enter', node, args: { context: this.#context, event } });
    }
  }

  result(handled: boolean): StepResult<C, E> {
    const state = { configuration: this.#configuration, history: this.#history, context: this.#context };
    return { state, effects: this.#effects, handled };
  }

  /** Leaves the nodes from the inside out; `nodes` is in document order. */
  #exit(nodes: readonly StateNode<C, E>[], event: E | SystemEvent): void {
    this.#history = recordHistory(nodes, this.#configuration, this.#history);
    for (const node of nodes.toReversed()) {
      this.#effects.push({ kind: 'exit', node });
      this.#execute(node.exit, event);
      this.#configuration.delete(node);
    }
  }

  #execute(actions: readonly Action<C, E>[], event: E | SystemEvent): void {
    for (const action of actions) {
      const args = { context: this.#context, event };
      if (typeof action === 'function') {
        this.#effects.push({ kind: 'run', action, args });
      } else if ('assign' in action) {
        this.#context = { ...this.#context, ...action.assign(args) };
      } else {
        this.#raised.push(action.raise);
      }
    }
  }
}
