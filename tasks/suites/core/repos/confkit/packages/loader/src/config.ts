import { formatPath, parsePath, type Path } from '@confkit/schema';
import { formatOrigin, type Origins } from './origin.ts';
import type { Redactor } from './redact.ts';
import { mapLeaves, valueAt } from './tree.ts';

/** Where a value came from. */
export interface Explanation {
  readonly path: string;
  /** The value in force, with secrets redacted. */
  readonly value: unknown;
  /** `app.ini:3`, `environment (APP_PORT)`, `default`; for an object all sources of its members, in order. */
  readonly source: string;
  /** What earlier layers had assigned, the strongest first; secrets are redacted. */
  readonly overridden: readonly Overridden[];
}

export interface Overridden {
  readonly source: string;
  readonly value: unknown;
}

/** The source of values that no layer gave. */
const FROM_SCHEMA = 'default';

/** A checked configuration that remembers its layers. */
export class Config<T> {
  readonly value: T;
  private readonly origins: Origins;
  private readonly redactor: Redactor;

  constructor(value: T, origins: Origins, redactor: Redactor) {
    this.value = value;
    this.origins = origins;
    this.redactor = redactor;
  }

  /** The whole configuration, fit to be shown. */
  redacted(): unknown {
    return this.redactor.mask(this.value, []);
  }

  /**
   * Tells where the value at a path came from; `undefined` when there is no value.
   *
   * @throws {PathSyntaxError} for a text that is not a path.
   */
  explain(path: string | Path): Explanation | undefined {
    const at = typeof path === 'string' ? parsePath(path) : path;
    const value = valueAt(this.value, at);
    if (value === undefined) return undefined;
    const assigned = this.origins.nearest(at);
    const history = assigned === undefined ? [] : this.origins.at(assigned).slice(0, -1);
    return {
      path: formatPath(at),
      value: this.redactor.mask(value, at),
      source: this.sourcesOf(value, at).join(', '),
      overridden: history.toReversed().map((earlier) => ({
        source: formatOrigin(earlier.origin),
        value: this.redactor.mask(earlier.value, assigned ?? at),
      })),
    };
  }

  /** One line for each value: its path, the value and its source. Secrets are redacted. */
  report(): string {
    const lines: string[] = [];
    mapLeaves(this.value, (leaf, path) => {
      const shown = this.redactor.mask(leaf, path);
      lines.push(`${formatPath(path)} = ${JSON.stringify(shown) ?? String(shown)} (${this.sourceOf(path)})`);
    });
    return lines.join('\n');
  }

  private sourceOf(path: Path): string {
    const assignment = this.origins.inForce(path);
    return assignment === undefined ? FROM_SCHEMA : formatOrigin(assignment.origin);
  }

  private sourcesOf(value: unknown, path: Path): string[] {
    const sources = new Set<string>();
    mapLeaves(value, (_, leaf) => sources.add(this.sourceOf(leaf)), path);
    return sources.size === 0 ? [this.sourceOf(path)] : [...sources];
  }
}
