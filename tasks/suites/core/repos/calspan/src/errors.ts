/**
 * Thrown when a text does not have the form that a parser reads. A text of the right form
 * whose values make no sense (30 February, week 54) is a `RangeError`, like any other
 * impossible value.
 */
export class ParseError extends Error {
  override readonly name = 'ParseError';
  /** The text as it was given. */
  readonly text: string;

  constructor(expected: string, text: string) {
    super(`expected ${expected}, got ${JSON.stringify(text)}`);
    this.text = text;
  }
}
