import type { Codec } from './codec.ts';

/** Fields of 1 to 32 bits, side by side. Those of one bit are booleans. */
export function bits(widths: Record<string, number>): Codec<Record<string, boolean | number>> {
  const fields = Object.entries(widths);
  for (const [name, width] of fields) {
    if (!Number.isInteger(width) || width < 1 || width > 32) throw new RangeError(`${name} cannot have ${width} bits`);
  }
  const total = fields.reduce((sum, [, width]) => sum + width, 0);
  const size = Math.ceil(total / 8);
  const padding = BigInt(size * 8 - total);
  return {
    write(writer, value) {
      let word = 0n;
      for (const [name, width] of fields) {
        const number = Number(value[name]);
        if (!Number.isInteger(number) || number < 0 || number >= 2 ** width) throw new RangeError(`${name} does not fit into ${width} bits`);
        word = (word << BigInt(width)) | BigInt(number);
      }
      word <<= padding;
      for (let at = size - 1; at >= 0; at -= 1) writer.byte(Number((word >> BigInt(at * 8)) & 0xffn));
    },
    read(reader) {
      let word = 0n;
      for (let at = 0; at < size; at += 1) word = (word << 8n) | BigInt(reader.byte());
      if (word & ((1n << padding) - 1n)) throw new RangeError('the bits behind the last field are not zero');
      let left = BigInt(size * 8);
      const result: Record<string, boolean | number> = {};
      for (const [name, width] of fields) {
        left -= BigInt(width);
        const number = Number((word >> left) & ((1n << BigInt(width)) - 1n));
        result[name] = width === 1 ? number === 1 : number;
      }
      return result;
    },
  };
}
