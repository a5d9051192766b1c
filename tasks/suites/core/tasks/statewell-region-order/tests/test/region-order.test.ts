import { describe, expect, it } from 'vitest';
import { createActor, createMachine, type MachineConfig, type StateConfig } from '../src/index.ts';

interface Context {
  readonly trail: readonly string[];
}
type Event = { type: 'tick' } | { type: 'out' } | { type: 'back' };
type State = StateConfig<Context, Event>;

const mark = (text: string) => ({
  assign: ({ context }: { readonly context: Context }) => ({ trail: [...context.trail, text] }),
});

/** A state that leaves a mark when it is entered and left. */
function state(name: string, rest: State = {}): State {
  return { entry: mark(`+${name}`), exit: mark(`-${name}`), ...rest };
}

function go(target: string, name = target) {
  return { target, actions: mark(`>${name}`) };
}

function run(config: Partial<MachineConfig<Context, Event>>, ...types: Event['type'][]) {
  const machine = createMachine<Context, Event>({ id: 'm', context: { trail: [] }, ...config });
  let { snapshot } = machine.start();
  let before = snapshot.context.trail.length;
  for (const type of types) {
    before = snapshot.context.trail.length;
    ({ snapshot } = machine.transition(snapshot, { type }));
  }
  return { snapshot, trail: snapshot.context.trail.slice(before), value: snapshot.value };
}

describe('one microstep for all regions', () => {
  const regions: Partial<MachineConfig<Context, Event>> = {
    type: 'parallel',
    states: {
      a: { initial: 'a1', states: { a1: state('a1', { on: { tick: go('a2') } }), a2: state('a2') } },
      b: { initial: 'b1', states: { b1: state('b1', { on: { tick: go('b2') } }), b2: state('b2') } },
      c: { initial: 'c1', states: { c1: state('c1', { on: { tick: go('c2') } }), c2: state('c2') } },
    },
  };

  it('leaves in reverse document order, then runs actions, then enters in document order', () => {
    const { trail, value } = run(regions, 'tick');
    expect(trail).toEqual(['-c1', '-b1', '-a1', '>a2', '>b2', '>c2', '+a2', '+b2', '+c2']);
    expect(value).toEqual({ a: 'a2', b: 'b2', c: 'c2' });
  });

  it('keeps the order across regions of different depth', () => {
    const { trail } = run(
      {
        type: 'parallel',
        states: {
          a: {
            initial: 'a1',
            states: {
              a1: state('a1', { initial: 'x', on: { tick: go('a2') }, states: { x: state('x') } }),
              a2: state('a2', { initial: 'y', states: { y: state('y', { initial: 'z', states: { z: state('z') } }) } }),
            },
          },
          b: { initial: 'b1', states: { b1: state('b1', { on: { tick: go('b2') } }), b2: state('b2') } },
        },
      },
      'tick',
    );
    expect(trail).toEqual(['-b1', '-x', '-a1', '>a2', '>b2', '+a2', '+y', '+z', '+b2']);
  });

  it('performs functions in the same order', () => {
    const log: string[] = [];
    const noisy = (name: string, on: State['on'] = {}): State => ({
      entry: () => log.push(`+${name}`),
      exit: () => log.push(`-${name}`),
      on,
    });
    const machine = createMachine<Context, Event>({
      id: 'm',
      context: { trail: [] },
      type: 'parallel',
      states: {
        a: {
          initial: 'a1',
          states: { a1: noisy('a1', { tick: { target: 'a2', actions: () => log.push('a') } }), a2: noisy('a2') },
        },
        b: {
          initial: 'b1',
          states: { b1: noisy('b1', { tick: { target: 'b2', actions: () => log.push('b') } }), b2: noisy('b2') },
        },
      },
    });
    const actor = createActor(machine).start();
    log.length = 0;
    actor.send({ type: 'tick' });
    expect(log).toEqual(['-b1', '-a1', 'a', 'b', '+a2', '+b2']);
  });

  it('takes transitions without an event together as well', () => {
    const always = (name: string, target: string): State =>
      state(name, { always: { ...go(target), guard: ({ context }) => context.trail.includes('!') } });
    const { trail } = run(
      {
        type: 'parallel',
        on: { tick: { actions: mark('!') } },
        states: {
          a: { initial: 'a1', states: { a1: always('a1', 'a2'), a2: state('a2') } },
          b: { initial: 'b1', states: { b1: always('b1', 'b2'), b2: state('b2') } },
        },
      },
      'tick',
    );
    expect(trail).toEqual(['!', '-b1', '-a1', '>a2', '>b2', '+a2', '+b2']);
  });

  it('handles an event raised on the way only after all regions have moved', () => {
    const { trail } = run(
      {
        type: 'parallel',
        on: { out: { actions: mark('raised') } },
        states: {
          a: {
            initial: 'a1',
            states: {
              a1: state('a1', { on: { tick: { target: 'a2', actions: { raise: { type: 'out' } } } } }),
              a2: state('a2'),
            },
          },
          b: { initial: 'b1', states: { b1: state('b1', { on: { tick: go('b2') } }), b2: state('b2') } },
        },
      },
      'tick',
    );
    expect(trail).toEqual(['-b1', '-a1', '>b2', '+a2', '+b2', 'raised']);
  });
});

