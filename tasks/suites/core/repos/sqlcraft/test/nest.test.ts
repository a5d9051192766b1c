import { describe, expect, it } from 'vitest';
import { eq, from, nest } from '../src/index.ts';
import { openBlog, posts, users } from './blog.ts';

describe('nest', () => {
  it('collects the children of each parent', async () => {
    const { db } = await openBlog();
    const rows = await db.all(
      from(users)
        .leftJoin(posts, eq(posts.authorId, users.id))
        .orderBy(users.id, posts.id)
        .select({ id: users.id, name: users.name, post: { title: posts.title } }),
    );
    expect(nest(rows, 'id', 'post')).toEqual([
      { id: 1, name: 'Ada', post: [{ title: 'Engines' }, { title: 'Notes' }] },
      { id: 2, name: 'Grace', post: [{ title: 'Compilers' }] },
      { id: 3, name: 'Edsger', post: [] },
    ]);
  });

  it('undoes the product of two collections', () => {
    const rows = [1, 2].flatMap((a) => [3, 4].map((b) => ({ id: 1, a: { id: a }, b: { id: b } })));
    expect(nest(rows, 'id', 'a', 'b')).toEqual([{ id: 1, a: [{ id: 1 }, { id: 2 }], b: [{ id: 3 }, { id: 4 }] }]);
  });

  it('keeps equal children of a single collection', () => {
    const rows = [{ id: 1, tag: { name: 'x' } }, { id: 1, tag: { name: 'x' } }];
    expect(nest(rows, 'id', 'tag')).toEqual([{ id: 1, tag: [{ name: 'x' }, { name: 'x' }] }]);
  });
});
