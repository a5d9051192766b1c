import { systemClock, type Clock } from './clock.ts';
import type { Source } from './source.ts';

export interface ThrottleOptions {
  readonly clock?: Clock;
  /** Ends a wait early; the iteration then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/**
 * Lets at least `intervalMs` pass between the moments at which items are handed out. No item is dropped: the source is
 * read more slowly instead.
 */
export async function* throttle<T>(
  source: Source<T>,
  intervalMs: number,
  { clock = systemClock, signal }: ThrottleOptions = {},
): AsyncGenerator<T, void> {
  let earliest = -Infinity;
  for await (const item of source) {
    const wait = earliest - clock.now();
    if (wait > 0) await clock.sleep(wait, signal);
    signal?.throwIfAborted();
    earliest = clock.now() + intervalMs;
    yield item;
  }
}
