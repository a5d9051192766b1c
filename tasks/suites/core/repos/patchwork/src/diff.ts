import { type Change, diffSequences } from './myers.ts';
import { splitLines, splitWords } from './text.ts';

export type SegmentKind = 'equal' | 'delete' | 'insert';

/** A run of tokens that both texts have, or only the old one, or only the new one. */
export interface Segment {
  readonly kind: SegmentKind;
  /** The tokens in order; joined, they are that part of the text. */
  readonly tokens: readonly string[];
}

/**
 * The difference of two texts line by line. Where lines are replaced, what is deleted comes
 * before what is inserted.
 */
export function diffLines(oldText: string, newText: string): Segment[] {
  const oldLines = splitLines(oldText);
  const newLines = splitLines(newText);
  return toSegments(oldLines, newLines, diffSequences(oldLines, newLines));
}

/** The difference of two texts word by word; see `splitWords` for what counts as a word. */
export function diffWords(oldText: string, newText: string): Segment[] {
  const oldWords = splitWords(oldText);
  const newWords = splitWords(newText);
  return toSegments(oldWords, newWords, diffSequences(oldWords, newWords));
}

/** Writes a word difference in one text: `[-old-]{+new+}`, as `git diff --word-diff` does. */
export function formatWordDiff(segments: readonly Segment[]): string {
  return segments
    .map(({ kind, tokens }) => {
      const text = tokens.join('');
      if (kind === 'equal') return text;
      return kind === 'delete' ? `[-${text}-]` : `{+${text}+}`;
    })
    .join('');
}

function toSegments(
  oldTokens: readonly string[],
  newTokens: readonly string[],
  changes: readonly Change[],
): Segment[] {
  const segments: Segment[] = [];
  const push = (kind: SegmentKind, tokens: readonly string[]): void => {
    if (tokens.length > 0) segments.push({ kind, tokens });
  };
  let position = 0;
  for (const change of changes) {
    push('equal', oldTokens.slice(position, change.aStart));
    push('delete', oldTokens.slice(change.aStart, change.aEnd));
    push('insert', newTokens.slice(change.bStart, change.bEnd));
    position = change.aEnd;
  }
  push('equal', oldTokens.slice(position));
  return segments;
}
