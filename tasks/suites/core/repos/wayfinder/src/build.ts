/**
 * Reverse routing: from a pattern and its params to a URL that the pattern matches.
 */
import { BuildError } from './errors.ts';
import type { UnknownParams } from './params.ts';
import { type Pattern, parsePattern, type Segment } from './pattern.ts';
import { formatQuery, type QueryInput } from './query.ts';

export interface BuildOptions {
  readonly query?: QueryInput;
  /** Without the `#`; percent-encoded for you. */
  readonly hash?: string;
}

/** The URL of a pattern that uses built-in constraints only. Throws `BuildError` when the params do not fit it. */
export function buildPath(pattern: string, params: UnknownParams = {}, options: BuildOptions = {}): string {
  return renderUrl(parsePattern(pattern), params, options);
}

/** The URL of a parsed pattern. Params that it does not name are ignored. */
export function renderUrl(pattern: Pattern, params: UnknownParams, options: BuildOptions = {}): string {
  const query = options.query === undefined ? '' : formatQuery(options.query);
  const hash = options.hash === undefined || options.hash === '' ? '' : `#${encodeURIComponent(options.hash)}`;
  return renderPath(pattern, params) + (query === '' ? '' : `?${query}`) + hash;
}

function renderPath(pattern: Pattern, params: UnknownParams): string {
  let path = '';
  let gap: string | undefined;
  for (const segment of pattern.segments) {
    const texts = renderSegment(pattern, segment, params);
    if (segment.kind === 'static' || !segment.optional) {
      gap = undefined;
    } else if (texts.length === 0) {
      gap ??= segment.name;
    } else if (gap !== undefined) {
      // `/:year?/:month?` with a month alone gives `/5`, which reads back as the year.
      throw new BuildError(pattern.source, `${segment.name} is given but ${gap} before it is not`);
    }
    for (const text of texts) path += `/${encodeURIComponent(text)}`;
  }
  return path === '' ? '/' : path;
}

/** The decoded texts that stand for `segment`: none when it is optional and has no value. */
function renderSegment(pattern: Pattern, segment: Segment, params: UnknownParams): readonly string[] {
  if (segment.kind === 'static') return [segment.text];
  const value = Object.hasOwn(params, segment.name) ? params[segment.name] : undefined;
  if (segment.kind === 'wildcard') {
    if (value !== undefined && !Array.isArray(value)) throw new BuildError(pattern.source, `${segment.name} must be a list of segments`);
    const texts = ((value ?? []) as readonly unknown[]).map(String);
    if (texts.length === 0 && !segment.optional) throw new BuildError(pattern.source, `${segment.name} needs at least one segment`);
    return texts;
  }
  if (value === undefined || value === null) {
    if (segment.optional) return [];
    throw new BuildError(pattern.source, `${segment.name} is missing`);
  }
  const text = segment.constraint?.format ? segment.constraint.format(value) : String(value as string | number | boolean);
  if (text === '') throw new BuildError(pattern.source, `${segment.name} is empty`);
  if (segment.constraint && segment.constraint.parse(text) === undefined) {
    throw new BuildError(pattern.source, `${segment.name} is not ${segment.expression}: ${JSON.stringify(text)}`);
  }
  return [text];
}
