/** Queries that read: `from(table)`, joins and filters in any order, and `select` at the end. */
import type { Dialect, ValueKind } from './dialect.ts';
import { and, type Condition, type Expression, type Ordering, type Subquery } from './expression.ts';
import { Column, SOURCE, type Source, type SourceFacts } from './schema.ts';
import { flatten, fold, type OutputColumn, type RowOf, type RowOfSource, type Selection } from './selection.ts';
import { render, type SqlWriter, type Statement } from './writer.ts';

type JoinKind = 'INNER' | 'LEFT' | 'RIGHT' | 'FULL';

interface Join {
  readonly kind: JoinKind;
  readonly source: SourceFacts;
  readonly on: Condition;
}

interface Clauses {
  readonly from: Source;
  readonly joins: readonly Join[];
  readonly where: Condition | undefined;
  readonly groupBy: readonly Expression<unknown>[];
  readonly having: Condition | undefined;
  readonly orderBy: readonly (Ordering | Expression<unknown>)[];
  readonly limit: number | undefined;
  readonly offset: number | undefined;
  readonly distinct: boolean;
}

/** Everything of a query but what it selects. Immutable: every method returns a new one. */
export class From<F extends Source> {
  readonly #clauses: Clauses;

  constructor(clauses: Clauses) {
    this.#clauses = clauses;
  }

  innerJoin(source: Source, on: Condition): From<F> {
    return this.#join('INNER', source, on);
  }

  leftJoin(source: Source, on: Condition): From<F> {
    return this.#join('LEFT', source, on);
  }

  /** Keeps the rows of `source` that match nothing; the tables before it may be missing. */
  rightJoin(source: Source, on: Condition): From<F> {
    return this.#join('RIGHT', source, on);
  }

  fullJoin(source: Source, on: Condition): From<F> {
    return this.#join('FULL', source, on);
  }

  /** Several calls must all hold. Undefined adds nothing. */
  where(condition: Condition | undefined): From<F> {
    return condition === undefined ? this : this.#with({ where: and(this.#clauses.where, condition) });
  }

  groupBy(...expressions: readonly Expression<unknown>[]): From<F> {
    return this.#with({ groupBy: [...this.#clauses.groupBy, ...expressions] });
  }

  having(condition: Condition | undefined): From<F> {
    return condition === undefined ? this : this.#with({ having: and(this.#clauses.having, condition) });
  }

  orderBy(...orderings: readonly (Ordering | Expression<unknown>)[]): From<F> {
    return this.#with({ orderBy: [...this.#clauses.orderBy, ...orderings] });
  }

  /** The most rows that are returned. */
  limit(rows: number): From<F> {
    return this.#with({ limit: wholeNumber(rows, 'limit') });
  }

  /** How many rows are skipped first. */
  offset(rows: number): From<F> {
    return this.#with({ offset: wholeNumber(rows, 'offset') });
  }

  distinct(): From<F> {
    return this.#with({ distinct: true });
  }

