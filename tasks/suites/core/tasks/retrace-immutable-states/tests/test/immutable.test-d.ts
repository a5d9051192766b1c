import type { Immutable } from '../src/index.ts';

/** Both ways, the same keys, and not `any`. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;
type IsAny<A> = 0 extends 1 & A ? true : false;

type Id = string & { readonly brand: 'id' };
type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

declare class Money {
  private readonly cents: number;
  plus(other: Money): Money;
}

interface Branch {
  name: string;
  children: Branch[];
}

interface Doc {
  title: string;
  id: Id;
  note?: string;
  items: string[];
  grid: number[][];
  span: [start: number, end?: number];
  path: [Id, ...string[][]];
  author: { name: string; tags: Set<string> };
  pages: Map<string, { lines: string[] }>;
  places: Map<[number, number], Set<number[]>>;
  seen: ReadonlyMap<Id, readonly string[][]>;
  counts: Record<string, { n: number }>;
  block: { kind: 'text'; text: string } | { kind: 'list'; list: string[] } | null;
  tree: Branch;
  when: Date;
  price: Money;
  prices: Money[];
  bytes: Uint8Array;
  drawing: ((at: number[]) => void)[];
  // oxlint-disable-next-line typescript/no-explicit-any -- it stays
  loose: { payload: any; parts: string[] };
  unknown: unknown;
}
declare const doc: Immutable<Doc>;

// What it is
export const keys: Same<keyof typeof doc, keyof Doc> = true;
export const text: Same<typeof doc.title, string> = true;
export const note: Same<Pick<typeof doc, 'note'>, { note?: string }> = true;
export const items: Same<typeof doc.items, readonly string[]> = true;
export const grid: Same<typeof doc.grid, readonly (readonly number[])[]> = true;
export const span: Same<typeof doc.span, readonly [number, number?]> = true;
export const path: Same<typeof doc.path, readonly [Id, ...(readonly string[])[]]> = true;
export const tags: Same<typeof doc.author.tags, ReadonlySet<string>> = true;
export const pages: Same<typeof doc.pages, ReadonlyMap<string, { lines: readonly string[] }>> = true;
export const places: Same<typeof doc.places, ReadonlyMap<readonly [number, number], ReadonlySet<readonly number[]>>> = true;
export const seen: Same<typeof doc.seen, ReadonlyMap<Id, readonly (readonly string[])[]>> = true;
export const counts: Same<typeof doc.counts, Record<string, { n: number }>> = true;
export const block: Same<typeof doc.block, { kind: 'text'; text: string } | { kind: 'list'; list: readonly string[] } | null> = true;
export const branches: Same<typeof doc.tree.children, readonly Immutable<Branch>[]> = true;

// What cannot be changed
// @ts-expect-error a property
doc.title = 'x';
// @ts-expect-error an optional one
delete doc.note;
// @ts-expect-error an array
doc.items.push('x');
// @ts-expect-error an element
doc.items[0] = 'x';
// @ts-expect-error an array in an array
doc.grid[0]?.push(1);
// @ts-expect-error a tuple
doc.span[0] = 1;
// @ts-expect-error an array in the rest of a tuple
doc.path[1]?.push('x');
// @ts-expect-error a property of a property
doc.author.name = 'x';
// @ts-expect-error a set
doc.author.tags.add('x');
// @ts-expect-error a map
doc.pages.set('x', { lines: [] });
// @ts-expect-error a value of a map
doc.pages.get('x')?.lines.push('x');
// @ts-expect-error the keys of a map
for (const place of doc.places.keys()) place[0] = 1;
// @ts-expect-error the elements of a set
for (const set of doc.places.values()) for (const list of set) list.push(1);
// @ts-expect-error an index signature
doc.counts['x'] = { n: 1 };
// @ts-expect-error a value of it
for (const count of Object.values(doc.counts)) count.n = 1;
// @ts-expect-error a member of a union
if (doc.block?.kind === 'text') doc.block.text = 'x';
// @ts-expect-error an array in a member of a union
if (doc.block?.kind === 'list') doc.block.list.push('x');
// @ts-expect-error deep in a tree
doc.tree.children[0]?.children[0]?.children.push(doc.tree);
// @ts-expect-error deep in a tree, a property
for (const { children } of doc.tree.children) for (const child of children) child.name = 'x';
// @ts-expect-error a list of what stays as it is
doc.prices.push(doc.price);
// @ts-expect-error beside `any`
doc.loose.parts.push('x');
// @ts-expect-error `any` itself, though not what is in it
doc.loose.payload = 1;

// What stays as it is
export const id: Id = doc.id;
export const date: Date = doc.when;
doc.when.setTime(0);
export const price: Money = doc.price.plus(doc.prices[0] ?? doc.price);
export const bytes: Uint8Array = doc.bytes;
doc.bytes[0] = 1;
export const drawing: Same<typeof doc.drawing, readonly ((at: number[]) => void)[]> = true;
export const payload: IsAny<typeof doc.loose.payload> = true;
export const unknowns: Same<typeof doc.unknown, unknown> = true;
class Counter {
  list: string[] = [];
  count(): number {
    return this.list.length;
  }
}
export const counter = (value: Immutable<{ counter: Counter }>): number => value.counter.list.push('x');

// By itself
export const anything: IsAny<Immutable<unknown[] | any>> = true;
export const nothingKnown: Same<Immutable<unknown>, unknown> = true;
export const primitives: Same<Immutable<Id | boolean | 1n | null | undefined>, Id | boolean | 1n | null | undefined> = true;
export const union: Same<Immutable<string[] | Set<Date> | undefined>, readonly string[] | ReadonlySet<Date> | undefined> = true;
export const twice: Same<Immutable<Immutable<Doc>>, Immutable<Doc>> = true;
export const twiceMapped: Same<Immutable<ReadonlyMap<string, ReadonlySet<string[]>>>, ReadonlyMap<string, ReadonlySet<readonly string[]>>> = true;

// What can be used as what
declare const mutable: Doc;
export const taken: Immutable<Doc> = mutable;
// @ts-expect-error it has arrays that could be changed then
export const given: Doc = doc;
declare const json: Immutable<Json>;
export const written: Immutable<Json> = { a: [1, { b: null }, ['x']] };
// @ts-expect-error the same
export const mutableJson: Json = json;
// @ts-expect-error not of the type
export const wrong: Immutable<{ list: string[] }> = { list: [1] };
// @ts-expect-error a property is missing
export const lacking: Immutable<Branch> = { name: 'x' };
