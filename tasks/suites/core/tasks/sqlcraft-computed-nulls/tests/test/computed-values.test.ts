import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import {
  boolean,
  coalesce,
  concat,
  count,
  Database,
  from,
  integer,
  length,
  lower,
  max,
  min,
  nullIf,
  postgres,
  scalar,
  sqlite,
  sum,
  table,
  text,
  timestamp,
} from '../src/index.ts';

const notes = table('notes', {
  id: integer().primaryKey(),
  title: text().notNull(),
  subtitle: text(),
  pinned: boolean(),
  at: timestamp(),
});

function open(...rows: readonly string[]) {
  const raw = new DatabaseSync(':memory:');
  raw.exec('CREATE TABLE notes (id integer primary key, title text not null, subtitle text, pinned integer, at text)');
  for (const row of rows) raw.exec(`INSERT INTO notes VALUES ${row}`);
  return new Database({
    dialect: sqlite,
    execute: async (statement) => {
      const prepared = raw.prepare(statement.text);
      prepared.setReturnArrays(true);
      return { rows: prepared.all(...(statement.params as SQLInputValue[])) as unknown as unknown[][], changes: 0 };
    },
  });
}

describe('computed values', () => {
  it('are null where the types say so', async () => {
    const query = from(notes).select({
      count: count(),
      sum: sum(notes.id),
      min: min(notes.title),
      value: scalar(from(notes).select({ title: notes.title })),
      filled: coalesce(sum(notes.id), 0),
    });
    expect(await open().all(query)).toEqual([{ count: 0, sum: null, min: null, value: null, filled: 0 }]);
  });

  it('are computed per row', async () => {
    const query = from(notes).select({
      lower: lower(notes.title),
      none: lower(notes.subtitle),
      length: length(notes.title),
      joined: concat(notes.title, '-', notes.subtitle),
      filled: coalesce(notes.subtitle, notes.title),
      nulled: nullIf(notes.title, 'Abc'),
    });
    expect(await open(`(1, 'Abc', null, null, null)`).all(query)).toEqual([
      { lower: 'abc', none: null, length: 3, joined: null, filled: 'Abc', nulled: null },
    ]);
  });

  it('are decoded after the column they come from', async () => {
    const query = from(notes).select({
      pinned: coalesce(notes.pinned, false),
      last: max(notes.at),
    });
    expect(await open(`(1, 'a', null, null, '2026-01-01T00:00:00.000Z')`).all(query)).toEqual([
      { pinned: false, last: new Date('2026-01-01T00:00:00.000Z') },
    ]);
  });

  it('are written as before', () => {
    const query = from(notes).select({ a: coalesce(notes.subtitle, notes.title, 'x'), b: nullIf(notes.title, '') });
    expect(query.toSql(postgres)).toEqual({
      text:
        'SELECT COALESCE("notes"."subtitle", "notes"."title", $1) AS "a", NULLIF("notes"."title", $2) AS "b" ' +
        'FROM "notes"',
      params: ['x', ''],
    });
  });
});
