/** Functions around every emission, the first one added outermost. */
import type { BusEvent } from "./events.ts";

/**
 * Calls `next` to pass the event on, with a payload to replace the event's own; the promise settles when everything
 * further in is done. Not calling it stops the event. What it throws, `emit` rejects with.
 */
export type Middleware = (event: BusEvent, next: (payload?: unknown) => Promise<void>) => unknown;

/** Runs `event` through `chain`, and through `innermost` unless some middleware stops it. */
export async function runThrough(
  chain: readonly Middleware[],
  event: BusEvent,
  innermost: (event: BusEvent) => Promise<void>,
): Promise<void> {
  const [first, ...others] = chain;
  if (first === undefined) {
    await innermost(event);
    return;
  }
  let called = false;
  await first(event, async (payload) => {
    if (called) throw new Error("a middleware called next() twice for one event");
    called = true;
    await runThrough(others, payload === undefined ? event : { ...event, payload }, innermost);
  });
}
