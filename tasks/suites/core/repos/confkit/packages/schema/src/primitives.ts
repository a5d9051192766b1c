import { quote } from './issue.ts';
import { expected, INVALID, Schema, type Context, type Invalid } from './schema.ts';

export type Primitive = string | number | boolean | null;

interface StringRules {
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: RegExp;
}

export class StringSchema extends Schema<string> {
  readonly rules: StringRules = {};

  /** At least this many UTF-16 code units. */
  min(min: number): this {
    return this.copy({ rules: { ...this.rules, min } });
  }

  /** At most this many UTF-16 code units. */
  max(max: number): this {
    return this.copy({ rules: { ...this.rules, max } });
  }

  pattern(pattern: RegExp): this {
    return this.copy({ rules: { ...this.rules, pattern } });
  }

  override run(input: unknown, context: Context): string | Invalid {
    if (typeof input !== 'string') return expected('a string', input, context);
    const { min = 0, max = Infinity, pattern } = this.rules;
    if (input.length < min) return expected(`at least ${min} characters`, input, context, 'length');
    if (input.length > max) return expected(`at most ${max} characters`, input, context, 'length');
    // `search` ignores the expression's lastIndex and so is safe with the g and y flags.
    if (pattern !== undefined && input.search(pattern) === -1) {
      return expected(`a string matching ${pattern}`, input, context, 'pattern');
    }
    return input;
  }
}

interface NumberRules {
  readonly min?: number;
  readonly max?: number;
  readonly integer?: boolean;
}

const NUMERIC = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export class NumberSchema extends Schema<number> {
  readonly rules: NumberRules = {};

  min(min: number): this {
    return this.copy({ rules: { ...this.rules, min } });
  }

  max(max: number): this {
    return this.copy({ rules: { ...this.rules, max } });
  }

  integer(): this {
    return this.copy({ rules: { ...this.rules, integer: true } });
  }

  override run(input: unknown, context: Context): number | Invalid {
    const value = typeof input === 'string' && context.coerce(context.path) ? toNumber(input) : input;
    if (typeof value !== 'number' || !Number.isFinite(value)) return expected('a number', input, context);
    const { min = -Infinity, max = Infinity, integer = false } = this.rules;
    if (integer && !Number.isInteger(value)) return expected('an integer', input, context);
    if (value < min) return expected(`a number of at least ${min}`, input, context, 'range');
    if (value > max) return expected(`a number of at most ${max}`, input, context, 'range');
    return value;
  }
}

function toNumber(text: string): number | undefined {
  const trimmed = text.trim();
  return NUMERIC.test(trimmed) ? Number(trimmed) : undefined;
}

const BOOLEAN_WORDS = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['1', true],
  ['false', false],
  ['no', false],
  ['off', false],
  ['0', false],
]);

export class BooleanSchema extends Schema<boolean> {
  override run(input: unknown, context: Context): boolean | Invalid {
    const coerced = typeof input === 'string' && context.coerce(context.path);
    const value = coerced ? BOOLEAN_WORDS.get(input.trim().toLowerCase()) : input;
    return typeof value === 'boolean' ? value : expected('a boolean', input, context);
  }
}

/** One of a fixed set of values. `literal` and `oneOf` both make it. */
export class LiteralSchema<T extends Primitive> extends Schema<T> {
  readonly values: readonly T[];

  constructor(values: readonly T[]) {
    super();
    this.values = values;
  }

  override run(input: unknown, context: Context): T | Invalid {
    const coerced = typeof input === 'string' && context.coerce(context.path);
    for (const value of this.values) {
      if (value === input || (coerced && String(value) === input)) return value;
    }
    const what = this.values.map(quote).join(' or ');
    return expected(what, input, context, 'literal');
  }
}

class UnknownSchema extends Schema<unknown> {
  override run(input: unknown): unknown {
    return input;
  }
}

class NeverSchema extends Schema<never> {
  override run(input: unknown, context: Context): Invalid {
    context.issues.push({ code: 'type', path: context.path, message: 'Not allowed here', received: input });
    return INVALID;
  }
}

export function string(): StringSchema {
  return new StringSchema();
}

/** A finite number. */
export function number(): NumberSchema {
  return new NumberSchema();
}

export function boolean(): BooleanSchema {
  return new BooleanSchema();
}

/** Exactly this value. */
export function literal<T extends Primitive>(value: T): LiteralSchema<T> {
  return new LiteralSchema([value]);
}

/** One of these values. */
export function oneOf(values: readonly Primitive[]): LiteralSchema<Primitive> {
  return new LiteralSchema(values);
}

/** Any value at all, `undefined` included. */
export function unknown(): Schema<unknown> {
  return new UnknownSchema();
}

/** No value at all; useful to forbid a key. */
export function never(): Schema<never> {
  return new NeverSchema();
}
