import { describe, expect, it } from 'vitest';
import {
  concat,
  deleteFrom,
  eq,
  from,
  insertInto,
  integer,
  isNull,
  json,
  postgres,
  sqlite,
  table,
  text,
  update,
} from '../src/index.ts';
import { openBlog, posts, users } from './blog.ts';

describe('insert', () => {
  it('fills in defaults and returns the rows', async () => {
    const { db } = await openBlog();
    const rows = await db.all(insertInto(posts).values({ title: 'New' }).returning());
    expect(rows).toEqual([{ id: 5, authorId: null, title: 'New', likes: 0, publishedAt: null }]);
  });

  it('takes rows that leave out different columns', async () => {
    const { db } = await openBlog();
    const rows = [{ title: 'A', likes: 2 }, { title: 'B', authorId: 3 }];
    expect(await db.run(insertInto(posts).values(rows))).toBe(2);
    const added = from(posts).orderBy(posts.id).limit(2).offset(4);
    expect(await db.all(added.select({ title: posts.title, likes: posts.likes, author: posts.authorId }))).toEqual([
      { title: 'A', likes: 2, author: null },
      { title: 'B', likes: 0, author: 3 },
    ]);
  });

  it('writes the names of the database', () => {
    expect(insertInto(posts).values({ authorId: 1, title: 'x' }).toSql(postgres)).toEqual({
      text: 'INSERT INTO "posts" ("author_id", "title") VALUES ($1, $2)',
      params: [1, 'x'],
    });
  });

  it('encodes after the column', () => {
    const settings = table('settings', { key: text().primaryKey(), value: json<string[]>() });
    const insert = insertInto(settings).values({ key: 'a', value: ['x'] });
    expect(insert.toSql(sqlite).params).toEqual(['a', '["x"]']);
  });

  it('copes with a row of defaults only', () => {
    const counters = table('counters', { id: integer().primaryKey().generated() });
    expect(insertInto(counters).values({}).toSql(sqlite).text).toBe('INSERT INTO "counters" DEFAULT VALUES');
  });

  it('refuses unknown columns and empty lists', () => {
    const row = JSON.parse('{"title":"x","titel":"y"}') as { title: string };
    expect(() => insertInto(posts).values(row).toSql(sqlite)).toThrow(TypeError);
    expect(() => insertInto(posts).values([])).toThrow(TypeError);
  });
});

describe('update', () => {
  it('changes the rows that match, by value or expression', async () => {
    const { db } = await openBlog();
    const statement = update(users)
      .set({ name: concat(users.name, '?'), active: false, email: undefined as unknown as null })
      .where(eq(users.id, 1));
    expect(await db.all(statement.returning({ name: users.name, active: users.active, email: users.email }))).toEqual([
      { name: 'Ada?', active: false, email: 'ada@example.org' },
    ]);
  });

  it('needs something to change', () => {
    expect(() => update(users).set({})).toThrow(TypeError);
  });
});

describe('delete', () => {
  it('removes the rows for which all conditions hold', async () => {
    const { db } = await openBlog();
    expect(await db.run(deleteFrom(posts).where(isNull(posts.authorId)).where(eq(posts.likes, 1)))).toBe(0);
    expect(await db.run(deleteFrom(posts).where(isNull(posts.authorId)))).toBe(1);
  });
});
