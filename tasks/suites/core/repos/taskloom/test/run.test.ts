import { describe, expect, it } from 'vitest';
import { graph, RunError } from '../src/index.ts';

describe('runs', () => {
  const diamond = graph()
    .add('a', [], async () => 1)
    .add('b', ['a'], ({ a }) => Number(a) + 1)
    .add('c', ['a'], async ({ a }) => Number(a) * 10)
    .add('d', ['b', 'c'], ({ b, c }) => [b, c]);

  it('hand results on', async () => {
    expect(await diamond.run()).toEqual({ a: 1, b: 2, c: 10, d: [2, 10] });
    expect(await graph().run()).toEqual({});
  });

  it('do only what the targets need', async () => {
    expect(await diamond.run({ targets: ['c'] })).toEqual({ a: 1, c: 10 });
  });

  it('start as much as may run at once', async () => {
    const events: string[] = [];
    await diamond.run({ onEvent: ({ type, task }) => events.push(`${type} ${task}`) });
    expect(events.slice(0, 4)).toEqual(['start a', 'done a', 'start b', 'start c']);
    events.length = 0;
    await diamond.run({ concurrency: 1, onEvent: ({ type, task }) => events.push(`${type} ${task}`) });
    expect(events).toEqual(['start a', 'done a', 'start b', 'done b', 'start c', 'done c', 'start d', 'done d']);
    await expect(diamond.run({ concurrency: 0 })).rejects.toThrow(RangeError);
  });

  it('fail with a task', async () => {
    const failing = diamond.add('e', ['a'], () => {
      throw new Error('no');
    });
    await expect(failing.run()).rejects.toThrow(RunError);
    await expect(failing.run({ targets: ['d'] })).resolves.toHaveProperty('d');
  });
});
