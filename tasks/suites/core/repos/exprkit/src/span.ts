/** A half-open range of UTF-16 offsets in a source text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A place in a source text as editors show it; both numbers count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The smallest span that covers both. */
export function joinSpans(a: Span, b: Span): Span {
  return { start: Math.min(a.start, b.start), end: Math.max(a.end, b.end) };
}

/**
 * The lines of a text with the offset at which each one starts. `\n`, `\r\n` and a lone `\r` all end a line; the
 * terminator belongs to no line's text.
 */
export function splitLines(source: string): { readonly start: number; readonly text: string }[] {
  const lines: { start: number; text: string }[] = [];
  let start = 0;
  for (const match of source.matchAll(/\r\n|\r|\n/g)) {
    lines.push({ start, text: source.slice(start, match.index) });
    start = match.index + match[0].length;
  }
  lines.push({ start, text: source.slice(start) });
  return lines;
}

/** The position of an offset. An offset past the end counts as the end. */
export function positionAt(source: string, offset: number): Position {
  const lines = splitLines(source);
  const clamped = Math.min(Math.max(offset, 0), source.length);
  const index = lines.findLastIndex((line) => line.start <= clamped);
  return { line: index + 1, column: clamped - (lines[index]?.start ?? 0) + 1 };
}
