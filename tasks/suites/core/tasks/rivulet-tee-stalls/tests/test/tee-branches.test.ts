import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { take, tee, toArray, type Source, type TeeOptions } from '../src/index.ts';
import { settled, Tap } from './support.ts';

type Branch<T> = AsyncIterableIterator<T, undefined>;

const two = <T>(source: Source<T>, options: TeeOptions = {}): [Branch<T>, Branch<T>] => {
  const [a, b] = tee(source, options);
  assert.ok(a !== undefined && b !== undefined);
  return [a, b];
};
const three = <T>(source: Source<T>, options: TeeOptions = {}): [Branch<T>, Branch<T>, Branch<T>] => {
  const [a, b, c] = tee(source, { ...options, branches: 3 });
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  return [a, b, c];
};
const stop = async (branch: Branch<unknown>): Promise<void> => {
  await branch.return?.();
};
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/** What a promise has come to, as far as it can without outside events. */
async function stateOf<T>(promise: Promise<T>): Promise<{ value: T } | { error: string } | 'pending'> {
  let state: { value: T } | { error: string } | 'pending' = 'pending';
  promise.then(
    (value) => {
      state = { value };
    },
    (error: unknown) => {
      state = { error: String(error) };
    },
  );
  await settled();
  return state;
}

describe('a tee branch that stops', () => {
  it('does not hold the others up later', { timeout: 2000 }, async () => {
    const [preview, full] = two(numbers(50), { limit: 4 });
    assert.deepEqual(await toArray(take(preview, 1)), [0]);
    const all = await stateOf(toArray(full));
    assert.deepEqual(all, { value: numbers(50) });
  });

  it('does not hold the others up before it was read at all', { timeout: 2000 }, async () => {
    const [unread, full] = two(numbers(9), { limit: 1 });
    await stop(unread);
    assert.deepEqual(await stateOf(toArray(full)), { value: numbers(9) });
  });

  it('wakes a branch that waits for it', { timeout: 2000 }, async () => {
    const [slow, fast] = two(new Tap<number>().push(1, 2, 3), { limit: 2 });
    await fast.next();
    await fast.next();
    const third = fast.next();
    assert.equal(await stateOf(third), 'pending');
    await stop(slow);
    assert.deepEqual(await stateOf(third), { value: { done: false, value: 3 } });
  });

  it('leaves the limit between the others alone', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1, 2, 3, 4);
    const [a, b, c] = three(tap, { limit: 2 });
    await a.next();
    await a.next();
    const third = a.next();
    await stop(b);
    assert.equal(await stateOf(third), 'pending');
    assert.equal(tap.pulls, 2);
    assert.equal((await c.next()).value, 1);
    assert.deepEqual(await stateOf(third), { value: { done: false, value: 3 } });
    const fourth = a.next();
    assert.equal(await stateOf(fourth), 'pending');
    await stop(c);
    assert.deepEqual(await stateOf(fourth), { value: { done: false, value: 4 } });
  });

  it('is at its end, with nothing left in it', { timeout: 2000 }, async () => {
    const [a, b] = two(new Tap<number>().push(1, 2));
    await a.next();
    await a.next();
    await stop(b);
    assert.deepEqual(await b.next(), { done: true, value: undefined });
  });

  it('ends its own wait at the limit', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1, 2);
    const [slow, fast] = two(tap, { limit: 1 });
    await fast.next();
    const pending = fast.next();
    assert.equal(await stateOf(pending), 'pending');
    await stop(fast);
    assert.deepEqual(await stateOf(pending), { value: { done: true, value: undefined } });
    assert.deepEqual([tap.pulls, tap.closes], [1, 0]);
    assert.equal((await slow.next()).value, 1);
    await stop(slow);
    assert.equal(tap.closes, 1);
  });

  it('gets no item of a pull that was pending', { timeout: 2000 }, async () => {
    const tap = new Tap<number>();
    const [a, b] = two(tap, { limit: 1 });
    const first = a.next();
    await settled();
    await stop(b);
    tap.push(1, 2, 3);
    assert.equal((await first).value, 1);
    assert.deepEqual(await stateOf(a.next()), { value: { done: false, value: 2 } });
    assert.deepEqual(await stateOf(a.next()), { value: { done: false, value: 3 } });
  });
});

