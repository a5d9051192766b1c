import { formatPath, parsePath, type Path } from '@confkit/schema';
import type { References } from './interpolate.ts';
import { isTree } from './tree.ts';

/** What stands in place of a secret value. */
export const REDACTED = '[redacted]';

/**
 * Knows which values must not be shown. A value is secret when a pattern matches its path or a path above it, and when
 * it interpolates a secret value.
 */
export class Redactor {
  private readonly patterns: readonly RegExp[];
  private readonly references: References;

  constructor(patterns: readonly string[], references: References) {
    this.patterns = patterns.map(compilePattern);
    this.references = references;
  }

  isSecret(path: Path): boolean {
    const text = `.${formatPath(path)}`;
    if (this.patterns.some((pattern) => pattern.test(text))) return true;
    return path.some((_, index) => this.references.from(path.slice(0, index + 1)).some((target) => this.isSecret(target)));
  }

  /** A copy of the value at `path` with every secret in it replaced. */
  mask(value: unknown, path: Path): unknown {
    if (value === undefined) return undefined;
    if (this.isSecret(path)) return REDACTED;
    if (Array.isArray(value)) return value.map((item, index) => this.mask(item, [...path, index]));
    if (!isTree(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.mask(item, [...path, key])]));
  }
}

/** A pattern is a path in which `*` stands for any one key or index. One of a single key matches at any depth. */
function compilePattern(pattern: string): RegExp {
  const segments = parsePath(pattern).map((segment) => {
    if (segment === '*') return String.raw`(?:\.[^.[]+|\[\d+\])`;
    return typeof segment === 'number' ? String.raw`\[${segment}\]` : String.raw`\.${escapeRegExp(segment)}`;
  });
  const anchor = segments.length > 1 ? '^' : '';
  return new RegExp(String.raw`${anchor}${segments.join('')}(?=$|[.[])`);
}

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
