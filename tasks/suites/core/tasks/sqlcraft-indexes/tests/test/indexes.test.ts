import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import {
  alias,
  describeSchema,
  emptySchema,
  index,
  integer,
  planMigration,
  postgres,
  sqlite,
  table,
  text,
  type SchemaDescription,
} from '../src/index.ts';

const columns = { id: integer().primaryKey(), authorId: integer('author_id'), slug: text().notNull() };

const plain = describeSchema([table('posts', columns)]);
const byAuthor = describeSchema([table('posts', columns, { indexes: [index('by_author', ['authorId'])] })]);

interface Found {
  readonly table: string;
  readonly unique: boolean;
  readonly columns: readonly string[];
}

/** The indexes of a SQLite database by name, but for those that constraints bring along. */
function indexesOf(raw: DatabaseSync): Record<string, Found> {
  const found: Record<string, Found> = {};
  const list = raw.prepare(
    `SELECT m.name, m.tbl_name AS "table", l."unique" AS "unique"
     FROM sqlite_master m JOIN pragma_index_list(m.tbl_name) l ON l.name = m.name
     WHERE m.type = 'index' AND l.origin = 'c' ORDER BY m.name`,
  );
  for (const { name, table: of, unique } of list.all()) {
    const info = raw.prepare('SELECT name FROM pragma_index_info(?) ORDER BY seqno').all(String(name));
    found[String(name)] = { table: String(of), unique: unique === 1, columns: info.map((row) => String(row['name'])) };
  }
  return found;
}

/** Runs the plans that lead through the schemas, on SQLite. */
function migrate(...schemas: readonly SchemaDescription[]): DatabaseSync {
  const raw = new DatabaseSync(':memory:');
  raw.exec('PRAGMA foreign_keys = OFF');
  let before = emptySchema;
  for (const after of schemas) {
    for (const statement of planMigration(before, after, sqlite)) raw.exec(statement);
    before = after;
  }
  return raw;
}

describe('declarations', () => {
  it('refuse an index without columns', () => {
    expect(() => index('none', [])).toThrow(TypeError);
  });

  it('refuse a column that the table does not have', () => {
    // @ts-expect-error not a key of the declaration
    expect(() => table('posts', columns, { indexes: [index('wrong', ['author'])] })).toThrow(TypeError);
    // @ts-expect-error the name in the database is not the key
    expect(() => table('posts', columns, { indexes: [index('wrong', ['slug', 'author_id'])] })).toThrow(TypeError);
  });

  it('refuse a name that is used twice', () => {
    const posts = table('posts', columns, { indexes: [index('twice', ['id']), index('twice', ['slug'])] });
    expect(() => describeSchema([posts])).toThrow(TypeError);
    const one = table('one', columns, { indexes: [index('same', ['id'])] });
    const other = table('other', columns, { indexes: [index('same', ['id'])] });
    expect(() => describeSchema([one, other])).toThrow(TypeError);
  });

  it('are kept by an alias', () => {
    const posts = table('posts', columns, { indexes: [index('by_author', ['authorId'])] });
    expect(describeSchema([alias(posts, 'p')])).toEqual(byAuthor);
  });

  it('survive JSON, and descriptions without indexes stay valid', () => {
    const stored = JSON.parse(JSON.stringify(byAuthor)) as SchemaDescription;
    expect(planMigration(stored, byAuthor, sqlite)).toEqual([]);
    expect(planMigration(byAuthor, stored, postgres)).toEqual([]);
    const column = {
      kind: 'integer',
      notNull: true,
      primaryKey: true,
      unique: false,
      generated: false,
      default: null,
      references: null,
    } as const;
    const old: SchemaDescription = { tables: { t: { columns: { id: column } } } };
    const t = describeSchema([table('t', { id: integer().primaryKey() })]);
    expect(planMigration(old, t, sqlite)).toEqual([]);
    const indexed = describeSchema([table('t', { id: integer().primaryKey() }, { indexes: [index('i', ['id'])] })]);
    expect(indexesOf(migrate(old, indexed))).toEqual({ i: { table: 't', unique: false, columns: ['id'] } });
  });
});

