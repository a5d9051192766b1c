import type { Codec } from './codec.ts';

/** LEB128. */
export const varuint: Codec<number> = {
  write(writer, value) {
    if (value < 0) throw new RangeError(`must not be negative: ${value}`);
    let rest = value;
    while (rest > 0x7f) {
      writer.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    writer.byte(rest);
  },
  read(reader) {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = reader.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  },
};

/** Zigzag: numbers near zero are short, on both sides. */
export const varint: Codec<number> = {
  write: (writer, value) => varuint.write(writer, (value << 1) ^ (value >> 31)),
  read(reader) {
    const value = varuint.read(reader);
    return (value >>> 1) ^ -(value & 1);
  },
};
