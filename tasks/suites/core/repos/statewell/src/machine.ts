/** The pure face of a statechart: from a snapshot and an event to the next snapshot and the effects to perform. */
import type { EventObject, MachineConfig, SystemEvent } from './config.ts';
import { isLegal } from './configuration.ts';
import { Snapshot, type PersistedSnapshot } from './snapshot.ts';
import { eventStep, startStep, type Effect, type StepResult } from './step.ts';
import { ancestors, buildTree, type StateNode, type Tree } from './tree.ts';

export interface Outcome<C, E extends EventObject> {
  readonly snapshot: Snapshot<C, E>;
  /** To be performed in this order; see `createActor` for an interpreter. */
  readonly effects: readonly Effect<C, E>[];
  /** Whether the event enabled a transition. */
  readonly handled: boolean;
}

/** A persisted snapshot does not belong to the machine, or the machine has changed since. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

export class Machine<C extends object, E extends EventObject> {
  readonly id: string;
  readonly #context: C;
  readonly #tree: Tree<C, E>;

  /** Throws a `DefinitionError` for a definition that cannot work. */
  constructor(config: MachineConfig<C, E>) {
    this.id = config.id;
    this.#context = config.context;
    this.#tree = buildTree(config);
  }

  /** The first step: the initial states with their entry actions, and whatever follows without an event. */
  start(): Outcome<C, E> {
    return this.#outcome(startStep(this.#tree.root, this.#context));
  }

  /** One step. A snapshot that is not active, or an event that nothing handles, gives the same snapshot back. */
  transition(snapshot: Snapshot<C, E>, event: E | SystemEvent): Outcome<C, E> {
    if (snapshot.status !== 'active') return { snapshot, effects: [], handled: false };
    const step = eventStep(snapshot, event);
    return step.handled ? this.#outcome(step) : { snapshot, effects: [], handled: false };
  }

  /** The inverse of `snapshot.toJSON()`. Runs no actions. Throws a `SnapshotError` for what does not fit. */
  restore(persisted: PersistedSnapshot<C>): Snapshot<C, E> {
    const { root } = this.#tree;
    if (persisted.machine !== this.id) {
      throw new SnapshotError(`a snapshot of '${persisted.machine}' cannot be restored in '${this.id}'`);
    }
    const active = persisted.active.map((path) => this.#node(path));
    const configuration = new Set(active.flatMap((node) => [node, ...ancestors(node)]));
    if (!isLegal(configuration, root)) {
      throw new SnapshotError(`'${persisted.active.join("', '")}' is not a complete set of states of '${this.id}'`);
    }
    const history = new Map(
      Object.entries(persisted.history).map(([path, paths]) => [
        this.#node(path),
        paths.map((remembered) => this.#node(remembered)),
      ]),
    );
    return new Snapshot(this.id, root, persisted.status, { configuration, history, context: persisted.context });
  }

  #outcome(step: StepResult<C, E>): Outcome<C, E> {
    const snapshot = new Snapshot(this.id, this.#tree.root, 'active', step.state);
    return { snapshot, effects: step.effects, handled: step.handled };
  }

  #node(path: string): StateNode<C, E> {
    const node = this.#tree.byPath.get(path);
    if (node === undefined) throw new SnapshotError(`'${this.id}' has no state '${path}'`);
    return node;
  }
}

export function createMachine<C extends object, E extends EventObject>(config: MachineConfig<C, E>): Machine<C, E> {
  return new Machine(config);
}
