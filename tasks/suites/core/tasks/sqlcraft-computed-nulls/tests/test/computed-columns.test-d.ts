import {
  avg,
  boolean,
  coalesce,
  concat,
  count,
  from,
  integer,
  length,
  literal,
  lower,
  max,
  min,
  nullIf,
  scalar,
  sum,
  table,
  text,
  timestamp,
  upper,
} from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const notes = table('notes', {
  id: integer().primaryKey(),
  title: text().notNull(),
  subtitle: text(),
  slug: text(),
  stars: integer(),
  words: integer().notNull(),
  state: text<'draft' | 'public'>().notNull(),
  previous: text<'draft' | 'public'>(),
  pinned: boolean(),
  createdAt: timestamp().notNull(),
});

const aggregates = from(notes).select({
  count: count(),
  counted: count(notes.subtitle),
  sum: sum(notes.words),
  sumOfNullable: sum(notes.stars),
  avg: avg(notes.words),
  min: min(notes.title),
  max: max(notes.createdAt),
  state: max(notes.state),
  previous: min(notes.previous),
});
export const aggregated: Equal<
  (typeof aggregates)['$row'],
  {
    count: number;
    counted: number;
    sum: number | null;
    sumOfNullable: number | null;
    avg: number | null;
    min: string | null;
    max: Date | null;
    state: 'draft' | 'public' | null;
    previous: 'draft' | 'public' | null;
  }
> = true;

const texts = from(notes).select({
  lower: lower(notes.title),
  lowerOfNullable: lower(notes.subtitle),
  upper: upper(notes.state),
  upperOfNullable: upper(notes.previous),
  length: length(notes.title),
  lengthOfNullable: length(notes.subtitle),
  nested: length(lower(notes.subtitle)),
  joined: concat(notes.title, ' ', notes.state),
  joinedWithNullable: concat(notes.title, ' ', notes.subtitle),
  constants: concat('a', 'b'),
  allNullable: concat(notes.subtitle, notes.slug),
});
export const transformed: Equal<
  (typeof texts)['$row'],
  {
    lower: string;
    lowerOfNullable: string | null;
    upper: string;
    upperOfNullable: string | null;
    length: number;
    lengthOfNullable: number | null;
    nested: number | null;
    joined: string;
    joinedWithNullable: string | null;
    constants: string;
    allNullable: string | null;
  }
> = true;

const fallbacks = from(notes).select({
  column: coalesce(notes.subtitle, notes.title),
  value: coalesce(notes.subtitle, '-'),
  nullable: coalesce(notes.subtitle, notes.slug),
  nullableThenValue: coalesce(notes.subtitle, notes.slug, '-'),
  middle: coalesce(notes.subtitle, notes.title, notes.slug),
  pointless: coalesce(notes.title, notes.subtitle),
  alone: coalesce(notes.subtitle),
  aloneNotNull: coalesce(notes.title),
  withNull: coalesce(notes.subtitle, null),
  state: coalesce(notes.previous, notes.state),
  stateValue: coalesce(notes.previous, 'draft'),
  number: coalesce(sum(notes.stars), 0),
  constant: coalesce(sum(notes.stars), literal(0)),
  nested: coalesce(lower(notes.subtitle), nullIf(notes.slug, ''), upper(notes.title)),
  nestedNullable: coalesce(max(notes.words), min(notes.words)),
  flag: coalesce(notes.pinned, false),
});
export const filled: Equal<
  (typeof fallbacks)['$row'],
  {
    column: string;
    value: string;
    nullable: string | null;
    nullableThenValue: string;
    middle: string;
    pointless: string;
    alone: string | null;
    aloneNotNull: string;
    withNull: string | null;
    state: 'draft' | 'public';
    stateValue: 'draft' | 'public';
    number: number;
    constant: number;
    nested: string;
    nestedNullable: number | null;
    flag: boolean;
  }
> = true;

const nulls = from(notes).select({
  value: nullIf(notes.title, ''),
  column: nullIf(notes.title, notes.subtitle),
  nullable: nullIf(notes.subtitle, notes.title),
  state: nullIf(notes.state, 'draft'),
  words: nullIf(notes.words, 0),
});
export const nulled: Equal<
  (typeof nulls)['$row'],
  {
    value: string | null;
    column: string | null;
    nullable: string | null;
    state: 'draft' | 'public' | null;
    words: number | null;
  }
> = true;

const scalars = from(notes).select({
  count: scalar(from(notes).select({ n: count() })),
  title: scalar(from(notes).select({ title: notes.title })),
  subtitle: scalar(from(notes).select({ subtitle: notes.subtitle })),
  filled: coalesce(scalar(from(notes).select({ title: notes.title })), 'none'),
});
export const valued: Equal<
  (typeof scalars)['$row'],
  { count: number | null; title: string | null; subtitle: string | null; filled: string }
> = true;

// @ts-expect-error a number among texts
coalesce(notes.subtitle, 1);
// @ts-expect-error a column of another type
coalesce(notes.subtitle, notes.words);
// @ts-expect-error not one of the texts of the column
coalesce(notes.previous, 'secret');
// @ts-expect-error a value of another type
nullIf(notes.words, '0');
// @ts-expect-error not a text
lower(notes.words);
// @ts-expect-error not a number
sum(notes.subtitle);
// @ts-expect-error not a text
concat(notes.title, notes.words);
