/**
 * What a query returns per row: named expressions, whole tables, and groups of them, nested at will.
 *
 * A selection is flattened for the database and folded back for the program. A group (or table) whose own expressions
 * all draw on one and the same table is null where an outer join found no row of that table, its inner groups
 * included. A group that mixes tables, or draws on none, is always there.
 */
import type { Dialect, ValueKind } from './dialect.ts';
import { Expression } from './expression.ts';
import { isSource, SOURCE, type Source } from './schema.ts';

export type Selection = { readonly [key: string]: Selected };

export type Selected = Expression<unknown> | Source | Selection;

/** The columns of a table or derived table as they are in a row. */
export type RowOfSource<T> = {
  -readonly [K in keyof T as K extends string ? K : never]: T[K] extends Expression<infer V> ? V : never;
};

/** The row that a selection gives. */
export type RowOf<S> = {
  -readonly [K in keyof S]: S[K] extends Expression<infer T>
    ? T
    : S[K] extends Source
      ? RowOfSource<S[K]>
      : RowOf<S[K]>;
};

export interface OutputColumn {
  /** Keys from the row to the value, joined by dots; the column's name in the result. */
  readonly name: string;
  readonly expression: Expression<unknown>;
}

/** The columns of a selection in the order in which they are folded. */
export function flatten(selection: Selection, prefix = ''): OutputColumn[] {
  return Object.entries(selection).flatMap(([key, selected]) => {
    const name = `${prefix}${key}`;
    return selected instanceof Expression ? [{ name, expression: selected }] : flatten(members(selected), `${name}.`);
  });
}

/** Folds the values of one row, in the order of `flatten`. `nullable` names the tables that may be missing. */
export function fold(
  selection: Selection,
  values: readonly unknown[],
  nullable: ReadonlySet<string>,
  dialect: Dialect,
): Record<string, unknown> {
  const queue = [...values];
  const take = (kind: ValueKind | undefined): unknown => {
    const raw = queue.shift() ?? null;
    return raw === null ? null : dialect.decode(raw, kind);
  };
  const foldGroup = (group: Selection): { readonly row: Record<string, unknown>; readonly missing: boolean } => {
    const row: Record<string, unknown> = {};
    let missing = isOptional(group, nullable);
    for (const [key, selected] of Object.entries(group)) {
      if (selected instanceof Expression) {
        row[key] = take(selected.kind);
        missing &&= row[key] === null;
      } else {
        const inner = foldGroup(members(selected));
        row[key] = inner.missing ? null : inner.row;
      }
    }
    return { row, missing };
  };
  return foldGroup(selection).row;
}

function isOptional(group: Selection, nullable: ReadonlySet<string>): boolean {
  const own = Object.values(group).filter((selected) => selected instanceof Expression);
  const sources = new Set(own.flatMap((expression) => [...expression.sources]));
  const [source] = sources;
  return (
    source !== undefined &&
    sources.size === 1 &&
    nullable.has(source) &&
    own.every((expression) => expression.sources.has(source))
  );
}

function members(selected: Source | Selection): Selection {
  return isSource(selected) ? Object.fromEntries(selected[SOURCE].columns) : selected;
}
