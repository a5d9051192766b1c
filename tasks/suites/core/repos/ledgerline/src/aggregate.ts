import { ConcurrencyError } from './errors.ts';
import type { NewEvent } from './event.ts';
import type { EventStore } from './store.ts';

export interface AggregateDefinition<S> {
  readonly initial: S;
  /** By type of event; events of other types change nothing. */
  readonly apply: { readonly [type: string]: (state: S, data: never) => S };
}

export interface Loaded<S> {
  readonly state: S;
  readonly version: number;
}

export interface Aggregate<S> {
  load(store: EventStore, stream: string): Promise<Loaded<S>>;
  /** Appends what the command decides by the state; decides again, up to `retries` times, when others were faster. */
  execute(store: EventStore, stream: string, command: (state: S) => readonly NewEvent[], retries?: number): Promise<Loaded<S>>;
}

/** State that is made of the events of one stream. */
export function aggregate<S>({ initial, apply }: AggregateDefinition<S>): Aggregate<S> {
  const evolve = (state: S, events: readonly NewEvent[]): S =>
    events.reduce((before, { type, data }) => (Object.hasOwn(apply, type) ? (apply[type]?.(before, data as never) ?? before) : before), state);
  const load = async (store: EventStore, stream: string): Promise<Loaded<S>> => {
    const events = await store.read(stream);
    return { state: evolve(initial, events), version: events.at(-1)?.version ?? 0 };
  };
  return {
    load,
    async execute(store, stream, command, retries = 3) {
      for (let left = retries; ; left -= 1) {
        const { state, version } = await load(store, stream);
        const events = command(state);
        try {
          await store.append(stream, events, { expected: version });
          return { state: evolve(state, events), version: version + events.length };
        } catch (error) {
          if (!(error instanceof ConcurrencyError) || left === 0) throw error;
        }
      }
    },
  };
}
