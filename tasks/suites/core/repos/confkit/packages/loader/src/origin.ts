import { formatPath, type Path } from '@confkit/schema';

/** Where a value was written down. */
export interface Origin {
  /** The name of the layer: a file name, `environment`. */
  readonly layer: string;
  /** The place within the layer, where the format has one: a line, or the name of a variable. */
  readonly place?: string;
  /** Whether the format has only text, so that the schema has to make numbers of it. */
  readonly textual: boolean;
}

/** A value that a layer gave to a path. */
export interface Assignment {
  readonly value: unknown;
  readonly origin: Origin;
}

/** `app.ini:3`, `environment (APP_PORT)` or only the layer's name. */
export function formatOrigin({ layer, place }: Origin): string {
  if (place === undefined) return layer;
  return /^\d+$/.test(place) ? `${layer}:${place}` : `${layer} (${place})`;
}

/** Which layers assigned which paths: for each path all assignments, the one in force last. */
export class Origins {
  private readonly byPath = new Map<string, Assignment[]>();

  /** Notes an assignment. What lay below the path is no longer in force and is forgotten. */
  record(path: Path, assignment: Assignment): void {
    this.forgetBelow(path);
    const key = formatPath(path);
    const known = this.byPath.get(key);
    if (known === undefined) this.byPath.set(key, [assignment]);
    else known.push(assignment);
  }

  /** All assignments to exactly this path, in the order of the layers. */
  at(path: Path): readonly Assignment[] {
    return this.byPath.get(formatPath(path)) ?? [];
  }

  /** The path itself or the closest one above it that a layer assigned: an array is assigned as a whole. */
  nearest(path: Path): Path | undefined {
    for (let length = path.length; length > 0; length -= 1) {
      const ancestor = path.slice(0, length);
      if (this.byPath.has(formatPath(ancestor))) return ancestor;
    }
    return undefined;
  }

  /** The assignment that a path has its value from. */
  inForce(path: Path): Assignment | undefined {
    const nearest = this.nearest(path);
    return nearest === undefined ? undefined : this.at(nearest).at(-1);
  }

  /** Drops the assignments to a path and to everything below it. */
  forget(path: Path): void {
    this.byPath.delete(formatPath(path));
    this.forgetBelow(path);
  }

  private forgetBelow(path: Path): void {
    const prefix = formatPath(path);
    for (const key of this.byPath.keys()) {
      if (key.startsWith(`${prefix}.`) || key.startsWith(`${prefix}[`)) this.byPath.delete(key);
    }
  }
}
