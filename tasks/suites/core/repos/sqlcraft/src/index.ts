export { Database, type Driver, type DriverResult } from './database.ts';
export {
  describeSchema,
  emptySchema,
  type ColumnDescription,
  type SchemaDescription,
  type TableDescription,
} from './description.ts';
export { postgres, sqlite, type Dialect, type SqlValue, type ValueKind } from './dialect.ts';
export {
  and,
  asc,
  between,
  Condition,
  desc,
  eq,
  exists,
  Expression,
  gt,
  gte,
  inArray,
  isNotNull,
  isNull,
  like,
  lt,
  lte,
  ne,
  not,
  notInArray,
  or,
  type Operand,
  type Ordering,
  type Subquery,
} from './expression.ts';
export {
  avg,
  coalesce,
  concat,
  count,
  length,
  literal,
  lower,
  max,
  min,
  nullIf,
  scalar,
  sum,
  upper,
} from './functions.ts';
export { MigrationError, planMigration } from './migration.ts';
export { deleteFrom, insertInto, Mutation, ReturningMutation, update, type Changes } from './mutation.ts';
export { nest, type Nested } from './nest.ts';
export {
  alias,
  boolean,
  Column,
  integer,
  json,
  real,
  table,
  text,
  timestamp,
  type NewRow,
  type RowOfTable,
  type Source,
  type Table,
} from './schema.ts';
export { from, From, SelectQuery, type Derived } from './select.ts';
export type { RowOf, Selection } from './selection.ts';
export type { Statement } from './writer.ts';
