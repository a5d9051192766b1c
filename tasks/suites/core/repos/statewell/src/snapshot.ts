/**
 * A machine at rest between two steps: immutable, comparable by value, and serialisable.
 *
 * `JSON.stringify(snapshot)` gives the persisted form, from which `machine.restore` makes an equal snapshot as long as
 * the context survives JSON. Elapsed time and running work are not part of a snapshot.
 */
import type { EventObject } from './config.ts';
import { leaves, regions, type Configuration } from './configuration.ts';
import { selectTransitions } from './selection.ts';
import type { MachineState } from './step.ts';
import type { StateNode } from './tree.ts';

/** `stopped`: the actor that produced the snapshot was stopped; the machine takes no more events. */
export type SnapshotStatus = 'active' | 'stopped';

/** The key of the active child, or an object with the value of each region where more than one is active. */
export type StateValue = string | { readonly [key: string]: StateValue };

export interface PersistedSnapshot<C> {
  readonly machine: string;
  readonly status: SnapshotStatus;
  /** Paths of the active states without children. */
  readonly active: readonly string[];
  /** Paths that each history state would restore, by the path of the history state. */
  readonly history: { readonly [path: string]: readonly string[] };
  readonly context: C;
}

export class Snapshot<C, E extends EventObject> implements MachineState<C, E> {
  readonly machineId: string;
  readonly root: StateNode<C, E>;
  readonly status: SnapshotStatus;
  readonly context: C;
  readonly configuration: Configuration<C, E>;
  readonly history: MachineState<C, E>['history'];

  constructor(machineId: string, root: StateNode<C, E>, status: SnapshotStatus, state: MachineState<C, E>) {
    this.machineId = machineId;
    this.root = root;
    this.status = status;
    this.context = state.context;
    this.configuration = state.configuration;
    this.history = state.history;
  }

  get value(): StateValue {
    return valueOf(this.root, this.configuration);
  }

  /** Whether the state at a path such as `'form.editing'` is active. */
  matches(path: string): boolean {
    for (const node of this.configuration) {
      if (node.path === path) return true;
    }
    return false;
  }

  /** Whether the event would enable a transition. Runs guards. */
  can(event: E): boolean {
    return this.status === 'active' && selectTransitions(this.configuration, event, this.context).length > 0;
  }

  withStatus(status: SnapshotStatus): Snapshot<C, E> {
    return new Snapshot(this.machineId, this.root, status, this);
  }

  toJSON(): PersistedSnapshot<C> {
    const history: Record<string, string[]> = {};
    for (const [node, remembered] of this.history) history[node.path] = remembered.map(({ path }) => path);
    return {
      machine: this.machineId,
      status: this.status,
      active: leaves(this.configuration).map(({ path }) => path),
      history,
      context: this.context,
    };
  }
}

/** Atomic regions have nothing to tell apart, so they show as empty objects. */
function valueOf<C, E extends EventObject>(node: StateNode<C, E>, configuration: Configuration<C, E>): StateValue {
  const active = regions(node).filter((child) => configuration.has(child));
  const [only] = active;
  if (node.kind === 'compound' && only !== undefined && only.children.size === 0) return only.key;
  return Object.fromEntries(active.map((child) => [child.key, valueOf(child, configuration)]));
}
