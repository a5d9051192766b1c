import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cache, ManualClock, type CacheOptions } from '../src/index.ts';

function cacheAt(options: Omit<CacheOptions<string, number>, 'clock'> = {}) {
  const clock = new ManualClock(1_000);
  const cache = new Cache<string, number>({ clock, ...options });
  return { cache, clock };
}

function fail(): never {
  throw new Error('nothing should have been loaded');
}

describe('a sliding entry', () => {
  it('is renewed by get', () => {
    const { cache, clock } = cacheAt({ ttl: 10, sliding: true });
    cache.set('a', 1);
    for (let round = 0; round < 20; round += 1) {
      clock.advance(9);
      assert.equal(cache.get('a'), 1);
    }
    assert.equal(cache.inspect('a')?.freshUntil, clock.now() + 10);
    assert.equal(cache.inspect('a')?.storedAt, 1_000);
    clock.advance(10);
    assert.equal(cache.get('a'), undefined);
  });

  it('is renewed by a fetch that serves the fresh value', async () => {
    const { cache, clock } = cacheAt({ ttl: 10, sliding: true });
    assert.equal(await cache.fetch('a', () => 1), 1);
    clock.advance(9);
    assert.equal(await cache.fetch('a', fail), 1);
    clock.advance(9);
    assert.equal(await cache.fetch('a', fail), 1);
    clock.advance(10);
    assert.equal(await cache.fetch('a', () => 2), 2);
  });

  it('moves its stale window along', () => {
    const { cache, clock } = cacheAt({ ttl: 10, staleTtl: 5, sliding: true });
    cache.set('a', 1);
    clock.advance(8);
    cache.get('a');
    const { freshUntil, deadline } = cache.inspect('a') ?? {};
    assert.deepEqual({ freshUntil, deadline }, { freshUntil: 1_018, deadline: 1_023 });
    clock.advance(12);
    assert.equal(cache.inspect('a')?.state, 'stale');
  });

  it('is renewed by nothing that only looks', () => {
    const { cache, clock } = cacheAt({ ttl: 10, sliding: true });
    cache.set('a', 1);
    clock.advance(9);
    cache.peek('a');
    cache.has('a');
    cache.inspect('a');
    cache.dump();
    assert.deepEqual([...cache], [['a', 1]]);
    clock.advance(1);
    assert.equal(cache.get('a'), undefined);
  });

  it('is not renewed when it is stale', async () => {
    const { cache, clock } = cacheAt({ ttl: 10, staleTtl: 10, sliding: true });
    cache.set('a', 1);
    clock.advance(15);
    assert.equal(cache.get('a'), undefined);
    assert.equal(await cache.fetch('a', () => Promise.reject(new Error('down'))), 1);
    assert.equal(cache.inspect('a')?.deadline, 1_020);
    clock.advance(5);
    assert.equal(cache.inspect('a'), undefined);
  });

  it('keeps the lifetimes it was stored with', () => {
    const { cache, clock } = cacheAt({ ttl: 10, staleTtl: 1 });
    cache.set('a', 1, { ttl: 40, staleTtl: 7, sliding: true });
    cache.set('b', 2, { sliding: true });
    cache.set('c', 3);
    clock.advance(5);
    for (const key of ['a', 'b', 'c']) cache.get(key);
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => [cache.inspect(key)?.freshUntil, cache.inspect(key)?.deadline]),
      [[1_045, 1_052], [1_015, 1_016], [1_010, 1_011]],
    );
  });

  it('can be switched off for one entry', async () => {
    const { cache, clock } = cacheAt({ ttl: 10, sliding: true });
    await cache.fetch('a', () => 1, { sliding: false });
    clock.advance(9);
    assert.equal(cache.get('a'), 1);
    clock.advance(1);
    assert.equal(cache.get('a'), undefined);
  });

  it('without a ttl stays for ever', () => {
    const { cache, clock } = cacheAt({ sliding: true });
    cache.set('a', 1);
    clock.advance(1e9);
    assert.equal(cache.get('a'), 1);
    assert.equal(cache.inspect('a')?.deadline, Number.POSITIVE_INFINITY);
  });
});

describe('maxAge', () => {
  it('limits how long uses keep an entry fresh', () => {
    const { cache, clock } = cacheAt({ ttl: 1_000, sliding: true, maxAge: 2_500, staleTtl: 100 });
    cache.set('s', 1);
    clock.advance(900);
    assert.equal(cache.get('s'), 1);
    clock.advance(900);
    assert.equal(cache.get('s'), 1);
    assert.equal(cache.inspect('s')?.freshUntil, 3_500);
    clock.advance(699);
    assert.equal(cache.get('s'), 1);
    clock.advance(1);
    assert.equal(cache.get('s'), undefined);
    assert.equal(cache.inspect('s')?.deadline, 3_600);
  });

  it('limits entries that do not slide', () => {
    const { cache } = cacheAt({ maxAge: 30 });
    cache.set('a', 1, { ttl: 100, staleTtl: 5 });
    cache.set('b', 2, { ttl: 20 });
    cache.set('c', 3);
    cache.set('d', 4, { maxAge: 50 });
    assert.deepEqual(['a', 'b', 'c', 'd'].map((key) => cache.inspect(key)?.freshUntil), [1_030, 1_020, 1_030, 1_050]);
    assert.equal(cache.inspect('a')?.deadline, 1_035);
  });

  it('begins again with a new value', async () => {
    const { cache, clock } = cacheAt({ ttl: 10, sliding: true, maxAge: 15 });
    cache.set('a', 1);
    clock.advance(9);
    cache.get('a');
    cache.set('a', 2);
    clock.advance(9);
    assert.equal(cache.get('a'), 2);
    assert.equal(cache.inspect('a')?.freshUntil, 1_024);
    clock.advance(6);
    assert.equal(await cache.fetch('a', () => 3), 3);
    clock.advance(9);
    assert.equal(cache.get('a'), 3);
    assert.equal(cache.inspect('a')?.freshUntil, 1_039);
  });

  it('must make sense', () => {
    assert.throws(() => new Cache({ maxAge: -1 }), RangeError);
    assert.throws(() => new Cache({ maxAge: Number.NaN }), RangeError);
    const { cache } = cacheAt();
    assert.throws(() => cache.set('a', 1, { maxAge: -1 }), RangeError);
    assert.equal(cache.size, 0);
  });
});

