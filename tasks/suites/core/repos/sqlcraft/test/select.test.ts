import { describe, expect, it } from 'vitest';
import {
  alias,
  and,
  asc,
  between,
  coalesce,
  concat,
  count,
  desc,
  eq,
  exists,
  from,
  gt,
  inArray,
  isNotNull,
  isNull,
  like,
  lower,
  max,
  ne,
  not,
  notInArray,
  or,
  postgres,
  scalar,
  sqlite,
  sum,
} from '../src/index.ts';
import { openBlog, posts, users } from './blog.ts';

describe('select', () => {
  it('returns all columns of the table without a selection', async () => {
    const { db } = await openBlog();
    expect(await db.all(from(users).where(eq(users.id, 2)).select())).toEqual([
      { id: 2, name: 'Grace', email: null, active: false },
    ]);
  });

  it('binds values and decodes columns', async () => {
    const { db } = await openBlog();
    const query = from(posts).where(isNotNull(posts.publishedAt)).select({ at: posts.publishedAt });
    expect(await db.all(query)).toEqual([{ at: new Date('2026-01-02T03:04:05.000Z') }]);
    const on = from(posts).where(eq(posts.publishedAt, new Date('2026-01-02T03:04:05.000Z')));
    expect(await db.first(on.select({ title: posts.title }))).toEqual({ title: 'Engines' });
    expect(await db.all(from(users).where(eq(users.active, false)).select({ id: users.id }))).toEqual([{ id: 2 }]);
  });

  it('sorts and pages', async () => {
    const { db } = await openBlog();
    const sorted = from(posts).orderBy(desc(posts.likes), asc(posts.title));
    const titles = async (query: typeof sorted) =>
      (await db.all(query.select({ title: posts.title }))).map(({ title }) => title);
    expect(await titles(sorted)).toEqual(['Notes', 'Engines', 'Anonymous', 'Compilers']);
    expect(await titles(sorted.limit(2))).toEqual(['Notes', 'Engines']);
    expect(await titles(sorted.limit(2).offset(1))).toEqual(['Engines', 'Anonymous']);
    expect(() => sorted.limit(1.5)).toThrow(RangeError);
  });

  it('leaves out duplicates', async () => {
    const { db } = await openBlog();
    const authors = from(posts).where(isNotNull(posts.authorId)).distinct().orderBy(posts.authorId);
    expect(await db.all(authors.select({ id: posts.authorId }))).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('does not change the query that it extends', () => {
    const base = from(users);
    base.where(eq(users.id, 1)).limit(1);
    expect(base.select({ id: users.id }).toSql(sqlite)).toEqual({
      text: 'SELECT "users"."id" AS "id" FROM "users"',
      params: [],
    });
  });

  it('groups', async () => {
    const { db } = await openBlog();
    const query = from(posts)
      .groupBy(posts.authorId)
      .having(gt(count(), 1))
      .select({ author: posts.authorId, posts: count(), likes: sum(posts.likes), best: max(posts.likes) });
    expect(await db.all(query)).toEqual([{ author: 1, posts: 2, likes: 8, best: 5 }]);
  });
});

describe('conditions', () => {
  async function names(condition: Parameters<ReturnType<typeof from>['where']>[0]) {
    const { db } = await openBlog();
    const rows = await db.all(from(users).where(condition).orderBy(users.id).select({ name: users.name }));
    return rows.map(({ name }) => name).join(' ');
  }

  it('compare', async () => {
    expect(await names(ne(users.name, 'Ada'))).toBe('Grace Edsger');
    expect(await names(between(users.id, 2, 3))).toBe('Grace Edsger');
    expect(await names(like(users.email, 'a%'))).toBe('Ada');
    expect(await names(isNull(users.email))).toBe('Grace');
    expect(await names(eq(lower(users.name), 'grace'))).toBe('Grace');
  });

  it('combine', async () => {
    expect(await names(and(gt(users.id, 1), or(eq(users.name, 'Ada'), eq(users.name, 'Edsger'))))).toBe('Edsger');
    expect(await names(not(or(eq(users.id, 1), eq(users.id, 2))))).toBe('Edsger');
    expect(await names(and(undefined, eq(users.id, 1)))).toBe('Ada');
    expect(await names(and())).toBe('Ada Grace Edsger');
    expect(await names(or())).toBe('');
    expect(await names(undefined)).toBe('Ada Grace Edsger');
  });

  it('look into lists and queries', async () => {
    expect(await names(inArray(users.id, [1, 3]))).toBe('Ada Edsger');
    expect(await names(inArray(users.id, []))).toBe('');
    expect(await names(notInArray(users.id, []))).toBe('Ada Grace Edsger');
    const authors = from(posts).where(isNotNull(posts.authorId)).select({ id: posts.authorId });
    expect(await names(notInArray(users.id, authors))).toBe('Edsger');
    const own = from(posts).where(and(eq(posts.authorId, users.id), gt(posts.likes, 1)));
    expect(await names(exists(own.select({ id: posts.id })))).toBe('Ada');
  });
});

describe('joins', () => {
  it('nest what is selected', async () => {
    const { db } = await openBlog();
    const query = from(posts)
      .innerJoin(users, eq(users.id, posts.authorId))
      .where(eq(users.name, 'Grace'))
      .select({ title: posts.title, author: users, more: { stats: { likes: posts.likes } } });
    expect(await db.all(query)).toEqual([
      {
        title: 'Compilers',
        author: { id: 2, name: 'Grace', email: null, active: false },
        more: { stats: { likes: 0 } },
      },
    ]);
  });

  it('make a group null where an outer join finds nothing', async () => {
    const { db } = await openBlog();
    const query = from(posts)
      .leftJoin(users, eq(users.id, posts.authorId))
      .orderBy(posts.id)
      .offset(2)
      .limit(2)
      .select({ id: posts.id, author: { email: users.email, name: users.name }, label: concat(users.name, '!') });
    expect(await db.all(query)).toEqual([
      { id: 3, author: { email: null, name: 'Grace' }, label: 'Grace!' },
      { id: 4, author: null, label: null },
    ]);
  });

  it('keep a group that does not depend on the missing table alone', async () => {
    const { db } = await openBlog();
    const query = from(posts)
      .leftJoin(users, eq(users.id, posts.authorId))
      .where(eq(posts.id, 4))
      .select({
        mixed: { name: users.name, likes: posts.likes },
        filled: { name: coalesce(users.name, 'nobody') },
        author: users,
      });
    expect(await db.all(query)).toEqual([
      { mixed: { name: null, likes: 0 }, filled: { name: 'nobody' }, author: null },
    ]);
  });

  it('may keep the rows of the right side', async () => {
    const { db } = await openBlog();
    const query = from(posts)
      .rightJoin(users, eq(users.id, posts.authorId))
      .where(eq(users.id, 3))
      .select({ name: users.name, post: { id: posts.id }, likes: posts.likes });
    expect(await db.all(query)).toEqual([{ name: 'Edsger', post: null, likes: null }]);
  });

  it('take a table twice under another name', async () => {
    const { db } = await openBlog();
    const next = alias(users, 'next');
    const query = from(users)
      .innerJoin(next, gt(next.id, users.id))
      .orderBy(users.id, next.id)
      .select({ one: users.name, other: next.name });
    expect((await db.all(query)).map(({ one, other }) => `${one}-${other}`)).toEqual([
      'Ada-Grace',
      'Ada-Edsger',
      'Grace-Edsger',
    ]);
  });
});

describe('subqueries', () => {
  it('stand in for tables', async () => {
    const { db } = await openBlog();
    const totals = from(posts)
      .where(gt(posts.likes, 0))
      .groupBy(posts.authorId)
      .select({ author: posts.authorId, likes: sum(posts.likes) })
      .as('totals');
    const query = from(users)
      .leftJoin(totals, eq(totals.author, users.id))
      .where(or(gt(totals.likes, 7), isNull(totals.likes)))
      .orderBy(users.id)
      .select({ name: users.name, likes: totals.likes });
    expect(await db.all(query)).toEqual([
      { name: 'Ada', likes: 8 },
      { name: 'Grace', likes: null },
      { name: 'Edsger', likes: null },
    ]);
  });

  it('stand in for values, with parameters in order', () => {
    const best = from(posts).where(eq(posts.authorId, 7)).select({ likes: max(posts.likes) });
    const query = from(users)
      .where(and(eq(users.name, 'Ada'), gt(scalar(best), 1)))
      .limit(3)
      .select({ id: users.id });
    expect(query.toSql(postgres)).toEqual({
      text:
        'SELECT "users"."id" AS "id" FROM "users" WHERE ("users"."name" = $1 AND ' +
        '(SELECT MAX("posts"."likes") AS "likes" FROM "posts" WHERE "posts"."author_id" = $2) > $3) LIMIT $4',
      params: ['Ada', 7, 1, 3],
    });
  });

  it('must not have groups to be used as a table', () => {
    expect(() => from(users).select({ user: users }).as('nested')).toThrow(TypeError);
  });
});