describe('plans on SQLite', () => {
  it('create the indexes of a new table', () => {
    const schema = describeSchema([
      table('posts', columns, {
        indexes: [index('by_author', ['authorId']), index('by_slug', ['slug', 'authorId'], { unique: true })],
      }),
    ]);
    expect(indexesOf(migrate(schema))).toEqual({
      by_author: { table: 'posts', unique: false, columns: ['author_id'] },
      by_slug: { table: 'posts', unique: true, columns: ['slug', 'author_id'] },
    });
  });

  it('add and drop an index alone', () => {
    expect(planMigration(plain, byAuthor, sqlite)).toHaveLength(1);
    expect(indexesOf(migrate(plain, byAuthor))).toHaveProperty('by_author');
    expect(planMigration(byAuthor, plain, sqlite)).toHaveLength(1);
    expect(indexesOf(migrate(byAuthor, plain))).toEqual({});
  });

  it('replace an index that changed', () => {
    const unique = describeSchema([
      table('posts', columns, { indexes: [index('by_author', ['authorId'], { unique: true })] }),
    ]);
    expect(indexesOf(migrate(byAuthor, unique))).toEqual({
      by_author: { table: 'posts', unique: true, columns: ['author_id'] },
    });
    const order = (keys: readonly ('slug' | 'authorId')[]) =>
      describeSchema([table('posts', columns, { indexes: [index('both', keys)] })]);
    expect(indexesOf(migrate(order(['slug', 'authorId']), order(['authorId', 'slug'])))).toEqual({
      both: { table: 'posts', unique: false, columns: ['author_id', 'slug'] },
    });
  });

  it('index a column that is added in the same plan', () => {
    const schema = describeSchema([
      table('posts', { ...columns, rank: integer() }, { indexes: [index('by_rank', ['rank'])] }),
    ]);
    expect(indexesOf(migrate(plain, schema))).toEqual({
      by_rank: { table: 'posts', unique: false, columns: ['rank'] },
    });
  });

  it('keep the indexes of a table that is rebuilt', () => {
    const rebuilt = describeSchema([
      table('posts', { ...columns, slug: text() }, { indexes: [index('by_author', ['authorId'])] }),
    ]);
    expect(indexesOf(migrate(byAuthor, rebuilt))).toEqual({
      by_author: { table: 'posts', unique: false, columns: ['author_id'] },
    });
  });

  it('drop, change and add indexes along with a rebuild', () => {
    const before = describeSchema([
      table('posts', columns, {
        indexes: [index('a', ['authorId']), index('b', ['slug']), index('c', ['slug', 'authorId'])],
      }),
    ]);
    const { authorId, id } = columns;
    const after = describeSchema([
      table('posts', { id, authorId, rank: integer().unique() }, {
        indexes: [index('a', ['authorId']), index('c', ['authorId', 'rank']), index('d', ['rank'])],
      }),
    ]);
    expect(indexesOf(migrate(before, after))).toEqual({
      a: { table: 'posts', unique: false, columns: ['author_id'] },
      c: { table: 'posts', unique: false, columns: ['author_id', 'rank'] },
      d: { table: 'posts', unique: false, columns: ['rank'] },
    });
  });

  it('drop a table without a word about its indexes', () => {
    const statements = planMigration(byAuthor, emptySchema, sqlite);
    expect(statements).toHaveLength(1);
    expect(indexesOf(migrate(byAuthor, emptySchema))).toEqual({});
  });

  it('move an index to another table', () => {
    const a = table('a', columns);
    const b = table('b', columns);
    const onA = table('a', columns, { indexes: [index('wanders', ['slug'])] });
    const onB = table('b', columns, { indexes: [index('wanders', ['slug'])] });
    const moved = { wanders: { table: 'b', unique: false, columns: ['slug'] } };
    expect(indexesOf(migrate(describeSchema([onA, b]), describeSchema([a, onB])))).toEqual(moved);
    expect(indexesOf(migrate(describeSchema([b, onA]), describeSchema([onB, a])))).toEqual(moved);
    expect(indexesOf(migrate(describeSchema([onA]), describeSchema([onB])))).toEqual(moved);
    expect(indexesOf(migrate(describeSchema([onA, b]), describeSchema([onB])))).toEqual(moved);
  });
});

describe('plans on PostgreSQL', () => {
  const position = (statements: readonly string[], pattern: RegExp) => {
    const at = statements.findIndex((statement) => pattern.test(statement));
    expect(at, `${String(pattern)} in ${statements.join('; ')}`).toBeGreaterThanOrEqual(0);
    return at;
  };

  it('write what the declaration says', () => {
    const schema = describeSchema([
      table('posts', columns, { indexes: [index('by "x"', ['slug', 'authorId'], { unique: true })] }),
    ]);
    const statements = planMigration(emptySchema, schema, postgres);
    const created = position(statements, /CREATE UNIQUE INDEX\b.*"by ""x"""\s+ON\s+"posts"\s*\("slug",\s*"author_id"\)/i);
    expect(created).toBeGreaterThan(position(statements, /CREATE TABLE "posts"/));
    expect(statements).toHaveLength(2);
  });

  it('leave an index alone that stays the same when columns change', () => {
    const changed = describeSchema([
      table('posts', { ...columns, slug: text() }, { indexes: [index('by_author', ['authorId'])] }),
    ]);
    expect(planMigration(byAuthor, changed, postgres).filter((statement) => /INDEX/.test(statement))).toEqual([]);
  });

  it('drop an index before its column and create one after', () => {
    const { id, slug } = columns;
    const after = describeSchema([
      table('posts', { id, slug, rank: integer() }, { indexes: [index('by_rank', ['rank'])] }),
    ]);
    const statements = planMigration(byAuthor, after, postgres);
    expect(position(statements, /DROP INDEX.*"by_author"/)).toBeLessThan(
      position(statements, /DROP COLUMN "author_id"/),
    );
    expect(position(statements, /CREATE INDEX.*"by_rank"/)).toBeGreaterThan(position(statements, /ADD COLUMN "rank"/));
  });

  it('drop a table without a word about its indexes there either', () => {
    expect(planMigration(byAuthor, emptySchema, postgres)).toHaveLength(1);
  });
});
