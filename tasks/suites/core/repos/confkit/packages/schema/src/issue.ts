import { formatPath, type Path } from './path.ts';

export type IssueCode = 'required' | 'type' | 'literal' | 'range' | 'length' | 'pattern' | 'unknown_key' | 'union' | 'custom';

/** One reason why a value was refused. */
export interface Issue {
  readonly code: IssueCode;
  readonly path: Path;
  readonly message: string;
  /** The refused value; absent when the value itself was missing. */
  readonly received?: unknown;
  /** For `union`: the issues of each alternative, in the order of the alternatives. */
  readonly branches?: readonly (readonly Issue[])[];
}

/** Thrown by `parse`; carries every issue, not only the first. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError';
  readonly issues: readonly Issue[];

  constructor(issues: readonly Issue[]) {
    super(issues.map(formatIssue).join('\n'));
    this.issues = issues;
  }
}

/** `server.port: Expected a number, received "abc"`. */
export function formatIssue(issue: Issue): string {
  return issue.path.length === 0 ? issue.message : `${formatPath(issue.path)}: ${issue.message}`;
}

const LONGEST_QUOTE = 60;

/** A short rendering of a refused value for a message. */
export function quote(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function') return 'a function';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length <= LONGEST_QUOTE ? text : `${text.slice(0, LONGEST_QUOTE - 1)}…`;
}
