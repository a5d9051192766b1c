import type { RecordedEvent } from './event.ts';
import type { EventStore } from './store.ts';

/** What a function makes of all events up to now, and the position of the last of them. */
export async function project<V>(
  store: EventStore,
  initial: V,
  step: (value: V, event: RecordedEvent) => V,
  after = 0,
): Promise<{ value: V; position: number }> {
  const events = await store.readAll({ after });
  return { value: events.reduce(step, initial), position: events.at(-1)?.position ?? after };
}
