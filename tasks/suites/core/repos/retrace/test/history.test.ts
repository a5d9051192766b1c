import { describe, expect, it } from 'vitest';
import { History, type Command } from '../src/index.ts';

const add = (text: string, merge?: string): Command<string> => ({
  label: `add ${text}`,
  ...(merge === undefined ? {} : { merge }),
  apply: (state) => state + text,
  revert: (state) => state.slice(0, -text.length),
});

describe('history', () => {
  it('goes back and forth', () => {
    const history = new History('');
    history.execute(add('a'));
    history.execute(add('b'));
    expect([history.undo(), history.state, history.redoable]).toEqual([true, 'a', ['add b']]);
    expect([history.redo(), history.state, history.redo()]).toEqual([true, 'ab', false]);
    history.undo();
    history.execute(add('c'));
    expect([history.state, history.undoable, history.redoable]).toEqual(['ac', ['add a', 'add c'], []]);
  });

  it('merges and limits steps', () => {
    const history = new History('', { limit: 2 });
    for (const text of ['a', 'b']) history.execute(add(text, 'typing'));
    history.barrier();
    history.execute(add('c', 'typing'));
    expect(history.undoable).toEqual(['add a', 'add c']);
    history.execute(add('d'));
    expect(history.undoable).toEqual(['add c', 'add d']);
  });

  it('has transactions', () => {
    const history = new History('');
    expect(history.transaction('both', () => [history.execute(add('a')), history.execute(add('b'))].length)).toBe(2);
    expect([history.undoable, history.undo(), history.state]).toEqual([['both'], true, '']);
    expect(() =>
      history.transaction('none', () => {
        history.execute(add('x'));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect(history.state).toBe('');
  });

  it('knows what is saved', () => {
    const history = new History('');
    history.execute(add('a'));
    expect(history.isSaved).toBe(false);
    history.markSaved();
    history.undo();
    expect([history.isSaved, history.redo(), history.isSaved]).toEqual([false, true, true]);
  });
});
