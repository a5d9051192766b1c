import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  array,
  bits,
  blob,
  boolean,
  decode,
  encode,
  EndOfInputError,
  f64,
  i32,
  literal,
  mapped,
  oneOf,
  optional,
  struct,
  tagged,
  tuple,
  u16,
  u32,
  u64,
  u8,
  utf8,
  varint,
  varuint,
  type Codec,
} from '../src/index.ts';

function roundTrips<T>(codec: Codec<T>, value: NoInfer<T>, bytes: number[]): void {
  assert.deepEqual([...encode(codec, value)], bytes);
  assert.deepEqual(decode(codec, Uint8Array.from(bytes)), value);
}

describe('scalars', () => {
  it('are big-endian', () => {
    roundTrips(u8, 255, [255]);
    roundTrips(u16, 258, [1, 2]);
    roundTrips(u32, 0x80000001, [128, 0, 0, 1]);
    roundTrips(i32, -2, [255, 255, 255, 254]);
    roundTrips(u64, 2n ** 63n, [128, 0, 0, 0, 0, 0, 0, 0]);
    roundTrips(f64, 1, [0x3f, 0xf0, 0, 0, 0, 0, 0, 0]);
    roundTrips(boolean, true, [1]);
  });

  it('have a length where they need one', () => {
    roundTrips(utf8, 'aé', [3, 97, 195, 169]);
    roundTrips(blob, Uint8Array.of(7, 8), [2, 7, 8]);
  });

  it('refuse what does not fit', () => {
    assert.throws(() => encode(u8, 256), RangeError);
    assert.throws(() => encode(u16, 1.5), RangeError);
    assert.throws(() => encode(u64, -1n), RangeError);
    assert.throws(() => decode(boolean, Uint8Array.of(2)), RangeError);
    assert.throws(() => decode(utf8, Uint8Array.of(1, 255)), RangeError);
    assert.throws(() => decode(u8, Uint8Array.of(1, 2)), RangeError);
    assert.throws(() => decode(u32, Uint8Array.of(1, 2)), EndOfInputError);
  });
});

describe('varints', () => {
  it('are short for small numbers', () => {
    roundTrips(varuint, 127, [127]);
    roundTrips(varuint, 300, [172, 2]);
    roundTrips(varint, -1, [1]);
    roundTrips(varint, 64, [128, 1]);
  });
});

describe('combinators', () => {
  it('make lists and structs', () => {
    roundTrips(array(u8), [1, 2], [2, 1, 2]);
    roundTrips(tuple(u8, utf8), [1, 'a'], [1, 1, 97]);
    roundTrips(struct({ a: u8, b: optional(u8), c: optional(u8) }), { a: 1, c: 2 }, [1, 0, 1, 2]);
  });

  it('tell cases apart', () => {
    const shape = tagged({ dot: { tag: 1, codec: struct({}) }, circle: { tag: 7, codec: struct({ r: u8 }) } });
    roundTrips(shape, { kind: 'circle', r: 3 }, [7, 3]);
    roundTrips(shape, { kind: 'dot' }, [1]);
    assert.throws(() => decode(shape, Uint8Array.of(2)), RangeError);
    roundTrips(oneOf({ low: 0, high: 9 }), 'high', [9]);
    assert.throws(() => encode(oneOf({ low: 0 }), 'toString' as 'low'), RangeError);
    assert.throws(() => decode(literal(5, u8), Uint8Array.of(4)), RangeError);
  });

  it('map', () => {
    const date = mapped(f64, (time) => new Date(time), (day) => day.getTime());
    assert.equal(decode(date, encode(date, new Date(5))).getTime(), 5);
  });
});

describe('bits', () => {
  it('lie side by side', () => {
    roundTrips(bits({ urgent: 1, channel: 7 }), { urgent: true, channel: 12 }, [140]);
    roundTrips(bits({ a: 3, b: 32, c: 1 }), { a: 5, b: 0xffffffff, c: false }, [191, 255, 255, 255, 224]);
    assert.throws(() => encode(bits({ a: 3 }), { a: 8 }), RangeError);
    assert.throws(() => decode(bits({ a: 3 }), Uint8Array.of(1)), RangeError);
  });
});
