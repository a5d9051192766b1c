/** Statements that write: insert, update and delete, each of which can return the rows that it touched. */
import type { Dialect } from './dialect.ts';
import { and, writeOperand, type Condition, type Expression } from './expression.ts';
import { SOURCE, type AnyTable, type Column, type NewRow, type RowOfTable } from './schema.ts';
import { flatten, fold, type RowOf, type Selection } from './selection.ts';
import { render, type Fragment, type SqlWriter, type Statement } from './writer.ts';

/** New values of an update; an expression may refer to the old ones. */
export type Changes<T> = { readonly [K in keyof RowOfTable<T>]?: RowOfTable<T>[K] | Expression<RowOfTable<T>[K]> };

/** A statement that writes and returns nothing. */
export class Mutation<T extends AnyTable> implements Fragment {
  readonly table: T;
  readonly write: (writer: SqlWriter) => void;

  constructor(table: T, write: (writer: SqlWriter) => void) {
    this.table = table;
    this.write = write;
  }

  /** The rows as they are after the statement, or were before a delete. Without a selection, all columns. */
  returning(): ReturningMutation<RowOfTable<T>>;
  returning<S extends Selection>(selection: S): ReturningMutation<RowOf<S>>;
  returning(selection?: Selection): ReturningMutation<unknown> {
    return new ReturningMutation(this, selection ?? Object.fromEntries(this.table[SOURCE].columns));
  }

  toSql(dialect: Dialect): Statement {
    return render(this, dialect);
  }
}

export class ReturningMutation<Row> implements Fragment {
  declare readonly $row: Row;
  readonly #mutation: Fragment;
  readonly #selection: Selection;

  constructor(mutation: Fragment, selection: Selection) {
    this.#mutation = mutation;
    this.#selection = selection;
  }

  toSql(dialect: Dialect): Statement {
    return render(this, dialect);
  }

  decode(rows: readonly (readonly unknown[])[], dialect: Dialect): Row[] {
    return rows.map((values) => fold(this.#selection, values, new Set(), dialect) as Row);
  }

  readonly write = (writer: SqlWriter): void => {
    writer.fragment(this.#mutation).raw(' RETURNING ');
    writer.join(flatten(this.#selection), ', ', ({ name, expression }) => {
      writer.fragment(expression).raw(' AS ').identifier(name);
    });
  };
}

export interface InsertInto<T extends AnyTable> {
  /** Columns that a row leaves out (or gives as undefined) get their default. Throws a `TypeError` without rows. */
  values(rows: NewRow<T> | readonly NewRow<T>[]): Mutation<T>;
}

export function insertInto<T extends AnyTable>(table: T): InsertInto<T> {
  return {
    values: (rows) => {
      const list = (Array.isArray(rows) ? rows : [rows]) as readonly Readonly<Record<string, unknown>>[];
      if (list.length === 0) throw new TypeError('an insert needs at least one row');
      return new Mutation(table, (writer) => writeInsert(writer, table, list));
    },
  };
}

function writeInsert(writer: SqlWriter, table: AnyTable, rows: readonly Readonly<Record<string, unknown>>[]): void {
  const { table: name, columns } = table[SOURCE];
  for (const row of rows) checkKeys(row, table);
  // Only columns that some row mentions: a generated column cannot be given a default by name on every database.
  const used = [...columns].filter(([key]) => rows.some((row) => row[key] !== undefined));
  writer.raw('INSERT INTO ').identifier(name);
  if (used.length === 0 && rows.length === 1) {
    writer.raw(' DEFAULT VALUES');
    return;
  }
  writer.raw(' (').join(used, ', ', ([, column]) => writer.identifier(column.name)).raw(') VALUES ');
  writer.join(rows, ', ', (row) => {
    writer.raw('(').join(used, ', ', ([key, column]) => writeNewValue(writer, row[key], column)).raw(')');
  });
}

/** SQLite knows no DEFAULT in a list of values, so a constant default is written out. */
function writeNewValue(writer: SqlWriter, value: unknown, column: Column<unknown>): void {
  if (value !== undefined) writeOperand(writer, value, column.kind);
  else if (column.options?.default !== undefined) writer.param(column.options.default, column.kind);
  else if (column.options?.generated === true && writer.dialect.name === 'postgres') writer.raw('DEFAULT');
  else writer.raw('NULL');
}

/** An update or delete whose rows are yet to be chosen. Without `where` it is all of them. */
export class FilteredMutation<T extends AnyTable> extends Mutation<T> {
  readonly #head: (writer: SqlWriter) => void;
  readonly #where: Condition | undefined;

  constructor(table: T, head: (writer: SqlWriter) => void, where?: Condition) {
    super(table, (writer) => {
      head(writer);
      if (where !== undefined) writer.raw(' WHERE ').fragment(where);
    });
    this.#head = head;
    this.#where = where;
  }

  /** Several calls must all hold. */
  where(condition: Condition): FilteredMutation<T> {
    return new FilteredMutation(this.table, this.#head, and(this.#where, condition));
  }
}

export interface Update<T extends AnyTable> {
  /** Keys with an undefined value are left as they are. Throws a `TypeError` if nothing is left to change. */
  set(changes: Changes<T>): FilteredMutation<T>;
}

export function update<T extends AnyTable>(table: T): Update<T> {
  return {
    set: (changes) => {
      const { table: name, columns } = table[SOURCE];
      checkKeys(changes, table);
      const given = Object.entries<unknown>(changes).filter(([, value]) => value !== undefined);
      if (given.length === 0) throw new TypeError('an update needs at least one change');
      return new FilteredMutation(table, (writer) => {
        writer.raw('UPDATE ').identifier(name).raw(' SET ');
        writer.join(given, ', ', ([key, value]) => {
          const column = columns.get(key);
          writer.identifier(column?.name ?? key).raw(' = ');
          writeOperand(writer, value, column?.kind);
        });
      });
    },
  };
}

export function deleteFrom<T extends AnyTable>(table: T): FilteredMutation<T> {
  return new FilteredMutation(table, (writer) => writer.raw('DELETE FROM ').identifier(table[SOURCE].table));
}

/** Rows often come from outside; a key that is no column must not be dropped silently. */
function checkKeys(row: object, table: AnyTable): void {
  const { columns, table: name } = table[SOURCE];
  for (const key of Object.keys(row)) {
    if (!columns.has(key)) throw new TypeError(`table '${name}' has no column '${key}'`);
  }
}
