import type { Path, PathSegment } from '@confkit/schema';
import type { Layer } from './layers.ts';
import { Origins } from './origin.ts';
import { isTree, valueAt, withValueAt, type Tree } from './tree.ts';

export interface Merged {
  readonly tree: Tree;
  readonly origins: Origins;
}

/**
 * Lays the layers over each other. Objects are merged key by key; every other value, arrays included, replaces what
 * was there. A later layer may still assign a single element of an array.
 */
export function mergeLayers(layers: readonly Layer[]): Merged {
  const origins = new Origins();
  let tree: unknown = {};
  for (const layer of layers) {
    for (const { path: written, value, origin } of layer.entries()) {
      const path = settle(tree, written);
      // An empty object has no keys to merge; it only matters where there is no object yet.
      if (isTree(value) && isTree(valueAt(tree, path))) continue;
      const replaced = replacedOnTheWay(tree, path);
      if (replaced !== undefined) origins.forget(replaced);
      tree = withValueAt(tree, path, value);
      origins.record(path, { value, origin });
    }
  }
  return { tree: tree as Tree, origins };
}

/** Reads an index as a key where the tree has an object: a variable's name cannot tell one from the other. */
function settle(tree: unknown, path: Path): Path {
  const settled: PathSegment[] = [];
  for (const segment of path) {
    const isKey = typeof segment === 'number' && isTree(valueAt(tree, settled));
    settled.push(isKey ? String(segment) : segment);
  }
  return settled;
}

/** The leaf above `path` that has to give way to a container, if there is one. */
function replacedOnTheWay(tree: unknown, path: Path): Path | undefined {
  for (let length = 1; length < path.length; length += 1) {
    const above = path.slice(0, length);
    const node = valueAt(tree, above);
    const holds = typeof path[length] === 'number' ? Array.isArray(node) : isTree(node);
    if (!holds) return above;
  }
  return undefined;
}
