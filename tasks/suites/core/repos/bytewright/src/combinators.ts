import type { AnyCodec, Codec } from './codec.ts';
import { boolean, u8 } from './scalars.ts';
import { varuint } from './varint.ts';

export function array(item: AnyCodec): Codec<unknown[]> {
  return {
    write(writer, value) {
      varuint.write(writer, value.length);
      for (const one of value) item.write(writer, one);
    },
    read(reader) {
      const list: unknown[] = [];
      for (let left = varuint.read(reader); left > 0; left -= 1) list.push(item.read(reader));
      return list;
    },
  };
}

export function tuple(...items: AnyCodec[]): Codec<unknown[]> {
  return {
    write(writer, value) {
      if (value.length !== items.length) throw new RangeError(`expected ${items.length} items, found ${value.length}`);
      for (const [index, item] of items.entries()) item.write(writer, value[index]);
    },
    read: (reader) => items.map((item) => item.read(reader)),
  };
}

export function optional(codec: AnyCodec): Codec<unknown> {
  return {
    write(writer, value) {
      boolean.write(writer, value !== undefined);
      if (value !== undefined) codec.write(writer, value);
    },
    read: (reader) => (boolean.read(reader) ? codec.read(reader) : undefined),
  };
}

/** Fields that are `undefined` are no properties of what is read. */
export function struct(fields: Record<string, AnyCodec>): Codec<Record<string, unknown>> {
  return {
    write(writer, value) {
      for (const [key, codec] of Object.entries(fields)) codec.write(writer, value[key]);
    },
    read(reader) {
      const result: Record<string, unknown> = {};
      for (const [key, codec] of Object.entries(fields)) {
        const value = codec.read(reader);
        if (value !== undefined) result[key] = value;
      }
      return result;
    },
  };
}

/** One of several structs, told apart by a tag, and by their `kind` once they are read. */
export function tagged(cases: Record<string, { tag: number; codec: AnyCodec }>): Codec<Record<string, unknown>> {
  return {
    write(writer, value) {
      const found = Object.hasOwn(cases, String(value['kind'])) ? cases[String(value['kind'])] : undefined;
      if (found === undefined) throw new RangeError(`no case is called ${String(value['kind'])}`);
      u8.write(writer, found.tag);
      found.codec.write(writer, value);
    },
    read(reader) {
      const tag = u8.read(reader);
      for (const [kind, { tag: own, codec }] of Object.entries(cases)) {
        if (own === tag) return { kind, ...codec.read(reader) };
      }
      throw new RangeError(`no case has the tag ${tag}`);
    },
  };
}

export function literal(value: unknown, codec: AnyCodec): Codec<unknown> {
  const check = (found: unknown): void => {
    if (found !== value) throw new RangeError(`expected ${String(value)}, found ${String(found)}`);
  };
  return {
    write(writer, given) {
      check(given);
      codec.write(writer, value);
    },
    read(reader) {
      check(codec.read(reader));
      return value;
    },
  };
}

export function oneOf(names: Record<string, number>): Codec<string> {
  return {
    write(writer, value) {
      const number = Object.hasOwn(names, value) ? names[value] : undefined;
      if (number === undefined) throw new RangeError(`not one of the names: ${value}`);
      u8.write(writer, number);
    },
    read(reader) {
      const number = u8.read(reader);
      for (const [name, own] of Object.entries(names)) if (own === number) return name;
      throw new RangeError(`no name has the number ${number}`);
    },
  };
}

export function mapped<A, B>(codec: Codec<A>, to: (value: A) => B, from: (value: B) => A): Codec<B> {
  return { write: (writer, value) => codec.write(writer, from(value)), read: (reader) => to(codec.read(reader)) };
}

export function lazy<T>(codec: () => Codec<T>): Codec<T> {
  return { write: (writer, value) => codec().write(writer, value), read: (reader) => codec().read(reader) };
}
