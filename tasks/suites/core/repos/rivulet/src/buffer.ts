import { Mailbox } from './mailbox.ts';
import { close, open, requirePositive, type Source } from './source.ts';

type Outcome<T> = { readonly result: IteratorResult<T> } | { readonly error: unknown };

/**
 * Reads ahead: once the first item is asked for, up to `size` items are pulled before they are wanted.
 *
 * @throws {RangeError} unless `size` is a positive integer or Infinity.
 */
export function buffer<T>(source: Source<T>, size: number): AsyncGenerator<T, void> {
  requirePositive('size', size);
  return buffered(source, size);
}

async function* buffered<T>(source: Source<T>, size: number): AsyncGenerator<T, void> {
  const iterator = open(source);
  const outcomes = new Mailbox<Outcome<T>>();
  let held = 0;
  let isPulling = false;
  let hasEnded = false;

  const fill = (): void => {
    if (isPulling || hasEnded || held >= size) return;
    isPulling = true;
    const settle = (outcome: Outcome<T>): void => {
      isPulling = false;
      hasEnded ||= 'error' in outcome || outcome.result.done === true;
      held += 1;
      outcomes.put(outcome);
      fill();
    };
    iterator.next().then(
      (result) => settle({ result }),
      (error: unknown) => settle({ error }),
    );
  };

  try {
    for (;;) {
      fill();
      const outcome = await outcomes.take();
      held -= 1;
      if ('error' in outcome) throw outcome.error;
      if (outcome.result.done === true) return;
      fill();
      yield outcome.result.value;
    }
  } finally {
    if (!hasEnded) {
      hasEnded = true;
      await close(iterator, isPulling);
    }
  }
}

/**
 * Groups items into arrays of `size`; the last one may be shorter.
 *
 * @throws {RangeError} unless `size` is a positive integer or Infinity.
 */
export function chunk<T>(source: Source<T>, size: number): AsyncGenerator<T[], void> {
  requirePositive('size', size);
  return chunked(source, size);
}

async function* chunked<T>(source: Source<T>, size: number): AsyncGenerator<T[], void> {
  let items: T[] = [];
  for await (const item of source) {
    items.push(item);
    if (items.length >= size) {
      yield items;
      items = [];
    }
  }
  if (items.length > 0) yield items;
}
