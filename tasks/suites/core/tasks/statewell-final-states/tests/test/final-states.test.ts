import { describe, expect, it } from 'vitest';
import {
  createMachine,
  DefinitionError,
  type MachineConfig,
  type StateConfig,
  type StateDoneEvent,
  type SystemEvent,
} from '../src/index.ts';

interface Context {
  readonly trail: readonly string[];
  readonly total: number;
}
type Event = { type: 'a' } | { type: 'b' } | { type: 'out' } | { type: 'restart' } | { type: 'add' };
type State = StateConfig<Context, Event>;

const mark = (text: string) => ({
  assign: ({ context }: { readonly context: Context }) => ({ trail: [...context.trail, text] }),
});

const remember = {
  assign: ({ context, event }: { readonly context: Context; readonly event: { readonly type: string } }) => ({
    trail: [...context.trail, `${event.type} ${'output' in event && event.output !== undefined ? JSON.stringify(event.output) : '-'}`],
  }),
};

function machineOf(config: Partial<MachineConfig<Context, Event>>) {
  return createMachine<Context, Event>({ id: 'm', context: { trail: [], total: 1 }, ...config });
}

function run(config: Partial<MachineConfig<Context, Event>>, ...types: Event['type'][]) {
  const machine = machineOf(config);
  let { snapshot } = machine.start();
  for (const type of types) ({ snapshot } = machine.transition(snapshot, { type }));
  return snapshot;
}

const region = (event: Event['type'], output: string): State => ({
  initial: 'busy',
  states: { busy: { on: { [event]: 'end' } }, end: { type: 'final', output: () => output } },
});

describe('compound states', () => {
  const nested: Partial<MachineConfig<Context, Event>> = {
    initial: 'outer',
    states: {
      outer: {
        initial: 'inner',
        onDone: { target: 'after', actions: remember },
        states: {
          inner: {
            initial: 'busy',
            onDone: { target: 'end', actions: remember },
            states: {
              busy: { on: { a: 'end' } },
              end: {
                type: 'final',
                entry: { assign: ({ context }) => ({ total: context.total + 1 }) },
                output: ({ context, event }) => `${context.total} by ${event.type}`,
              },
            },
          },
          end: { type: 'final' },
        },
      },
      after: {},
    },
  };

  it('are done when the final child is entered, in the same step', () => {
    const snapshot = run(nested, 'a');
    expect(snapshot.value).toBe('after');
    expect(snapshot.status).toBe('active');
    expect(snapshot.context.trail).toEqual(['done.state.outer.inner "2 by a"', 'done.state.outer -']);
  });

  it('stay in the final state without onDone, and outer transitions still count', () => {
    const machine: Partial<MachineConfig<Context, Event>> = {
      initial: 'outer',
      states: {
        outer: {
          on: { out: 'away' },
          initial: 'busy',
          states: { busy: { on: { a: 'end' } }, end: { type: 'final', exit: mark('-end') } },
        },
        away: {},
      },
    };
    const ended = run(machine, 'a');
    expect(ended.value).toEqual({ outer: 'end' });
    expect(ended.matches('outer.end')).toBe(true);
    expect(ended.can({ type: 'out' })).toBe(true);
    const away = run(machine, 'a', 'out');
    expect(away.value).toBe('away');
    expect(away.context.trail).toEqual(['-end']);
  });

  it('may start in a final state, and may be done more than once', () => {
    const snapshot = run(
      {
        initial: 'p',
        states: {
          p: {
            initial: 'end',
            onDone: { actions: remember },
            on: { restart: { target: 'p', reenter: true } },
            states: { end: { type: 'final', output: ({ event }) => event.type } },
          },
        },
      },
      'restart',
    );
    expect(snapshot.context.trail).toEqual(['done.state.p "statewell.init"', 'done.state.p "restart"']);
  });

  it('queue their event behind what was raised before', () => {
    const snapshot = run(
      {
        initial: 'p',
        on: { add: { actions: mark('add') } },
        states: {
          p: {
            initial: 'busy',
            onDone: { actions: mark('done') },
            states: {
              busy: { on: { a: { target: 'end', actions: { raise: { type: 'add' } } } } },
              end: { type: 'final' },
            },
          },
        },
      },
      'a',
    );
    expect(snapshot.context.trail).toEqual(['add', 'done']);
  });

  it('choose among candidates by guard', () => {
    const config = (limit: number): Partial<MachineConfig<Context, Event>> => ({
      initial: 'p',
      states: {
        p: {
          initial: 'busy',
          onDone: [
            { target: 'big', guard: ({ event }) => 'output' in event && Number(event.output) > limit },
            { target: 'small' },
          ],
          states: { busy: { on: { a: 'end' } }, end: { type: 'final', output: () => 10 } },
        },
        big: {},
        small: {},
      },
    });
    expect(run(config(5), 'a').value).toBe('big');
    expect(run(config(15), 'a').value).toBe('small');
  });

  it('do not trigger wildcards', () => {
    const snapshot = run(
      {
        initial: 'p',
        on: { '*': { actions: mark('*') }, 'done.*': { actions: mark('done.*') } },
        states: { p: { initial: 'busy', states: { busy: { on: { a: 'end' } }, end: { type: 'final' } } } },
      },
      'a',
    );
    expect(snapshot.context.trail).toEqual([]);
  });
});

