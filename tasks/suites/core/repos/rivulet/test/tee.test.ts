import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { tee, toArray } from '../src/index.ts';
import { settled, Tap } from './support.ts';

describe('tee', () => {
  it('gives all items to all branches', async () => {
    const branches = tee([1, 2, 3], { branches: 3 });
    assert.deepEqual(await Promise.all(branches.map(toArray)), [
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('pulls only what a branch asks for', async () => {
    const tap = new Tap<number>().push(1, 2);
    const [a, b] = tee(tap);
    assert.equal(tap.pulls, 0);
    assert.equal((await a?.next())?.value, 1);
    assert.equal((await b?.next())?.value, 1);
    assert.equal(tap.pulls, 1);
  });

  it('makes the faster branch wait at the limit', async () => {
    const tap = new Tap<number>().push(1, 2, 3).end();
    const [fast, slow] = tee(tap, { limit: 2 });
    await fast?.next();
    await fast?.next();
    const third = fast?.next();
    await settled();
    assert.equal(tap.pulls, 2);
    assert.equal((await slow?.next())?.value, 1);
    assert.equal((await third)?.value, 3);
  });

  it('closes the source with the last branch', async () => {
    const tap = new Tap<number>().push(1);
    const [a, b] = tee(tap);
    await a?.next();
    await a?.return?.();
    assert.equal(tap.closes, 0);
    await b?.return?.();
    assert.equal(tap.closes, 1);
  });

  it('refuses bad options', () => {
    assert.throws(() => tee([], { branches: 0 }), RangeError);
    assert.throws(() => tee([], { limit: 0 }), RangeError);
  });
});
