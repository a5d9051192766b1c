import {
  array,
  bits,
  blob,
  boolean,
  decode,
  encode,
  f64,
  lazy,
  literal,
  mapped,
  oneOf,
  optional,
  struct,
  tagged,
  tuple,
  u16,
  u64,
  u8,
  utf8,
  varuint,
  type Codec,
  type Infer,
} from '../src/index.ts';

/** Both ways, and not `any`. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? true : false) : false;

export const scalar: Same<Infer<typeof u64>, bigint> = true;

// Lists
const names = array(utf8);
export const list: Same<Infer<typeof names>, string[]> = true;
const nested = array(array(optional(u8)));
export const nestedList: Same<Infer<typeof nested>, (number | undefined)[][]> = true;
const pair = tuple(u8, utf8, array(boolean));
export const pairIsTuple: Same<Infer<typeof pair>, [number, string, boolean[]]> = true;
const nothing = tuple();
export const nothingIsEmpty: Same<Infer<typeof nothing>, []> = true;
decode(names, new Uint8Array()).push('a');

// Structs
const entry = struct({ id: varuint, title: optional(utf8), tags: names, both: mapped(u8, (n): string | undefined => String(n), Number) });
type Entry = Infer<typeof entry>;
export const entryIsExact: Same<Entry, { id: number; title?: string | undefined; tags: string[]; both?: string | undefined }> = true;
export const short: Entry = { id: 1, tags: [] };
export const full: Entry = { id: 1, title: undefined, tags: ['a'], both: 'x' };
short.id = 2;
short.title = 'x';
// @ts-expect-error required
export const lacking: Entry = { tags: [] };
// @ts-expect-error not a field
export const excess: Entry = { id: 1, tags: [], more: 1 };
// @ts-expect-error may be undefined
export const length = (value: Entry): number => value.title.length;
const outer = struct({ entry, pair: optional(pair), data: blob });
export const outerIsExact: Same<Infer<typeof outer>, { entry: Entry; pair?: [number, string, boolean[]] | undefined; data: Uint8Array }> = true;
const empty = struct({});
export const emptyHasNoKeys: Same<keyof Infer<typeof empty>, never> = true;

// Literals and names
const magic = literal('PNG', utf8);
export const magicIsLiteral: Same<Infer<typeof magic>, 'PNG'> = true;
const seven = literal(7, u8);
export const sevenIsLiteral: Same<Infer<typeof seven>, 7> = true;
// @ts-expect-error not a value of the codec
literal(7, utf8);
const level = oneOf({ low: 0, high: 9 });
export const levelIsUnion: Same<Infer<typeof level>, 'low' | 'high'> = true;
// @ts-expect-error not a number
oneOf({ low: '0' });

// Bits
declare const width: number;
declare const oneOrTwo: 1 | 2;
const flags = bits({ urgent: 1, channel: 7, rest: width, either: oneOrTwo });
export const flagsAreExact: Same<Infer<typeof flags>, { urgent: boolean; channel: number; rest: boolean | number; either: boolean | number }> = true;
decode(flags, new Uint8Array()).urgent = false;
// @ts-expect-error a flag is a boolean
encode(bits({ urgent: 1 }), { urgent: 1 });

// Cases
const plain = struct({ radius: u16 });
const shape = tagged({
  circle: { tag: 1, codec: plain },
  polygon: { tag: 2, codec: struct({ points: array(tuple(f64, f64)), closed: optional(boolean) }) },
  dot: { tag: 3, codec: struct({}) },
});
type Shape = Infer<typeof shape>;
export const shapeIsUnion: Same<
  Shape,
  { kind: 'circle'; radius: number } | { kind: 'polygon'; points: [number, number][]; closed?: boolean | undefined } | { kind: 'dot' }
> = true;
export function size(value: Shape): number {
  switch (value.kind) {
    case 'circle':
      return value.radius;
    case 'polygon':
      return value.points.length;
    case 'dot':
      return 0;
  }
}
encode(shape, { kind: 'circle', radius: 1 });
// @ts-expect-error the other case's fields
encode(shape, { kind: 'circle', points: [] });
// @ts-expect-error no such case
encode(shape, { kind: 'square', radius: 1 });
const inner = tagged({ a: { tag: 0, codec: mapped(u8, (n): { n: number } | { s: string } => ({ n }), () => 0) }, b: { tag: 1, codec: plain } });
export const innerIsUnion: Same<Infer<typeof inner>, { kind: 'a'; n: number } | { kind: 'a'; s: string } | { kind: 'b'; radius: number }> = true;
// @ts-expect-error a tag is a number
tagged({ a: { tag: '0', codec: plain } });

// Recursion
interface Tree {
  value: number;
  children: Tree[];
  next?: Tree | undefined;
}
export const tree: Codec<Tree> = struct({ value: u8, children: array(lazy(() => tree)), next: optional(lazy(() => tree)) });
// @ts-expect-error the value is text
export const wrongTree: Codec<Tree> = struct({ value: utf8, children: array(lazy(() => tree)), next: optional(lazy(() => tree)) });

// Mapped
const date = mapped(f64, (time) => new Date(time), (day) => day.getTime());
export const dateIsDate: Same<Infer<typeof date>, Date> = true;
export const days: Date[] = decode(array(date), new Uint8Array());
