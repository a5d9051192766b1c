import { expandBraces } from './braces.ts';
import { parseSegment } from './segment.ts';

/** The text as a pattern that matches just it. */
export function escape(text: string): string {
  return text.replaceAll(/[\\*?[\]{},!]/g, '\\$&');
}

/** Whether the pattern can match anything besides one path. */
export function isMagic(pattern: string): boolean {
  const [only = '', ...others] = expandBraces(pattern);
  return others.length > 0 || splitPath(only).some((segment) => literalOf(segment) === undefined);
}

/** The one name that a segment matches, if it is one. */
export function literalOf(segment: string): string | undefined {
  let text = '';
  for (const node of parseSegment(segment)) {
    if (node.kind !== 'text') return undefined;
    text += node.text;
  }
  return text;
}

/** The segments of a pattern without braces. */
export function splitPath(pattern: string): string[] {
  return pattern.split('/');
}
