/**
 * The pattern language: text in, segments out.
 *
 *   /users/me          static segments, written decoded (`/café`, not `/caf%C3%A9`)
 *   /users/:id         a param: exactly one segment, not empty
 *   /users/:id<int>    a param with a constraint (see constraints.ts)
 *   /:lang?/about      an optional param: the segment may be missing, and so is the key in `params`
 *   /files/*path       a wildcard: one or more segments, last in its pattern; its value is the list of them
 *   /files/*path?      an optional wildcard: zero or more segments; the key is missing when there are none
 *
 * A slash at the end, of a pattern or of a path, means nothing.
 */
import { type Constraint, type ConstraintMap, lookUpConstraint } from './constraints.ts';
import { PatternError } from './errors.ts';

export type Segment =
  | { readonly kind: 'static'; readonly text: string }
  | {
      readonly kind: 'param';
      readonly name: string;
      readonly optional: boolean;
      /** The text between the angle brackets, `undefined` without them. */
      readonly expression: string | undefined;
      readonly constraint: Constraint<unknown> | undefined;
    }
  | { readonly kind: 'wildcard'; readonly name: string; readonly optional: boolean };

export interface Pattern {
  readonly source: string;
  readonly segments: readonly Segment[];
}

const PARAM = /^:([A-Za-z_]\w*)(?:<([^<>]+)>)?(\?)?$/;
const WILDCARD = /^\*([A-Za-z_]\w*)(\?)?$/;

/** Parses `source`, resolving constraint names against `custom` and the built-ins. Throws `PatternError`. */
export function parsePattern(source: string, custom: ConstraintMap = {}): Pattern {
  if (!source.startsWith('/')) throw new PatternError(source, 'it must start with a slash');
  const texts = splitSegments(source);
  const seen = new Set<string>();
  const segments = texts.map((text, index) => {
    const segment = parseSegment(source, text, custom);
    if (segment.kind === 'static') return segment;
    if (seen.has(segment.name)) throw new PatternError(source, `the name ${segment.name} is used twice`);
    seen.add(segment.name);
    if (segment.kind === 'wildcard' && index < texts.length - 1) {
      throw new PatternError(source, `the wildcard ${segment.name} must come last`);
    }
    return segment;
  });
  return { source, segments };
}

function parseSegment(source: string, text: string, custom: ConstraintMap): Segment {
  if (text === '') throw new PatternError(source, 'it has an empty segment');
  if (text.startsWith(':')) {
    const [, name, expression, mark] = PARAM.exec(text) ?? [];
    if (name === undefined) throw new PatternError(source, `${text} is not a param`);
    const constraint = expression === undefined ? undefined : lookUpConstraint(expression, custom);
    if (expression !== undefined && constraint === undefined) {
      throw new PatternError(source, `no constraint is named ${expression}`);
    }
    return { kind: 'param', name, optional: mark !== undefined, expression, constraint };
  }
  if (text.startsWith('*')) {
    const [, name, mark] = WILDCARD.exec(text) ?? [];
    if (name === undefined) throw new PatternError(source, `${text} is not a wildcard`);
    return { kind: 'wildcard', name, optional: mark !== undefined };
  }
  return { kind: 'static', text };
}

/** The parts between slashes, without the slash that starts the text and the one that may end it. */
function splitSegments(text: string): string[] {
  const inner = text.slice(1, text.length > 1 && text.endsWith('/') ? -1 : undefined);
  return inner === '' ? [] : inner.split('/');
}

/** The decoded segments of a URL's path. A percent-encoded slash stays within its segment. */
export function splitPath(path: string): string[] {
  return splitSegments(path.startsWith('/') ? path : `/${path}`).map((segment) => decodeURIComponent(segment));
}

/** `prefix` followed by `suffix`, both patterns, with one slash between them. */
export function joinPatterns(prefix: string, suffix: string): string {
  if (!suffix.startsWith('/')) throw new PatternError(suffix, 'it must start with a slash');
  const head = prefix.endsWith('/') ? prefix.slice(0, -1) : prefix;
  return suffix === '/' && head !== '' ? head : head + suffix;
}