describe('an error of a tee source', () => {
  const failed = { error: 'Error: broken' };

  it('reaches a branch after the items that it still has', { timeout: 2000 }, async () => {
    const [fast, slow] = two(new Tap<number>().push(1, 2).fail(new Error('broken')));
    await fast.next();
    await fast.next();
    assert.deepEqual(await stateOf(fast.next()), failed);
    assert.equal((await slow.next()).value, 1);
    assert.equal((await slow.next()).value, 2);
    assert.deepEqual(await stateOf(slow.next()), failed);
    assert.equal((await slow.next()).done, true);
    assert.equal((await fast.next()).done, true);
  });

  it('reaches a branch that was not read before', { timeout: 2000 }, async () => {
    const [a, b] = two(new Tap<number>().fail(new Error('broken')));
    assert.deepEqual(await stateOf(a.next()), failed);
    assert.deepEqual(await stateOf(b.next()), failed);
    assert.deepEqual(await stateOf(b.next()), { value: { done: true, value: undefined } });
  });

  it('reaches all that wait for the same item, once', { timeout: 2000 }, async () => {
    const tap = new Tap<number>();
    const [a, b] = two(tap);
    const waiting = [a.next(), b.next()];
    await settled();
    tap.fail(new Error('broken'));
    assert.deepEqual(await Promise.all(waiting.map(stateOf)), [failed, failed]);
    assert.deepEqual([(await a.next()).done, (await b.next()).done, tap.pulls, tap.closes], [true, true, 1, 0]);
  });

  it('does not reach a stopped branch', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1).fail(new Error('broken'));
    const [a, b] = two(tap);
    await a.next();
    await stop(b);
    assert.deepEqual(await stateOf(a.next()), failed);
    assert.deepEqual(await stateOf(b.next()), { value: { done: true, value: undefined } });
    await stop(a);
    assert.equal(tap.closes, 0);
  });

  it('may be anything, undefined too', { timeout: 2000 }, async () => {
    const source: AsyncIterable<number> = { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(undefined) }) };
    const [a, b] = two(source);
    assert.deepEqual(await stateOf(a.next()), { error: 'undefined' });
    assert.deepEqual(await stateOf(b.next()), { error: 'undefined' });
  });

  it('is dropped when all branches have stopped', { timeout: 2000 }, async () => {
    const reasons: unknown[] = [];
    const note = (reason: unknown): void => void reasons.push(reason);
    process.on('unhandledRejection', note);
    try {
      const tap = new Tap<number>();
      const [a, b] = two(tap);
      const pending = a.next();
      await settled();
      await Promise.all([stop(a), stop(b)]);
      assert.equal(tap.closes, 1);
      tap.fail(new Error('late'));
      assert.deepEqual(await stateOf(pending), { value: { done: true, value: undefined } });
    } finally {
      process.off('unhandledRejection', note);
    }
    assert.deepEqual(reasons, []);
  });
});

describe('the source of a tee', () => {
  it('is closed once, by the last branch', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1, 2, 3);
    const [a, b, c] = three(tap, { limit: 2 });
    await a.next();
    await a.next();
    const waiting = a.next();
    await settled();
    await stop(b);
    await stop(a);
    await stop(a);
    assert.equal(tap.closes, 0);
    await stop(c);
    await stop(c);
    assert.equal(tap.closes, 1);
    assert.equal((await waiting).done, true);
  });

  it('is not closed after its end, and late readers get what is theirs', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1, 2).end();
    const [a, b, c] = three(tap);
    await stop(b);
    assert.deepEqual(await toArray(a), [1, 2]);
    assert.deepEqual(await toArray(c), [1, 2]);
    await Promise.all([stop(a), stop(c)]);
    assert.equal(tap.closes, 0);
  });
});
