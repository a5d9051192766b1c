import { describe, expect, it } from 'vitest';
import { createActor, createMachine, ManualClock, SnapshotError } from '../src/index.ts';

type Event = { type: 'toggle' } | { type: 'leave' } | { type: 'back' };

const machine = createMachine<{ readonly visits: readonly string[] }, Event>({
  id: 'room',
  context: { visits: [] },
  initial: 'inside',
  states: {
    inside: {
      initial: 'dark',
      on: { leave: 'outside' },
      states: {
        dark: {
          entry: { assign: ({ context }) => ({ visits: [...context.visits, 'dark'] }) },
          on: { toggle: 'lit' },
        },
        lit: { after: { 100: 'dark' } },
        last: { type: 'history' },
      },
    },
    outside: { on: { back: 'inside.last' } },
  },
});

describe('persisted snapshots', () => {
  it('survive JSON', () => {
    const actor = createActor(machine, { clock: new ManualClock() }).start();
    actor.send({ type: 'toggle' });
    actor.send({ type: 'leave' });
    const restored = machine.restore(JSON.parse(JSON.stringify(actor.snapshot)));
    expect(restored.value).toBe('outside');
    expect(restored.toJSON()).toEqual(actor.snapshot.toJSON());
    expect(machine.transition(restored, { type: 'back' }).snapshot.value).toEqual({ inside: 'lit' });
  });

  it('resume without entry actions and with fresh delays', () => {
    const clock = new ManualClock();
    const first = createActor(machine, { clock }).start();
    first.send({ type: 'toggle' });
    clock.advance(60);
    const snapshot = machine.restore(JSON.parse(JSON.stringify(first.snapshot)));
    first.stop();

    const second = createActor(machine, { clock, snapshot }).start();
    expect(second.snapshot.context.visits).toEqual(['dark']);
    clock.advance(99);
    expect(second.snapshot.value).toEqual({ inside: 'lit' });
    clock.advance(1);
    expect(second.snapshot.value).toEqual({ inside: 'dark' });
  });

  it('are refused by another machine', () => {
    const persisted = machine.start().snapshot.toJSON();
    expect(() => machine.restore({ ...persisted, machine: 'other' })).toThrow(SnapshotError);
  });

  it('are refused when states are unknown or incomplete', () => {
    const persisted = machine.start().snapshot.toJSON();
    expect(() => machine.restore({ ...persisted, active: ['inside.gone'] })).toThrow(SnapshotError);
    expect(() => machine.restore({ ...persisted, active: ['inside.dark', 'outside'] })).toThrow(SnapshotError);
    expect(() => machine.restore({ ...persisted, active: [] })).toThrow(SnapshotError);
  });
});
