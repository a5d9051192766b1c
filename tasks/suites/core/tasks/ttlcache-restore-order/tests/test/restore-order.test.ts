import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cache, ManualClock, type Snapshot } from '../src/index.ts';

function filled(): Cache<string, number> {
  const cache = new Cache<string, number>();
  for (const [index, key] of ['a', 'b', 'c', 'd'].entries()) cache.set(key, index, { weight: index + 1, tags: [`t${key}`] });
  cache.get('b');
  return cache;
}

/** As a version that lists the most recently used entry first wrote it. */
const onDisk: Snapshot<string, number> = {
  version: 1,
  entries: ['new', 'middle', 'old'].map((key, index) => ({
    key,
    value: index,
    weight: 1,
    tags: [],
    storedAt: 0,
    freshUntil: null,
    deadline: null,
  })),
};

describe('restore', () => {
  it('brings back the order of use', () => {
    const copy = new Cache<string, number>();
    assert.equal(copy.restore(filled().dump()), 4);
    assert.deepEqual([...copy], [['b', 1], ['d', 3], ['c', 2], ['a', 0]]);
  });

  it('reads snapshots that are on disk', () => {
    const cache = new Cache<string, number>({ maxEntries: 3 });
    cache.restore(onDisk);
    assert.deepEqual([...cache.keys()], ['new', 'middle', 'old']);
    cache.set('newest', 9);
    assert.deepEqual([...cache.keys()], ['newest', 'new', 'middle']);
  });

  it('leaves the order within a dump as documented', () => {
    assert.deepEqual(filled().dump().entries.map((entry) => entry.key), ['b', 'd', 'c', 'a']);
  });

  it('gives a cache whose dump equals the first, again and again', () => {
    const first = filled().dump();
    let snapshot = first;
    for (let round = 0; round < 3; round += 1) {
      const cache = new Cache<string, number>();
      cache.restore(JSON.parse(JSON.stringify(snapshot)));
      snapshot = cache.dump();
      assert.deepEqual(snapshot, first);
    }
  });

  it('keeps the most recently used when fewer fit', () => {
    const evicted: string[] = [];
    const cache = new Cache<string, number>({ maxEntries: 2, onEvict: (key, _value, reason) => evicted.push(`${key} ${reason}`) });
    cache.restore(filled().dump());
    assert.deepEqual([...cache.keys()], ['b', 'd']);
    assert.ok(evicted.every((event) => ['a capacity', 'c capacity'].includes(event)));
  });

  it('keeps the most recently used when less weight fits', () => {
    const cache = new Cache<string, number>({ maxWeight: 6 });
    cache.restore(filled().dump());
    assert.deepEqual([...cache.keys()], ['b', 'd']);
    assert.equal(cache.weight, 6);
  });

  it('counts what was there before as used less recently', () => {
    const cache = new Cache<string, number>({ maxEntries: 4 });
    cache.set('x', 10);
    cache.set('middle', 11);
    cache.set('y', 12);
    cache.restore(onDisk);
    assert.deepEqual([...cache], [['new', 0], ['middle', 1], ['old', 2], ['y', 12]]);
  });

  it('keeps the order among what has not expired', () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock });
    cache.set('a', 1, { ttl: 30 });
    cache.set('b', 2, { ttl: 10 });
    cache.set('c', 3, { ttl: 20, staleTtl: 10, tags: ['x'] });
    cache.set('d', 4);
    const snapshot = cache.dump();
    clock.advance(25);
    const copy = new Cache<string, number>({ clock });
    assert.equal(copy.restore(snapshot), 3);
    assert.deepEqual([...copy.keys()], ['d', 'c', 'a']);
    assert.equal(copy.inspect('c')?.state, 'stale');
    assert.equal(copy.invalidateTags('x'), 1);
  });
});
