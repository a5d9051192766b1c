import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cache, ManualClock, type CacheOptions } from '../src/index.ts';

/** A loader whose calls the test settles one by one. */
function controlledLoader() {
  const calls: PromiseWithResolvers<string>[] = [];
  const load = (): Promise<string> => {
    const call = Promise.withResolvers<string>();
    calls.push(call);
    return call.promise;
  };
  const call = (index: number): PromiseWithResolvers<string> => {
    const found = calls[index];
    assert.ok(found, `load ${index} has been started`);
    return found;
  };
  return { load, call, started: () => calls.length };
}

/** Lets everything run that waits for settled promises only. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** A cache with a stale entry `a` that carries the tag `old`. */
function staleCache(options: CacheOptions<string, string> = {}) {
  const clock = new ManualClock();
  const cache = new Cache<string, string>({ clock, ...options });
  cache.set('a', 'stale', { ttl: 10, staleTtl: 100, tags: ['old'] });
  clock.advance(10);
  return { cache, clock };
}

const supersede: Record<string, (cache: Cache<string, string>) => void> = {
  delete: (cache) => cache.delete('a'),
  clear: (cache) => cache.clear(),
  invalidateTags: (cache) => cache.invalidateTags('other', 'x'),
};

describe('a load of a missing key', () => {
  for (const [name, act] of Object.entries(supersede)) {
    it(`is not stored after ${name}, but reaches those who wait`, async () => {
      const cache = new Cache<string, string>();
      const { load, call } = controlledLoader();
      const waiting = [cache.fetch('a', load, { tags: ['x'] }), cache.fetch('a', load, { tags: ['x'] })];
      act(cache);
      call(0).resolve('old');
      assert.deepEqual(await Promise.all(waiting), ['old', 'old']);
      await settle();
      assert.equal(cache.has('a'), false);
      assert.equal(cache.size, 0);
    });

    it(`is not shared after ${name}`, async () => {
      const cache = new Cache<string, string>();
      const { load, call, started } = controlledLoader();
      const first = cache.fetch('a', load, { tags: ['x'] });
      act(cache);
      const second = cache.fetch('a', load, { tags: ['x'] });
      assert.equal(started(), 2);
      call(1).resolve('new');
      assert.equal(await second, 'new');
      call(0).resolve('old');
      assert.equal(await first, 'old');
      await settle();
      assert.equal(cache.get('a'), 'new');
      assert.equal(cache.invalidateTags('x'), 1);
    });
  }

  it('leaves the newer load alone when it settles first', async () => {
    const cache = new Cache<string, string>();
    const { load, call, started } = controlledLoader();
    const first = cache.fetch('a', load);
    cache.delete('a');
    const second = cache.fetch('a', load);
    call(0).resolve('old');
    assert.equal(await first, 'old');
    await settle();
    const third = cache.fetch('a', load);
    assert.equal(started(), 2);
    call(1).resolve('new');
    assert.deepEqual(await Promise.all([second, third]), ['new', 'new']);
    assert.equal(cache.get('a'), 'new');
  });

  it('leaves the newer load alone when it fails first', async () => {
    const cache = new Cache<string, string>();
    const { load, call, started } = controlledLoader();
    const first = cache.fetch('a', load);
    cache.clear();
    const second = cache.fetch('a', load);
    call(0).reject(new Error('down'));
    await assert.rejects(first, /down/);
    await settle();
    const third = cache.fetch('a', load);
    assert.equal(started(), 2);
    call(1).resolve('new');
    assert.deepEqual(await Promise.all([second, third]), ['new', 'new']);
  });

  it('can be superseded again and again', async () => {
    const cache = new Cache<string, string>();
    const { load, call } = controlledLoader();
    const fetches: Promise<string>[] = [];
    for (let round = 0; round < 4; round += 1) {
      fetches.push(cache.fetch('a', load));
      if (round < 3) cache.delete('a');
    }
    for (const round of [2, 0, 3, 1]) {
      call(round).resolve(`v${round}`);
      await settle();
    }
    assert.deepEqual(await Promise.all(fetches), ['v0', 'v1', 'v2', 'v3']);
    assert.equal(cache.get('a'), 'v3');
  });

  it('does not overwrite, or evict for, what was set meanwhile', async () => {
    const events: string[] = [];
    const cache = new Cache<string, string>({ maxEntries: 1, onEvict: (key, value, reason) => events.push(`${key} ${value} ${reason}`) });
    const { load, call, started } = controlledLoader();
    const first = cache.fetch('a', load);
    cache.set('a', 'set');
    assert.equal(await cache.fetch('a', load), 'set');
    assert.equal(started(), 1);
    cache.set('b', 'other');
    call(0).resolve('old');
    assert.equal(await first, 'old');
    await settle();
    assert.deepEqual([...cache], [['b', 'other']]);
    assert.deepEqual(events, ['a set capacity']);
  });

  it('does not overwrite what was restored meanwhile', async () => {
    const source = new Cache<string, string>();
    source.set('a', 'restored');
    const cache = new Cache<string, string>();
    const { load, call } = controlledLoader();
    const [first, other] = [cache.fetch('a', load), cache.fetch('b', load)];
    cache.restore(source.dump());
    call(0).resolve('old');
    call(1).resolve('loaded');
    assert.deepEqual(await Promise.all([first, other]), ['old', 'loaded']);
    assert.equal(cache.get('a'), 'restored');
    assert.equal(cache.get('b'), 'loaded');
  });
});