describe('parallel states', () => {
  const both: Partial<MachineConfig<Context, Event>> = {
    initial: 'p',
    states: {
      p: {
        type: 'parallel',
        onDone: { target: 'after', actions: remember },
        states: { left: { ...region('a', 'L'), onDone: { actions: remember } }, right: region('b', 'R') },
      },
      after: {},
    },
  };

  it('are done when the last region is, with the outputs of all', () => {
    const half = run(both, 'a');
    expect(half.value).toEqual({ p: { left: 'end', right: 'busy' } });
    expect(half.context.trail).toEqual(['done.state.p.left "L"']);
    const whole = run(both, 'a', 'b');
    expect(whole.value).toBe('after');
    expect(whole.context.trail).toEqual(['done.state.p.left "L"', 'done.state.p {"left":"L","right":"R"}']);
  });

  it('are done once when all regions finish in one step', () => {
    const snapshot = run(
      {
        initial: 'p',
        states: {
          p: {
            type: 'parallel',
            onDone: { actions: remember },
            states: { left: region('a', 'L'), right: region('a', 'R') },
          },
        },
      },
      'a',
    );
    expect(snapshot.context.trail).toEqual(['done.state.p {"left":"L","right":"R"}']);
  });

  it('evaluate an output when its final state is entered and not later', () => {
    const counted = (event: Event['type']): State => ({
      initial: 'busy',
      states: {
        busy: { on: { [event]: 'end' } },
        end: { type: 'final', output: ({ context, event: by }) => `${context.total} by ${by.type}` },
      },
    });
    const snapshot = run(
      {
        initial: 'p',
        on: { add: { actions: { assign: ({ context }) => ({ total: context.total + 1 }) } } },
        states: {
          p: {
            type: 'parallel',
            onDone: { target: 'after', actions: remember },
            states: { left: counted('a'), right: counted('b') },
          },
          after: {},
        },
      },
      'a',
      'add',
      'b',
    );
    expect(snapshot.context.trail).toEqual(['done.state.p {"left":"1 by a","right":"2 by b"}']);
  });

  it('count nested parallel regions', () => {
    const config: Partial<MachineConfig<Context, Event>> = {
      initial: 'p',
      states: {
        p: {
          type: 'parallel',
          onDone: 'after',
          states: {
            one: region('a', '1'),
            two: {
              type: 'parallel',
              onDone: { actions: remember },
              states: { x: region('a', 'x'), y: region('b', 'y') },
            },
          },
        },
        after: {},
      },
    };
    expect(run(config, 'a').value).toEqual({ p: { one: 'end', two: { x: 'end', y: 'busy' } } });
    const done = run(config, 'a', 'b');
    expect(done.value).toBe('after');
    expect(done.context.trail).toEqual(['done.state.p.two {"x":"x","y":"y"}']);
  });

  it('are never done while a region without final states is active', () => {
    const snapshot = run(
      {
        initial: 'p',
        states: { p: { type: 'parallel', onDone: 'after', states: { left: region('a', 'L'), right: {} } }, after: {} },
      },
      'a',
    );
    expect(snapshot.value).toEqual({ p: { left: 'end', right: {} } });
  });
});

describe('definitions with final states', () => {
  const wrong: [string, Partial<MachineConfig<Context, Event>>][] = [
    ['states in a final state', { initial: 'f', states: { f: { type: 'final', initial: 'x', states: { x: {} } } } }],
    ['on in a final state', { initial: 'f', states: { f: { type: 'final', on: { a: 'f' } } } }],
    ['always in a final state', { initial: 'f', states: { f: { type: 'final', always: 'f' } } }],
    ['after in a final state', { initial: 'f', states: { f: { type: 'final', after: { 1: 'f' } } } }],
    ['invoke in a final state', { initial: 'f', states: { f: { type: 'final', invoke: { src: () => 1 } } } }],
    ['a final region', { type: 'parallel', states: { f: { type: 'final' } } }],
    ['a final root', { type: 'final' }],
    ['onDone on the root', { initial: 'a', onDone: { actions: [] }, states: { a: {} } }],
    ['onDone on an atomic state', { initial: 'a', states: { a: { onDone: 'b' }, b: {} } }],
    ['onDone on a final state', { initial: 'a', states: { a: { type: 'final', onDone: 'b' }, b: {} } }],
  ];
  for (const [name, config] of wrong) {
    it(`reject ${name}`, () => {
      expect(() => machineOf(config)).toThrow(DefinitionError);
    });
  }

  it('show the event in the types', () => {
    const event: StateDoneEvent = { type: 'done.state.p', output: 1 };
    const system: SystemEvent = event;
    expect(system.type).toBe('done.state.p');
  });
});
