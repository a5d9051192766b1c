import { positionAt, splitLines, type Span } from './span.ts';

/** The stage that refused the expression. */
export type Phase = 'lex' | 'parse' | 'check' | 'eval';

/** The only error that this library throws for a faulty expression. `span` points into the source text. */
export class ExprError extends Error {
  override readonly name = 'ExprError';
  readonly phase: Phase;
  readonly span: Span;

  constructor(phase: Phase, message: string, span: Span, options?: ErrorOptions) {
    super(message, options);
    this.phase = phase;
    this.span = span;
  }
}

/**
 * An error as a person wants to read it: the message, the position, and the first line that the span touches with
 * the span underlined. A span over several lines is underlined to the end of its first line.
 */
export function formatError(source: string, error: ExprError): string {
  const { line, column } = positionAt(source, error.span.start);
  const text = splitLines(source)[line - 1]?.text ?? '';
  const room = Math.max(text.length - (column - 1), 1);
  const width = Math.min(Math.max(error.span.end - error.span.start, 1), room);
  const gutter = ' '.repeat(String(line).length);
  // Tabs stay tabs, so that the marker lines up whatever their width.
  const margin = text.slice(0, column - 1).replaceAll(/[^\t]/g, ' ');
  return [
    `${error.phase} error: ${error.message}`,
    `${gutter}--> ${line}:${column}`,
    `${gutter} |`,
    `${line} | ${text}`,
    `${gutter} | ${margin}${'^'.repeat(width)}`,
  ].join('\n');
}
