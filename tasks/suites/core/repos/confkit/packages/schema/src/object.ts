import { isObject } from './collections.ts';
import { below, expected, INVALID, Schema, type AnySchema, type Context, type Infer, type InputOf, type Invalid } from './schema.ts';

/** The members of an object schema by key. */
export type Shape = Readonly<Record<string, AnySchema>>;

/** What becomes of keys that the shape does not name. */
export type UnknownKeys = 'strip' | 'refuse' | 'keep';

export type ObjectOutput<S extends Shape> = { [K in keyof S]: Infer<S[K]> };
export type ObjectInput<S extends Shape> = { [K in keyof S]: InputOf<S[K]> };

/**
 * An object with known keys. A missing key and a key that is `undefined` are the same thing to a member, and a member
 * whose output is `undefined` is left out of the result: no key of an output is ever `undefined`.
 */
export class ObjectSchema<S extends Shape> extends Schema<ObjectOutput<S>, ObjectInput<S>> {
  readonly shape: S;
  readonly unknownKeys: UnknownKeys = 'strip';

  constructor(shape: S) {
    super();
    this.shape = shape;
  }

  /** Refuses keys that the shape does not name. */
  strict(): this {
    return this.copy({ unknownKeys: 'refuse' });
  }

  /** Keeps keys that the shape does not name, unchecked. */
  passthrough(): this {
    return this.copy({ unknownKeys: 'keep' });
  }

  /** Adds members; one with a known key takes the place of the old one. */
  extend(shape: Shape): ObjectSchema<Shape> {
    return this.reshaped({ ...this.shape, ...shape });
  }

  /** Only these members. @throws {TypeError} for a key that the shape does not name. */
  pick(keys: readonly string[]): ObjectSchema<Shape> {
    return this.filtered(keys, (named) => named);
  }

  /** All members but these. @throws {TypeError} for a key that the shape does not name. */
  omit(keys: readonly string[]): ObjectSchema<Shape> {
    return this.filtered(keys, (named) => !named);
  }

  /** The same members, each of them optional. */
  partial(): ObjectSchema<Shape> {
    const members = Object.entries(this.shape).map(([key, member]) => [key, member.optional()] as const);
    return this.reshaped(Object.fromEntries(members));
  }

  override run(input: unknown, context: Context): ObjectOutput<S> | Invalid {
    if (!isObject(input)) return expected('an object', input, context);
    const entries: [string, unknown][] = [];
    let valid = true;
    for (const [key, member] of Object.entries(this.shape)) {
      const value = member.run(Object.hasOwn(input, key) ? input[key] : undefined, below(context, key));
      if (value === INVALID) valid = false;
      else if (value !== undefined) entries.push([key, value]);
    }
    if (this.unknownKeys !== 'strip') {
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(this.shape, key)) continue;
        if (this.unknownKeys === 'keep') {
          entries.push([key, value]);
        } else {
          valid = false;
          context.issues.push({ code: 'unknown_key', path: [...context.path, key], message: 'Unknown key', received: value });
        }
      }
    }
    return valid ? (Object.fromEntries(entries) as ObjectOutput<S>) : INVALID;
  }

  private filtered(keys: readonly string[], keep: (named: boolean) => boolean): ObjectSchema<Shape> {
    for (const key of keys) {
      if (!Object.hasOwn(this.shape, key)) throw new TypeError(`The shape has no key ${JSON.stringify(key)}`);
    }
    const members = Object.entries(this.shape).filter(([key]) => keep(keys.includes(key)));
    return this.reshaped(Object.fromEntries(members));
  }

  /** Other members under the same policy for unknown keys. */
  private reshaped(shape: Shape): ObjectSchema<Shape> {
    return new ObjectSchema(shape).copy({ unknownKeys: this.unknownKeys });
  }
}

export function object<S extends Shape>(shape: S): ObjectSchema<S> {
  return new ObjectSchema(shape);
}
