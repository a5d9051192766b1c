/** Runs statements on a driver. The only module that waits for anything. */
import type { Dialect } from './dialect.ts';
import type { AnyTable } from './schema.ts';
import type { Mutation, ReturningMutation } from './mutation.ts';
import type { SelectQuery } from './select.ts';
import type { Statement } from './writer.ts';

export interface DriverResult {
  /** Values in the order of the columns: names repeat when tables are joined. */
  readonly rows: readonly (readonly unknown[])[];
  /** How many rows the statement wrote. */
  readonly changes: number;
}

/** A connection, or a pool of them. */
export interface Driver {
  readonly dialect: Dialect;
  execute(statement: Statement): Promise<DriverResult>;
}

export class Database {
  readonly #driver: Driver;

  constructor(driver: Driver) {
    this.#driver = driver;
  }

  async all<Row>(query: SelectQuery<Row> | ReturningMutation<Row>): Promise<Row[]> {
    const { dialect } = this.#driver;
    const { rows } = await this.#driver.execute(query.toSql(dialect));
    return query.decode(rows, dialect);
  }

  /** The first row, if there is one. Does not add a limit. */
  async first<Row>(query: SelectQuery<Row> | ReturningMutation<Row>): Promise<Row | undefined> {
    const [row] = await this.all(query);
    return row;
  }

  /** Returns the number of rows written. */
  async run(mutation: Mutation<AnyTable>): Promise<number> {
    const { changes } = await this.#driver.execute(mutation.toSql(this.#driver.dialect));
    return changes;
  }
}
