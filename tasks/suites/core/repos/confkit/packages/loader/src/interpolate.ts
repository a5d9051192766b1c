import { formatPath, parsePath, type Path } from '@confkit/schema';
import { InterpolationError } from './errors.ts';
import { isTree, mapLeaves, valueAt, type Tree } from './tree.ts';

export interface Interpolated {
  readonly tree: Tree;
  readonly references: References;
}

/** Which leaves were put together from which other leaves. */
export class References {
  private readonly byPath = new Map<string, readonly Path[]>();

  record(path: Path, targets: readonly Path[]): void {
    this.byPath.set(formatPath(path), targets);
  }

  /** The paths that the leaf at `path` refers to, directly. */
  from(path: Path): readonly Path[] {
    return this.byPath.get(formatPath(path)) ?? [];
  }
}

/** `${path}`, or the escape `$${` that stands for `${` itself. */
const REFERENCE = /\$\$\{|\$\{([^}]*)\}/g;

/**
 * Resolves `${path}` in every string of the tree. A string that is one reference and nothing else takes over the value
 * with its type; otherwise the value is inserted as text.
 *
 * @throws {InterpolationError} for references to nothing, to an object or list, and to themselves.
 */
export function interpolate(tree: Tree): Interpolated {
  const references = new References();
  const resolving: string[] = [];

  const lookUp = (target: Path, from: Path): unknown => {
    const value = valueAt(tree, target);
    if (value === undefined) throw new InterpolationError(`${formatPath(from)}: Nothing at ${formatPath(target)}`);
    if (isTree(value) || Array.isArray(value)) {
      throw new InterpolationError(`${formatPath(from)}: ${formatPath(target)} is not a single value`);
    }
    return resolve(value, target);
  };

  const resolve = (leaf: unknown, path: Path): unknown => {
    if (typeof leaf !== 'string' || !leaf.includes('${')) return leaf;
    const name = formatPath(path);
    if (resolving.includes(name)) throw new InterpolationError(`${[...resolving, name].join(' -> ')}: Circular reference`);
    resolving.push(name);
    const targets: Path[] = [];
    const values = new Map<string, unknown>();
    const text = leaf.replace(REFERENCE, (match, reference: string | undefined) => {
      if (reference === undefined) return '${';
      const target = parseReference(reference, path);
      const value = lookUp(target, path);
      targets.push(target);
      values.set(match, value);
      return String(value);
    });
    resolving.pop();
    if (targets.length > 0) references.record(path, targets);
    return values.has(leaf) ? values.get(leaf) : text;
  };

  return { tree: mapLeaves(tree, resolve) as Tree, references };
}

function parseReference(reference: string, from: Path): Path {
  try {
    const path = parsePath(reference.trim());
    if (path.length > 0) return path;
  } catch {
    // Reported below, with the place of the reference.
  }
  throw new InterpolationError(`${formatPath(from)}: Not a path: ${JSON.stringify(reference)}`);
}
