/**
 * The base of all schemas and the wrappers that its methods return. The wrappers live here, and not in files of their
 * own, because the base class has to construct them.
 */
import { quote, SchemaError, type Issue, type IssueCode } from './issue.ts';
import type { Path, PathSegment } from './path.ts';

/** What `run` returns in place of a value after it has reported at least one issue. */
export const INVALID: unique symbol = Symbol('invalid');
export type Invalid = typeof INVALID;

/** What a schema knows while it looks at one value. */
export interface Context {
  readonly path: Path;
  readonly issues: Issue[];
  /** Whether the value at a path came from a text format, so that `"8080"` may stand for a number there. */
  readonly coerce: (path: Path) => boolean;
}

export interface ParseOptions {
  /** Decides by path where text may stand for numbers, booleans and lists. Nowhere, unless given. */
  readonly coerce?: (path: Path) => boolean;
}

export type ParseResult<Output> =
  | { readonly ok: true; readonly value: Output }
  | { readonly ok: false; readonly issues: readonly Issue[] };

export interface Meta {
  readonly description?: string;
}

export type AnySchema = Schema<unknown, unknown>;

/** The type of what `parse` returns. */
export type Infer<S extends AnySchema> = S['output'];

/** The type of what `parse` accepts. */
export type InputOf<S extends AnySchema> = S['input'];

export abstract class Schema<Output, Input = Output> {
  /** Only a type, never set: what `parse` returns. */
  declare readonly output: Output;
  /** Only a type, never set: what `parse` accepts. */
  declare readonly input: Input;

  readonly meta: Meta = {};

  /** Checks one value: returns the output, or reports issues to the context and returns `INVALID`. */
  abstract run(input: unknown, context: Context): Output | Invalid;

  /** Returns the checked value. @throws {SchemaError} with every issue found. */
  parse(input: unknown, options: ParseOptions = {}): Output {
    const result = this.safeParse(input, options);
    if (!result.ok) throw new SchemaError(result.issues);
    return result.value;
  }

  /** Like `parse`, with the issues as a value. */
  safeParse(input: unknown, options: ParseOptions = {}): ParseResult<Output> {
    const context: Context = { path: [], issues: [], coerce: options.coerce ?? (() => false) };
    const value = this.run(input, context);
    return value === INVALID ? { ok: false, issues: context.issues } : { ok: true, value };
  }

  /** A copy with a description for documentation and error reports. */
  describe(description: string): this {
    return this.copy({ meta: { ...this.meta, description } });
  }

  /** Also accepts `undefined`. As a member of an object, the key may be missing. */
  optional(): Schema<Output | undefined, Input | undefined> {
    return new OptionalSchema(this);
  }

  /** Also accepts `null`. */
  nullable(): Schema<Output | null, Input | null> {
    return new NullableSchema(this);
  }

  /** Uses `value` in place of `undefined`. The default is an input: it runs through the schema like any other. */
  default(value: Input): Schema<Output, Input> {
    return new DefaultSchema<Output, Input>(this, value);
  }

  /** Adds a condition, checked once the value is otherwise valid. */
  refine(check: (value: Output) => boolean, message = 'Invalid value'): Schema<Output, Input> {
    return new RefinedSchema<Output, Input>(this, check, message);
  }

  /** Turns the valid value into another one. */
  transform<Next>(map: (value: Output) => Next): Schema<Next, Input> {
    return new TransformedSchema<Output, Next, Input>(this, map);
  }

  /** A copy of this schema, of the same class, with some of its fields changed. */
  protected copy(changes: Readonly<Record<string, unknown>>): this {
    return Object.assign(Object.create(Object.getPrototypeOf(this)), this, changes);
  }
}

/** The context for a value one step below. */
export function below(context: Context, segment: PathSegment): Context {
  return { ...context, path: [...context.path, segment] };
}

/** Reports that `input` was refused because something else was expected there. */
export function expected(what: string, input: unknown, context: Context, code: IssueCode = 'type'): Invalid {
  if (input === undefined) {
    context.issues.push({ code: 'required', path: context.path, message: 'Required' });
  } else {
    const message = `Expected ${what}, received ${quote(input)}`;
    context.issues.push({ code, path: context.path, message, received: input });
  }
  return INVALID;
}

class OptionalSchema<Output, Input> extends Schema<Output | undefined, Input | undefined> {
  readonly inner: Schema<Output, Input>;

  constructor(inner: Schema<Output, Input>) {
    super();
    this.inner = inner;
  }

  override run(input: unknown, context: Context): Output | undefined | Invalid {
    return input === undefined ? undefined : this.inner.run(input, context);
  }
}

class NullableSchema<Output, Input> extends Schema<Output | null, Input | null> {
  readonly inner: Schema<Output, Input>;

  constructor(inner: Schema<Output, Input>) {
    super();
    this.inner = inner;
  }

  override run(input: unknown, context: Context): Output | null | Invalid {
    return input === null ? null : this.inner.run(input, context);
  }
}

class DefaultSchema<Output, Input> extends Schema<Output, Input> {
  readonly inner: Schema<Output, Input>;
  readonly value: Input;

  constructor(inner: Schema<Output, Input>, value: Input) {
    super();
    this.inner = inner;
    this.value = value;
  }

  override run(input: unknown, context: Context): Output | Invalid {
    return this.inner.run(input === undefined ? this.value : input, context);
  }
}

class RefinedSchema<Output, Input> extends Schema<Output, Input> {
  readonly inner: Schema<Output, Input>;
  readonly check: (value: Output) => boolean;
  readonly message: string;

  constructor(inner: Schema<Output, Input>, check: (value: Output) => boolean, message: string) {
    super();
    this.inner = inner;
    this.check = check;
    this.message = message;
  }

  override run(input: unknown, context: Context): Output | Invalid {
    const value = this.inner.run(input, context);
    if (value === INVALID || this.check(value)) return value;
    context.issues.push({ code: 'custom', path: context.path, message: this.message, received: input });
    return INVALID;
  }
}

class TransformedSchema<Output, Next, Input> extends Schema<Next, Input> {
  readonly inner: Schema<Output, Input>;
  readonly map: (value: Output) => Next;

  constructor(inner: Schema<Output, Input>, map: (value: Output) => Next) {
    super();
    this.inner = inner;
    this.map = map;
  }

  override run(input: unknown, context: Context): Next | Invalid {
    const value = this.inner.run(input, context);
    return value === INVALID ? INVALID : this.map(value);
  }
}
