import { isIdentifier, quote } from './lexer.ts';

/** A value of the language. Lists and records are never changed once they exist. */
export type Value = number | string | boolean | null | readonly Value[] | RecordValue | FunctionValue;

export interface RecordValue {
  readonly [name: string]: Value;
}

/** A function of the language: a closure, a builtin, or one that the host passes in as a variable. */
export class FunctionValue {
  readonly name: string;
  readonly arity: number;
  readonly invoke: (args: readonly Value[]) => Value;

  constructor(name: string, arity: number, invoke: (args: readonly Value[]) => Value) {
    this.name = name;
    this.arity = arity;
    this.invoke = invoke;
  }
}

export function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

export function isRecord(value: Value): value is RecordValue {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof FunctionValue);
}

/** What kind of value it is, in the words of the type syntax. */
export function kindOf(value: Value): 'number' | 'string' | 'boolean' | 'null' | 'list' | 'record' | 'function' {
  if (value === null) return 'null';
  if (value instanceof FunctionValue) return 'function';
  if (isList(value)) return 'list';
  if (isRecord(value)) return 'record';
  return typeof value as 'number' | 'string' | 'boolean';
}

/** A record without a prototype, so that no field name is special. */
export function makeRecord(fields: Iterable<readonly [string, Value]>): RecordValue {
  const record: Record<string, Value> = Object.create(null);
  for (const [name, value] of fields) record[name] = value;
  return record;
}

/** Equality as `==` means it: by content for lists and records, by identity for functions. */
export function valuesEqual(a: Value, b: Value): boolean {
  if (a === b) return true;
  if (isList(a)) {
    return isList(b) && a.length === b.length && a.every((item, index) => valuesEqual(item, b[index] ?? null));
  }
  if (isRecord(a) && isRecord(b)) {
    const names = Object.keys(a);
    return (
      names.length === Object.keys(b).length &&
      names.every((name) => Object.hasOwn(b, name) && valuesEqual(a[name] ?? null, b[name] ?? null))
    );
  }
  return false;
}

/** The value as a literal of the language; a function shows as its name between angle brackets. */
export function formatValue(value: Value): string {
  if (typeof value === 'string') return quote(value);
  if (value instanceof FunctionValue) return `<${value.name}>`;
  if (isList(value)) return `[${value.map(formatValue).join(', ')}]`;
  if (isRecord(value)) {
    const fields = Object.entries(value).map(
      ([name, field]) => `${isIdentifier(name) ? name : quote(name)}: ${formatValue(field)}`,
    );
    return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
  }
  return String(value);
}
