import {
  and,
  between,
  coalesce,
  concat,
  eq,
  from,
  gt,
  inArray,
  integer,
  isNull,
  like,
  lower,
  lt,
  max,
  ne,
  nullIf,
  scalar,
  sum,
  table,
  text,
  update,
} from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const notes = table('notes', {
  id: integer().primaryKey(),
  author: text().notNull(),
  title: text().notNull(),
  subtitle: text(),
  words: integer().notNull(),
});

// Columns of a query that is used as a table.
const totals = from(notes)
  .groupBy(notes.author)
  .select({ author: lower(notes.author), words: sum(notes.words), known: coalesce(sum(notes.words), 0) })
  .as('totals');
const outer = from(totals).select({ author: totals.author, words: totals.words, known: totals.known, all: totals });
export const derived: Equal<
  (typeof outer)['$row'],
  {
    author: string;
    words: number | null;
    known: number;
    all: { author: string; words: number | null; known: number };
  }
> = true;
const again = from(totals).select({ best: max(totals.words), filled: coalesce(totals.words, totals.known) });
export const twice: Equal<(typeof again)['$row'], { best: number | null; filled: number }> = true;

// Groups.
const grouped = from(notes).select({ texts: { lower: lower(notes.subtitle), both: concat(notes.title, notes.subtitle) } });
export const nested: Equal<
  (typeof grouped)['$row'],
  { texts: { lower: string | null; both: string | null } }
> = true;

// Updates.
update(notes).set({ title: lower(notes.title), subtitle: lower(notes.subtitle) });
update(notes).set({ subtitle: lower(notes.title), title: coalesce(notes.subtitle, notes.title) });
update(notes).set({ words: coalesce(scalar(from(notes).select({ most: max(notes.words) })), 0) });
// @ts-expect-error can be null
update(notes).set({ title: lower(notes.subtitle) });
// @ts-expect-error can be null
update(notes).set({ title: nullIf(notes.title, '') });
// @ts-expect-error can be null
update(notes).set({ title: concat(notes.title, notes.subtitle) });
// @ts-expect-error can be null
update(notes).set({ words: scalar(from(notes).select({ most: notes.words })) });
// @ts-expect-error of another type
update(notes).set({ subtitle: max(notes.words) });

// Comparisons take all of them.
export const conditions = and(
  gt(sum(notes.words), 10),
  eq(max(notes.title), notes.title),
  eq(notes.title, max(notes.title)),
  eq(notes.words, scalar(from(notes).select({ most: max(notes.words) }))),
  ne(lower(notes.subtitle), lower(notes.title)),
  lt(coalesce(notes.subtitle, ''), notes.title),
  between(max(notes.words), 1, notes.words),
  inArray(lower(notes.subtitle), ['a', 'b']),
  like(concat(notes.title, notes.subtitle), 'a%'),
  isNull(nullIf(notes.title, '')),
);
// @ts-expect-error a text is no number
eq(sum(notes.words), 'x');
