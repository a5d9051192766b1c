/** Tables and their columns: declared once, then used as values in queries and as the source of migrations. */
import type { SqlValue, ValueKind } from './dialect.ts';
import { Expression } from './expression.ts';
import type { Fragment, SqlWriter } from './writer.ts';

export interface ColumnOptions {
  readonly kind: ValueKind;
  /** The name in the database, if it is not the key in the declaration. */
  readonly name: string | undefined;
  readonly notNull: boolean;
  readonly primaryKey: boolean;
  readonly unique: boolean;
  readonly generated: boolean;
  readonly default: unknown;
  readonly references: (() => Column<unknown>) | undefined;
}

/** A column in the making. It starts out nullable and without a default. */
export class ColumnBuilder<T, HasDefault extends boolean> {
  /** For the compiler only: the type of the values, with null where the column takes it. */
  declare readonly $value: T;
  declare readonly $hasDefault: HasDefault;
  readonly options: ColumnOptions;

  constructor(options: ColumnOptions) {
    this.options = options;
  }

  notNull(): ColumnBuilder<NonNullable<T>, HasDefault> {
    return new ColumnBuilder({ ...this.options, notNull: true });
  }

  /** Implies not null. Several columns make up a composite key. */
  primaryKey(): ColumnBuilder<NonNullable<T>, HasDefault> {
    return new ColumnBuilder({ ...this.options, notNull: true, primaryKey: true });
  }

  unique(): ColumnBuilder<T, HasDefault> {
    return new ColumnBuilder({ ...this.options, unique: true });
  }

  default(value: NonNullable<T>): ColumnBuilder<T, true> {
    return new ColumnBuilder({ ...this.options, default: value });
  }

  /** The database numbers the rows. On SQLite this takes an integer primary key. */
  generated(): ColumnBuilder<T, true> {
    return new ColumnBuilder({ ...this.options, generated: true });
  }

  references(column: () => Column<unknown>): ColumnBuilder<T, HasDefault> {
    return new ColumnBuilder({ ...this.options, references: column });
  }
}

type Start<T> = ColumnBuilder<T | null, false>;

export const integer = (name?: string): Start<number> => start('integer', name);
export const real = (name?: string): Start<number> => start('real', name);
/** `T` may narrow the texts that the column holds, to a union of literals for instance. */
export const text = <T extends string = string>(name?: string): Start<T> => start('text', name);
export const boolean = (name?: string): Start<boolean> => start('boolean', name);
export const timestamp = (name?: string): Start<Date> => start('timestamp', name);
export const json = <T>(name?: string): Start<T> => start('json', name);

function start<T>(kind: ValueKind, name: string | undefined): Start<T> {
  return new ColumnBuilder({
    kind,
    name,
    notNull: false,
    primaryKey: false,
    unique: false,
    generated: false,
    default: undefined,
    references: undefined,
  });
}

export class Column<T> extends Expression<T> {
  /** The name under which the table takes part in a query. */
  readonly source: string;
  readonly name: string;
  readonly options: ColumnOptions | undefined;

  constructor(source: string, name: string, kind: ValueKind | undefined, options?: ColumnOptions) {
    super((writer) => writer.identifier(source, name), kind, [source]);
    this.source = source;
    this.name = name;
    this.options = options;
  }
}

export type ColumnBuilders = { readonly [key: string]: ColumnBuilder<unknown, boolean> };

/** Where the facts about a table are kept, out of the way of its columns. */
export const SOURCE: unique symbol = Symbol('source');

export interface SourceFacts<Name extends string = string> extends Fragment {
  readonly name: Name;
  readonly columns: ReadonlyMap<string, Column<unknown>>;
}

export interface TableFacts<Name extends string, B> extends SourceFacts<Name> {
  /** The name in the database, which an alias does not change. */
  readonly table: string;
  readonly builders: B;
}

/** Whatever can follow FROM or JOIN. */
export interface Source<Name extends string = string> {
  readonly [SOURCE]: SourceFacts<Name>;
}

export type Table<Name extends string, B> = {
  readonly [K in keyof B]: B[K] extends ColumnBuilder<infer T, boolean> ? Column<T> : never;
} & { readonly [SOURCE]: TableFacts<Name, B> };

export type AnyTable = { readonly [SOURCE]: TableFacts<string, ColumnBuilders> };

/** A row as the table holds it. */
export type RowOfTable<T> = T extends { readonly [SOURCE]: TableFacts<string, infer B> }
  ? { [K in keyof B]: B[K] extends ColumnBuilder<infer V, boolean> ? V : never }
  : never;

type OptionalKeys<B> = {
  [K in keyof B]: B[K] extends ColumnBuilder<infer V, infer HasDefault>
    ? null extends V
      ? K
      : HasDefault extends true
        ? K
        : never
    : never;
}[keyof B];

/** What an insert needs: nullable columns and those with a default may be left out. */
export type NewRow<T> = T extends { readonly [SOURCE]: TableFacts<string, infer B> }
  ? Simplify<
      { [K in Exclude<keyof B, OptionalKeys<B>>]: B[K] extends ColumnBuilder<infer V, boolean> ? V : never } & {
        [K in OptionalKeys<B>]?: B[K] extends ColumnBuilder<infer V, boolean> ? V : never;
      }
    >
  : never;

export type Simplify<T> = { [K in keyof T]: T[K] } & {};

export function table<const Name extends string, B extends ColumnBuilders>(name: Name, builders: B): Table<Name, B> {
  return tableAs(name, name, builders);
}

/** The same table under another name, for a query in which it takes part more than once. */
export function alias<const Name extends string, B extends ColumnBuilders>(
  original: { readonly [SOURCE]: TableFacts<string, B> },
  name: Name,
): Table<Name, B> {
  const facts = original[SOURCE];
  return tableAs(facts.table, name, facts.builders);
}

function tableAs<Name extends string, B extends ColumnBuilders>(
  tableName: string,
  name: Name,
  builders: B,
): Table<Name, B> {
  const columns = new Map(
    Object.entries(builders).map(([key, { options }]) => [
      key,
      new Column<unknown>(name, options.name ?? key, options.kind, options),
    ]),
  );
  const write = (writer: SqlWriter): void => {
    writer.identifier(tableName);
    if (tableName !== name) writer.raw(' AS ').identifier(name);
  };
  const facts: TableFacts<Name, B> = { name, table: tableName, columns, builders, write };
  return { ...Object.fromEntries(columns), [SOURCE]: facts } as unknown as Table<Name, B>;
}

export function isSource(value: unknown): value is Source {
  return typeof value === 'object' && value !== null && SOURCE in value;
}

/** The default of a column as its parameter would be; the same for every dialect. */
export function plainDefault(value: unknown, kind: ValueKind): SqlValue {
  if (value instanceof Date) return value.toISOString();
  return kind === 'json' ? JSON.stringify(value) : (value as SqlValue);
}
