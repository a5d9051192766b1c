import { open, requirePositive, type Source } from './source.ts';

export interface MapOptions {
  /** How many items may be on their way: pulled from the source, and their results not yet delivered. 1, unless given. */
  readonly concurrency?: number;
}

/** What `map` calls for each item. */
export type Mapper<T, U> = (item: T, index: number) => U | Promise<U>;

/**
 * Calls `fn` for each item and yields the results in the order of the items, also when later calls settle first.
 *
 * @throws {RangeError} unless `concurrency` is a positive integer.
 */
export function map<T, U>(source: Source<T>, fn: Mapper<T, U>, { concurrency = 1 }: MapOptions = {}): AsyncGenerator<U, void> {
  requirePositive('concurrency', concurrency);
  return concurrency === 1 ? mapOneByOne(source, fn) : mapConcurrently(source, fn, concurrency);
}

async function* mapOneByOne<T, U>(source: Source<T>, fn: Mapper<T, U>): AsyncGenerator<U, void> {
  let index = 0;
  for await (const item of source) yield await fn(item, index++);
}

async function* mapConcurrently<T, U>(source: Source<T>, fn: Mapper<T, U>, concurrency: number): AsyncGenerator<U, void> {
  const iterator = open(source);
  const results: (U | Promise<U>)[] = [];
  let index = 0;
  let ended = false;
  for (;;) {
    while (!ended && results.length < concurrency) {
      const pulled = await iterator.next();
      if (pulled.done === true) ended = true;
      else results.push(fn(pulled.value, index++));
    }
    if (results.length === 0) return;
    yield await (results.shift() as U | Promise<U>);
  }
}

/** Yields the items for which `test` holds. */
export async function* filter<T>(
  source: Source<T>,
  test: (item: T, index: number) => boolean | Promise<boolean>,
): AsyncGenerator<T, void> {
  let index = 0;
  for await (const item of source) {
    if (await test(item, index++)) yield item;
  }
}

/** Yields the first `count` items and closes the source; it does not pull more than it yields. */
export async function* take<T>(source: Source<T>, count: number): AsyncGenerator<T, void> {
  if (count <= 0) return;
  let left = count;
  for await (const item of source) {
    left -= 1;
    yield item;
    if (left <= 0) return;
  }
}
