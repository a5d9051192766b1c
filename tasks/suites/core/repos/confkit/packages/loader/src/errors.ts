import { formatIssue, type Issue } from '@confkit/schema';
import { formatOrigin, type Origin } from './origin.ts';

/** A layer cannot be read: its text is malformed or its file is missing. */
export class LayerError extends Error {
  override readonly name = 'LayerError';
  readonly layer: string;
  /** One-based; absent when the format's parser does not tell. */
  readonly line: number | undefined;

  constructor(layer: string, message: string, line?: number) {
    super(`${layer}${line === undefined ? '' : `:${line}`}: ${message}`);
    this.layer = layer;
    this.line = line;
  }
}

/** A `${reference}` cannot be resolved. */
export class InterpolationError extends Error {
  override readonly name = 'InterpolationError';
}

/** An issue of the schema, with the origin of the refused value where a layer gave one. */
export interface ConfigIssue extends Issue {
  readonly origin?: Origin;
}

/** The merged layers do not satisfy the schema. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    super(['Invalid configuration', ...issues.map(describe)].join('\n  '));
    this.issues = issues;
  }
}

function describe(issue: ConfigIssue): string {
  const text = formatIssue(issue);
  return issue.origin === undefined ? text : `${text} (from ${formatOrigin(issue.origin)})`;
}
