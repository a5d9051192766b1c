import { describe, expect, it } from 'vitest';
import { createActor, createMachine, DefinitionError, EndlessStepError, type MachineConfig } from '../src/index.ts';

interface Context {
  readonly count: number;
}
type Event = { type: 'next' } | { type: 'add'; by: number } | { type: 'order.item.add' } | { type: 'order.cancel' };

function machineOf(config: Partial<MachineConfig<Context, Event>>) {
  return createMachine<Context, Event>({ id: 'm', context: { count: 0 }, ...config });
}

describe('hierarchy', () => {
  const machine = machineOf({
    initial: 'outer',
    states: {
      outer: {
        initial: 'first',
        on: { next: '#done' },
        states: { first: { on: { next: 'second' } }, second: {} },
      },
      done: {},
    },
  });

  it('enters the initial states all the way down', () => {
    expect(machine.start().snapshot.value).toEqual({ outer: 'first' });
  });

  it('prefers the transition of the inner state', () => {
    const { snapshot } = machine.transition(machine.start().snapshot, { type: 'next' });
    expect(snapshot.value).toEqual({ outer: 'second' });
  });

  it('falls back to the outer state', () => {
    let { snapshot } = machine.start();
    snapshot = machine.transition(snapshot, { type: 'next' }).snapshot;
    snapshot = machine.transition(snapshot, { type: 'next' }).snapshot;
    expect(snapshot.value).toBe('done');
  });

  it('gives the same snapshot back for an event that nothing handles', () => {
    const { snapshot } = machine.start();
    const outcome = machine.transition(snapshot, { type: 'add', by: 1 });
    expect(outcome.snapshot).toBe(snapshot);
    expect(outcome.handled).toBe(false);
  });
});

describe('actions', () => {
  it('assigns in order and shows each action the context at its place', () => {
    const seen: number[] = [];
    const actor = createActor(
      machineOf({
        on: {
          next: {
            actions: [
              ({ context }) => seen.push(context.count),
              { assign: ({ context }) => ({ count: context.count + 1 }) },
              ({ context }) => seen.push(context.count),
            ],
          },
        },
      }),
    ).start();
    actor.send({ type: 'next' });
    expect(seen).toEqual([0, 1]);
  });

  it('leaves from the inside out and enters from the outside in', () => {
    const log: string[] = [];
    const state = (name: string) => ({ entry: () => log.push(`+${name}`), exit: () => log.push(`-${name}`) });
    const actor = createActor(
      machineOf({
        initial: 'a',
        states: {
          a: {
            ...state('a'),
            initial: 'a1',
            states: { a1: { ...state('a1'), on: { next: { target: '#b.b1', actions: () => log.push('go') } } } },
          },
          b: { ...state('b'), initial: 'b1', states: { b1: state('b1') } },
        },
      }),
    ).start();
    log.length = 0;
    actor.send({ type: 'next' });
    expect(log).toEqual(['-a1', '-a', 'go', '+b', '+b1']);
  });

  it('runs the actions of a transition without target and leaves nothing', () => {
    const log: string[] = [];
    const actor = createActor(
      machineOf({ entry: () => log.push('enter'), on: { next: { actions: () => log.push('action') } } }),
    ).start();
    actor.send({ type: 'next' });
    expect(log).toEqual(['enter', 'action']);
  });

  it('re-enters the owner only when asked to', () => {
    const log: string[] = [];
    const actor = createActor(
      machineOf({
        initial: 'a',
        states: {
          a: {
            entry: () => log.push('+a'),
            exit: () => log.push('-a'),
            initial: 'a1',
            on: { next: '.a1', add: { target: '.a1', reenter: true } },
            states: { a1: { entry: () => log.push('+a1'), exit: () => log.push('-a1') } },
          },
        },
      }),
    ).start();
    log.length = 0;
    actor.send({ type: 'next' });
    expect(log).toEqual(['-a1', '+a1']);
    log.length = 0;
    actor.send({ type: 'add', by: 1 });
    expect(log).toEqual(['-a1', '-a', '+a', '+a1']);
  });

  it('handles raised events in the same step', () => {
    const machine = machineOf({
      initial: 'a',
      states: {
        a: { on: { next: { target: 'b', actions: { raise: { type: 'add', by: 3 } } } } },
        b: {
          on: {
            add: {
              target: 'c',
              actions: { assign: ({ event }) => ({ count: event.type === 'add' ? event.by : -1 }) },
            },
          },
        },
        c: {},
      },
    });
    const { snapshot } = machine.transition(machine.start().snapshot, { type: 'next' });
    expect(snapshot.value).toBe('c');
    expect(snapshot.context).toEqual({ count: 3 });
  });
});

describe('guards', () => {
  it('takes the first candidate whose guard passes', () => {
    const machine = machineOf({
      initial: 'a',
      states: {
        a: {
          on: {
            add: [
              { target: 'many', guard: ({ event }) => event.type === 'add' && event.by > 10 },
              { target: 'some', guard: ({ event }) => event.type === 'add' && event.by > 0 },
              { target: 'none' },
            ],
          },
        },
        many: {},
        some: {},
        none: {},
      },
    });
    const after = (by: number) => machine.transition(machine.start().snapshot, { type: 'add', by }).snapshot.value;
    expect([after(11), after(5), after(0)]).toEqual(['many', 'some', 'none']);
  });

  it('follows transitions without an event until the state is stable', () => {
    const machine = machineOf({
      initial: 'counting',
      states: {
        counting: {
          always: [
            { target: 'done', guard: ({ context }) => context.count >= 3 },
            { actions: { assign: ({ context }) => ({ count: context.count + 1 }) } },
          ],
        },
        done: {},
      },
    });
    const { snapshot } = machine.start();
    expect(snapshot.value).toBe('done');
    expect(snapshot.context.count).toBe(3);
  });

  it('gives up on a step that does not end', () => {
    const machine = machineOf({ initial: 'a', states: { a: { always: 'b' }, b: { always: 'a' } } });
    expect(() => machine.start()).toThrow(EndlessStepError);
  });
});

describe('descriptors', () => {
  const machine = machineOf({
    initial: 'open',
    states: {
      open: { on: { '*': 'other', 'order.*': 'order', 'order.item.add': 'item' } },
      other: {},
      order: {},
      item: {},
    },
  });
  const after = (event: Event) => machine.transition(machine.start().snapshot, event).snapshot.value;

  it('prefers the most specific descriptor', () => {
    expect(after({ type: 'order.item.add' })).toBe('item');
    expect(after({ type: 'order.cancel' })).toBe('order');
    expect(after({ type: 'next' })).toBe('other');
  });
});

describe('definitions', () => {
  it('rejects a target that does not exist', () => {
    expect(() => machineOf({ initial: 'a', states: { a: { on: { next: 'nowhere' } } } })).toThrow(DefinitionError);
  });

  it('rejects a compound state without a valid initial state', () => {
    expect(() => machineOf({ initial: 'b', states: { a: {} } })).toThrow(/initial/);
  });

  it('rejects targets that cannot be active together', () => {
    expect(() =>
      machineOf({ initial: 'a', states: { a: { on: { next: { target: ['b', 'c'] } } }, b: {}, c: {} } }),
    ).toThrow(DefinitionError);
  });

  it('rejects a key that would break paths', () => {
    expect(() => machineOf({ initial: 'a.b', states: { 'a.b': {} } })).toThrow(/key/);
  });
});
