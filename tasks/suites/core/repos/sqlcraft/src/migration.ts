/**
 * Plans the statements that lead from one schema to another.
 *
 * Tables are created before what refers to them and dropped after. Nothing is guessed: a renamed table or column is
 * one that was dropped and another that was added.
 */
import { type ColumnDescription, type SchemaDescription, type TableDescription } from './description.ts';
import { literalText, quoteIdentifier, type Dialect } from './dialect.ts';

/** The change cannot be made without a decision that only a person can take. */
export class MigrationError extends Error {
  override readonly name = 'MigrationError';
}

/** Statements to run in this order, in one transaction. On SQLite with foreign keys turned off. */
export function planMigration(before: SchemaDescription, after: SchemaDescription, dialect: Dialect): string[] {
  const created = Object.keys(after.tables).filter((name) => !(name in before.tables));
  const dropped = Object.keys(before.tables).filter((name) => !(name in after.tables));
  const statements: string[] = [];
  for (const name of byDependency(after)) {
    const table = after.tables[name];
    if (table !== undefined && created.includes(name)) statements.push(createTable(name, table, dialect));
  }
  for (const [name, table] of Object.entries(after.tables)) {
    const old = before.tables[name];
    if (old !== undefined) statements.push(...alterTable(name, old, table, dialect));
  }
  for (const name of byDependency(before).toReversed()) {
    if (dropped.includes(name)) statements.push(`DROP TABLE ${quoteIdentifier(name)}`);
  }
  return statements;
}

/** The names of all tables, each after those that it refers to. */
function byDependency(schema: SchemaDescription): string[] {
  const ordered = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    const table = schema.tables[name];
    if (table === undefined || ordered.has(name)) return;
    if (path.includes(name)) throw new MigrationError(`tables refer to each other: ${[...path, name].join(' -> ')}`);
    for (const { references } of Object.values(table.columns)) {
      if (references !== null && references.table !== name) visit(references.table, [...path, name]);
    }
    ordered.add(name);
  };
  for (const name of Object.keys(schema.tables)) visit(name, []);
  return [...ordered];
}

function createTable(name: string, table: TableDescription, dialect: Dialect): string {
  const entries = Object.entries(table.columns);
  const keys = entries.filter(([, column]) => column.primaryKey).map(([key]) => key);
  const lines = entries.map(([key, column]) => defineColumn(key, column, dialect, keys.length === 1));
  if (keys.length > 1) lines.push(`PRIMARY KEY (${keys.map(quoteIdentifier).join(', ')})`);
  return `CREATE TABLE ${quoteIdentifier(name)} (${lines.join(', ')})`;
}

function defineColumn(name: string, column: ColumnDescription, dialect: Dialect, inlineKey: boolean): string {
  let text = `${quoteIdentifier(name)} ${dialect.typeName(column.kind)}`;
  if (column.generated) text += dialect.generated;
  if (column.primaryKey && inlineKey) text += ' PRIMARY KEY';
  if (column.notNull && !(column.primaryKey && inlineKey)) text += ' NOT NULL';
  if (column.unique) text += ' UNIQUE';
  if (column.default !== null) text += ` DEFAULT ${defaultText(column, dialect)}`;
  if (column.references !== null) {
    const { table, column: target } = column.references;
    text += ` REFERENCES ${quoteIdentifier(table)} (${quoteIdentifier(target)})`;
  }
  return text;
}

function defaultText(column: ColumnDescription, dialect: Dialect): string {
  // What is JSON already must not be encoded as such again.
  return literalText(dialect.encode(column.default, column.kind === 'json' ? 'text' : column.kind));
}

function alterTable(name: string, before: TableDescription, after: TableDescription, dialect: Dialect): string[] {
  const added = Object.entries(after.columns).filter(([key]) => !(key in before.columns));
  const dropped = Object.keys(before.columns).filter((key) => !(key in after.columns));
  const changed = Object.entries(after.columns).flatMap(([key, column]) => {
    const old = before.columns[key];
    return old === undefined || isSame(old, column) ? [] : [{ key, old, column }];
  });
  for (const [key, column] of added) {
    if (column.notNull && column.default === null && !column.generated) {
      throw new MigrationError(`column '${key}' of '${name}' is not null and has no default for the rows there are`);
    }
  }
  const simple = added.every(([, column]) => !column.primaryKey && !column.unique);
  if (!dialect.altersColumns && (dropped.length > 0 || changed.length > 0 || !simple)) {
    return rebuildTable(name, before, after, dialect);
  }
  const table = `ALTER TABLE ${quoteIdentifier(name)}`;
  return [
    ...added.map(([key, column]) => `${table} ADD COLUMN ${defineColumn(key, column, dialect, true)}`),
    ...changed.flatMap(({ key, old, column }) => alterColumn(name, key, old, column, dialect)),
    ...dropped.map((key) => `${table} DROP COLUMN ${quoteIdentifier(key)}`),
  ];
}

function alterColumn(
  table: string,
  name: string,
  before: ColumnDescription,
  after: ColumnDescription,
  dialect: Dialect,
): string[] {
  const fixed = ['primaryKey', 'unique', 'generated', 'references'] as const;
  const constraint = fixed.find((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
  if (constraint !== undefined) {
    throw new MigrationError(`'${constraint}' of column '${name}' of '${table}' cannot be changed in place`);
  }
  const alter = `ALTER TABLE ${quoteIdentifier(table)} ALTER COLUMN ${quoteIdentifier(name)}`;
  const statements: string[] = [];
  if (before.kind !== after.kind) {
    const type = dialect.typeName(after.kind);
    statements.push(`${alter} TYPE ${type} USING ${quoteIdentifier(name)}::${type}`);
  }
  if (before.default !== after.default) {
    statements.push(
      after.default === null ? `${alter} DROP DEFAULT` : `${alter} SET DEFAULT ${defaultText(after, dialect)}`,
    );
  }
  if (before.notNull !== after.notNull) statements.push(`${alter} ${after.notNull ? 'SET' : 'DROP'} NOT NULL`);
  return statements;
}

/** A new table takes over the columns that both have, and then the name. */
function rebuildTable(name: string, before: TableDescription, after: TableDescription, dialect: Dialect): string[] {
  const replacement = `__new_${name}`;
  const kept = Object.keys(after.columns).filter((key) => key in before.columns);
  const list = kept.map(quoteIdentifier).join(', ');
  return [
    createTable(replacement, after, dialect),
    `INSERT INTO ${quoteIdentifier(replacement)} (${list}) SELECT ${list} FROM ${quoteIdentifier(name)}`,
    `DROP TABLE ${quoteIdentifier(name)}`,
    `ALTER TABLE ${quoteIdentifier(replacement)} RENAME TO ${quoteIdentifier(name)}`,
  ];
}

function isSame(a: ColumnDescription, b: ColumnDescription): boolean {
  const canonical = ({ kind, notNull, primaryKey, unique, generated, default: value, references }: ColumnDescription) =>
    JSON.stringify([kind, notNull, primaryKey, unique, generated, value, references?.table, references?.column]);
  return canonical(a) === canonical(b);
}
