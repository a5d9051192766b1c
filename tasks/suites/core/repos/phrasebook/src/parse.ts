import { MessageSyntaxError } from './errors.ts';

/** Text, `#`, or an argument. */
export type Part = string | { readonly kind: 'count' } | ValuePart | PluralPart | SelectPart;

export interface ValuePart {
  readonly kind: 'value' | 'number' | 'date' | 'time';
  readonly name: string;
  readonly style?: string;
}

export interface PluralPart {
  readonly kind: 'plural';
  readonly name: string;
  readonly ordinal: boolean;
  /** By category, or `=` and an exact number. */
  readonly cases: ReadonlyMap<string, readonly Part[]>;
}

export interface SelectPart {
  readonly kind: 'select';
  readonly name: string;
  readonly cases: ReadonlyMap<string, readonly Part[]>;
}

/** Reads a message. Throws a `MessageSyntaxError`. */
export function parseMessage(text: string): readonly Part[] {
  const reader = new Reader(text);
  const parts = reader.message(false);
  reader.expectEnd();
  return parts;
}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Up to the end, or to a brace that closes nothing in here. */
  message(isPlural: boolean): Part[] {
    const parts: Part[] = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') parts.push(text);
      text = '';
    };
    while (this.#at < this.#text.length && this.#char !== '}') {
      if (this.#char === "'") {
        text += this.#apostrophe();
      } else if (this.#char === '{') {
        flush();
        parts.push(this.#argument(isPlural));
      } else if (this.#char === '#' && isPlural) {
        flush();
        parts.push({ kind: 'count' });
        this.#at += 1;
      } else {
        text += this.#char;
        this.#at += 1;
      }
    }
    flush();
    return parts;
  }

  expectEnd(): void {
    if (this.#at < this.#text.length) throw new MessageSyntaxError('unexpected }', this.#at);
  }

  get #char(): string {
    return this.#text.charAt(this.#at);
  }

  /** What an apostrophe and the quoted text behind it stand for. */
  #apostrophe(): string {
    this.#at += 1;
    if (this.#char === "'") {
      this.#at += 1;
      return "'";
    }
    if (this.#char === '' || !'{}#'.includes(this.#char)) return "'";
    let quoted = '';
    while (this.#at < this.#text.length) {
      const char = this.#char;
      this.#at += 1;
      if (char !== "'") {
        quoted += char;
      } else if (this.#char === "'") {
        quoted += "'";
        this.#at += 1;
      } else {
        return quoted;
      }
    }
    return quoted;
  }

  #argument(isPlural: boolean): Part {
    this.#expect('{');
    const name = this.#word();
    if (this.#skips('}')) return { kind: 'value', name };
    this.#expect(',');
    const at = this.#at;
    const type = this.#word();
    switch (type) {
      case 'number':
      case 'date':
      case 'time': {
        const style = this.#skips(',') ? this.#word() : undefined;
        this.#expect('}');
        return style === undefined ? { kind: type, name } : { kind: type, name, style };
      }
      case 'plural':
      case 'selectordinal':
        return { kind: 'plural', name, ordinal: type === 'selectordinal', cases: this.#cases(true) };
      case 'select':
        return { kind: 'select', name, cases: this.#cases(isPlural) };
      default:
        throw new MessageSyntaxError(`unknown type ${JSON.stringify(type)}`, at);
    }
  }

  #cases(isPlural: boolean): Map<string, readonly Part[]> {
    this.#expect(',');
    const cases = new Map<string, readonly Part[]>();
    while (!this.#skips('}')) {
      const key = this.#word(/=?[\p{L}\p{N}_]+/uy);
      this.#expect('{');
      cases.set(key, this.message(isPlural));
      this.#expect('}');
    }
    if (!cases.has('other')) throw new MessageSyntaxError('the case other is missing', this.#at);
    return cases;
  }

  #word(pattern = /[\p{L}\p{N}_]+/uy): string {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw new MessageSyntaxError('a name is missing', this.#at);
    this.#at += found.length;
    return found;
  }

  #skips(char: string): boolean {
    this.#space();
    if (this.#char !== char) return false;
    this.#at += 1;
    return true;
  }

  #expect(char: string): void {
    if (!this.#skips(char)) throw new MessageSyntaxError(`expected ${char}`, this.#at);
  }

  #space(): void {
    while (/\s/.test(this.#char)) this.#at += 1;
  }
}
