import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, blob, decode, encode, EndOfInputError, Reader, utf8, varint, varuint, Writer, type Codec } from '../src/index.ts';

const MAX = Number.MAX_SAFE_INTEGER;

function leb128(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.push(Number(rest % 128n));
    rest /= 128n;
  } while (rest > 0n);
  return bytes.map((byte, index) => (index < bytes.length - 1 ? byte + 128 : byte));
}

const zigzag = (value: number): bigint => (value < 0 ? -2n * BigInt(value) - 1n : 2n * BigInt(value));

function roundTrips(codec: Codec<number>, value: number, bytes: number[]): void {
  assert.deepEqual([...encode(codec, value)], bytes, String(value));
  assert.equal(decode(codec, Uint8Array.from(bytes)), value);
}

const edges = [0, 1, 63, 64, 127, 128, 300, 8191, 8192, 16_383, 16_384, MAX, MAX - 1, 1_234_567_890_123_456];
for (let bits = 20; bits < 53; bits += 1) edges.push(2 ** bits - 1, 2 ** bits, 2 ** bits + 1);

describe('wide numbers', () => {
  it('come back as varuint', () => {
    for (const value of edges) roundTrips(varuint, value, leb128(BigInt(value)));
  });

  it('come back as varint, on both sides', () => {
    for (const value of edges) {
      roundTrips(varint, value, leb128(zigzag(value)));
      if (value !== 0) roundTrips(varint, -value, leb128(zigzag(-value)));
    }
  });

  it('write -0 as 0', () => {
    for (const codec of [varuint, varint]) {
      assert.deepEqual([...encode(codec, -0)], [0]);
      assert.ok(Object.is(decode(codec, Uint8Array.of(0)), 0));
    }
  });
});

describe('numbers that cannot be written', () => {
  const never = [0.5, 1.5, -1.5, 2 ** 40 + 0.5, Number.NaN, Infinity, -Infinity, MAX + 1, 2 ** 60, 1e300];
  for (const [name, codec, values] of [['varuint', varuint, [...never, -1, -(2 ** 33)]], ['varint', varint, [...never, -MAX - 1]]] as const) {
    it(`are refused by ${name}, and nothing is written`, () => {
      for (const value of values) {
        const writer = new Writer();
        assert.throws(() => codec.write(writer, value), RangeError, String(value));
        assert.equal(writer.bytes.length, 0);
      }
    });
  }
});

describe('bytes that cannot have been written', () => {
  const refused = (codec: Codec<number>, bytes: number[], left = 0): void => {
    const reader = new Reader(Uint8Array.from(bytes));
    assert.throws(() => codec.read(reader), RangeError, bytes.join());
    assert.ok(reader.left >= left, `${reader.left} bytes are left of ${bytes.join()}`);
  };

  it('are numbers in more bytes than they take', () => {
    for (const codec of [varuint, varint]) {
      refused(codec, [0x80, 0]);
      refused(codec, [0x81, 0]);
      refused(codec, [0xff, 0xff, 0]);
      refused(codec, [0x80, 0x80, 0x80, 0x80, 0x80, 0]);
      refused(codec, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    }
  });

  it('are numbers that are too large', () => {
    refused(varuint, leb128(BigInt(MAX) + 1n));
    refused(varuint, leb128(2n ** 64n - 1n));
    refused(varint, leb128(zigzag(MAX) + 2n));
    refused(varint, leb128(zigzag(-MAX) + 2n));
    refused(varint, leb128(2n ** 55n));
    assert.equal(decode(varint, Uint8Array.from(leb128(zigzag(MAX)))), MAX);
    assert.equal(decode(varint, Uint8Array.from(leb128(zigzag(-MAX)))), -MAX);
  });

  it('go on and on, and are not read to their end', () => {
    const endless = Array.from({ length: 100 }, () => 0x80);
    const full = Array.from({ length: 100 }, () => 0xff);
    for (const codec of [varuint, varint]) {
      refused(codec, endless, 92);
      refused(codec, full, 92);
    }
  });

  it('are refused before they end, not for their end', () => {
    for (const codec of [varuint, varint]) refused(codec, [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]);
  });
});

describe('an input that ends', () => {
  it('is too short', () => {
    for (const codec of [varuint, varint]) {
      for (const bytes of [[], [0x80], [0xff, 0xff], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]]) {
        assert.throws(() => decode(codec, Uint8Array.from(bytes)), EndOfInputError, bytes.join());
      }
    }
  });
});

describe('lengths', () => {
  it('are held to the same', () => {
    for (const codec of [utf8, blob, array(varuint)] as Codec<never>[]) {
      assert.throws(() => decode(codec, Uint8Array.of(0x80, 0)), RangeError);
      assert.throws(() => decode(codec, Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x10)), EndOfInputError);
      assert.throws(() => decode(codec, Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)), RangeError);
    }
  });
});
