/** Collects the text and the parameters of one statement, in the order in which they appear. */
import { quoteIdentifier, type Dialect, type SqlValue, type ValueKind } from './dialect.ts';

/** A statement that is ready for a driver. */
export interface Statement {
  readonly text: string;
  readonly params: readonly SqlValue[];
}

/** Anything that can write itself as SQL. */
export interface Fragment {
  readonly write: (writer: SqlWriter) => void;
}

export class SqlWriter {
  readonly dialect: Dialect;
  #text = '';
  readonly #params: SqlValue[] = [];

  constructor(dialect: Dialect) {
    this.dialect = dialect;
  }

  raw(text: string): this {
    this.#text += text;
    return this;
  }

  /** Quotes each part and joins them with dots. */
  identifier(...parts: readonly string[]): this {
    return this.raw(parts.map(quoteIdentifier).join('.'));
  }

  param(value: unknown, kind?: ValueKind): this {
    this.#params.push(this.dialect.encode(value, kind));
    return this.raw(this.dialect.placeholder(this.#params.length));
  }

  fragment(fragment: Fragment): this {
    fragment.write(this);
    return this;
  }

  join<T>(items: readonly T[], separator: string, write: (item: T) => void): this {
    for (const [index, item] of items.entries()) {
      if (index > 0) this.raw(separator);
      write(item);
    }
    return this;
  }

  statement(): Statement {
    return { text: this.#text, params: this.#params };
  }
}

export function render(fragment: Fragment, dialect: Dialect): Statement {
  return new SqlWriter(dialect).fragment(fragment).statement();
}