describe('renewed entries', () => {
  it('are pruned at their new time, each once', () => {
    const events: string[] = [];
    const { cache, clock } = cacheAt({ ttl: 10, sliding: true, onEvict: (key, _value, reason) => events.push(`${key} ${reason}`) });
    for (const key of ['a', 'b', 'c']) cache.set(key, 1);
    clock.advance(5);
    cache.get('a');
    clock.advance(3);
    cache.get('a');
    cache.get('b');
    clock.advance(2);
    assert.equal(cache.prune(), 1);
    assert.deepEqual([...cache.keys()], ['b', 'a']);
    clock.advance(7);
    assert.equal(cache.prune(), 0);
    clock.advance(1);
    assert.equal(cache.prune(), 2);
    assert.equal(cache.size, 0);
    assert.deepEqual(events.toSorted(), ['a expired', 'b expired', 'c expired']);
  });

  it('are pruned although they were used very often', () => {
    const { cache, clock } = cacheAt({ ttl: 100, sliding: true });
    for (let key = 0; key < 5; key += 1) cache.set(String(key), key);
    for (let round = 0; round < 500; round += 1) {
      clock.advance(1);
      cache.get(String(round % 5));
    }
    clock.advance(97);
    assert.equal(cache.prune(), 2);
    clock.advance(100);
    assert.equal(cache.prune(), 3);
  });

  it('are not taken for expired when room is needed', () => {
    const { cache, clock } = cacheAt({ maxEntries: 2 });
    cache.set('a', 1, { ttl: 10, sliding: true });
    cache.set('b', 2, { ttl: 14 });
    clock.advance(9);
    cache.get('a');
    clock.advance(5);
    cache.set('c', 3);
    assert.deepEqual([...cache.keys()], ['c', 'a']);
    clock.advance(5);
    cache.get('c');
    cache.set('d', 4);
    assert.deepEqual([...cache.keys()], ['d', 'c']);
    assert.equal(cache.stats.evictions.expired, 2);
    assert.equal(cache.stats.evictions.capacity, 0);
  });
});

describe('snapshots of sliding entries', () => {
  it('slide on after JSON and downtime, within the same limit', () => {
    const { cache, clock } = cacheAt({ ttl: 10, staleTtl: 3, sliding: true, maxAge: 30 });
    cache.set('a', 1);
    clock.advance(8);
    cache.get('a');
    const text = JSON.stringify(cache.dump());
    clock.advance(9);
    const copy = new Cache<string, number>({ clock, ttl: 1, staleTtl: 1, maxAge: 1 });
    assert.equal(copy.restore(JSON.parse(text)), 1);
    assert.equal(copy.inspect('a')?.freshUntil, 1_018);
    assert.equal(copy.get('a'), 1);
    assert.deepEqual([copy.inspect('a')?.freshUntil, copy.inspect('a')?.deadline], [1_027, 1_030]);
    clock.advance(9);
    const again = new Cache<string, number>({ clock });
    again.restore(JSON.parse(JSON.stringify(copy.dump())));
    assert.equal(again.get('a'), 1);
    assert.deepEqual([again.inspect('a')?.freshUntil, again.inspect('a')?.deadline], [1_030, 1_033]);
    clock.advance(7);
    assert.equal(again.prune(), 1);
  });

  it('do without limits', () => {
    const { cache, clock } = cacheAt({ sliding: true });
    cache.set('a', 1, { ttl: 10 });
    cache.set('b', 2);
    const copy = new Cache<string, number>({ clock });
    copy.restore(JSON.parse(JSON.stringify(cache.dump())));
    clock.advance(9);
    assert.equal(copy.get('a'), 1);
    assert.equal(copy.inspect('a')?.freshUntil, 1_019);
    assert.equal(copy.get('b'), 2);
    assert.equal(copy.inspect('b')?.freshUntil, Number.POSITIVE_INFINITY);
  });

  it('do not make other entries slide', () => {
    const { cache, clock } = cacheAt({ ttl: 10 });
    cache.set('a', 1);
    const written = JSON.stringify({
      version: 1,
      entries: [{ key: 'b', value: 2, weight: 1, tags: [], storedAt: 1_000, freshUntil: 1_010, deadline: 1_010 }],
    });
    const copy = new Cache<string, number>({ clock, ttl: 10, sliding: true });
    copy.restore(JSON.parse(JSON.stringify(cache.dump())));
    copy.restore(JSON.parse(written));
    clock.advance(9);
    assert.deepEqual([copy.get('a'), copy.get('b')], [1, 2]);
    clock.advance(1);
    assert.deepEqual([copy.get('a'), copy.get('b')], [undefined, undefined]);
  });
});
