import { parseType } from './parser.ts';
import type { FunctionType, Type } from './types.ts';

const SOURCES: Readonly<Record<string, string>> = {
  abs: '(number) => number',
  floor: '(number) => number',
  round: '(number) => number',
  min: '(number[]) => number?',
  max: '(number[]) => number?',
  sum: '(number[]) => number',
  range: '(number, number) => number[]',
  upper: '(string) => string',
  lower: '(string) => string',
  split: '(string, string) => string[]',
  join: '(string[], string) => string',
  length: '(any) => number',
  contains: '(any, any) => boolean',
  concat: '(T[], T[]) => T[]',
  map: '(T[], (T) => U) => U[]',
  filter: '(T[], (T) => boolean) => T[]',
  find: '(T[], (T) => boolean) => T?',
  reduce: '(T[], U, (U, T) => U) => U',
  keys: '(any) => string[]',
  toString: '(any) => string',
};

/** The types of the builtin functions, by name. */
export const SIGNATURES: ReadonlyMap<string, FunctionType> = new Map(
  Object.entries(SOURCES).map(([name, source]) => [name, asFunction(parseType(source))]),
);

function asFunction(type: Type): FunctionType {
  if (type.kind !== 'function') throw new TypeError('a signature is a function type');
  return type;
}
