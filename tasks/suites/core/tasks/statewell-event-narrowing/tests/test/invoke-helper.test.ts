import { describe, expect, it } from 'vitest';
import { createActor, createMachine, invoke } from '../src/index.ts';

interface Context {
  readonly name?: string;
}
type Event = { type: 'load' } | { type: 'order.item.add'; sku: string } | { type: 'order.item.remove'; sku: string };

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('invoke', () => {
  it('returns the definition it was given', () => {
    const config = { src: async () => 'x', onDone: 'ready' };
    expect(invoke(config)).toBe(config);
  });

  it('runs like a plain definition', async () => {
    const actor = createActor(
      createMachine<Context, Event, { ready: { name: string } }>({
        id: 'm',
        context: {},
        initial: 'loading',
        states: {
          loading: {
            invoke: invoke({
              src: async () => ({ name: 'Ada' }),
              onDone: { target: 'ready', actions: { assign: ({ event }) => ({ name: event.data.name }) } },
            }),
          },
          ready: {},
        },
      }),
    ).start();
    expect(actor.snapshot.matches('ready')).toBe(false);
    await settled();
    expect(actor.snapshot.matches('ready')).toBe(true);
    expect(actor.snapshot.context.name).toBe('Ada');
  });
});

describe('descriptors', () => {
  it('still select by the most specific match', () => {
    const seen: string[] = [];
    const actor = createActor(
      createMachine<Context, Event>({
        id: 'm',
        context: {},
        on: {
          'order.item.add': { actions: ({ event }) => seen.push(`add ${event.sku}`) },
          'order.*': { actions: ({ event }) => seen.push(`order ${event.sku}`) },
          '*': { actions: ({ event }) => seen.push(event.type) },
        },
      }),
    ).start();
    actor.send({ type: 'order.item.add', sku: '1' });
    actor.send({ type: 'order.item.remove', sku: '2' });
    actor.send({ type: 'load' });
    expect(seen).toEqual(['add 1', 'order 2', 'load']);
  });
});
