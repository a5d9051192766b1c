import { describe, expect, it, vi } from 'vitest';
import { createActor, createMachine, ManualClock, type MachineConfig } from '../src/index.ts';

interface Context {
  readonly result: string;
}
type Event = { type: 'go' } | { type: 'cancel' } | { type: 'again' };

function actorOf(config: Partial<MachineConfig<Context, Event>>) {
  const clock = new ManualClock();
  const onError = vi.fn<(error: unknown) => void>();
  const machine = createMachine<Context, Event>({ id: 'm', context: { result: '' }, ...config });
  return { actor: createActor(machine, { clock, onError }).start(), clock, onError };
}

/** Lets promise callbacks that are already due run. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('actor', () => {
  it('notifies listeners until they unsubscribe', () => {
    const { actor } = actorOf({ initial: 'a', states: { a: { on: { go: 'b' } }, b: { on: { go: 'a' } } } });
    const seen: unknown[] = [];
    const unsubscribe = actor.subscribe((snapshot) => seen.push(snapshot.value));
    actor.send({ type: 'go' });
    actor.send({ type: 'cancel' });
    actor.send({ type: 'go' });
    unsubscribe();
    actor.send({ type: 'go' });
    expect(seen).toEqual(['b', 'a']);
  });

  it('handles events that are sent during a step after it', () => {
    const { actor } = actorOf({
      initial: 'a',
      states: { a: { on: { go: 'b' } }, b: { on: { go: 'c', again: 'a' } }, c: {} },
    });
    const seen: unknown[] = [];
    actor.subscribe((snapshot) => {
      if (snapshot.value === 'b') actor.send({ type: 'go' });
      seen.push(snapshot.value);
    });
    actor.send({ type: 'go' });
    expect(seen).toEqual(['b', 'c']);
  });

  it('reports what an action throws and goes on', () => {
    const { actor, onError } = actorOf({
      initial: 'a',
      states: {
        a: {
          on: {
            go: {
              target: 'b',
              actions: () => {
                throw new Error('broken');
              },
            },
          },
        },
        b: {},
      },
    });
    actor.send({ type: 'go' });
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error('broken'));
    expect(actor.snapshot.value).toBe('b');
  });

  it('refuses events before it is started', () => {
    const actor = createActor(createMachine<Context, Event>({ id: 'm', context: { result: '' } }));
    expect(() => actor.send({ type: 'go' })).toThrow(/started/);
    expect(() => actor.snapshot).toThrow(/started/);
  });

  it('takes no events once it is stopped', () => {
    const { actor } = actorOf({ initial: 'a', states: { a: { on: { go: 'b' } }, b: {} } });
    const statuses: string[] = [];
    actor.subscribe((snapshot) => statuses.push(snapshot.status));
    actor.stop();
    actor.send({ type: 'go' });
    actor.stop();
    expect(actor.snapshot.value).toBe('a');
    expect(statuses).toEqual(['stopped']);
  });
});

describe('delays', () => {
  const blink: Partial<MachineConfig<Context, Event>> = {
    initial: 'on',
    states: {
      on: { after: { 100: 'off' }, on: { cancel: 'broken', again: { target: 'on', reenter: true } } },
      off: { after: { 50: 'on' } },
      broken: {},
    },
  };

  it('fire one after the other', () => {
    const { actor, clock } = actorOf(blink);
    clock.advance(99);
    expect(actor.snapshot.value).toBe('on');
    clock.advance(1);
    expect(actor.snapshot.value).toBe('off');
    clock.advance(149);
    expect(actor.snapshot.value).toBe('on');
    clock.advance(1);
    expect(actor.snapshot.value).toBe('off');
  });

  it('are cleared when the state is left', () => {
    const { actor, clock } = actorOf(blink);
    actor.send({ type: 'cancel' });
    expect(clock.pending).toBe(0);
    clock.advance(200);
    expect(actor.snapshot.value).toBe('broken');
  });

  it('start over when the state is re-entered', () => {
    const { actor, clock } = actorOf(blink);
    clock.advance(80);
    actor.send({ type: 'again' });
    clock.advance(99);
    expect(actor.snapshot.value).toBe('on');
    clock.advance(1);
    expect(actor.snapshot.value).toBe('off');
  });

  it('are cleared when the actor stops', () => {
    const { actor, clock } = actorOf(blink);
    actor.stop();
    expect(clock.pending).toBe(0);
  });
});

describe('invocations', () => {
  it('deliver the result', async () => {
    const { actor } = actorOf({
      initial: 'loading',
      states: {
        loading: {
          invoke: {
            src: async () => 'fetched',
            onDone: {
              target: 'ready',
              actions: { assign: ({ event }) => ({ result: 'data' in event ? String(event.data) : '?' }) },
            },
          },
        },
        ready: {},
      },
    });
    await settled();
    expect(actor.snapshot.value).toBe('ready');
    expect(actor.snapshot.context.result).toBe('fetched');
  });

  it('deliver the error, also of a source that throws at once', async () => {
    const { actor } = actorOf({
      initial: 'loading',
      states: {
        loading: {
          invoke: {
            src: () => {
              throw new Error('offline');
            },
            onError: {
              target: 'failed',
              actions: { assign: ({ event }) => ({ result: 'error' in event ? String(event.error) : '?' }) },
            },
          },
        },
        failed: {},
      },
    });
    await settled();
    expect(actor.snapshot.value).toBe('failed');
    expect(actor.snapshot.context.result).toBe('Error: offline');
  });

  it('report an error that nothing handles', async () => {
    const { onError } = actorOf({ invoke: { src: () => Promise.reject(new Error('lost')) } });
    await settled();
    expect(onError).toHaveBeenCalledExactlyOnceWith(new Error('lost'));
  });

  it('are aborted when the state is left, and their outcome is dropped', async () => {
    const work = Promise.withResolvers<string>();
    let signal: AbortSignal | undefined;
    const { actor } = actorOf({
      initial: 'loading',
      states: {
        loading: {
          invoke: {
            src: (args) => {
              signal = args.signal;
              return work.promise;
            },
            onDone: 'ready',
          },
          on: { cancel: 'idle' },
        },
        ready: {},
        idle: {},
      },
    });
    expect(signal?.aborted).toBe(false);
    actor.send({ type: 'cancel' });
    expect(signal?.aborted).toBe(true);
    work.resolve('late');
    await settled();
    expect(actor.snapshot.value).toBe('idle');
  });
});

describe('manual clock', () => {
  it('fires timers in the order they fall due, each at its own time', () => {
    const clock = new ManualClock();
    const fired: [string, number][] = [];
    clock.setTimeout(() => fired.push(['b', clock.now]), 20);
    clock.setTimeout(() => {
      fired.push(['a', clock.now]);
      clock.setTimeout(() => fired.push(['c', clock.now]), 5);
    }, 10);
    const cleared = clock.setTimeout(() => fired.push(['x', clock.now]), 12);
    clock.clearTimeout(cleared);
    clock.advance(30);
    expect(fired).toEqual([
      ['a', 10],
      ['c', 15],
      ['b', 20],
    ]);
    expect(clock.now).toBe(30);
  });
});