  /** Without a selection: all columns of the table that the query starts from. */
  select(): SelectQuery<RowOfSource<F>>;
  select<S extends Selection>(selection: S): SelectQuery<RowOf<S>>;
  select(selection?: Selection): SelectQuery<unknown> {
    const all = (): Selection => Object.fromEntries(this.#clauses.from[SOURCE].columns);
    return new SelectQuery(this.#clauses, selection ?? all());
  }

  #join(kind: JoinKind, source: Source, on: Condition): From<F> {
    return this.#with({ joins: [...this.#clauses.joins, { kind, source: source[SOURCE], on }] });
  }

  #with(change: Partial<Clauses>): From<F> {
    return new From({ ...this.#clauses, ...change });
  }
}

export function from<F extends Source>(source: F): From<F> {
  return new From({
    from: source,
    joins: [],
    where: undefined,
    groupBy: [],
    having: undefined,
    orderBy: [],
    limit: undefined,
    offset: undefined,
    distinct: false,
  });
}

/** A query as a table: its output columns, under a name of their own. */
export type Derived<Name extends string, Row> = { readonly [K in keyof Row]: Column<Row[K]> } & Source<Name>;

export class SelectQuery<Row> implements Subquery<Row> {
  declare readonly $row: Row;
  readonly #clauses: Clauses;
  readonly #selection: Selection;
  readonly #outputs: readonly OutputColumn[];

  constructor(clauses: Clauses, selection: Selection) {
    this.#clauses = clauses;
    this.#selection = selection;
    this.#outputs = flatten(selection);
    if (this.#outputs.length === 0) throw new TypeError('a query must select something');
  }

  get kinds(): readonly (ValueKind | undefined)[] {
    return this.#outputs.map(({ expression }) => expression.kind);
  }

  /** For use in another query's FROM or JOIN. Throws a `TypeError` if the selection has groups. */
  as<const Name extends string>(name: Name): Derived<Name, Row> {
    const columns = new Map(
      this.#outputs.map(({ name: key, expression }) => [key, new Column<unknown>(name, key, expression.kind)]),
    );
    if (this.#outputs.some(({ name: key }) => !(key in this.#selection))) {
      throw new TypeError('a query with groups cannot be used as a table');
    }
    const write = (writer: SqlWriter): void => {
      writer.raw('(').fragment(this).raw(') AS ').identifier(name);
    };
    const facts: SourceFacts<Name> = { name, columns, write };
    return { ...Object.fromEntries(columns), [SOURCE]: facts } as unknown as Derived<Name, Row>;
  }

  toSql(dialect: Dialect): Statement {
    return render(this, dialect);
  }

  /** From the rows of a driver, as arrays of values, to those of the program. */
  decode(rows: readonly (readonly unknown[])[], dialect: Dialect): Row[] {
    const nullable = nullableSources(this.#clauses);
    return rows.map((values) => fold(this.#selection, values, nullable, dialect) as Row);
  }

  readonly write = (writer: SqlWriter): void => {
    const { from: source, joins, where, groupBy, having, orderBy, limit, offset, distinct } = this.#clauses;
    writer.raw(distinct ? 'SELECT DISTINCT ' : 'SELECT ');
    writer.join(this.#outputs, ', ', ({ name, expression }) => {
      writer.fragment(expression).raw(' AS ').identifier(name);
    });
    writer.raw(' FROM ').fragment(source[SOURCE]);
    for (const join of joins) {
      writer.raw(` ${join.kind} JOIN `).fragment(join.source).raw(' ON ').fragment(join.on);
    }
    if (where) writer.raw(' WHERE ').fragment(where);
    if (groupBy.length > 0) writer.raw(' GROUP BY ').join(groupBy, ', ', (item) => writer.fragment(item));
    if (having) writer.raw(' HAVING ').fragment(having);
    if (orderBy.length > 0) writer.raw(' ORDER BY ').join(orderBy, ', ', (item) => writer.fragment(item));
    if (limit) writer.raw(' LIMIT ').param(limit, 'integer');
    if (offset) writer.raw(' OFFSET ').param(offset, 'integer');
  };
}

/** Names of the tables of which an outer join may find no row. */
function nullableSources({ from: source, joins }: Clauses): ReadonlySet<string> {
  const nullable = new Set<string>();
  const present = [source[SOURCE].name];
  for (const { kind, source: joined } of joins) {
    if (kind === 'RIGHT' || kind === 'FULL') for (const name of present) nullable.add(name);
    if (kind === 'LEFT' || kind === 'FULL') nullable.add(joined.name);
    present.push(joined.name);
  }
  return nullable;
}

function wholeNumber(value: number, name: string): number {
  if (!Number.isInteger(value) || value < 0) throw new RangeError(`${name} must be a whole number, not ${value}`);
  return value;
}
