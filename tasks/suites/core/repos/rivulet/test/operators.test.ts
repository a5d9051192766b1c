import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buffer, chunk, filter, flatMap, flatten, map, merge, take, toArray, zip } from '../src/index.ts';
import { settled, Tap } from './support.ts';

describe('map', () => {
  it('calls one at a time, in order', async () => {
    let running = 0;
    const results = map([3, 1, 2], async (item, index) => {
      running += 1;
      assert.equal(running, 1);
      await settled();
      running -= 1;
      return item * 10 + index;
    });
    assert.deepEqual(await toArray(results), [30, 11, 22]);
  });

  it('keeps the order with concurrent calls', async () => {
    const gates = Array.from({ length: 3 }, () => Promise.withResolvers<string>());
    const results = toArray(map(gates, (gate) => gate.promise, { concurrency: 3 }));
    gates[2]?.resolve('c');
    gates[0]?.resolve('a');
    gates[1]?.resolve('b');
    assert.deepEqual(await results, ['a', 'b', 'c']);
  });

  it('never has more calls under way than allowed', async () => {
    let running = 0;
    let most = 0;
    const results = map(
      Array.from({ length: 10 }, (_, index) => index),
      async (item) => {
        running += 1;
        most = Math.max(most, running);
        await settled();
        running -= 1;
        return item;
      },
      { concurrency: 4 },
    );
    assert.deepEqual(await toArray(results), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(most, 4);
  });

  it('closes the source when its reader stops', async () => {
    const tap = new Tap<number>().push(1, 2);
    for await (const item of map(tap, (n) => n)) {
      assert.equal(item, 1);
      break;
    }
    assert.equal(tap.closes, 1);
  });

  it('passes a failure of the callback on', async () => {
    await assert.rejects(toArray(map([1], () => Promise.reject(new Error('no')), { concurrency: 2 })), /no/);
  });

  it('refuses a bad concurrency at once', () => {
    for (const concurrency of [0, -1, 1.5, Number.NaN]) assert.throws(() => map([], String, { concurrency }), RangeError);
  });
});

describe('filter and take', () => {
  it('filters with asynchronous tests', async () => {
    assert.deepEqual(await toArray(filter([1, 2, 3, 4], async (n) => n % 2 === 0)), [2, 4]);
  });

  it('takes no more than it needs', async () => {
    const tap = new Tap<number>().push(1, 2, 3);
    assert.deepEqual(await toArray(take(tap, 2)), [1, 2]);
    assert.deepEqual([tap.pulls, tap.closes], [2, 1]);
    assert.deepEqual(await toArray(take([1], 0)), []);
  });
});

describe('merge', () => {
  it('yields items as they arrive', async () => {
    const [a, b] = [new Tap<string>(), new Tap<string>()];
    const merged = merge(a, b);
    const first = merged.next();
    b.push('b1');
    assert.equal((await first).value, 'b1');
    a.push('a1').end();
    b.end();
    assert.deepEqual(await toArray(merged), ['a1']);
  });

  it('takes turns', async () => {
    assert.deepEqual(await toArray(merge([1, 3], [2, 4])), [1, 2, 3, 4]);
  });

  it('closes all sources, pending or not, when its reader stops', async () => {
    const [a, b] = [new Tap<number>().push(1), new Tap<number>()];
    for await (const _ of merge(a, b)) break;
    assert.deepEqual([a.closes, b.closes], [1, 1]);
  });

  it('closes the others when one fails', async () => {
    const [a, b] = [new Tap<number>(), new Tap<number>().fail(new Error('b failed'))];
    await assert.rejects(toArray(merge(a, b)), /b failed/);
    assert.deepEqual([a.closes, b.closes], [1, 0]);
  });
});

describe('flatMap and flatten', () => {
  it('reads one inner source after the other', async () => {
    assert.deepEqual(await toArray(flatMap([1, 2], (n) => [n, n * 10])), [1, 10, 2, 20]);
  });

  it('asks for no more inner sources than it may read', async () => {
    const inner = [new Tap<number>(), new Tap<number>(), new Tap<number>()];
    const outer = new Tap<Tap<number>>().push(...inner);
    const items = flatten(outer, { concurrency: 2 });
    const first = items.next();
    await settled();
    assert.equal(outer.pulls, 2);
    inner[1]?.push(7);
    assert.equal((await first).value, 7);
    const second = items.next();
    inner[0]?.end();
    await settled();
    assert.equal(outer.pulls, 3);
    inner[2]?.push(8);
    assert.equal((await second).value, 8);
    await items.return();
    assert.deepEqual([outer.closes, ...inner.map((tap) => tap.closes)], [1, 0, 1, 1]);
  });
});

describe('zip', () => {
  it('pairs items and ends with the shortest source', async () => {
    const long = new Tap<string>().push('a', 'b', 'c');
    assert.deepEqual(await toArray(zip([1, 2], long)), [
      [1, 'a'],
      [2, 'b'],
    ]);
    assert.equal(long.closes, 1);
  });

  it('closes what is left when a source fails', async () => {
    const waiting = new Tap<number>();
    await assert.rejects(toArray(zip(waiting, new Tap<number>().fail(new Error('no')))), /no/);
    assert.equal(waiting.closes, 1);
  });
});

describe('buffer', () => {
  it('reads ahead up to its size', async () => {
    const tap = new Tap<number>().push(1, 2, 3, 4, 5);
    const items = buffer(tap, 2);
    assert.equal(tap.pulls, 0);
    assert.equal((await items.next()).value, 1);
    await settled();
    assert.equal(tap.pulls, 3);
    await items.return();
    assert.equal(tap.closes, 1);
  });

  it('hands an error out in its place', async () => {
    const items = buffer(new Tap<number>().push(1).fail(new Error('late')), 5);
    assert.equal((await items.next()).value, 1);
    await settled();
    await assert.rejects(items.next(), /late/);
    assert.equal((await items.next()).done, true);
  });

  it('does not wait for a pending pull when it is closed', async () => {
    const tap = new Tap<number>().push(1);
    const items = buffer(tap, 3);
    await items.next();
    await items.return();
    assert.equal(tap.closes, 1);
  });
});

describe('chunk', () => {
  it('groups items', async () => {
    assert.deepEqual(await toArray(chunk([1, 2, 3, 4, 5], 2)), [[1, 2], [3, 4], [5]]);
    assert.throws(() => chunk([], 0), RangeError);
  });
});
