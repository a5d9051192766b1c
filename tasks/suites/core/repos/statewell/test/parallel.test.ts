import { describe, expect, it } from 'vitest';
import { createMachine } from '../src/index.ts';

type Event = { type: 'bold' } | { type: 'list' } | { type: 'close' } | { type: 'open' } | { type: 'reset' };

const editor = createMachine<{ readonly opened: number }, Event>({
  id: 'editor',
  context: { opened: 0 },
  initial: 'editing',
  states: {
    editing: {
      type: 'parallel',
      entry: { assign: ({ context }) => ({ opened: context.opened + 1 }) },
      on: { close: 'closed' },
      states: {
        weight: {
          initial: 'normal',
          states: { normal: { on: { bold: 'bold' } }, bold: { on: { bold: 'normal' } } },
        },
        block: {
          initial: 'text',
          states: {
            text: { on: { list: 'list' } },
            list: { initial: 'dots', states: { dots: { on: { list: 'numbers' } }, numbers: {} } },
          },
        },
        shallow: { type: 'history' },
        deep: { type: 'history', history: 'deep' },
      },
    },
    closed: {
      on: {
        open: 'editing.deep',
        reset: { target: ['editing.weight.bold', 'editing.block.list.numbers'] },
        list: 'editing.block.list',
        bold: 'editing.shallow',
      },
    },
  },
});

function after(...types: Event['type'][]) {
  let { snapshot } = editor.start();
  for (const type of types) snapshot = editor.transition(snapshot, { type }).snapshot;
  return snapshot;
}

describe('parallel states', () => {
  it('are active in all regions', () => {
    expect(after().value).toEqual({ editing: { weight: 'normal', block: 'text' } });
  });

  it('move one region at a time', () => {
    expect(after('bold').value).toEqual({ editing: { weight: 'bold', block: 'text' } });
    expect(after('bold', 'list', 'list').value).toEqual({ editing: { weight: 'bold', block: { list: 'numbers' } } });
  });

  it('keep the other regions when a region targets itself', () => {
    const machine = createMachine<object, { type: 'next' } | { type: 'restart' }>({
      id: 'm',
      context: {},
      type: 'parallel',
      states: {
        a: { initial: 'a1', on: { restart: 'a' }, states: { a1: { on: { next: 'a2' } }, a2: {} } },
        b: { initial: 'b1', states: { b1: { on: { next: 'b2' } }, b2: {} } },
      },
    });
    let { snapshot } = machine.start();
    snapshot = machine.transition(snapshot, { type: 'next' }).snapshot;
    snapshot = machine.transition(snapshot, { type: 'restart' }).snapshot;
    expect(snapshot.value).toEqual({ a: 'a1', b: 'b2' });
  });

  it('are left as a whole', () => {
    expect(after('bold', 'close').value).toBe('closed');
  });

  it('enter the regions that no target claims in their default way', () => {
    expect(after('close', 'list').value).toEqual({ editing: { weight: 'normal', block: { list: 'dots' } } });
  });

  it('can be entered through several targets', () => {
    expect(after('close', 'reset').value).toEqual({ editing: { weight: 'bold', block: { list: 'numbers' } } });
  });

  it('answer whether an event would do something', () => {
    expect(after().can({ type: 'close' })).toBe(true);
    expect(after().can({ type: 'open' })).toBe(false);
  });

  it('match the paths of all active states', () => {
    const snapshot = after('list');
    expect(snapshot.matches('editing')).toBe(true);
    expect(snapshot.matches('editing.block.list')).toBe(true);
    expect(snapshot.matches('editing.block.list.dots')).toBe(true);
    expect(snapshot.matches('editing.block.text')).toBe(false);
    expect(snapshot.matches('block')).toBe(false);
  });
});

describe('history', () => {
  it('restores everything below a deep history state', () => {
    expect(after('bold', 'list', 'list', 'close', 'open').value).toEqual({
      editing: { weight: 'bold', block: { list: 'numbers' } },
    });
  });

  it('restores regions, in their default way, for a shallow one', () => {
    expect(after('bold', 'list', 'close', 'bold').value).toEqual({ editing: { weight: 'normal', block: 'text' } });
  });

  it('runs entry actions again', () => {
    expect(after('close', 'open').context.opened).toBe(2);
  });

  it('uses its default before the parent was ever left', () => {
    const machine = createMachine<object, { type: 'go' }>({
      id: 'm',
      context: {},
      initial: 'out',
      states: {
        out: { on: { go: 'in.back' } },
        in: { initial: 'a', states: { a: {}, b: {}, back: { type: 'history', target: 'b' } } },
      },
    });
    expect(machine.transition(machine.start().snapshot, { type: 'go' }).snapshot.value).toEqual({ in: 'b' });
  });
});
