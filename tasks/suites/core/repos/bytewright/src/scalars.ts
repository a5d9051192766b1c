import type { Codec } from './codec.ts';
import { varuint } from './varint.ts';

function integer(size: 1 | 2 | 4, least: number, most: number, write: 'setUint8' | 'setUint16' | 'setUint32' | 'setInt32'): Codec<number> {
  const read = write.replace('set', 'get') as 'getUint8' | 'getUint16' | 'getUint32' | 'getInt32';
  return {
    write(writer, value) {
      if (!Number.isInteger(value) || value < least || value > most) throw new RangeError(`not a whole number from ${least} to ${most}: ${value}`);
      writer.view(size)[write](0, value);
    },
    read: (reader) => reader.view(size)[read](0),
  };
}

export const u8 = integer(1, 0, 0xff, 'setUint8');
export const u16 = integer(2, 0, 0xffff, 'setUint16');
export const u32 = integer(4, 0, 0xffff_ffff, 'setUint32');
export const i32 = integer(4, -0x8000_0000, 0x7fff_ffff, 'setInt32');

export const u64: Codec<bigint> = {
  write(writer, value) {
    if (BigInt.asUintN(64, value) !== value) throw new RangeError(`not a whole number of 64 bits: ${value}`);
    writer.view(8).setBigUint64(0, value);
  },
  read: (reader) => reader.view(8).getBigUint64(0),
};

export const f64: Codec<number> = {
  write: (writer, value) => writer.view(8).setFloat64(0, value),
  read: (reader) => reader.view(8).getFloat64(0),
};

export const boolean: Codec<boolean> = {
  write: (writer, value) => writer.byte(value ? 1 : 0),
  read(reader) {
    const byte = reader.byte();
    if (byte > 1) throw new RangeError(`not a boolean: ${byte}`);
    return byte === 1;
  },
};

export const blob: Codec<Uint8Array> = {
  write(writer, value) {
    varuint.write(writer, value.length);
    writer.put(value);
  },
  read: (reader) => reader.take(varuint.read(reader)),
};

export const utf8: Codec<string> = {
  write: (writer, value) => blob.write(writer, new TextEncoder().encode(value)),
  read(reader) {
    const bytes = blob.read(reader);
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      throw new RangeError('not UTF-8');
    }
  },
};
