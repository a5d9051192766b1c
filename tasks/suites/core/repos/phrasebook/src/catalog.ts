import { MissingMessageError } from './errors.ts';
import { formatMessage, type Arguments, type FormatContext } from './format.ts';
import { parseMessage, type Part } from './parse.ts';

/** Messages by key. */
export type Messages = { readonly [key: string]: string };

export interface CatalogOptions {
  /** For dates and times; `'UTC'` by default. */
  readonly timeZone?: string;
}

/** The messages of one language; immutable. */
export class Catalog {
  readonly locale: string;
  readonly #messages: Messages;
  readonly #context: FormatContext;
  readonly #fallback: Catalog | undefined;
  /** Read when they are first asked for. */
  readonly #parts = new Map<string, readonly Part[]>();

  constructor(locale: string, messages: Messages, options: CatalogOptions = {}, fallback?: Catalog) {
    this.locale = locale;
    this.#messages = { ...messages };
    this.#context = { locale, timeZone: options.timeZone ?? 'UTC' };
    this.#fallback = fallback;
  }

  /** All keys, those that are only in the catalog that this one translates last. */
  get keys(): string[] {
    return [...new Set([...Object.keys(this.#messages), ...(this.#fallback?.keys ?? [])])];
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#messages, key) || (this.#fallback?.has(key) ?? false);
  }

  /** The text of a message. */
  format(key: string, args: Arguments = {}): string {
    const parts = this.#read(key);
    if (parts !== undefined) return formatMessage(parts, args, this.#context);
    if (this.#fallback === undefined) throw new MissingMessageError(key, this.locale);
    return this.#fallback.format(key, args);
  }

  /** The same messages in another language. */
  translate(locale: string, messages: Messages): Catalog {
    return new Catalog(locale, messages, { timeZone: this.#context.timeZone }, this);
  }

  #read(key: string): readonly Part[] | undefined {
    if (!Object.hasOwn(this.#messages, key)) return undefined;
    let parts = this.#parts.get(key);
    if (parts === undefined) {
      parts = parseMessage(this.#messages[key] ?? '');
      this.#parts.set(key, parts);
    }
    return parts;
  }
}

export function createCatalog(locale: string, messages: Messages, options?: CatalogOptions): Catalog {
  return new Catalog(locale, messages, options);
}
