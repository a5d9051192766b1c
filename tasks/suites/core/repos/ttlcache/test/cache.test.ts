import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cache, ManualClock } from '../src/index.ts';

describe('get and set', () => {
  it('gives back what was stored', () => {
    const cache = new Cache<string, number>();
    assert.equal(cache.set('a', 1), true);
    assert.equal(cache.get('a'), 1);
    assert.equal(cache.get('b'), undefined);
    assert.equal(cache.size, 1);
  });

  it('replaces values', () => {
    const cache = new Cache<string, number>();
    cache.set('a', 1);
    cache.set('a', 2);
    assert.equal(cache.get('a'), 2);
    assert.equal(cache.size, 1);
  });

  it('deletes and clears', () => {
    const cache = new Cache<string, number>();
    cache.set('a', 1);
    cache.set('b', 2);
    assert.equal(cache.delete('a'), true);
    assert.equal(cache.delete('a'), false);
    cache.clear();
    assert.equal(cache.size, 0);
    assert.equal(cache.weight, 0);
  });

  it('refuses senseless options', () => {
    assert.throws(() => new Cache({ maxEntries: 0 }), RangeError);
    assert.throws(() => new Cache({ maxWeight: Number.NaN }), RangeError);
    assert.throws(() => new Cache({ ttl: -1 }), RangeError);
    assert.throws(() => new Cache<string, number>().set('a', 1, { weight: -1 }), RangeError);
  });
});

describe('lifetimes', () => {
  it('end at the ttl', () => {
    const clock = new ManualClock(1_000);
    const cache = new Cache<string, number>({ clock, ttl: 10 });
    cache.set('a', 1);
    cache.set('b', 2, { ttl: 20 });
    clock.advance(9);
    assert.equal(cache.get('a'), 1);
    clock.advance(1);
    assert.equal(cache.get('a'), undefined);
    assert.equal(cache.has('b'), true);
  });

  it('go on stale, which get does not serve', () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock, ttl: 10, staleTtl: 5 });
    cache.set('a', 1);
    clock.advance(10);
    assert.equal(cache.get('a'), undefined);
    assert.equal(cache.peek('a'), undefined);
    assert.equal(cache.inspect('a')?.state, 'stale');
    clock.advance(5);
    assert.equal(cache.inspect('a'), undefined);
  });

  it('start again with a new value', () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock, ttl: 10 });
    cache.set('a', 1);
    clock.advance(8);
    cache.set('a', 2);
    clock.advance(8);
    assert.equal(cache.get('a'), 2);
  });

  it('are pruned in bulk', () => {
    const clock = new ManualClock();
    const cache = new Cache<number, number>({ clock });
    for (let key = 0; key < 100; key += 1) cache.set(key, key, { ttl: (key * 37) % 100 });
    clock.advance(50);
    assert.equal(cache.size, 100);
    assert.equal(cache.prune(), 51);
    assert.equal(cache.prune(), 0);
    assert.ok([...cache.keys()].every((key) => (key * 37) % 100 > 50));
  });
});

describe('limits', () => {
  it('evict the least recently used', () => {
    const cache = new Cache<string, number>({ maxEntries: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.get('a');
    cache.set('c', 3);
    assert.deepEqual([...cache.keys()], ['c', 'a']);
  });

  it('are not disturbed by peek, has, inspect and iteration', () => {
    const cache = new Cache<string, number>({ maxEntries: 2 });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.peek('a');
    cache.has('a');
    cache.inspect('a');
    assert.deepEqual([...cache], [['b', 2], ['a', 1]]);
    cache.set('c', 3);
    assert.deepEqual([...cache.values()], [3, 2]);
  });

  it('count weights', () => {
    const cache = new Cache<string, string>({ maxWeight: 10, weigh: (value) => value.length });
    cache.set('a', 'xxxx');
    cache.set('b', 'xxxx');
    cache.set('c', 'x', { weight: 5 });
    assert.deepEqual([...cache.keys()], ['c', 'b']);
    assert.equal(cache.weight, 9);
  });

  it('refuse what is too heavy, and drop the older value', () => {
    const cache = new Cache<string, number>({ maxWeight: 10 });
    cache.set('a', 1);
    cache.set('b', 2);
    assert.equal(cache.set('a', 3, { weight: 11 }), false);
    assert.deepEqual([...cache.keys()], ['b']);
    assert.equal(cache.weight, 1);
  });

  it('take the expired before the useful', () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock, maxEntries: 2 });
    cache.set('a', 1);
    cache.set('b', 2, { ttl: 5 });
    clock.advance(5);
    cache.set('c', 3);
    assert.deepEqual([...cache.keys()], ['c', 'a']);
  });
});

