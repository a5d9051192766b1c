import { below, expected, INVALID, Schema, type AnySchema, type Context, type Infer, type InputOf, type Invalid } from './schema.ts';

/** A comma-separated list, as text formats write arrays; the empty text is the empty list. */
function toList(text: string): string[] {
  return text.trim() === '' ? [] : text.split(',').map((item) => item.trim());
}

function listed(input: unknown, context: Context): unknown {
  return typeof input === 'string' && context.coerce(context.path) ? toList(input) : input;
}

export class ArraySchema<Output, Input> extends Schema<Output[], Input[]> {
  readonly element: Schema<Output, Input>;
  readonly least: number = 0;

  constructor(element: Schema<Output, Input>) {
    super();
    this.element = element;
  }

  /** At least this many elements. */
  min(least: number): this {
    return this.copy({ least });
  }

  override run(input: unknown, context: Context): Output[] | Invalid {
    const list = listed(input, context);
    if (!Array.isArray(list)) return expected('an array', input, context);
    if (list.length < this.least) return expected(`at least ${this.least} elements`, input, context, 'length');
    const output: Output[] = [];
    for (const [index, item] of list.entries()) {
      const value = this.element.run(item, below(context, index));
      if (value !== INVALID) output.push(value);
    }
    return output.length === list.length ? output : INVALID;
  }
}

export class TupleSchema extends Schema<unknown[]> {
  readonly items: readonly AnySchema[];
  readonly rest: AnySchema | undefined;

  constructor(items: readonly AnySchema[], rest?: AnySchema) {
    super();
    this.items = items;
    this.rest = rest;
  }

  override run(input: unknown, context: Context): unknown[] | Invalid {
    const list = listed(input, context);
    if (!Array.isArray(list)) return expected('an array', input, context);
    if (list.length < this.items.length || (this.rest === undefined && list.length > this.items.length)) {
      const bound = this.rest === undefined ? 'exactly' : 'at least';
      return expected(`${bound} ${this.items.length} elements`, input, context, 'length');
    }
    const output: unknown[] = [];
    let valid = true;
    for (const [index, item] of list.entries()) {
      const schema = this.items[index] ?? this.rest;
      const value = schema?.run(item, below(context, index));
      if (value === INVALID) valid = false;
      else output.push(value);
    }
    return valid ? output : INVALID;
  }
}

export class RecordSchema<Output, Input> extends Schema<Record<string, Output>, Record<string, Input>> {
  readonly value: Schema<Output, Input>;

  constructor(value: Schema<Output, Input>) {
    super();
    this.value = value;
  }

  override run(input: unknown, context: Context): Record<string, Output> | Invalid {
    if (!isObject(input)) return expected('an object', input, context);
    const entries: [string, Output][] = [];
    let valid = true;
    for (const [key, item] of Object.entries(input)) {
      const value = this.value.run(item, below(context, key));
      if (value === INVALID) valid = false;
      else entries.push([key, value]);
    }
    return valid ? Object.fromEntries(entries) : INVALID;
  }
}

/** True for what JSON calls an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Elements of one kind. From text formats also a comma-separated list. */
export function array<S extends AnySchema>(element: S): ArraySchema<Infer<S>, InputOf<S>> {
  return new ArraySchema(element as Schema<Infer<S>, InputOf<S>>);
}

/** A schema for each position, then `rest` for any further elements (none, unless given). */
export function tuple(items: readonly AnySchema[], rest?: AnySchema): TupleSchema {
  return new TupleSchema(items, rest);
}

/** An object with any keys and values of one kind. */
export function record<S extends AnySchema>(value: S): RecordSchema<Infer<S>, InputOf<S>> {
  return new RecordSchema(value as Schema<Infer<S>, InputOf<S>>);
}
