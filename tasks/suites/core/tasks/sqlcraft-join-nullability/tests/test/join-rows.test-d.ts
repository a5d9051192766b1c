import {
  alias,
  and,
  asc,
  coalesce,
  concat,
  count,
  eq,
  from,
  gt,
  integer,
  isNotNull,
  length,
  literal,
  lower,
  max,
  nullIf,
  scalar,
  sum,
  table,
  text,
  upper,
  type Column,
  type Expression,
} from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const users = table('users', { id: integer().primaryKey(), name: text().notNull(), email: text() });
const posts = table('posts', {
  id: integer().primaryKey(),
  authorId: integer().notNull(),
  title: text().notNull(),
  state: text<'draft' | 'public'>().notNull(),
  note: text(),
});
const comments = table('comments', { id: integer().primaryKey(), postId: integer().notNull(), body: text().notNull() });

const ofPost = eq(posts.authorId, users.id);
const ofComment = eq(comments.postId, posts.id);
const some = { name: users.name, email: users.email, title: posts.title, note: posts.note };

const inner = from(users).innerJoin(posts, ofPost).select(some);
export const innerRow: Equal<
  (typeof inner)['$row'],
  { name: string; email: string | null; title: string; note: string | null }
> = true;

const left = from(users).leftJoin(posts, ofPost).select(some);
export const leftRow: Equal<
  (typeof left)['$row'],
  { name: string; email: string | null; title: string | null; note: string | null }
> = true;

const right = from(users).rightJoin(posts, ofPost).select(some);
export const rightRow: Equal<
  (typeof right)['$row'],
  { name: string | null; email: string | null; title: string; note: string | null }
> = true;

const full = from(users).fullJoin(posts, ofPost).select(some);
export const fullRow: Equal<
  (typeof full)['$row'],
  { name: string | null; email: string | null; title: string | null; note: string | null }
> = true;

// Chains.
const three = { name: users.name, title: posts.title, body: comments.body };
const leftInner = from(users).leftJoin(posts, ofPost).innerJoin(comments, ofComment).select(three);
export const leftInnerRow: Equal<(typeof leftInner)['$row'], { name: string; title: string | null; body: string }> = true;
const innerLeft = from(users).innerJoin(posts, ofPost).leftJoin(comments, ofComment).select(three);
export const innerLeftRow: Equal<(typeof innerLeft)['$row'], { name: string; title: string; body: string | null }> = true;
const leftLeft = from(users).leftJoin(posts, ofPost).leftJoin(comments, ofComment).select(three);
export const leftLeftRow: Equal<
  (typeof leftLeft)['$row'],
  { name: string; title: string | null; body: string | null }
> = true;
const innerRight = from(users).innerJoin(posts, ofPost).rightJoin(comments, ofComment).select(three);
export const innerRightRow: Equal<
  (typeof innerRight)['$row'],
  { name: string | null; title: string | null; body: string }
> = true;
const rightLeft = from(users).rightJoin(posts, ofPost).leftJoin(comments, ofComment).select(three);
export const rightLeftRow: Equal<
  (typeof rightLeft)['$row'],
  { name: string | null; title: string; body: string | null }
> = true;
const rightInner = from(users).rightJoin(posts, ofPost).innerJoin(comments, ofComment).select(three);
export const rightInnerRow: Equal<(typeof rightInner)['$row'], { name: string | null; title: string; body: string }> = true;
const innerFull = from(users).innerJoin(posts, ofPost).fullJoin(comments, ofComment).select(three);
export const innerFullRow: Equal<
  (typeof innerFull)['$row'],
  { name: string | null; title: string | null; body: string | null }
> = true;

// Calls in between.
const long = from(users)
  .where(isNotNull(users.email))
  .leftJoin(posts, ofPost)
  .where(gt(users.id, 1))
  .groupBy(users.id)
  .having(gt(count(), 1))
  .orderBy(asc(users.id))
  .limit(1)
  .offset(1)
  .distinct()
  .select({ name: users.name, title: posts.title });
export const longRow: Equal<(typeof long)['$row'], { name: string; title: string | null }> = true;

// Without a selection.
type User = { id: number; name: string; email: string | null };
const plainAll = from(users).select();
export const plainAllRow: Equal<(typeof plainAll)['$row'], User> = true;
const leftAll = from(users).leftJoin(posts, ofPost).select();
export const leftAllRow: Equal<(typeof leftAll)['$row'], User> = true;
const rightAll = from(users).rightJoin(posts, ofPost).select();
export const rightAllRow: Equal<
  (typeof rightAll)['$row'],
  { id: number | null; name: string | null; email: string | null }
> = true;

// The same table twice.
const boss = alias(users, 'boss');
const self = from(users)
  .leftJoin(boss, eq(boss.id, users.id))
  .select({ name: users.name, boss: boss.name, lower: lower(boss.name) });
export const selfRow: Equal<(typeof self)['$row'], { name: string; boss: string | null; lower: string | null }> = true;

// Computed values.
const computed = from(users)
  .leftJoin(posts, ofPost)
  .select({
    lower: lower(posts.title),
    upper: upper(users.name),
    length: length(upper(posts.title)),
    nullIf: nullIf(posts.title, users.name),
    mixed: concat(users.name, ' ', posts.title),
    own: concat(users.name, '!'),
    filled: coalesce(posts.title, '-'),
    state: coalesce(posts.state, 'draft'),
    constant: coalesce(posts.title, literal('-')),
    counted: coalesce(posts.id, count()),
    unfilled: coalesce(posts.title, posts.title),
    inside: lower(coalesce(posts.title, '-')),
    count: count(posts.id),
    sum: sum(posts.id),
    max: max(posts.title),
    one: literal(1),
    scalar: scalar(from(users).select({ n: count() })),
  });
type Computed = (typeof computed)['$row'];
export const computedRow: Equal<
  Pick<Computed, 'lower' | 'upper' | 'length' | 'nullIf' | 'mixed' | 'own' | 'unfilled'>,
  {
    lower: string | null;
    upper: string;
    length: number | null;
    nullIf: string | null;
    mixed: string | null;
    own: string;
    unfilled: string | null;
  }
> = true;
export const independent: Equal<
  Pick<Computed, 'filled' | 'state' | 'constant' | 'counted' | 'inside' | 'count' | 'sum' | 'max' | 'one' | 'scalar'>,
  {
    filled: string;
    state: 'draft' | 'public';
    constant: string;
    counted: number;
    inside: string;
    count: number;
    sum: number;
    max: string;
    one: 1;
    scalar: number;
  }
> = true;

// What is written for any expression or column takes all of them.
function anyText(expression: Expression<string>): Expression<string> {
  return expression;
}
export const texts = [anyText(users.name), anyText(boss.name), anyText(lower(posts.title)), anyText(literal('x'))];
export const columns: Column<number>[] = [users.id, posts.id, boss.id];
export const condition = and(eq(users.name, posts.title), eq(posts.title, lower(users.name)), eq(posts.id, boss.id));
// @ts-expect-error a text is no number
export const wrong: Column<number> = users.name;
