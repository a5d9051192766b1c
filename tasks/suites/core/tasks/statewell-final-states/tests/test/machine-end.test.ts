import { describe, expect, it, vi } from 'vitest';
import { createActor, createMachine, ManualClock, type MachineConfig, type StateConfig } from '../src/index.ts';

interface Context {
  readonly trail: readonly string[];
}
type Event = { type: 'a' } | { type: 'b' } | { type: 'late' };

const mark = (text: string) => ({
  assign: ({ context }: { readonly context: Context }) => ({ trail: [...context.trail, text] }),
});

function machineOf(config: Partial<MachineConfig<Context, Event>>) {
  return createMachine<Context, Event>({ id: 'm', context: { trail: [] }, ...config });
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const simple: Partial<MachineConfig<Context, Event>> = {
  exit: mark('-root'),
  initial: 'busy',
  states: {
    busy: { exit: mark('-busy'), on: { a: 'end' } },
    end: { type: 'final', entry: mark('+end'), exit: mark('-end'), output: ({ context }) => context.trail.length },
  },
};

describe('the end of a machine', () => {
  it('sets status and output and runs the exit actions of what is active', () => {
    const machine = machineOf(simple);
    const { snapshot } = machine.start();
    expect(snapshot.status).toBe('active');
    expect(snapshot.output).toBeUndefined();
    const end = machine.transition(snapshot, { type: 'a' }).snapshot;
    expect(end.status).toBe('done');
    expect(end.value).toBe('end');
    expect(end.output).toBe(2);
    expect(end.context.trail).toEqual(['-busy', '+end', '-end', '-root']);
  });

  it('takes no more events', () => {
    const machine = machineOf({ ...simple, on: { late: { actions: mark('late') } } });
    const end = machine.transition(machine.start().snapshot, { type: 'a' }).snapshot;
    expect(end.can({ type: 'late' })).toBe(false);
    const outcome = machine.transition(end, { type: 'late' });
    expect(outcome.handled).toBe(false);
    expect(outcome.snapshot).toBe(end);
  });

  it('comes before raised events and transitions without an event', () => {
    const machine = machineOf({
      initial: 'busy',
      on: { late: { actions: mark('late') } },
      always: { actions: mark('always'), guard: ({ context }) => context.trail.includes('+end') },
      states: {
        busy: { on: { a: { target: 'end', actions: { raise: { type: 'late' } } } } },
        end: { type: 'final', entry: [mark('+end'), { raise: { type: 'late' } }] },
      },
    });
    const end = machine.transition(machine.start().snapshot, { type: 'a' }).snapshot;
    expect(end.status).toBe('done');
    expect(end.context.trail).toEqual(['+end']);
  });

  it('waits for all regions of a parallel root', () => {
    const region = (event: Event['type'], name: string): StateConfig<Context, Event> => ({
      exit: mark(`-${name}`),
      initial: 'busy',
      states: { busy: { on: { [event]: 'end' } }, end: { type: 'final', output: () => name } },
    });
    const machine = machineOf({ type: 'parallel', states: { x: region('a', 'x'), y: region('b', 'y') } });
    let { snapshot } = machine.start();
    snapshot = machine.transition(snapshot, { type: 'b' }).snapshot;
    expect(snapshot.status).toBe('active');
    expect(snapshot.output).toBeUndefined();
    snapshot = machine.transition(snapshot, { type: 'a' }).snapshot;
    expect(snapshot.status).toBe('done');
    expect(snapshot.output).toEqual({ x: 'x', y: 'y' });
    expect(snapshot.context.trail).toEqual(['-y', '-x']);
  });

  it('may be reached through onDone', () => {
    const machine = machineOf({
      initial: 'p',
      states: {
        p: {
          initial: 'busy',
          onDone: 'end',
          states: { busy: { on: { a: 'inner' } }, inner: { type: 'final', output: () => 'passed on' } },
        },
        end: { type: 'final', output: ({ event }) => ('output' in event ? event.output : undefined) },
      },
    });
    const end = machine.transition(machine.start().snapshot, { type: 'a' }).snapshot;
    expect(end.status).toBe('done');
    expect(end.output).toBe('passed on');
  });
});

describe('an actor whose machine is done', () => {
  it('has called its listeners for the last time and ignores what comes', () => {
    const actor = createActor(machineOf({ ...simple, on: { late: { actions: mark('late') } } })).start();
    const seen: string[] = [];
    actor.subscribe((snapshot) => seen.push(snapshot.status));
    actor.send({ type: 'a' });
    actor.send({ type: 'late' });
    actor.stop();
    expect(seen).toEqual(['done']);
    expect(actor.snapshot.status).toBe('done');
    expect(actor.snapshot.output).toBe(2);
    expect(actor.snapshot.context.trail).not.toContain('late');
  });

  it('has no timers and no running work', async () => {
    const clock = new ManualClock();
    const onError = vi.fn<(error: unknown) => void>();
    const work = Promise.withResolvers<unknown>();
    let signal: AbortSignal | undefined;
    const machine = machineOf({
      ...simple,
      after: { 100: { actions: mark('too late') } },
      invoke: {
        src: (args) => {
          ({ signal } = args);
          return work.promise;
        },
      },
    });
    const actor = createActor(machine, { clock, onError }).start();
    expect(clock.pending).toBe(1);
    actor.send({ type: 'a' });
    expect(clock.pending).toBe(0);
    expect(signal?.aborted).toBe(true);
    work.reject(new Error('late'));
    await settled();
    expect(onError).not.toHaveBeenCalled();
  });

  it('performs the exit functions once', () => {
    const log: string[] = [];
    const actor = createActor(
      machineOf({
        exit: () => log.push('-root'),
        initial: 'busy',
        states: { busy: { on: { a: 'end' } }, end: { type: 'final', exit: () => log.push('-end') } },
      }),
    ).start();
    actor.send({ type: 'a' });
    actor.stop();
    expect(log).toEqual(['-end', '-root']);
  });

  it('may be done from the start', () => {
    const actor = createActor(
      machineOf({ initial: 'end', states: { end: { type: 'final', output: () => 1 } } }),
    );
    const seen: string[] = [];
    actor.subscribe((snapshot) => seen.push(snapshot.status));
    actor.start();
    expect(seen).toEqual(['done']);
    expect(actor.snapshot.output).toBe(1);
  });
});

describe('persisted snapshots with final states', () => {
  const region = (event: Event['type'], entry: string): StateConfig<Context, Event> => ({
    initial: 'busy',
    states: {
      busy: { on: { [event]: 'end' } },
      end: { type: 'final', entry: mark(entry), output: ({ context }) => ({ trail: context.trail }) },
    },
  });
  const machine = machineOf({ type: 'parallel', states: { x: region('a', 'x'), y: region('b', 'y') } });

  it('keep the outputs of regions that finished earlier', () => {
    const half = machine.transition(machine.start().snapshot, { type: 'a' }).snapshot;
    const restored = machine.restore(JSON.parse(JSON.stringify(half)));
    expect(restored.value).toEqual({ x: 'end', y: 'busy' });
    const end = machine.transition(restored, { type: 'b' }).snapshot;
    expect(end.status).toBe('done');
    expect(end.output).toEqual({ x: { trail: ['x'] }, y: { trail: ['x', 'y'] } });
  });

  it('resume as a done actor', () => {
    let { snapshot } = machine.start();
    for (const type of ['a', 'b'] as const) ({ snapshot } = machine.transition(snapshot, { type }));
    const restored = machine.restore(JSON.parse(JSON.stringify(snapshot)));
    expect(restored.status).toBe('done');
    expect(restored.output).toEqual(snapshot.output);
    const clock = new ManualClock();
    const actor = createActor(machine, { snapshot: restored, clock }).start();
    actor.send({ type: 'a' });
    actor.stop();
    expect(actor.snapshot.status).toBe('done');
    expect(actor.snapshot.output).toEqual(snapshot.output);
  });

  it('of earlier versions restore as before', () => {
    const restored = machine.restore({
      machine: 'm',
      status: 'active',
      active: ['x.busy', 'y.busy'],
      history: {},
      context: { trail: [] },
    });
    expect(restored.value).toEqual({ x: 'busy', y: 'busy' });
    expect(machine.transition(restored, { type: 'a' }).snapshot.value).toEqual({ x: 'end', y: 'busy' });
  });
});
