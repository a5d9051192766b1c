/**
 * Turns a definition into linked state nodes: paths, document order, resolved targets.
 *
 * Every mistake that can be seen without running the machine is reported here as a `DefinitionError`, so that the
 * algorithms in the other modules can trust the tree.
 */
import type {
  Action,
  EventObject,
  Guard,
  InvokeConfig,
  MachineConfig,
  OneOrMany,
  StateConfig,
  TransitionConfig,
  TransitionInput,
} from './config.ts';

export type NodeKind = 'atomic' | 'compound' | 'parallel' | 'history';

export interface Transition<C, E extends EventObject> {
  readonly source: StateNode<C, E>;
  /** Empty for a transition that only runs actions. */
  readonly targets: readonly StateNode<C, E>[];
  readonly guard: Guard<C, E> | undefined;
  readonly actions: readonly Action<C, E>[];
  readonly reenter: boolean;
}

export interface Delay {
  readonly milliseconds: number;
  readonly eventType: `after.${string}`;
}

export interface Invocation<C, E extends EventObject> {
  readonly id: string;
  readonly src: InvokeConfig<C, E>['src'];
}

export interface StateNode<C, E extends EventObject> {
  readonly key: string;
  /** Keys from the root, joined by dots; the root's own path is empty. */
  readonly path: string;
  readonly kind: NodeKind;
  /** Position in document order: a state comes before its children, children in the order they are written. */
  readonly order: number;
  readonly parent: StateNode<C, E> | undefined;
  readonly children: ReadonlyMap<string, StateNode<C, E>>;
  /** The default child; set for compound nodes only. */
  readonly initial: StateNode<C, E> | undefined;
  readonly history: 'shallow' | 'deep';
  /** For history nodes: the author's default, if any. */
  readonly historyDefault: StateNode<C, E> | undefined;
  readonly entry: readonly Action<C, E>[];
  readonly exit: readonly Action<C, E>[];
  readonly transitions: ReadonlyMap<string, readonly Transition<C, E>[]>;
  readonly always: readonly Transition<C, E>[];
  readonly delays: readonly Delay[];
  readonly invocations: readonly Invocation<C, E>[];
}

/** The definition of a machine is wrong. The message starts with the machine's id and the path of the state. */
export class DefinitionError extends Error {
  override readonly name = 'DefinitionError';
}

export interface Tree<C, E extends EventObject> {
  readonly root: StateNode<C, E>;
  /** Every node by its path, history nodes included. */
  readonly byPath: ReadonlyMap<string, StateNode<C, E>>;
}

export function buildTree<C, E extends EventObject>(config: MachineConfig<C, E>): Tree<C, E> {
  const byPath = new Map<string, Draft<C, E>>();
  const root = draft(config, '', undefined, config.id, byPath);
  const invocationIds = new Set<string>();
  for (const node of byPath.values()) {
    link(node, byPath, config.id);
    for (const { id } of node.invocations) {
      if (invocationIds.has(id)) throw mistake(config.id, node.path, `invocation id '${id}' is used twice`);
      invocationIds.add(id);
    }
  }
  return { root, byPath };
}

export function asList<T>(value: OneOrMany<T> | undefined): readonly T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** A node while the tree is being built: links to other nodes are filled in once all of them exist. */
interface Draft<C, E extends EventObject> extends StateNode<C, E> {
  readonly config: StateConfig<C, E>;
  readonly parent: Draft<C, E> | undefined;
  readonly children: Map<string, Draft<C, E>>;
  readonly transitions: Map<string, readonly Transition<C, E>[]>;
  initial: Draft<C, E> | undefined;
  historyDefault: Draft<C, E> | undefined;
  always: readonly Transition<C, E>[];
  delays: readonly Delay[];
  invocations: readonly Invocation<C, E>[];
}

