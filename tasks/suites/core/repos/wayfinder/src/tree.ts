/**
 * The route tree: finds what is registered for a path, most specific first.
 *
 * Specificity is decided segment by segment from the left: a static segment before a param with a constraint, that before a plain param, that
 * before a grafted tree, that before a wildcard. Among equals the one registered first wins. A branch that leads nowhere is left again, so a
 * specific segment early in a path never hides a less specific pattern that matches the whole of it.
 *
 * An optional param makes its pattern end up at several nodes, once with and once without the segment.
 */
import type { Constraint } from './constraints.ts';
import type { UnknownParams } from './params.ts';
import type { Pattern, Segment } from './pattern.ts';

/** One param or wildcard as it stood in the path. */
interface Capture {
  readonly name: string;
  readonly raw: string | readonly string[];
  readonly constraint: Constraint<unknown> | undefined;
}

export interface Found<T, Label> {
  /** Everything registered for the matched pattern, in order of registration; never empty. */
  readonly values: readonly T[];
  /** The labels of the grafts on the way, outermost first. */
  readonly grafts: readonly Label[];
  readonly captures: readonly Capture[];
}

interface Node<T, Label> {
  readonly values: T[];
  readonly statics: Map<string, Node<T, Label>>;
  /** Those with a constraint first. */
  readonly params: ParamEdge<T, Label>[];
  readonly grafts: Graft<T, Label>[];
  readonly wildcards: WildcardEdge<T>[];
}

interface ParamEdge<T, Label> {
  readonly name: string;
  readonly expression: string | undefined;
  readonly constraint: Constraint<unknown> | undefined;
  readonly node: Node<T, Label>;
}

interface WildcardEdge<T> {
  readonly name: string;
  readonly optional: boolean;
  readonly values: T[];
}

interface Graft<T, Label> {
  readonly label: Label;
  readonly tree: RouteTree<T, Label>;
}

export class RouteTree<T, Label> {
  readonly #root: Node<T, Label> = emptyNode();
  readonly #grafted = new Set<RouteTree<T, Label>>();
  #insertions = 0;

  /** Grows with every insertion here or in a grafted tree; equal revisions mean equal answers. */
  get revision(): number {
    let revision = this.#insertions;
    for (const tree of this.#grafted) revision += tree.revision;
    return revision;
  }

  insert(pattern: Pattern, value: T): void {
    this.#insertions += 1;
    const last = pattern.segments.at(-1);
    if (last?.kind === 'wildcard') {
      for (const node of this.#nodesOf(pattern.segments.slice(0, -1))) wildcardEdge(node, last.name, last.optional).values.push(value);
    } else {
      for (const node of this.#nodesOf(pattern.segments)) node.values.push(value);
    }
  }

  /** Lets `tree` answer for what follows `prefix`. It is consulted live: what is inserted into it later counts. */
  graft(prefix: Pattern, tree: RouteTree<T, Label>, label: Label): void {
    this.#insertions += 1;
    this.#grafted.add(tree);
    for (const node of this.#nodesOf(prefix.segments)) node.grafts.push({ label, tree });
  }

  /** Whether `tree` is this tree or grafted somewhere below it. */
  contains(tree: RouteTree<T, Label>): boolean {
    return tree === this || [...this.#grafted].some((grafted) => grafted.contains(tree));
  }

  /** The most specific match for the decoded segments of a path. */
  find(path: readonly string[]): Found<T, Label> | undefined {
    return this.#search(this.#root, path, 0, { captures: [], grafts: [] });
  }

  #search(node: Node<T, Label>, path: readonly string[], index: number, trail: Trail<Label>): Found<T, Label> | undefined {
    const segment = path[index];
    if (segment === undefined) {
      if (node.values.length > 0) return foundAt(node.values, trail);
    } else {
      const next = node.statics.get(segment);
      const found = next && this.#search(next, path, index + 1, trail);
      if (found) return found;
      for (const edge of node.params) {
        if (!accepts(edge, segment)) continue;
        trail.captures.push({ name: edge.name, raw: segment, constraint: edge.constraint });
        const below = this.#search(edge.node, path, index + 1, trail);
        if (below) return below;
        trail.captures.pop();
      }
    }
    for (const { label, tree } of node.grafts) {
      trail.grafts.push(label);
      const below = tree.#search(tree.#root, path, index, trail);
      if (below) return below;
      trail.grafts.pop();
    }
    for (const edge of node.wildcards) {
      const rest = path.slice(index);
      if (rest.length === 0 && !edge.optional) continue;
      const captures = rest.length === 0 ? trail.captures : [...trail.captures, { name: edge.name, raw: rest, constraint: undefined }];
      return foundAt(edge.values, { captures, grafts: trail.grafts });
    }
    return undefined;
  }

  /** The nodes at which `segments` end, made where they are missing. */
  #nodesOf(segments: readonly Segment[]): Set<Node<T, Label>> {
    let nodes = new Set([this.#root]);
    for (const segment of segments) {
      const next = new Set<Node<T, Label>>();
      for (const node of nodes) {
        next.add(childOf(node, segment));
        if (segment.kind === 'param' && segment.optional) next.add(node);
      }
      nodes = next;
    }
    return nodes;
  }
}

/** The params of a match. Values are made anew on each call, so that no two requests share one. */
export function readParams(found: Pick<Found<unknown, unknown>, 'captures'>): UnknownParams {
  const params: UnknownParams = {};
  for (const { name, raw, constraint } of found.captures) {
    if (typeof raw === 'string') params[name] = constraint ? constraint.parse(raw) : raw;
    else params[name] = [...raw];
  }
  return params;
}

interface Trail<Label> {
  readonly captures: Capture[];
  readonly grafts: Label[];
}

function foundAt<T, Label>(values: readonly T[], trail: Trail<Label>): Found<T, Label> {
  return { values, grafts: [...trail.grafts], captures: [...trail.captures] };
}

function emptyNode<T, Label>(): Node<T, Label> {
  return { values: [], statics: new Map(), params: [], grafts: [], wildcards: [] };
}

function accepts(edge: ParamEdge<unknown, unknown>, segment: string): boolean {
  return segment !== '' && (edge.constraint === undefined || edge.constraint.parse(segment) !== undefined);
}

function childOf<T, Label>(node: Node<T, Label>, segment: Segment): Node<T, Label> {
  switch (segment.kind) {
    case 'static': {
      const present = node.statics.get(segment.text);
      if (present) return present;
      const created = emptyNode<T, Label>();
      node.statics.set(segment.text, created);
      return created;
    }
    case 'param':
      return paramEdge(node, segment).node;
    case 'wildcard':
      throw new TypeError('a wildcard has no node of its own');
  }
}

function paramEdge<T, Label>(node: Node<T, Label>, segment: Segment & { kind: 'param' }): ParamEdge<T, Label> {
  const { name, expression, constraint } = segment;
  const present = node.params.find((edge) => edge.name === name && edge.expression === expression);
  if (present) return present;
  const edge = { name, expression, constraint, node: emptyNode<T, Label>() };
  const plain = node.params.findIndex((other) => other.constraint === undefined);
  if (constraint === undefined || plain === -1) node.params.push(edge);
  else node.params.splice(plain, 0, edge);
  return edge;
}

function wildcardEdge<T>(node: Node<T, unknown>, name: string, optional: boolean): WildcardEdge<T> {
  const present = node.wildcards.find((edge) => edge.name === name && edge.optional === optional);
  if (present) return present;
  const edge: WildcardEdge<T> = { name, optional, values: [] };
  node.wildcards.push(edge);
  return edge;
}
