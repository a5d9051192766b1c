import { Mailbox } from './mailbox.ts';
import { map } from './map.ts';
import { close, open, requirePositive, type Source } from './source.ts';

/** The outcome of one pull from one of several iterators. */
type Arrival<T> =
  | { readonly from: AsyncIterator<T>; readonly result: IteratorResult<T> }
  | { readonly from: AsyncIterator<T>; readonly error: unknown };

export interface FlattenOptions {
  /** How many of the inner sources are read at the same time. All, unless given. */
  readonly concurrency?: number;
}

/** Yields the items of all sources as they arrive. A failing source ends the others. */
export function merge<T>(...sources: readonly Source<T>[]): AsyncGenerator<T, void> {
  return flattened([], Infinity, sources);
}

/** Yields the items of what `fn` makes of each item, as they arrive; one source after the other unless told otherwise. */
export function flatMap<T, U>(
  source: Source<T>,
  fn: (item: T, index: number) => Source<U> | Promise<Source<U>>,
  { concurrency = 1 }: FlattenOptions = {},
): AsyncGenerator<U, void> {
  return flatten(map(source, fn), { concurrency });
}

/**
 * Reads a source of sources. The next inner source is asked for only when one may be read, and each is pulled again only
 * after its last item was taken.
 *
 * @throws {RangeError} unless `concurrency` is a positive integer or Infinity.
 */
export function flatten<T>(sources: Source<Source<T>>, { concurrency = Infinity }: FlattenOptions = {}): AsyncGenerator<T, void> {
  requirePositive('concurrency', concurrency);
  return flattened(sources, concurrency);
}

/** `first` are read from the start; `sources` yields more of them. */
async function* flattened<T>(
  sources: Source<Source<T>>,
  concurrency: number,
  first: readonly Source<T>[] = [],
): AsyncGenerator<T, void> {
  const outer = open<unknown>(sources);
  const arrivals = new Mailbox<Arrival<unknown>>();
  // Open iterators, and whether a pull of theirs is pending.
  const pulling = new Map<AsyncIterator<unknown>, boolean>([[outer, false]]);
  const pull = (from: AsyncIterator<unknown>): void => {
    pulling.set(from, true);
    from.next().then(
      (result) => arrivals.put({ from, result }),
      (error: unknown) => arrivals.put({ from, error }),
    );
  };

  try {
    for (const source of first) pull(open<unknown>(source));
    while (pulling.size > 0) {
      // Besides the outer source itself, which takes no place while it is only asked for the next one.
      const reading = pulling.has(outer) ? pulling.size - 1 : pulling.size;
      if (pulling.get(outer) === false && reading < concurrency) pull(outer);
      const arrival = await arrivals.take();
      const { from } = arrival;
      pulling.set(from, false);
      if ('error' in arrival) {
        pulling.delete(from);
        throw arrival.error;
      }
      if (arrival.result.done === true) {
        pulling.delete(from);
      } else if (from === outer) {
        pull(open(arrival.result.value as Source<unknown>));
      } else {
        yield arrival.result.value as T;
        pull(from);
      }
    }
  } finally {
    await Promise.allSettled([...pulling].map(([iterator, isPulling]) => close(iterator, isPulling)));
  }
}

/** The types of the sources that a tuple of items is taken from. */
type Sources<Items extends readonly unknown[]> = { readonly [Index in keyof Items]: Source<Items[Index]> };

/** Yields tuples with the next item of each source, pulled at the same time. Ends with the shortest source. */
export async function* zip<Items extends readonly unknown[]>(...sources: Sources<Items>): AsyncGenerator<Items, void> {
  if (sources.length === 0) return;
  const places = sources.map((source: Source<unknown>) => ({ iterator: open(source), isPulling: false, hasEnded: false }));
  try {
    for (;;) {
      const results = await Promise.all(
        places.map(async (place) => {
          place.isPulling = true;
          // A failed pull ends the source, too.
          place.hasEnded = true;
          const result = await place.iterator.next().finally(() => {
            place.isPulling = false;
          });
          place.hasEnded = result.done === true;
          return result;
        }),
      );
      if (places.some((place) => place.hasEnded)) return;
      yield results.map((result) => result.value as unknown) as readonly unknown[] as Items;
    }
  } finally {
    const left = places.filter((place) => place.isPulling || !place.hasEnded);
    await Promise.allSettled(left.map((place) => close(place.iterator, place.isPulling)));
  }
}
