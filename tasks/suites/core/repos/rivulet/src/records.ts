import type { Source } from './source.ts';
import { lines, text, type Chunk } from './text.ts';

/** A record cannot be read. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
  /** The line or row, counted from 1. */
  readonly record: number;

  constructor(message: string, record: number, options?: ErrorOptions) {
    super(`${message} in record ${record}`, options);
    this.record = record;
  }
}

/**
 * Parses a JSON document per line; blank lines are skipped.
 *
 * @throws {DecodeError} for a line that is not JSON.
 */
export async function* ndjson(source: Source<Chunk>): AsyncGenerator<unknown, void> {
  let number = 0;
  for await (const line of lines(source)) {
    number += 1;
    if (line.trim() === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch (cause) {
      throw new DecodeError('Malformed JSON', number, { cause });
    }
    yield value;
  }
}

export interface CsvOptions {
  /** The character between fields. A comma, unless given. */
  readonly delimiter?: string;
}

/**
 * Reads rows of comma-separated values as RFC 4180 has them: a field in double quotes may contain delimiters, line ends
 * and, doubled, quotes. Rows end with `\n`, `\r\n` or `\r`; empty rows are skipped.
 *
 * @throws {DecodeError} for a quote that is not closed, and for text between a closing quote and the end of the field.
 */
export async function* csv(source: Source<Chunk>, { delimiter = ',' }: CsvOptions = {}): AsyncGenerator<string[], void> {
  const reader = new RowReader(delimiter);
  for await (const piece of text(source)) yield* reader.read(piece);
  yield* reader.end();
}

/** A state machine that is fed the text piece by piece. */
class RowReader {
  private readonly delimiter: string;
  private row: string[] = [];
  private field = '';
  private state: 'start' | 'plain' | 'quoted' | 'closed' = 'start';
  private rows = 0;

  constructor(delimiter: string) {
    this.delimiter = delimiter;
  }

  *read(piece: string): Generator<string[], void> {
    for (let index = 0; index < piece.length; index += 1) {
      const char = piece.charAt(index);
      if (this.state === 'quoted') {
        if (char !== '"') {
          this.field += char;
        } else if (piece[index + 1] === '"') {
          this.field += '"';
          index += 1;
        } else {
          this.state = 'closed';
        }
      } else if (char === this.delimiter) {
        this.endField();
      } else if (char === '\n' || char === '\r') {
        if (char === '\r' && piece[index + 1] === '\n') index += 1;
        yield* this.endRow();
      } else if (this.state === 'closed') {
        throw new DecodeError('Text after a closing quote', this.rows + 1);
      } else if (char === '"' && this.state === 'start') {
        this.state = 'quoted';
      } else {
        this.field += char;
        this.state = 'plain';
      }
    }
  }

  /** The last row, when no line end follows it. */
  *end(): Generator<string[], void> {
    if (this.state === 'quoted') throw new DecodeError('Unclosed quote', this.rows + 1);
    yield* this.endRow();
  }

  private endField(): void {
    this.row.push(this.field);
    this.field = '';
    this.state = 'start';
  }

  private *endRow(): Generator<string[], void> {
    if (this.row.length === 0 && this.state === 'start') return;
    this.endField();
    const row = this.row;
    this.row = [];
    this.rows += 1;
    yield row;
  }
}
