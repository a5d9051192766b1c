/**
 * Expressions that have a value, and conditions that filter rows.
 *
 * Values never become text: whatever is not an expression is bound as a parameter, encoded after the column that it
 * meets. Conditions are no expressions, as SQL's three-valued logic has no place in a row.
 */
import type { ValueKind } from './dialect.ts';
import type { Fragment, SqlWriter } from './writer.ts';

export class Expression<T> implements Fragment {
  /** For the compiler only: the type of the value. */
  declare readonly $type: T;
  readonly write: (writer: SqlWriter) => void;
  /** How the value is decoded; undefined leaves it as the driver gives it. */
  readonly kind: ValueKind | undefined;
  /**
   * Names of the tables without whose row the value is null. An outer join that finds nothing makes it null; a value
   * that does not depend on any row, or that stands in for a missing one, has none.
   */
  readonly sources: ReadonlySet<string>;

  constructor(write: (writer: SqlWriter) => void, kind?: ValueKind, sources: Iterable<string> = []) {
    this.write = write;
    this.kind = kind;
    this.sources = new Set(sources);
  }
}

export class Condition implements Fragment {
  readonly write: (writer: SqlWriter) => void;

  constructor(write: (writer: SqlWriter) => void) {
    this.write = write;
  }
}

/** A query that can stand inside of another one. `kinds` has one entry per column. */
export interface Subquery<T> extends Fragment {
  /** For the compiler only: the type of a row. */
  readonly $row: T;
  readonly kinds: readonly (ValueKind | undefined)[];
}

export type Operand<T> = Expression<T> | Expression<NonNullable<T>> | Expression<T | null> | NonNullable<T>;

export function eq<T>(left: Expression<T>, right: Operand<T>): Condition {
  return comparison(left, '=', right);
}

export function ne<T>(left: Expression<T>, right: Operand<T>): Condition {
  return comparison(left, '<>', right);
}

export function gt<T>(left: Expression<T>, right: Operand<T>): Condition {
  return comparison(left, '>', right);
}

export function gte<T>(left: Expression<T>, right: Operand<T>): Condition {
  return comparison(left, '>=', right);
}

export function lt<T>(left: Expression<T>, right: Operand<T>): Condition {
  return comparison(left, '<', right);
}

export function lte<T>(left: Expression<T>, right: Operand<T>): Condition {
  return comparison(left, '<=', right);
}

export function like(left: Expression<string> | Expression<string | null>, pattern: string): Condition {
  return comparison<string | null>(left, 'LIKE', pattern);
}

export function between<T>(left: Expression<T>, low: Operand<T>, high: Operand<T>): Condition {
  return and(gte(left, low), lte(left, high));
}

export function isNull(operand: Expression<unknown>): Condition {
  return new Condition((writer) => writer.fragment(operand).raw(' IS NULL'));
}

export function isNotNull(operand: Expression<unknown>): Condition {
  return new Condition((writer) => writer.fragment(operand).raw(' IS NOT NULL'));
}

/** Whether the value is among the others; never true for an empty list. A query must select a single column. */
export function inArray<T>(left: Expression<T>, right: readonly Operand<T>[] | Subquery<unknown>): Condition {
  return membership(left, 'IN', right);
}

/** Whether the value is none of the others; always true for an empty list. */
export function notInArray<T>(left: Expression<T>, right: readonly Operand<T>[] | Subquery<unknown>): Condition {
  return membership(left, 'NOT IN', right);
}

export function exists(query: Subquery<unknown>): Condition {
  return new Condition((writer) => writer.raw('EXISTS (').fragment(query).raw(')'));
}

export function not(condition: Condition): Condition {
  return new Condition((writer) => writer.raw('NOT (').fragment(condition).raw(')'));
}

/** True without operands. Operands that are undefined are left out, so that filters can be optional. */
export function and(...conditions: readonly (Condition | undefined)[]): Condition {
  return connective(conditions, ' AND ', '1 = 1');
}

/** False without operands. Operands that are undefined are left out. */
export function or(...conditions: readonly (Condition | undefined)[]): Condition {
  return connective(conditions, ' OR ', '1 = 0');
}

export type Direction = 'ASC' | 'DESC';

export interface Ordering extends Fragment {
  readonly direction: Direction;
}

export function asc(operand: Expression<unknown>): Ordering {
  return ordering(operand, 'ASC');
}

export function desc(operand: Expression<unknown>): Ordering {
  return ordering(operand, 'DESC');
}

/** Writes an operand: an expression as it is, anything else as a parameter. */
export function writeOperand(writer: SqlWriter, operand: unknown, kind: ValueKind | undefined): void {
  if (operand instanceof Expression) writer.fragment(operand);
  else writer.param(operand, kind);
}

function comparison<T>(left: Expression<T>, operator: string, right: Operand<T>): Condition {
  return new Condition((writer) => {
    writer.fragment(left).raw(` ${operator} `);
    writeOperand(writer, right, left.kind);
  });
}

function membership<T>(
  left: Expression<T>,
  operator: 'IN' | 'NOT IN',
  right: readonly Operand<T>[] | Subquery<unknown>,
): Condition {
  return new Condition((writer) => {
    if (!isList(right)) {
      writer.fragment(left).raw(` ${operator} (`).fragment(right).raw(')');
    } else if (right.length === 0) {
      writer.raw(operator === 'IN' ? '1 = 0' : '1 = 1');
    } else {
      writer.fragment(left).raw(` ${operator} (`);
      writer.join(right, ', ', (item) => writeOperand(writer, item, left.kind)).raw(')');
    }
  });
}

function isList<T>(value: readonly T[] | Subquery<unknown>): value is readonly T[] {
  return Array.isArray(value);
}

function connective(conditions: readonly (Condition | undefined)[], operator: string, empty: string): Condition {
  const given = conditions.filter((condition) => condition !== undefined);
  const [only] = given;
  if (only === undefined) return new Condition((writer) => writer.raw(empty));
  if (given.length === 1) return only;
  return new Condition((writer) => {
    writer.raw('(').join(given, operator, (condition) => writer.fragment(condition)).raw(')');
  });
}

function ordering(operand: Expression<unknown>, direction: Direction): Ordering {
  return { direction, write: (writer) => writer.fragment(operand).raw(` ${direction}`) };
}
