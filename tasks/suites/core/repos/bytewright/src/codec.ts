import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** Writes and reads one kind of value. */
export interface Codec<T> {
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

/** A codec whose values nobody looks into. */
// oxlint-disable-next-line typescript/no-explicit-any -- it takes every value and gives any
export type AnyCodec = Codec<any>;

export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer();
  codec.write(writer, value);
  return writer.bytes;
}

/** Reads one value, which must be all that there is. */
export function decode<T>(codec: Codec<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = codec.read(reader);
  if (reader.left > 0) throw new RangeError(`${reader.left} bytes are left over`);
  return value;
}
