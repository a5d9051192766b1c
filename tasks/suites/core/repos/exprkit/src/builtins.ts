import { formatValue, FunctionValue, isList, isRecord, kindOf, valuesEqual, type RecordValue, type Value } from './value.ts';

/** Calls a function value, with the arity check and the depth limit of the running evaluation. */
export type Call = (callee: FunctionValue, args: readonly Value[]) => Value;

/** A builtin's complaint about its arguments; the evaluator adds the span of the call. */
export class BuiltinError extends Error {
  override readonly name = 'BuiltinError';
}

/** The builtin functions, by name, for one evaluation. */
export function createBuiltins(call: Call): ReadonlyMap<string, FunctionValue> {
  const test = (predicate: FunctionValue, item: Value): boolean => {
    const verdict = call(predicate, [item]);
    if (typeof verdict !== 'boolean') throw new BuiltinError(`a predicate gave a ${kindOf(verdict)}, not a boolean`);
    return verdict;
  };
  const functions = [
    new FunctionValue('abs', 1, ([x]) => Math.abs(number(x))),
    new FunctionValue('floor', 1, ([x]) => Math.floor(number(x))),
    new FunctionValue('round', 1, ([x]) => Math.round(number(x))),
    new FunctionValue('min', 1, ([values]) => extreme(numbers(values), (a, b) => a < b)),
    new FunctionValue('max', 1, ([values]) => extreme(numbers(values), (a, b) => a > b)),
    new FunctionValue('sum', 1, ([values]) => numbers(values).reduce((total, x) => total + x, 0)),
    new FunctionValue('range', 2, ([from, to]) => {
      const start = number(from);
      const count = Math.max(Math.ceil(number(to) - start), 0);
      if (count > 1e6) throw new BuiltinError('a range has at most a million numbers');
      return Array.from({ length: count }, (_, index) => start + index);
    }),
    new FunctionValue('upper', 1, ([text]) => string(text).toUpperCase()),
    new FunctionValue('lower', 1, ([text]) => string(text).toLowerCase()),
    new FunctionValue('split', 2, ([text, separator]) => string(text).split(string(separator))),
    new FunctionValue('join', 2, ([parts, separator]) => list(parts).map(string).join(string(separator))),
    new FunctionValue('length', 1, ([value = null]) => {
      if (typeof value === 'string' || isList(value)) return value.length;
      if (isRecord(value)) return Object.keys(value).length;
      throw new BuiltinError(`a ${kindOf(value)} has no length`);
    }),
    new FunctionValue('contains', 2, ([whole = null, part = null]) =>
      isList(whole) ? whole.some((item) => valuesEqual(item, part)) : string(whole).includes(string(part)),
    ),
    new FunctionValue('concat', 2, ([a, b]) => [...list(a), ...list(b)]),
    new FunctionValue('map', 2, ([items, f]) => list(items).map((item) => call(fn(f), [item]))),
    new FunctionValue('filter', 2, ([items, f]) => list(items).filter((item) => test(fn(f), item))),
    new FunctionValue('find', 2, ([items, f]) => list(items).find((item) => test(fn(f), item)) ?? null),
    new FunctionValue('reduce', 3, ([items, initial = null, f]) =>
      list(items).reduce<Value>((state, item) => call(fn(f), [state, item]), initial),
    ),
    new FunctionValue('keys', 1, ([value]) => Object.keys(record(value))),
    new FunctionValue('toString', 1, ([value = null]) => (typeof value === 'string' ? value : formatValue(value))),
  ];
  return new Map(functions.map((builtin) => [builtin.name, builtin]));
}

function extreme(values: readonly number[], beats: (a: number, b: number) => boolean): number | null {
  return values.reduce<number | null>((best, value) => (best === null || beats(value, best) ? value : best), null);
}

function number(value: Value = null): number {
  if (typeof value === 'number') return value;
  throw wrongArgument('a number', value);
}

function string(value: Value = null): string {
  if (typeof value === 'string') return value;
  throw wrongArgument('a string', value);
}

function list(value: Value = null): readonly Value[] {
  if (isList(value)) return value;
  throw wrongArgument('a list', value);
}

function numbers(value: Value = null): readonly number[] {
  return list(value).map(number);
}

function record(value: Value = null): RecordValue {
  if (isRecord(value)) return value;
  throw wrongArgument('a record', value);
}

function fn(value: Value = null): FunctionValue {
  if (value instanceof FunctionValue) return value;
  throw wrongArgument('a function', value);
}

function wrongArgument(wanted: string, value: Value): BuiltinError {
  return new BuiltinError(`expected ${wanted}, got ${kindOf(value) === 'null' ? 'null' : `a ${kindOf(value)}`}`);
}