function draft<C, E extends EventObject>(
  config: StateConfig<C, E>,
  key: string,
  parent: Draft<C, E> | undefined,
  machineId: string,
  byPath: Map<string, Draft<C, E>>,
): Draft<C, E> {
  const path = parent === undefined || parent.path === '' ? key : `${parent.path}.${key}`;
  const childKeys = Object.keys(config.states ?? {});
  const kind = config.type ?? (childKeys.length > 0 ? 'compound' : 'atomic');
  if (parent !== undefined && !/^[^.#*\s]+$/.test(key)) {
    throw mistake(machineId, path, `a state's key must not be empty or contain '.', '#', '*' or spaces`);
  }
  if ((kind === 'atomic' || kind === 'history') && childKeys.length > 0) {
    throw mistake(machineId, path, `a state of type '${kind}' cannot have states`);
  }
  if ((kind === 'compound' || kind === 'parallel') && childKeys.length === 0) {
    throw mistake(machineId, path, `a state of type '${kind}' needs states`);
  }
  if (kind === 'history' && parent?.kind !== 'compound' && parent?.kind !== 'parallel') {
    throw mistake(machineId, path, 'a history state needs a parent');
  }
  const node: Draft<C, E> = {
    config,
    key,
    path,
    kind,
    order: byPath.size,
    parent,
    children: new Map(),
    initial: undefined,
    history: config.history ?? 'shallow',
    historyDefault: undefined,
    entry: asList(config.entry),
    exit: asList(config.exit),
    transitions: new Map(),
    always: [],
    delays: [],
    invocations: [],
  };
  byPath.set(path, node);
  for (const [childKey, child] of Object.entries(config.states ?? {})) {
    node.children.set(childKey, draft(child, childKey, node, machineId, byPath));
  }
  return node;
}

function link<C, E extends EventObject>(
  node: Draft<C, E>,
  byPath: ReadonlyMap<string, Draft<C, E>>,
  machineId: string,
): void {
  const { config } = node;
  const resolve = (target: string): Draft<C, E> => {
    const found = byPath.get(absolutePath(node, target));
    if (found === undefined) throw mistake(machineId, node.path, `target '${target}' does not exist`);
    if (found.parent === undefined) throw mistake(machineId, node.path, 'the root cannot be a target');
    return found;
  };
  const transition = (input: TransitionConfig<C, E>): Transition<C, E> => {
    const targets = asList(input.target).map(resolve);
    checkTargets(targets, node, machineId);
    return {
      source: node,
      targets,
      guard: input.guard,
      actions: asList(input.actions),
      reenter: input.reenter ?? false,
    };
  };
  const candidates = (input: TransitionInput<C, E> | undefined): readonly Transition<C, E>[] =>
    typeof input === 'string' ? [transition({ target: input })] : asList(input).map(transition);

  if (node.kind === 'compound') {
    const initial = node.children.get(config.initial ?? '');
    if (initial === undefined || initial.kind === 'history') {
      throw mistake(machineId, node.path, `'initial' must name one of the state's own states`);
    }
    node.initial = initial;
  }
  if (node.kind === 'history' && config.target !== undefined) {
    node.historyDefault = resolve(config.target);
    if (node.parent === undefined || !isDescendant(node.historyDefault, node.parent)) {
      throw mistake(machineId, node.path, `the default target of a history state must lie inside its parent`);
    }
  }

  for (const [descriptor, input] of Object.entries(config.on ?? {})) {
    node.transitions.set(descriptor, candidates(input));
  }
  node.always = candidates(config.always);
  node.delays = Object.entries(config.after ?? {}).map(([delay, input]) => {
    const milliseconds = Number(delay);
    if (!Number.isFinite(milliseconds) || milliseconds < 0) {
      throw mistake(machineId, node.path, `'${delay}' is not a delay in milliseconds`);
    }
    const eventType = `after.${milliseconds}.${node.path}` as const;
    node.transitions.set(eventType, candidates(input));
    return { milliseconds, eventType };
  });
  node.invocations = asList(config.invoke).map((invocation, index) => {
    const id = invocation.id ?? (index === 0 ? node.path : `${node.path}:${index}`);
    node.transitions.set(`done.invoke.${id}`, candidates(invocation.onDone));
    node.transitions.set(`error.invoke.${id}`, candidates(invocation.onError));
    return { id, src: invocation.src };
  });
}

function absolutePath<C, E extends EventObject>(node: StateNode<C, E>, target: string): string {
  if (target.startsWith('#')) return target.slice(1);
  const [base, rest] = target.startsWith('.') ? [node, target.slice(1)] : [node.parent ?? node, target];
  return base.path === '' ? rest : `${base.path}.${rest}`;
}

function checkTargets<C, E extends EventObject>(
  targets: readonly StateNode<C, E>[],
  node: StateNode<C, E>,
  machineId: string,
): void {
  for (const [index, a] of targets.entries()) {
    for (const b of targets.slice(index + 1)) {
      if (commonAncestor(a, b)?.kind !== 'parallel' || a === b || isDescendant(a, b) || isDescendant(b, a)) {
        throw mistake(machineId, node.path, `targets '${a.path}' and '${b.path}' cannot be active together`);
      }
    }
  }
}

/** Whether `node` lies strictly inside `ancestor`. */
export function isDescendant<C, E extends EventObject>(node: StateNode<C, E>, ancestor: StateNode<C, E>): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent) {
    if (at === ancestor) return true;
  }
  return false;
}

/** From the parent outwards, the root last. */
export function ancestors<C, E extends EventObject>(node: StateNode<C, E>): readonly StateNode<C, E>[] {
  const found: StateNode<C, E>[] = [];
  for (let at = node.parent; at !== undefined; at = at.parent) found.push(at);
  return found;
}

/** The innermost node that properly contains both. */
function commonAncestor<C, E extends EventObject>(
  a: StateNode<C, E>,
  b: StateNode<C, E>,
): StateNode<C, E> | undefined {
  return ancestors(a).find((node) => isDescendant(b, node));
}

function mistake(machineId: string, path: string, problem: string): DefinitionError {
  return new DefinitionError(`${machineId}: ${path === '' ? 'the root' : `state '${path}'`}: ${problem}`);
}
