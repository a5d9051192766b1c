import {
  coalesce,
  concat,
  count,
  eq,
  from,
  integer,
  literal,
  lower,
  nest,
  table,
  text,
  type RowOfTable,
} from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const users = table('users', { id: integer().primaryKey(), name: text().notNull(), email: text() });
const posts = table('posts', { id: integer().primaryKey(), authorId: integer().notNull(), title: text().notNull() });
const comments = table('comments', { id: integer().primaryKey(), postId: integer().notNull(), body: text().notNull() });

const ofPost = eq(posts.authorId, users.id);
const ofComment = eq(comments.postId, posts.id);

const simple = from(users)
  .leftJoin(posts, ofPost)
  .select({
    id: users.id,
    user: { name: users.name, email: users.email },
    post: { id: posts.id, title: posts.title, lower: lower(posts.title) },
    tables: { user: users, post: posts },
  });
export const simpleRow: Equal<
  (typeof simple)['$row'],
  {
    id: number;
    user: { name: string; email: string | null };
    post: { id: number; title: string; lower: string } | null;
    tables: {
      user: { id: number; name: string; email: string | null };
      post: { id: number; authorId: number; title: string } | null;
    };
  }
> = true;

const whole = from(users).fullJoin(posts, ofPost).select({ user: users, post: posts });
export const wholeRow: Equal<
  (typeof whole)['$row'],
  { user: RowOfTable<typeof users> | null; post: RowOfTable<typeof posts> | null }
> = true;
const wholeRight = from(users).rightJoin(posts, ofPost).select({ user: users, post: posts });
export const wholeRightRow: Equal<
  (typeof wholeRight)['$row'],
  { user: RowOfTable<typeof users> | null; post: RowOfTable<typeof posts> }
> = true;

// Groups that do not depend on one table alone are there, whatever is missing.
const mixed = from(users)
  .leftJoin(posts, ofPost)
  .leftJoin(comments, ofComment)
  .select({
    both: { name: users.name, title: posts.title },
    missing: { title: posts.title, body: comments.body },
    constant: { title: posts.title, one: literal(1) },
    filled: { title: coalesce(posts.title, '-'), id: posts.id },
    counted: { n: count(posts.id) },
    joined: { title: posts.title, text: concat(posts.title, comments.body) },
    onlyGroups: { post: { title: posts.title } },
  });
export const mixedRow: Equal<
  (typeof mixed)['$row'],
  {
    both: { name: string; title: string | null };
    missing: { title: string | null; body: string | null };
    constant: { title: string | null; one: 1 };
    filled: { title: string; id: number | null };
    counted: { n: number };
    joined: { title: string | null; text: string | null };
    onlyGroups: { post: { title: string } | null };
  }
> = true;

// Groups inside of groups.
const deep = from(users)
  .leftJoin(posts, ofPost)
  .leftJoin(comments, ofComment)
  .select({
    post: {
      id: posts.id,
      author: { name: users.name },
      comment: { body: comments.body },
      comments,
      by: { title: posts.title, name: users.name, body: comments.body },
    },
    top: {
      name: users.name,
      post: { title: posts.title, text: { both: concat(posts.title, users.name), title: posts.title, one: literal(1) } },
    },
  });
export const deepRow: Equal<
  (typeof deep)['$row'],
  {
    post: {
      id: number;
      author: { name: string };
      comment: { body: string } | null;
      comments: { id: number; postId: number; body: string } | null;
      by: { title: string; name: string; body: string | null };
    } | null;
    top: {
      name: string;
      post: { title: string; text: { both: string; title: string; one: 1 } } | null;
    };
  }
> = true;

// Without outer joins nothing changes.
const inner = from(users)
  .innerJoin(posts, ofPost)
  .select({ user: users, post: { id: posts.id, title: posts.title } });
export const innerRow: Equal<
  (typeof inner)['$row'],
  { user: { id: number; name: string; email: string | null }; post: { id: number; title: string } }
> = true;

// Lists of children are what is left of a group that may be missing.
export function children(rows: (typeof simple)['$row'][]): { name: string; titles: string[] }[] {
  const nested = nest(rows, 'id', 'post');
  const list: Equal<(typeof nested)[number]['post'], { id: number; title: string; lower: string }[]> = true;
  return nested.filter(() => list).map(({ user, post }) => ({ name: user.name, titles: post.map(({ title }) => title) }));
}
export function careless(rows: (typeof simple)['$row'][]): string[] {
  // @ts-expect-error the post may be missing
  return rows.map(({ post }) => post.title);
}
