/**
 * A schema as plain values: what migrations compare. It can be kept as JSON beside the migrations, so that the next
 * plan starts from what was last applied.
 */
import type { SqlValue, ValueKind } from './dialect.ts';
import { plainDefault, SOURCE, type AnyTable, type ColumnOptions } from './schema.ts';

export interface ColumnDescription {
  readonly kind: ValueKind;
  readonly notNull: boolean;
  readonly primaryKey: boolean;
  readonly unique: boolean;
  readonly generated: boolean;
  /** Null for a column without a default. */
  readonly default: SqlValue;
  readonly references: { readonly table: string; readonly column: string } | null;
}

export interface TableDescription {
  readonly columns: { readonly [name: string]: ColumnDescription };
}

export interface SchemaDescription {
  readonly tables: { readonly [name: string]: TableDescription };
}

export const emptySchema: SchemaDescription = { tables: {} };

export function describeSchema(tables: readonly AnyTable[]): SchemaDescription {
  return {
    tables: Object.fromEntries(tables.map((table) => [table[SOURCE].table, describeTable(table)])),
  };
}

function describeTable(table: AnyTable): TableDescription {
  const columns: Record<string, ColumnDescription> = {};
  for (const { name, options } of table[SOURCE].columns.values()) {
    if (options !== undefined) columns[name] = describeColumn(options);
  }
  return { columns };
}

function describeColumn(options: ColumnOptions): ColumnDescription {
  const referenced = options.references?.();
  return {
    kind: options.kind,
    notNull: options.notNull,
    primaryKey: options.primaryKey,
    unique: options.unique,
    generated: options.generated,
    default: options.default === undefined ? null : plainDefault(options.default, options.kind),
    references: referenced === undefined ? null : { table: referenced.source, column: referenced.name },
  };
}
