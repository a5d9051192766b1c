import { coalesce, count, eq, from, integer, lower, max, table, text } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const users = table('users', { id: integer().primaryKey(), name: text().notNull() });
const posts = table('posts', { id: integer().primaryKey(), authorId: integer().notNull(), title: text().notNull() });
const ofPost = eq(posts.authorId, users.id);

// Columns keep the null that they got inside.
const titles = from(users)
  .leftJoin(posts, ofPost)
  .select({ userId: users.id, title: posts.title, filled: coalesce(posts.title, '-') })
  .as('titles');
const outer = from(titles).select({ userId: titles.userId, title: titles.title, filled: titles.filled });
export const outerRow: Equal<(typeof outer)['$row'], { userId: number; title: string | null; filled: string }> = true;
const all = from(titles).select();
export const allRow: Equal<(typeof all)['$row'], { userId: number; title: string | null; filled: string }> = true;
const wholeTitles = from(users).innerJoin(titles, eq(titles.userId, users.id)).select({ titles });
export const wholeTitlesRow: Equal<
  (typeof wholeTitles)['$row'],
  { titles: { userId: number; title: string | null; filled: string } }
> = true;

// A query used as a table may be missing itself, under its own name and not that of its tables.
const counts = from(posts)
  .groupBy(posts.authorId)
  .select({ author: posts.authorId, n: count(), last: max(posts.title) })
  .as('counts');
const joined = from(users)
  .leftJoin(counts, eq(counts.author, users.id))
  .select({
    name: users.name,
    n: counts.n,
    atLeast: coalesce(counts.n, 0),
    lower: lower(counts.last),
    counts,
    group: { author: counts.author, n: counts.n },
    mixed: { name: users.name, n: counts.n },
  });
export const joinedRow: Equal<
  (typeof joined)['$row'],
  {
    name: string;
    n: number | null;
    atLeast: number;
    lower: string | null;
    counts: { author: number; n: number; last: string } | null;
    group: { author: number; n: number } | null;
    mixed: { name: string; n: number | null };
  }
> = true;

const beside = from(posts)
  .leftJoin(counts, eq(counts.author, posts.authorId))
  .select({ title: posts.title, n: counts.n, post: posts });
export const besideRow: Equal<
  (typeof beside)['$row'],
  { title: string; n: number | null; post: { id: number; authorId: number; title: string } }
> = true;

const right = from(counts).rightJoin(users, eq(counts.author, users.id)).select();
export const rightRow: Equal<
  (typeof right)['$row'],
  { author: number | null; n: number | null; last: string | null }
> = true;

// Two steps.
const first = from(users).leftJoin(counts, eq(counts.author, users.id)).select({ id: users.id, n: counts.n }).as('first');
const second = from(users).leftJoin(first, eq(first.id, users.id)).select({ first, n: first.n, id: first.id });
export const secondRow: Equal<
  (typeof second)['$row'],
  { first: { id: number; n: number | null } | null; n: number | null; id: number | null }
> = true;
