/**
 * Texts as lists of tokens that join to the text again: lines keep their terminators, so
 * that a last line without one differs from the same line with one.
 */

/** Splits after each line feed. The empty text has no lines. */
export function splitLines(text: string): string[] {
  return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Splits into words, runs of blanks, line feeds, and single other characters. */
export function splitWords(text: string): string[] {
  return text.match(/[\p{L}\p{N}\p{M}_]+|[^\S\n]+|\n|[^]/gu) ?? [];
}
