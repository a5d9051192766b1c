import { array, decode, encode, literal, oneOf, optional, struct, tuple, u8, utf8, type Codec, type Infer } from '../src/index.ts';

declare const few: Codec<1 | 2>;
declare const many: Codec<number>;

export const itself: Codec<1 | 2> = few;
// @ts-expect-error takes only some numbers
export const wider: Codec<number> = few;
// @ts-expect-error gives other numbers as well
export const narrower: Codec<1 | 2> = many;
// @ts-expect-error takes just the one text
export const text: Codec<string> = literal('a', utf8);
// @ts-expect-error takes only some texts
export const names: Codec<string> = oneOf({ a: 0 });
// @ts-expect-error gives nothing at times
export const always: Codec<number> = optional(u8);
// @ts-expect-error takes no undefined
export const sometimes: Codec<number | undefined> = u8;

// Put together
// @ts-expect-error
export const lists: Codec<number[]> = array(few);
// @ts-expect-error
export const pairs: Codec<[number, number]> = tuple(u8, few);
// @ts-expect-error
export const structs: Codec<{ n: number }> = struct({ n: few });
// @ts-expect-error lacks a field that the struct writes
export const fewer: Codec<{ n: number }> = struct({ n: u8, m: u8 });
// @ts-expect-error has a field that the struct does not know
export const more: Codec<{ n: number; m: number }> = struct({ n: u8 });
export const exact: Codec<{ n: number; m?: string | undefined }> = struct({ n: u8, m: optional(utf8) });

// A function of one's own
export function twice<T>(codec: Codec<T>): Codec<[T, T]> {
  return tuple(codec, codec);
}
const both = twice(oneOf({ a: 0, b: 1 }));
export const bothAre: Infer<typeof both> = ['a', 'b'];
// @ts-expect-error no such name
export const bothAreNot: Infer<typeof both> = ['a', 'c'];

// encode and decode
encode(few, 1);
encode(struct({ n: u8, m: optional(utf8) }), { n: 1 });
// @ts-expect-error not one of them
encode(few, 3);
// @ts-expect-error no such name
encode(oneOf({ a: 0 }), 'b');
// @ts-expect-error not a number
encode(struct({ n: u8 }), { n: '1' });
// @ts-expect-error not a list of numbers
encode(array(u8), ['1']);
// @ts-expect-error too short
encode(tuple(u8, u8), [1]);
// @ts-expect-error not a codec
struct({ n: 1 });
export const read: 1 | 2 = decode(few, new Uint8Array());
// @ts-expect-error gives numbers
export const wrong: string = decode(u8, new Uint8Array());