describe('tags', () => {
  it('invalidate what carries one of them', () => {
    const cache = new Cache<string, number>();
    cache.set('a', 1, { tags: ['x', 'y'] });
    cache.set('b', 2, { tags: ['y'] });
    cache.set('c', 3, { tags: ['z'] });
    assert.equal(cache.invalidateTags('x', 'y'), 2);
    assert.deepEqual([...cache.keys()], ['c']);
    assert.equal(cache.invalidateTags('x'), 0);
  });

  it('go with the value that carried them', () => {
    const cache = new Cache<string, number>();
    cache.set('a', 1, { tags: ['x'] });
    cache.set('a', 2);
    assert.equal(cache.invalidateTags('x'), 0);
    assert.equal(cache.get('a'), 2);
  });
});

describe('onEvict and stats', () => {
  it('name the reason', () => {
    const clock = new ManualClock();
    const events: string[] = [];
    const cache = new Cache<string, number>({
      clock,
      maxEntries: 2,
      onEvict: (key, value, reason) => events.push(`${key}${value} ${reason}`),
    });
    cache.set('a', 1);
    cache.set('a', 2);
    cache.set('b', 3, { ttl: 1 });
    cache.set('c', 4, { tags: ['t'] });
    cache.delete('c');
    clock.advance(1);
    cache.get('b');
    cache.set('d', 5, { tags: ['t'] });
    cache.invalidateTags('t');
    cache.set('e', 6);
    cache.clear();
    assert.deepEqual(events, ['a1 replaced', 'a2 capacity', 'c4 deleted', 'b3 expired', 'd5 invalidated', 'e6 cleared']);
    assert.deepEqual(cache.stats.evictions, {
      capacity: 1,
      expired: 1,
      replaced: 1,
      deleted: 1,
      invalidated: 1,
      cleared: 1,
    });
  });

  it('count lookups until they are reset', () => {
    const cache = new Cache<string, number>();
    cache.set('a', 1);
    cache.get('a');
    cache.get('b');
    cache.peek('a');
    const { hits, misses } = cache.stats;
    assert.deepEqual({ hits, misses }, { hits: 1, misses: 1 });
    cache.resetStats();
    assert.equal(cache.stats.hits, 0);
  });
});

describe('snapshots', () => {
  it('survive JSON with lifetimes and tags', () => {
    const clock = new ManualClock(500);
    const cache = new Cache<string, number>({ clock });
    cache.set('a', 1, { ttl: 10, staleTtl: 10, tags: ['x'], weight: 3 });
    const text = JSON.stringify(cache.dump());
    clock.advance(15);
    const copy = new Cache<string, number>({ clock });
    assert.equal(copy.restore(JSON.parse(text)), 1);
    assert.deepEqual(copy.inspect('a'), {
      state: 'stale',
      weight: 3,
      tags: ['x'],
      storedAt: 500,
      freshUntil: 510,
      deadline: 520,
    });
    assert.equal(copy.weight, 3);
    assert.equal(copy.invalidateTags('x'), 1);
  });

  it('leave out what has expired', () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock });
    cache.set('a', 1, { ttl: 10 });
    cache.set('b', 2);
    const snapshot = cache.dump();
    clock.advance(10);
    const copy = new Cache<string, number>({ clock });
    assert.equal(copy.restore(snapshot), 1);
    assert.deepEqual([...copy], [['b', 2]]);
    assert.deepEqual(cache.dump().entries.map((entry) => entry.key), ['b']);
  });

  it('refuse an unknown version', () => {
    const snapshot = { ...new Cache<string, number>().dump(), version: 2 };
    assert.throws(() => new Cache<string, number>().restore(snapshot as never), TypeError);
  });
});
