import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import {
  asc,
  Database,
  eq,
  exists,
  from,
  inArray,
  integer,
  not,
  notInArray,
  postgres,
  scalar,
  sqlite,
  table,
  type SelectQuery,
} from '../src/index.ts';

const numbers = table('numbers', { n: integer().primaryKey(), square: integer().notNull() });

function open() {
  const raw = new DatabaseSync(':memory:');
  raw.exec('CREATE TABLE numbers (n integer primary key, square integer not null)');
  raw.exec('INSERT INTO numbers VALUES (1, 1), (2, 4), (3, 9), (4, 16)');
  return new Database({
    dialect: sqlite,
    execute: async ({ text, params }) => {
      const statement = raw.prepare(text);
      statement.setReturnArrays(true);
      return { rows: statement.all(...(params as SQLInputValue[])) as unknown as unknown[][], changes: 0 };
    },
  });
}

const sorted = from(numbers).orderBy(asc(numbers.n));

async function values(query: typeof sorted): Promise<number[]> {
  const rows = await open().all(query.select({ n: numbers.n }));
  return rows.map(({ n }) => n);
}

describe('limit', () => {
  it('of zero returns nothing', async () => {
    expect(await values(sorted.limit(0))).toEqual([]);
  });

  it('of zero returns nothing past an offset either', async () => {
    expect(await values(sorted.limit(0).offset(2))).toEqual([]);
    expect(await values(sorted.offset(0).limit(0))).toEqual([]);
  });

  it('of zero replaces an earlier one, and is replaced by a later one', async () => {
    expect(await values(sorted.limit(3).limit(0))).toEqual([]);
    expect(await values(sorted.limit(0).limit(3))).toEqual([1, 2, 3]);
  });

  it('works without an offset and past the end', async () => {
    expect(await values(sorted.limit(2))).toEqual([1, 2]);
    expect(await values(sorted.limit(9))).toEqual([1, 2, 3, 4]);
  });
});

describe('offset', () => {
  it('works without a limit', async () => {
    expect(await values(sorted.offset(1))).toEqual([2, 3, 4]);
    expect(await values(sorted.offset(9))).toEqual([]);
  });

  it('of zero skips nothing', async () => {
    expect(await values(sorted.offset(0))).toEqual([1, 2, 3, 4]);
    expect(await values(sorted.offset(3).offset(0))).toEqual([1, 2, 3, 4]);
  });

  it('works together with a limit, in any order', async () => {
    expect(await values(sorted.limit(2).offset(1))).toEqual([2, 3]);
    expect(await values(sorted.offset(1).limit(2))).toEqual([2, 3]);
    expect(await values(sorted.offset(0).limit(2))).toEqual([1, 2]);
  });
});

describe('inside of another query', () => {
  async function read<Row>(query: SelectQuery<Row>): Promise<Row[]> {
    return open().all(query);
  }

  it('an offset works without a limit', async () => {
    const rest = sorted.offset(2).select({ n: numbers.n }).as('rest');
    expect(await read(from(rest).orderBy(rest.n).select({ n: rest.n }))).toEqual([{ n: 3 }, { n: 4 }]);
    const list = sorted.offset(3).select({ n: numbers.n });
    expect(await read(from(numbers).where(inArray(numbers.n, list)).select({ n: numbers.n }))).toEqual([{ n: 4 }]);
    const third = sorted.offset(2).select({ n: numbers.n });
    const other = from(numbers).where(eq(numbers.n, scalar(third))).select({ square: numbers.square });
    expect(await read(other)).toEqual([{ square: 9 }]);
  });

  it('a limit of zero leaves nothing', async () => {
    const none = sorted.limit(0).select({ n: numbers.n });
    expect(await read(from(numbers).where(exists(none)).select({ n: numbers.n }))).toEqual([]);
    expect(await read(from(numbers).where(notInArray(numbers.n, none)).select({ n: numbers.n }))).toHaveLength(4);
    const all = from(numbers).where(not(exists(none))).orderBy(numbers.n).limit(1).offset(1);
    expect(await read(all.select({ n: numbers.n }))).toEqual([{ n: 2 }]);
  });
});

describe('on PostgreSQL', () => {
  const sqlOf = (query: typeof sorted) => query.select({ n: numbers.n }).toSql(postgres);

  it('an offset has no negative limit in front', () => {
    const { text, params } = sqlOf(sorted.offset(5));
    expect(text).toMatch(/OFFSET \$\d+$/);
    expect(text).not.toMatch(/LIMIT\s+(-|\$)/);
    expect(params).toEqual([5]);
  });

  it('a limit of zero is written', () => {
    const { text, params } = sqlOf(sorted.limit(0));
    expect(text).toMatch(/LIMIT (\$1|0)$/);
    expect(params.every((param) => param === 0)).toBe(true);
  });
});
