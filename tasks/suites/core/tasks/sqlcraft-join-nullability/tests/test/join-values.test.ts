import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { coalesce, concat, Database, eq, from, integer, literal, nest, sqlite, table, text } from '../src/index.ts';

const users = table('users', { id: integer().primaryKey(), name: text().notNull() });
const posts = table('posts', { id: integer().primaryKey(), authorId: integer().notNull(), title: text().notNull() });
const ofPost = eq(posts.authorId, users.id);

function open() {
  const raw = new DatabaseSync(':memory:');
  raw.exec(`
    CREATE TABLE users (id integer primary key, name text not null);
    CREATE TABLE posts (id integer primary key, authorId integer not null, title text not null);
    INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
    INSERT INTO posts VALUES (1, 1, 'Engines'), (2, 9, 'Lost');
  `);
  return new Database({
    dialect: sqlite,
    execute: async ({ text: sql, params }) => {
      const statement = raw.prepare(sql);
      statement.setReturnArrays(true);
      return { rows: statement.all(...(params as SQLInputValue[])) as unknown as unknown[][], changes: 0 };
    },
  });
}

describe('rows of outer joins', () => {
  it('are folded as before', async () => {
    const query = from(users)
      .leftJoin(posts, ofPost)
      .orderBy(users.id)
      .select({
        name: users.name,
        title: posts.title,
        post: { id: posts.id, by: { title: posts.title, name: users.name } },
        constant: { title: posts.title, one: literal(1) },
        filled: coalesce(posts.title, '-'),
        joined: concat(users.name, posts.title),
      });
    expect(await open().all(query)).toEqual([
      {
        name: 'Ada',
        title: 'Engines',
        post: { id: 1, by: { title: 'Engines', name: 'Ada' } },
        constant: { title: 'Engines', one: 1 },
        filled: 'Engines',
        joined: 'AdaEngines',
      },
      { name: 'Grace', title: null, post: null, constant: { title: null, one: 1 }, filled: '-', joined: null },
    ]);
  });

  it('may miss either side', async () => {
    const query = from(users).fullJoin(posts, ofPost).select({ user: users, post: { title: posts.title } });
    const rows = await open().all(query);
    expect(rows).toHaveLength(3);
    expect(rows).toContainEqual({ user: null, post: { title: 'Lost' } });
    expect(rows).toContainEqual({ user: { id: 2, name: 'Grace' }, post: null });
  });

  it('are never null themselves', async () => {
    const query = from(users).rightJoin(posts, ofPost).orderBy(posts.id).select();
    expect(await open().all(query)).toEqual([
      { id: 1, name: 'Ada' },
      { id: null, name: null },
    ]);
  });

  it('nest into lists', async () => {
    const query = from(users).leftJoin(posts, ofPost).orderBy(users.id).select({ id: users.id, post: { id: posts.id } });
    expect(nest(await open().all(query), 'id', 'post')).toEqual([
      { id: 1, post: [{ id: 1 }] },
      { id: 2, post: [] },
    ]);
  });
});
