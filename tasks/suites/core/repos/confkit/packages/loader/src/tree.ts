import type { Path, PathSegment } from '@confkit/schema';

/** A configuration before it is checked: nested plain objects; anything else is a leaf. */
export type Tree = Record<string, unknown>;

/** True for objects that came from JSON or a literal, not for arrays or instances of classes. */
export function isTree(value: unknown): value is Tree {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The value at a path, or `undefined` where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  let node = root;
  for (const segment of path) {
    if (Array.isArray(node) && typeof segment === 'number') node = node[segment];
    else if (isTree(node) && typeof segment === 'string' && Object.hasOwn(node, segment)) node = node[segment];
    else return undefined;
  }
  return node;
}

/**
 * A copy of `root` with `value` at the path. Only the containers on the way are copied; a leaf that stands in the way
 * gives way to an object, or to an array under an index.
 */
export function withValueAt(root: unknown, path: Path, value: unknown): unknown {
  const [segment, ...rest] = path;
  if (segment === undefined) return value;
  if (typeof segment === 'number') {
    const list = Array.isArray(root) ? [...(root as unknown[])] : [];
    list[segment] = withValueAt(list[segment], rest, value);
    return list;
  }
  const tree = isTree(root) ? root : {};
  const old = Object.hasOwn(tree, segment) ? tree[segment] : undefined;
  // fromEntries defines properties, so that a key such as __proto__ is a key like any other.
  return Object.fromEntries([...Object.entries(tree), [segment, withValueAt(old, rest, value)]]);
}

/** A copy in which every leaf is replaced by what `map` makes of it; elements of arrays are visited, too. */
export function mapLeaves(root: unknown, map: (leaf: unknown, path: Path) => unknown, path: Path = []): unknown {
  const child = (node: unknown, segment: PathSegment): unknown => mapLeaves(node, map, [...path, segment]);
  if (Array.isArray(root)) return root.map(child);
  if (isTree(root)) return Object.fromEntries(Object.entries(root).map(([key, node]) => [key, child(node, key)]));
  return map(root, path);
}
