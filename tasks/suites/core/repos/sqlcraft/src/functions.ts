/** SQL functions and other computed values. */
import { Expression, writeOperand, type Subquery } from './expression.ts';

/** A constant, bound as a parameter. */
export function literal<T extends string | number | boolean>(value: T): Expression<T> {
  const kind = typeof value === 'boolean' ? 'boolean' : undefined;
  return new Expression<T>((writer) => writer.param(value), kind);
}

/** How many rows the group has, or how many of them have a value. */
export function count(operand?: Expression<unknown>): Expression<number> {
  return new Expression<number>((writer) => {
    writer.raw('COUNT(');
    if (operand === undefined) writer.raw('*');
    else writer.fragment(operand);
    writer.raw(')');
  }, 'integer');
}

/** The sum of the values of a group. As for all aggregates but `count`, a group without values gives null. */
export function sum(operand: Expression<number | null>): Expression<number> {
  return new Expression<number>(call('SUM', operand), 'real');
}

export function avg(operand: Expression<number | null>): Expression<number> {
  return new Expression<number>(call('AVG', operand), 'real');
}

export function min<T>(operand: Expression<T>): Expression<T> {
  return new Expression<T>(call('MIN', operand), operand.kind);
}

export function max<T>(operand: Expression<T>): Expression<T> {
  return new Expression<T>(call('MAX', operand), operand.kind);
}

export function lower(operand: Expression<string | null>): Expression<string> {
  return new Expression<string>(call('LOWER', operand), 'text', operand.sources);
}

export function upper(operand: Expression<string | null>): Expression<string> {
  return new Expression<string>(call('UPPER', operand), 'text', operand.sources);
}

/** The number of characters. */
export function length(operand: Expression<string | null>): Expression<number> {
  return new Expression<number>(call('LENGTH', operand), 'integer', operand.sources);
}

/** Joins texts; null as soon as one of them is. */
export function concat(...operands: readonly (Expression<string | null> | string)[]): Expression<string> {
  return new Expression<string>(
    (writer) => {
      writer.raw('(').join(operands, ' || ', (operand) => writeOperand(writer, operand, 'text')).raw(')');
    },
    'text',
    operands.flatMap((operand) => (typeof operand === 'string' ? [] : [...operand.sources])),
  );
}

/** The first operand that is not null, or else the last one. */
export function coalesce<T>(first: Expression<T>, ...rest: readonly (Expression<T> | T)[]): Expression<T> {
  const operands = [first, ...rest];
  // Null only where all of them are: a missing row counts if each operand depends on it.
  const [known = new Set<string>(), ...others] = operands.map((operand) =>
    operand instanceof Expression ? operand.sources : new Set<string>(),
  );
  const sources = [...known].filter((source) => others.every((other) => other.has(source)));
  return new Expression<T>(
    (writer) => {
      writer.raw('COALESCE(').join(operands, ', ', (operand) => writeOperand(writer, operand, first.kind)).raw(')');
    },
    first.kind,
    sources,
  );
}

/** Null where the operand equals the other value, otherwise the operand. */
export function nullIf<T>(operand: Expression<T>, other: Expression<T> | NonNullable<T>): Expression<T> {
  return new Expression<T>(
    (writer) => {
      writer.raw('NULLIF(').fragment(operand).raw(', ');
      writeOperand(writer, other, operand.kind);
      writer.raw(')');
    },
    operand.kind,
    operand.sources,
  );
}

/** The value of a query that selects a single column and finds at most one row; null where it finds none. */
export function scalar<R extends object>(query: Subquery<R>): Expression<R[keyof R]> {
  return new Expression<R[keyof R]>((writer) => writer.raw('(').fragment(query).raw(')'), query.kinds[0]);
}

function call(name: string, operand: Expression<unknown>): Expression<unknown>['write'] {
  return (writer) => {
    writer.raw(`${name}(`).fragment(operand).raw(')');
  };
}
