import { describe, expect, it } from 'vitest';
import { History, type Command } from '../src/index.ts';

const add = (text: string, merge?: string): Command<string> => ({
  label: `add ${text}`,
  ...(merge === undefined ? {} : { merge }),
  apply: (state) => state + text,
  revert: (state) => state.slice(0, -text.length),
});

describe('nested transactions', () => {
  it('are one step', () => {
    const history = new History('');
    history.transaction('outer', () => {
      history.execute(add('a'));
      history.transaction('inner', () => history.execute(add('b')));
      history.execute(add('c'));
    });
    expect([history.state, history.undoable]).toEqual(['abc', ['outer']]);
    history.undo();
    expect([history.state, history.redo(), history.state]).toEqual(['', true, 'abc']);
  });

  it('are rolled back by the one that throws', () => {
    const history = new History('x');
    history.transaction('outer', () => {
      history.execute(add('a'));
      expect(() =>
        history.transaction('inner', () => {
          history.execute(add('b'));
          history.transaction('innermost', () => history.execute(add('c')));
          throw new Error('no');
        }),
      ).toThrow('no');
      expect(history.state).toBe('xa');
      history.execute(add('d'));
    });
    expect([history.state, history.undoable, history.undo(), history.state]).toEqual(['xad', ['outer'], true, 'x']);
    expect(() =>
      history.transaction('outer', () => {
        history.transaction('inner', () => history.execute(add('b')));
        history.execute(add('c'));
        throw new Error('no');
      }),
    ).toThrow('no');
    expect([history.state, history.undoable, history.redoable]).toEqual(['x', [], ['outer']]);
  });

  it('are told once, or not at all', () => {
    const history = new History('');
    const heard: string[] = [];
    history.subscribe((state) => heard.push(state));
    history.transaction('a', () => {
      history.execute(add('a'));
      history.transaction('b', () => history.execute(add('b')));
    });
    history.transaction('empty', () => {});
    expect(() =>
      history.transaction('c', () => {
        history.execute(add('c'));
        throw new Error('no');
      }),
    ).toThrow();
    history.execute(add('d'));
    expect(heard).toEqual(['ab', 'abd']);
  });

  it('cannot be left by undo, redo or markSaved', () => {
    const history = new History('');
    history.execute(add('a'));
    history.transaction('t', () => {
      history.execute(add('b'));
      expect(() => history.undo()).toThrow(Error);
      expect(() => history.redo()).toThrow(Error);
      expect(() => history.markSaved()).toThrow(Error);
    });
    expect([history.state, history.undoable, history.isSaved]).toEqual(['ab', ['add a', 't'], false]);
  });
});

describe('saved states', () => {
  it('are lost when they are out of reach', () => {
    const history = new History('');
    history.execute(add('a'));
    history.markSaved();
    history.undo();
    history.execute(add('b'));
    expect(history.isSaved).toBe(false);
    history.undo();
    expect(history.isSaved).toBe(false);
  });

  it('are not merged into', () => {
    const history = new History('');
    history.execute(add('a', 'typing'));
    history.markSaved();
    history.execute(add('b', 'typing'));
    expect([history.isSaved, history.undoable]).toEqual([false, ['add a', 'add b']]);
    history.undo();
    expect([history.state, history.isSaved]).toEqual(['a', true]);
  });

  it('are lost when a redone step at their end is merged into', () => {
    const history = new History('');
    history.execute(add('a', 'typing'));
    history.markSaved();
    history.undo();
    history.redo();
    expect(history.isSaved).toBe(true);
    history.execute(add('b', 'typing'));
    expect([history.undoable, history.isSaved]).toEqual([['add a'], false]);
    history.undo();
    expect([history.state, history.isSaved]).toEqual(['', false]);
  });

  it('survive what the limit drops, unless they are dropped', () => {
    const history = new History('', { limit: 2 });
    for (const text of ['a', 'b']) history.execute(add(text));
    history.markSaved();
    history.execute(add('c'));
    expect(history.isSaved).toBe(false);
    history.undo();
    expect([history.state, history.isSaved]).toEqual(['ab', true]);
    const other = new History('', { limit: 1 });
    other.execute(add('a'));
    expect(other.isSaved).toBe(false);
    other.execute(add('b'));
    other.undo();
    expect([other.state, other.isSaved]).toEqual(['a', false]);
  });
});

describe('merging', () => {
  it('does not reach over an undo, but into a redone step', () => {
    const history = new History('');
    history.execute(add('a', 'typing'));
    history.execute(add('x'));
    history.undo();
    history.execute(add('b', 'typing'));
    expect(history.undoable).toEqual(['add a', 'add b']);
    history.undo();
    history.redo();
    history.execute(add('c', 'typing'));
    expect([history.undoable, history.undo(), history.state]).toEqual([['add a', 'add b'], true, 'a']);
  });

  it('changes nothing when a command throws', () => {
    const history = new History('a');
    const bad: Command<string> = { label: 'bad', apply: () => { throw new Error('bad'); }, revert: (state) => state };
    history.execute(add('b'));
    history.undo();
    expect(() => history.execute(bad)).toThrow('bad');
    expect([history.state, history.redoable]).toEqual(['a', ['add b']]);
  });
});
