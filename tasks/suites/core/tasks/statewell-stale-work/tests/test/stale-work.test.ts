import { describe, expect, it, vi } from 'vitest';
import { createActor, createMachine, ManualClock, type Actor, type MachineConfig } from '../src/index.ts';

interface Context {
  readonly results: readonly unknown[];
}
type Event = { type: 'go' } | { type: 'again' } | { type: 'leave' } | { type: 'poke' };

function actorOf(config: Partial<MachineConfig<Context, Event>>) {
  const clock = new ManualClock();
  const onError = vi.fn<(error: unknown) => void>();
  const machine = createMachine<Context, Event>({ id: 'm', context: { results: [] }, ...config });
  const actor = createActor(machine, { clock, onError });
  return { actor, clock, onError, machine };
}

/** A source that is settled by hand, call by call. */
function manualSource() {
  const calls: (PromiseWithResolvers<unknown> & { readonly signal: AbortSignal })[] = [];
  const src = ({ signal }: { readonly signal: AbortSignal }) => {
    const call = { ...Promise.withResolvers<unknown>(), signal };
    calls.push(call);
    return call.promise;
  };
  return { calls, src };
}

const collect = {
  assign: ({ context, event }: { readonly context: Context; readonly event: { readonly type: string } }) => ({
    results: [...context.results, 'data' in event ? event.data : 'error' in event ? event.error : event.type],
  }),
};

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('invocations of an earlier visit', () => {
  function searching() {
    const source = manualSource();
    const made = actorOf({
      initial: 'busy',
      states: {
        busy: {
          invoke: {
            src: source.src,
            onDone: { target: 'done', actions: collect },
            onError: { target: 'failed', actions: collect },
          },
          on: { again: { target: 'busy', reenter: true }, leave: 'idle' },
        },
        idle: { on: { go: 'busy' } },
        done: {},
        failed: {},
      },
    });
    made.actor.start();
    return { ...made, ...source };
  }

  it('cannot settle a visit that re-entered the state', async () => {
    const { actor, calls } = searching();
    actor.send({ type: 'again' });
    calls[0]?.resolve('stale');
    await settled();
    expect(actor.snapshot.value).toBe('busy');
    calls[1]?.resolve('fresh');
    await settled();
    expect(actor.snapshot.value).toBe('done');
    expect(actor.snapshot.context.results).toEqual(['fresh']);
  });

  it('cannot settle a visit that came back after another state', async () => {
    const { actor, calls } = searching();
    actor.send({ type: 'leave' });
    actor.send({ type: 'go' });
    actor.send({ type: 'leave' });
    actor.send({ type: 'go' });
    calls[0]?.resolve('stale');
    calls[1]?.resolve('stale too');
    await settled();
    expect(actor.snapshot.value).toBe('busy');
    expect(calls.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
    calls[2]?.resolve('fresh');
    await settled();
    expect(actor.snapshot.context.results).toEqual(['fresh']);
  });

  it('drop their rejection without a trace', async () => {
    const { actor, calls, onError } = searching();
    actor.send({ type: 'again' });
    calls[0]?.reject(new Error('aborted'));
    await settled();
    expect(actor.snapshot.value).toBe('busy');
    actor.send({ type: 'leave' });
    calls[1]?.reject(new Error('aborted'));
    await settled();
    expect(actor.snapshot.value).toBe('idle');
    expect(onError).not.toHaveBeenCalled();
  });

  it('leave the running visit alone when they settle last', async () => {
    const { actor, calls } = searching();
    actor.send({ type: 'again' });
    calls[1]?.reject('fresh');
    calls[0]?.resolve('stale');
    await settled();
    expect(actor.snapshot.value).toBe('failed');
    expect(actor.snapshot.context.results).toEqual(['fresh']);
  });
});

describe('delays that elapse while the actor is busy', () => {
  const config: Partial<MachineConfig<Context, Event>> = {
    initial: 'waiting',
    states: {
      waiting: {
        after: { 100: 'late' },
        on: {
          poke: { actions: collect },
          again: { target: 'waiting', reenter: true },
          leave: 'away',
        },
      },
      away: { on: { go: 'waiting' } },
      late: {},
    },
  };

  /** Starts, and has a listener send events and advance the clock during the step that `poke` causes. */
  function busyWith(...types: Event['type'][]) {
    const made = actorOf(config);
    const { actor, clock } = made;
    actor.start();
    const unsubscribe = actor.subscribe(() => {
      unsubscribe();
      for (const type of types) actor.send({ type });
      clock.advance(100);
    });
    actor.send({ type: 'poke' });
    return made;
  }

  it('are void when an event ahead of them re-enters the state', () => {
    const { actor, clock } = busyWith('again');
    expect(actor.snapshot.value).toBe('waiting');
    clock.advance(99);
    expect(actor.snapshot.value).toBe('waiting');
    clock.advance(1);
    expect(actor.snapshot.value).toBe('late');
  });

  it('are void when events ahead of them leave the state and come back', () => {
    const { actor, clock } = busyWith('leave', 'go');
    expect(actor.snapshot.value).toBe('waiting');
    expect(clock.pending).toBe(1);
  });

  it('count when the events ahead of them stay in the state', () => {
    const { actor } = busyWith('poke', 'poke');
    expect(actor.snapshot.value).toBe('late');
    expect(actor.snapshot.context.results).toEqual(['poke', 'poke', 'poke']);
  });
});

describe('states that are only passed through', () => {
  it('start nothing', async () => {
    const source = manualSource();
    const { actor, clock } = actorOf({
      initial: 'idle',
      states: {
        idle: { on: { go: 'gate' } },
        gate: {
          invoke: { src: source.src, onDone: 'idle' },
          after: { 10: 'idle' },
          always: { target: 'end', guard: () => true },
        },
        end: {},
      },
    });
    const setTimeout = vi.spyOn(clock, 'setTimeout');
    actor.start();
    actor.send({ type: 'go' });
    await settled();
    expect(actor.snapshot.value).toBe('end');
    expect(source.calls).toHaveLength(0);
    expect(setTimeout).not.toHaveBeenCalled();
  });

  it('start once when the same step enters them again', async () => {
    const source = manualSource();
    const { actor, clock } = actorOf({
      initial: 'idle',
      states: {
        idle: { on: { go: { target: 'busy', actions: { raise: { type: 'again' } } } } },
        busy: {
          invoke: { src: source.src, onDone: { target: 'idle', actions: collect } },
          after: { 10: 'idle' },
          on: { again: { target: 'busy', reenter: true } },
        },
      },
    });
    const setTimeout = vi.spyOn(clock, 'setTimeout');
    actor.start();
    actor.send({ type: 'go' });
    expect(source.calls).toHaveLength(1);
    expect(source.calls[0]?.signal.aborted).toBe(false);
    expect(setTimeout).toHaveBeenCalledTimes(1);
    expect(clock.pending).toBe(1);
    source.calls[0]?.resolve('ok');
    await settled();
    expect(actor.snapshot.context.results).toEqual(['ok']);
    expect(clock.pending).toBe(0);
  });

  it('let work start after all actions of the step', () => {
    const log: string[] = [];
    const { actor } = actorOf({
      initial: 'outer',
      states: {
        outer: {
          invoke: { src: () => log.push('outer work') },
          entry: () => log.push('outer'),
          initial: 'inner',
          states: { inner: { invoke: { src: () => log.push('inner work') }, entry: () => log.push('inner') } },
        },
      },
    });
    actor.start();
    expect(log).toEqual(['outer', 'inner', 'outer work', 'inner work']);
  });
});

describe('stop', () => {
  it('called by an action keeps the rest of the step from starting anything', async () => {
    const source = manualSource();
    let running: Actor<Context, Event> | undefined;
    const { actor, clock } = actorOf({
      initial: 'idle',
      states: {
        idle: { on: { go: { target: 'busy', actions: () => running?.stop() } } },
        busy: { invoke: { src: source.src, onDone: 'idle' }, after: { 10: 'idle' } },
      },
    });
    running = actor.start();
    actor.send({ type: 'go' });
    await settled();
    expect(actor.snapshot.status).toBe('stopped');
    expect(source.calls).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });

  it('called by a source aborts it and starts no other', () => {
    const second = manualSource();
    const child = manualSource();
    let signal: AbortSignal | undefined;
    let running: Actor<Context, Event> | undefined;
    const { actor, clock } = actorOf({
      initial: 'idle',
      states: {
        idle: { on: { go: 'busy' } },
        busy: {
          invoke: [
            {
              src: (args) => {
                ({ signal } = args);
                running?.stop();
              },
            },
            { src: second.src },
          ],
          after: { 10: 'idle' },
          initial: 'child',
          states: { child: { invoke: { src: child.src }, after: { 20: 'child' } } },
        },
      },
    });
    running = actor.start();
    actor.send({ type: 'go' });
    expect(signal?.aborted).toBe(true);
    expect(second.calls).toHaveLength(0);
    expect(child.calls).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });

  it('cannot be undone by an event that is sent when work is aborted', () => {
    let running: Actor<Context, Event> | undefined;
    const { actor, clock } = actorOf({
      initial: 'busy',
      states: {
        busy: {
          invoke: {
            src: ({ signal }) =>
              new Promise(() => signal.addEventListener('abort', () => running?.send({ type: 'leave' }))),
          },
          on: { leave: { target: 'away', actions: collect } },
        },
        away: { after: { 10: 'busy' } },
      },
    });
    running = actor.start();
    const seen: unknown[] = [];
    actor.subscribe((snapshot) => seen.push([snapshot.status, snapshot.value]));
    actor.stop();
    expect(seen).toEqual([['stopped', 'busy']]);
    expect(actor.snapshot.value).toBe('busy');
    expect(actor.snapshot.context.results).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('drops events that wait and outcomes that come late', async () => {
    const source = manualSource();
    const { actor, onError } = actorOf({
      initial: 'busy',
      states: {
        busy: {
          invoke: { src: source.src },
          on: { poke: { actions: collect }, leave: 'away' },
        },
        away: {},
      },
    });
    actor.start();
    actor.subscribe(() => {
      actor.send({ type: 'leave' });
      actor.stop();
    });
    actor.send({ type: 'poke' });
    source.calls[0]?.reject(new Error('late'));
    await settled();
    expect(actor.snapshot.status).toBe('stopped');
    expect(actor.snapshot.value).toBe('busy');
    expect(onError).not.toHaveBeenCalled();
  });

  it('called by a source of a resumed actor starts no other', () => {
    const later = manualSource();
    let running: Actor<Context, Event> | undefined;
    const config: Partial<MachineConfig<Context, Event>> = {
      initial: 'outer',
      states: {
        outer: {
          invoke: { src: () => running?.stop() },
          initial: 'inner',
          states: { inner: { invoke: { src: later.src }, after: { 10: 'inner' } } },
        },
      },
    };
    const made = actorOf(config);
    const clock = new ManualClock();
    running = createActor(made.machine, { clock, snapshot: made.machine.start().snapshot });
    running.start();
    expect(running.snapshot.status).toBe('stopped');
    expect(later.calls).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });
});
