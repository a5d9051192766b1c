export { bits } from './bits.ts';
export { decode, encode, type Codec } from './codec.ts';
export { array, lazy, literal, mapped, oneOf, optional, struct, tagged, tuple } from './combinators.ts';
export { EndOfInputError, Reader } from './reader.ts';
export { blob, boolean, f64, i32, u16, u32, u64, u8, utf8 } from './scalars.ts';
export { varint, varuint } from './varint.ts';
export { Writer } from './writer.ts';
