/** A driver over the SQLite that comes with Node, in memory. */
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { Database, sqlite, type Driver } from '../src/index.ts';

export function openSqlite(...setup: readonly string[]): { db: Database; raw: DatabaseSync } {
  const raw = new DatabaseSync(':memory:');
  for (const sql of setup) raw.exec(sql);
  const driver: Driver = {
    dialect: sqlite,
    execute: async ({ text, params }) => {
      const statement = raw.prepare(text);
      statement.setReturnArrays(true);
      const values = params as SQLInputValue[];
      if (statement.columns().length === 0) return { rows: [], changes: Number(statement.run(...values).changes) };
      const rows = statement.all(...values) as unknown as unknown[][];
      return { rows, changes: rows.length };
    },
  };
  return { db: new Database(driver), raw };
}
