/** What the types promise; checked by the compiler alone. */
import { eq, from, insertInto, sum, table, text, update, type NewRow, type RowOfTable } from '../src/index.ts';
import { posts, users } from './blog.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const row: Equal<
  RowOfTable<typeof users>,
  { id: number; name: string; email: string | null; active: boolean }
> = true;
const newRow: Equal<
  NewRow<typeof users>,
  { name: string; id?: number; email?: string | null; active?: boolean }
> = true;

const joined = from(posts)
  .innerJoin(users, eq(users.id, posts.authorId))
  .select({ title: posts.title, author: { email: users.email } });
const nested: Equal<(typeof joined)['$row'], { title: string; author: { email: string | null } }> = true;

const roles = table('roles', { name: text<'reader' | 'writer'>().notNull() });
const literals: Equal<RowOfTable<typeof roles>, { name: 'reader' | 'writer' }> = true;

// @ts-expect-error a column that must not be missing
insertInto(users).values({ email: 'x' });
// @ts-expect-error not a column
update(users).set({ nam: 'x' });
// @ts-expect-error values of different types
eq(users.id, 'x');
// @ts-expect-error not a number
sum(users.name);

export { literals, nested, newRow, row };
