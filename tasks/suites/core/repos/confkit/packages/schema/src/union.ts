import { isObject } from './collections.ts';
import type { Issue } from './issue.ts';
import type { ObjectSchema, Shape } from './object.ts';
import { LiteralSchema, type Primitive } from './primitives.ts';
import { below, expected, INVALID, Schema, type AnySchema, type Context, type Infer, type InputOf, type Invalid } from './schema.ts';

/** The first alternative that accepts the value wins. */
class UnionSchema<Output, Input> extends Schema<Output, Input> {
  readonly options: readonly Schema<Output, Input>[];

  constructor(options: readonly Schema<Output, Input>[]) {
    super();
    this.options = options;
  }

  override run(input: unknown, context: Context): Output | Invalid {
    const branches: Issue[][] = [];
    for (const option of this.options) {
      const issues: Issue[] = [];
      const value = option.run(input, { ...context, issues });
      if (value !== INVALID) return value;
      branches.push(issues);
    }
    if (input === undefined) return expected('a value', input, context);
    const message = `Matches none of ${this.options.length} alternatives`;
    context.issues.push({ code: 'union', path: context.path, message, received: input, branches });
    return INVALID;
  }
}

/** Chooses the alternative by the value of one key, so that the issues are those of the alternative that was meant. */
class VariantsSchema extends Schema<Record<string, unknown>> {
  readonly tag: string;
  readonly options: readonly ObjectSchema<Shape>[];
  private readonly byTag = new Map<Primitive, ObjectSchema<Shape>>();

  constructor(tag: string, options: readonly ObjectSchema<Shape>[]) {
    super();
    this.tag = tag;
    this.options = options;
    for (const option of options) {
      const member = option.shape[tag];
      if (!(member instanceof LiteralSchema)) throw new TypeError(`Each alternative needs a literal ${JSON.stringify(tag)}`);
      for (const value of member.values) {
        if (this.byTag.has(value)) throw new TypeError(`Two alternatives share the ${JSON.stringify(tag)} ${JSON.stringify(value)}`);
        this.byTag.set(value, option);
      }
    }
  }

  override run(input: unknown, context: Context): Record<string, unknown> | Invalid {
    if (!isObject(input)) return expected('an object', input, context);
    const tags = new LiteralSchema([...this.byTag.keys()]);
    const tag = tags.run(Object.hasOwn(input, this.tag) ? input[this.tag] : undefined, below(context, this.tag));
    const option = tag === INVALID ? undefined : this.byTag.get(tag);
    return option === undefined ? INVALID : option.run(input, context);
  }
}

class LazySchema<Output, Input> extends Schema<Output, Input> {
  readonly get: () => Schema<Output, Input>;

  constructor(get: () => Schema<Output, Input>) {
    super();
    this.get = get;
  }

  override run(input: unknown, context: Context): Output | Invalid {
    return this.get().run(input, context);
  }
}

/**
 * A value of any of several kinds. The alternatives are tried in order: where text may be coerced, put numbers and
 * booleans before strings.
 */
export function union<Options extends readonly AnySchema[]>(
  options: Options,
): Schema<Infer<Options[number]>, InputOf<Options[number]>> {
  return new UnionSchema(options as readonly Schema<Infer<Options[number]>, InputOf<Options[number]>>[]);
}

/**
 * Objects told apart by the literal under one key.
 *
 * @throws {TypeError} when an alternative has no literal under `tag`, or two share one.
 */
export function variants(tag: string, options: readonly ObjectSchema<Shape>[]): Schema<Record<string, unknown>> {
  return new VariantsSchema(tag, options);
}

/** A schema that is looked up when it is used, for types that contain themselves. */
export function lazy<Output, Input = Output>(get: () => Schema<Output, Input>): Schema<Output, Input> {
  return new LazySchema(get);
}