describe('a background refresh', () => {
  it('is superseded by the tags of the stale entry and by its own', async () => {
    for (const tag of ['old', 'new']) {
      const { cache } = staleCache();
      const { load, call, started } = controlledLoader();
      assert.equal(await cache.fetch('a', load, { tags: ['new'] }), 'stale');
      cache.invalidateTags(tag);
      if (tag === 'old') assert.equal(cache.inspect('a'), undefined);
      call(0).resolve('old row');
      await settle();
      assert.equal(cache.get('a'), undefined, tag);
      void cache.fetch('a', load);
      assert.equal(started(), 2, tag);
    }
  });

  it('is superseded by the tags of a stale entry that has been evicted since', async () => {
    const { cache } = staleCache({ maxEntries: 1 });
    const { load, call } = controlledLoader();
    await cache.fetch('a', load);
    cache.set('b', 'other');
    assert.equal(cache.invalidateTags('old'), 0);
    call(0).resolve('old row');
    await settle();
    assert.deepEqual([...cache.keys()], ['b']);
  });

  it('is not stored after a set, and may fail unnoticed', async () => {
    const rejections: unknown[] = [];
    const listener = (reason: unknown) => rejections.push(reason);
    process.on('unhandledRejection', listener);
    try {
      const { cache } = staleCache();
      const { load, call } = controlledLoader();
      await cache.fetch('a', load);
      cache.set('a', 'set');
      call(0).reject(new Error('down'));
      await settle();
      assert.equal(cache.get('a'), 'set');

      const again = staleCache();
      await again.cache.fetch('a', load);
      again.cache.delete('a');
      call(1).reject(new Error('down'));
      await settle();
      assert.equal(again.cache.size, 0);
    } finally {
      process.off('unhandledRejection', listener);
    }
    assert.deepEqual(rejections, []);
  });
});

describe('a load is not superseded', () => {
  it('by anything done to other keys and tags', async () => {
    const cache = new Cache<string, string>();
    cache.set('b', 'b', { tags: ['y'] });
    const { load, call, started } = controlledLoader();
    const first = cache.fetch('a', load, { tags: ['x'] });
    cache.delete('b');
    cache.set('c', 'c', { tags: ['y'] });
    assert.equal(cache.invalidateTags('y'), 1);
    const second = cache.fetch('a', load);
    assert.equal(started(), 1);
    call(0).resolve('loaded');
    assert.deepEqual(await Promise.all([first, second]), ['loaded', 'loaded']);
    assert.equal(cache.get('a'), 'loaded');
  });

  it('by expiry, pruning or eviction of the stale entry', async () => {
    const { cache, clock } = staleCache({ maxEntries: 1 });
    const { load, call, started } = controlledLoader();
    await cache.fetch('a', load);
    cache.set('b', 'other');
    assert.equal(cache.inspect('a'), undefined);
    const second = cache.fetch('a', load);
    clock.advance(1_000);
    cache.prune();
    assert.equal(started(), 1);
    call(0).resolve('loaded');
    assert.equal(await second, 'loaded');
    assert.equal(cache.get('a'), 'loaded');
  });

  it('by invalidating what it stored once it is done', async () => {
    const cache = new Cache<string, string>();
    const { load, call, started } = controlledLoader();
    const first = cache.fetch('a', load, { tags: new Set(['x']).values() });
    call(0).resolve('one');
    await first;
    assert.equal(cache.invalidateTags('x'), 1);
    const second = cache.fetch('a', load);
    assert.equal(started(), 2);
    call(1).resolve('two');
    assert.equal(await second, 'two');
    assert.equal(cache.get('a'), 'two');
  });
});

describe('what the loader itself does', () => {
  it('supersedes its own load, also before the first await', async () => {
    const cache = new Cache<string, string>();
    const deleting = () => {
      cache.delete('a');
      return 'loaded';
    };
    assert.equal(await cache.fetch('a', deleting), 'loaded');
    assert.equal(cache.size, 0);
    const setting = async () => {
      cache.set('a', 'set');
      return 'loaded';
    };
    assert.equal(await cache.fetch('a', setting), 'loaded');
    assert.equal(cache.get('a'), 'set');
    const later = async () => {
      await Promise.resolve();
      cache.invalidateTags('x');
      return 'loaded';
    };
    assert.equal(await cache.fetch('b', later, { tags: ['x'] }), 'loaded');
    assert.equal(cache.has('b'), false);
  });

  it('keeps the cache sound when it removes the stale entry', async () => {
    const { cache } = staleCache({ maxEntries: 1 });
    await cache.fetch('a', () => {
      cache.delete('a');
      return 'loaded';
    });
    await settle();
    assert.equal(cache.size, 0);
    assert.equal(cache.weight, 0);
    cache.set('b', '1');
    cache.set('c', '2');
    assert.deepEqual([...cache.keys()], ['c']);
    assert.equal(cache.size, 1);
    assert.equal(cache.weight, 1);
  });
});
