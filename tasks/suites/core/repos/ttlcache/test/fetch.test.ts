import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cache, ManualClock } from '../src/index.ts';

describe('fetch', () => {
  it('loads what is missing and stores it', async () => {
    const cache = new Cache<string, number>();
    assert.equal(await cache.fetch('a', (key) => key.length, { tags: ['x'] }), 1);
    assert.equal(await cache.fetch('a', () => 2), 1);
    assert.equal(cache.get('a'), 1);
    assert.equal(cache.invalidateTags('x'), 1);
  });

  it('shares a load that is under way', async () => {
    const cache = new Cache<string, number>();
    const { promise, resolve } = Promise.withResolvers<number>();
    let loads = 0;
    const load = () => {
      loads += 1;
      return promise;
    };
    const calls = [cache.fetch('a', load), cache.fetch('a', load), cache.fetch('a', load)];
    resolve(7);
    assert.deepEqual(await Promise.all(calls), [7, 7, 7]);
    assert.equal(loads, 1);
    assert.equal(cache.stats.coalesced, 2);
  });

  it('does not share between keys', async () => {
    const cache = new Cache<string, string>();
    assert.deepEqual(await Promise.all([cache.fetch('a', (key) => key), cache.fetch('b', (key) => key)]), ['a', 'b']);
  });

  it('serves a stale value and refreshes it once', async () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock, ttl: 10, staleTtl: 10 });
    cache.set('a', 1);
    clock.advance(10);
    const { promise, resolve } = Promise.withResolvers<number>();
    const seen: (number | undefined)[] = [];
    const load = (_key: string, stale: number | undefined) => {
      seen.push(stale);
      return promise;
    };
    assert.deepEqual(await Promise.all([cache.fetch('a', load), cache.fetch('a', load)]), [1, 1]);
    assert.deepEqual(seen, [1]);
    const next = promise.then(() => cache.fetch('a', load));
    resolve(2);
    await next;
    assert.equal(cache.get('a'), 2);
    assert.equal(cache.stats.staleHits, 2);
  });

  it('waits when the stale window is over', async () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock, ttl: 10, staleTtl: 10 });
    cache.set('a', 1);
    clock.advance(20);
    assert.equal(await cache.fetch('a', () => 2), 2);
  });

  it('rejects everyone who waits for a failing load, and tries again later', async () => {
    const cache = new Cache<string, number>();
    const failing = () => Promise.reject(new Error('down'));
    const results = await Promise.allSettled([cache.fetch('a', failing), cache.fetch('a', failing)]);
    assert.deepEqual(results.map((result) => result.status), ['rejected', 'rejected']);
    assert.equal(cache.has('a'), false);
    assert.equal(await cache.fetch('a', () => 1), 1);
    assert.equal(cache.stats.loadFailures, 1);
  });

  it('rejects when the loader throws at once', async () => {
    const cache = new Cache<string, number>();
    const load = () => {
      throw new Error('down');
    };
    await assert.rejects(cache.fetch('a', load), /down/);
  });

  it('keeps a stale value when the refresh fails', async () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock, ttl: 10, staleTtl: 10 });
    cache.set('a', 1);
    clock.advance(10);
    assert.equal(await cache.fetch('a', () => Promise.reject(new Error('down'))), 1);
    await Promise.resolve();
    assert.equal(await cache.fetch('a', () => Promise.reject(new Error('down'))), 1);
    assert.equal(cache.inspect('a')?.state, 'stale');
  });

  it('stores with the options of the call', async () => {
    const clock = new ManualClock();
    const cache = new Cache<string, number>({ clock, ttl: 10 });
    await cache.fetch('a', () => 1, { ttl: 50, weight: 4 });
    clock.advance(40);
    assert.equal(cache.get('a'), 1);
    assert.equal(cache.weight, 4);
  });
});
