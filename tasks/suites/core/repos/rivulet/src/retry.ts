import { systemClock, type Clock } from './clock.ts';
import type { Source } from './source.ts';

export interface RetryOptions {
  /** How often to start anew after failures with no item between them. 3, unless given. */
  readonly retries?: number;
  /** How long to wait before the n-th new start in a row, counted from 1. Not at all, unless given. */
  readonly delayMs?: (retry: number, error: unknown) => number;
  /** Errors for which this is false are passed on at once. */
  readonly isTransient?: (error: unknown) => boolean;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

/**
 * Reads the source that `start` returns, and starts anew when it fails. `start` is told how many items were delivered so
 * far, so that it can go on from there. The last error is passed on when the retries are used up.
 */
export async function* retry<T>(
  start: (delivered: number) => Source<T> | Promise<Source<T>>,
  { retries = 3, delayMs = () => 0, isTransient = () => true, clock = systemClock, signal }: RetryOptions = {},
): AsyncGenerator<T, void> {
  let delivered = 0;
  let failures = 0;
  for (;;) {
    try {
      for await (const item of await start(delivered)) {
        failures = 0;
        delivered += 1;
        yield item;
      }
      return;
    } catch (error) {
      failures += 1;
      if (failures > retries || !isTransient(error)) throw error;
      const wait = delayMs(failures, error);
      if (wait > 0) await clock.sleep(wait, signal);
      signal?.throwIfAborted();
    }
  }
}
