/**
 * Set algebra over active states: what a transition leaves, what it enters, what history remembers.
 *
 * A configuration is the set of all active nodes, ancestors included. It is legal when the root is active, every
 * active compound node has exactly one active child, and every active parallel node has all of its regions active.
 * The functions here are pure and keep configurations legal; they know nothing of events, guards or actions.
 */
import type { EventObject } from './config.ts';
import { ancestors, isDescendant, type StateNode, type Transition } from './tree.ts';

export type Configuration<C, E extends EventObject> = ReadonlySet<StateNode<C, E>>;

/** What each history node would restore; a node whose parent was never left has no entry. */
export type HistoryRecord<C, E extends EventObject> = ReadonlyMap<StateNode<C, E>, readonly StateNode<C, E>[]>;

export function inDocumentOrder<C, E extends EventObject>(nodes: Iterable<StateNode<C, E>>): StateNode<C, E>[] {
  return [...nodes].sort((a, b) => a.order - b.order);
}

/** The active nodes without children, in document order. */
export function leaves<C, E extends EventObject>(configuration: Configuration<C, E>): StateNode<C, E>[] {
  return inDocumentOrder(configuration).filter((node) => node.kind === 'atomic');
}

/** The regions of a parallel node, or the alternatives of a compound one: its children but for history nodes. */
export function regions<C, E extends EventObject>(node: StateNode<C, E>): StateNode<C, E>[] {
  return [...node.children.values()].filter((child) => child.kind !== 'history');
}

/**
 * The node whose active descendants a transition leaves, or undefined for a transition without targets.
 *
 * That is the source itself where the transition stays inside it (and does not ask for `reenter`), and otherwise the
 * innermost compound node that properly contains the source and all targets. The root stands in where there is none.
 */
export function transitionDomain<C, E extends EventObject>(
  transition: Transition<C, E>,
): StateNode<C, E> | undefined {
  const { source, targets, reenter } = transition;
  if (targets.length === 0) return undefined;
  if (!reenter && targets.every((target) => target === source || isDescendant(target, source))) return source;
  const outer = ancestors(source);
  return (
    outer.find((node) => node.kind === 'compound' && targets.every((target) => isDescendant(target, node))) ??
    outer.at(-1) ??
    source
  );
}

/** The active nodes that a transition leaves, in document order. */
export function exitSet<C, E extends EventObject>(
  transition: Transition<C, E>,
  configuration: Configuration<C, E>,
): StateNode<C, E>[] {
  const domain = transitionDomain(transition);
  if (domain === undefined) return [];
  return inDocumentOrder(configuration).filter((node) => isDescendant(node, domain));
}

/**
 * The nodes that have to be active once a transition is taken, in document order: its targets, what they bring along
 * by default or from history, and their ancestors below the domain. Some of them may be active already.
 */
export function entrySet<C, E extends EventObject>(
  transition: Transition<C, E>,
  history: HistoryRecord<C, E>,
): StateNode<C, E>[] {
  const domain = transitionDomain(transition);
  if (domain === undefined) return [];
  const entered = new Set<StateNode<C, E>>();
  enterAll(transition.targets, domain, history, entered);
  return inDocumentOrder(entered);
}

/** The nodes that are active when a machine starts, in document order. */
export function initialConfiguration<C, E extends EventObject>(root: StateNode<C, E>): StateNode<C, E>[] {
  const entered = new Set<StateNode<C, E>>();
  enterWithDefaults(root, new Map(), entered);
  return inDocumentOrder(entered);
}

/** What the history children of the nodes that are about to be left must remember. */
export function recordHistory<C, E extends EventObject>(
  exited: readonly StateNode<C, E>[],
  configuration: Configuration<C, E>,
  history: HistoryRecord<C, E>,
): HistoryRecord<C, E> {
  const next = new Map(history);
  for (const node of exited) {
    for (const child of node.children.values()) {
      if (child.kind !== 'history') continue;
      const remembered =
        child.history === 'deep'
          ? leaves(configuration).filter((leaf) => isDescendant(leaf, node))
          : regions(node).filter((region) => configuration.has(region));
      next.set(child, remembered);
    }
  }
  return next;
}

/** Whether a set of nodes is a legal configuration of the tree under `root`. */
export function isLegal<C, E extends EventObject>(configuration: Configuration<C, E>, root: StateNode<C, E>): boolean {
  if (!configuration.has(root)) return false;
  for (const node of configuration) {
    const active = regions(node).filter((child) => configuration.has(child)).length;
    if (node.kind === 'history') return false;
    if (node.kind === 'compound' && active !== 1) return false;
    if (node.kind === 'parallel' && active !== regions(node).length) return false;
    if (node.parent !== undefined && !configuration.has(node.parent)) return false;
  }
  return true;
}

/**
 * Adds the targets with their defaults first and their ancestors only then: a parallel ancestor fills in the defaults
 * of the regions that no target has claimed, so all targets must be known by that time.
 */
function enterAll<C, E extends EventObject>(
  targets: readonly StateNode<C, E>[],
  domain: StateNode<C, E>,
  history: HistoryRecord<C, E>,
  entered: Set<StateNode<C, E>>,
): void {
  for (const target of targets) enterWithDefaults(target, history, entered);
  for (const target of targets) {
    if (target === domain) continue;
    for (const ancestor of ancestors(target)) {
      if (ancestor === domain) break;
      entered.add(ancestor);
      fillRegions(ancestor, history, entered);
    }
  }
}

function enterWithDefaults<C, E extends EventObject>(
  node: StateNode<C, E>,
  history: HistoryRecord<C, E>,
  entered: Set<StateNode<C, E>>,
): void {
  if (node.kind === 'history') {
    // A history node is a reference: what it stands for is entered in its place, up to its parent.
    if (node.parent !== undefined) enterAll(restored(node, history), node.parent, history, entered);
    return;
  }
  entered.add(node);
  if (node.initial !== undefined) enterWithDefaults(node.initial, history, entered);
  fillRegions(node, history, entered);
}

function fillRegions<C, E extends EventObject>(
  node: StateNode<C, E>,
  history: HistoryRecord<C, E>,
  entered: Set<StateNode<C, E>>,
): void {
  if (node.kind !== 'parallel') return;
  for (const region of regions(node)) {
    const claimed = [...entered].some((other) => other === region || isDescendant(other, region));
    if (!claimed) enterWithDefaults(region, history, entered);
  }
}

function restored<C, E extends EventObject>(
  node: StateNode<C, E>,
  history: HistoryRecord<C, E>,
): readonly StateNode<C, E>[] {
  const remembered = history.get(node);
  if (remembered !== undefined) return remembered;
  if (node.historyDefault !== undefined) return [node.historyDefault];
  if (node.parent?.initial !== undefined) return [node.parent.initial];
  return node.parent === undefined ? [] : regions(node.parent);
}