describe('conflicts', () => {
  /** `p` handles `tick` itself; so does the second region if `second` says so. */
  function owned(second: State): Partial<MachineConfig<Context, Event>> {
    return {
      initial: 'p',
      states: {
        p: state('p', {
          type: 'parallel',
          on: { tick: go('q') },
          states: {
            a: { initial: 'a1', states: { a1: state('a1') } },
            b: { initial: 'b1', states: { b1: state('b1', second), b2: state('b2') } },
            c: { initial: 'c1', states: { c1: state('c1') } },
          },
        }),
        q: state('q'),
      },
    };
  }

  it('lets a transition owned further inside win, wherever the outer one was found first', () => {
    const { trail, value } = run(owned({ on: { tick: go('b2') } }), 'tick');
    expect(trail).toEqual(['-b1', '>b2', '+b2']);
    expect(value).toEqual({ p: { a: 'a1', b: 'b2', c: 'c1' } });
  });

  it('takes the outer transition when nothing inside competes', () => {
    const { trail, value } = run(owned({}), 'tick');
    expect(trail).toEqual(['-c1', '-b1', '-a1', '-p', '>q', '+q']);
    expect(value).toBe('q');
  });

  it('runs a transition without target beside the outer one', () => {
    const { trail, value } = run(owned({ on: { tick: { actions: mark('seen') } } }), 'tick');
    expect(trail).toEqual(['-c1', '-b1', '-a1', '-p', '>q', 'seen', '+q']);
    expect(value).toBe('q');
  });

  it('lets the inner transition win when the outer one restarts the parallel state', () => {
    const { trail, value } = run(
      {
        initial: 'p',
        states: {
          p: state('p', {
            type: 'parallel',
            on: { tick: { ...go('p'), reenter: true } },
            states: {
              a: { initial: 'a1', states: { a1: state('a1') } },
              b: { initial: 'b1', states: { b1: state('b1', { on: { tick: go('b2') } }), b2: state('b2') } },
            },
          }),
        },
      },
      'tick',
    );
    expect(trail).toEqual(['-b1', '>b2', '+b2']);
    expect(value).toEqual({ p: { a: 'a1', b: 'b2' } });
  });

  /** Both regions react to `tick`; one of them wants to leave the parallel state. */
  function rivals(a: string, b: string): Partial<MachineConfig<Context, Event>> {
    return {
      initial: 'p',
      states: {
        p: state('p', {
          type: 'parallel',
          states: {
            a: { initial: 'a1', states: { a1: state('a1', { on: { tick: go(a, 'a') } }), a2: state('a2') } },
            b: { initial: 'b1', states: { b1: state('b1', { on: { tick: go(b, 'b') } }), b2: state('b2') } },
          },
        }),
        q: state('q'),
      },
    };
  }

  it('keeps the first of two unrelated transitions, here the one that stays', () => {
    const { trail, value } = run(rivals('a2', '#q'), 'tick');
    expect(trail).toEqual(['-a1', '>a', '+a2']);
    expect(value).toEqual({ p: { a: 'a2', b: 'b1' } });
  });

  it('keeps the first of two unrelated transitions, here the one that leaves', () => {
    const { trail, value } = run(rivals('#q', 'b2'), 'tick');
    expect(trail).toEqual(['-b1', '-a1', '-p', '>a', '+q']);
    expect(value).toBe('q');
  });
});

describe('history', () => {
  it('remembers the regions as they were before the step that left them', () => {
    const region = (name: string): State => ({
      initial: `${name}1`,
      states: { [`${name}1`]: { on: { tick: `${name}2` } }, [`${name}2`]: {} },
    });
    const { value } = run(
      {
        initial: 'p',
        states: {
          p: {
            type: 'parallel',
            on: { out: 'q' },
            states: { a: region('a'), b: region('b'), deep: { type: 'history', history: 'deep' } },
          },
          q: { on: { back: 'p.deep' } },
        },
      },
      'tick',
      'out',
      'back',
    );
    expect(value).toEqual({ p: { a: 'a2', b: 'b2' } });
  });
});
