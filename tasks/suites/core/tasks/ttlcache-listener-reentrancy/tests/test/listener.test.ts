import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Cache, ManualClock, type CacheOptions, type EvictionReason } from '../src/index.ts';

type Listener = (event: string, cache: Cache<string, number>, reason: EvictionReason) => void;

/** A cache whose events are recorded, each as `key value reason`, before `listener` gets them. */
function listened(listener: Listener, options: Omit<CacheOptions<string, number>, 'onEvict'> = {}) {
  const events: string[] = [];
  const cache: Cache<string, number> = new Cache<string, number>({
    ...options,
    onEvict: (key, value, reason) => {
      const event = `${key} ${value} ${reason}`;
      events.push(event);
      listener(event, cache, reason);
    },
  });
  return { cache, events };
}

/** What the cache says about itself must agree. */
function assertSound(cache: Cache<string, number>): void {
  const keys = [...cache.keys()];
  assert.equal(cache.size, keys.length);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(cache.weight, keys.reduce((sum, key) => sum + (cache.inspect(key)?.weight ?? Number.NaN), 0));
}

describe('a listener sees the finished operation', () => {
  it('after a replacement', () => {
    const seen: unknown[] = [];
    const { cache } = listened((_event, own) => seen.push(own.get('a'), own.size, own.weight));
    cache.set('a', 1, { weight: 4 });
    cache.set('a', 2, { weight: 3 });
    assert.deepEqual(seen, [2, 1, 3]);
  });

  it('after eviction for capacity', () => {
    const seen: unknown[] = [];
    const { cache, events } = listened((_event, own) => seen.push([...own.keys()].join(''), own.weight), { maxWeight: 4 });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.set('c', 3, { weight: 2 });
    cache.set('d', 4, { weight: 4 });
    assert.deepEqual(events, ['a 1 capacity', 'b 2 capacity', 'c 3 capacity']);
    assert.deepEqual(seen, ['d', 4, 'd', 4, 'd', 4]);
  });

  it('after clear, invalidateTags, prune and restore', () => {
    const clock = new ManualClock();
    const seen = new Set<string>();
    const { cache } = listened((_event, own, reason) => seen.add(`${reason}: ${[...own.keys()].toSorted().join()}`), { clock });
    const fill = () => {
      for (const key of ['a', 'b']) cache.set(key, 1, { tags: ['x'], ttl: 10 });
      cache.set('c', 1);
    };
    fill();
    cache.clear();
    fill();
    cache.invalidateTags('x');
    cache.delete('c');
    fill();
    clock.advance(10);
    assert.equal(cache.prune(), 2);
    cache.set('d', 1);
    cache.restore(cache.dump());
    assert.deepEqual([...seen], ['cleared: ', 'invalidated: c', 'deleted: ', 'expired: c', 'replaced: c,d']);
  });
});

describe('a listener may use the cache', () => {
  it('and store the replaced key', () => {
    const { cache, events } = listened((event, own) => {
      if (event === 'a 1 replaced') assert.equal(own.set('a', 3), true);
    });
    cache.set('a', 1);
    cache.set('a', 2);
    assert.equal(cache.get('a'), 3);
    assert.deepEqual(events, ['a 1 replaced', 'a 2 replaced']);
    assertSound(cache);
  });

  it('and store a key that clear removes', () => {
    const { cache, events } = listened((event, own) => {
      if (event === 'b 2 cleared') own.set('a', 9);
    });
    cache.set('a', 1);
    cache.set('b', 2);
    cache.clear();
    assert.deepEqual([...cache], [['a', 9]]);
    assert.deepEqual(events.toSorted(), ['a 1 cleared', 'b 2 cleared']);
    assertSound(cache);
  });

  it('and store a key that an invalidated tag removes', () => {
    const { cache, events } = listened((event, own) => {
      if (event.endsWith('invalidated')) for (const key of ['a', 'b', 'c']) own.set(key, 9);
    });
    for (const key of ['a', 'b', 'c']) cache.set(key, 1, { tags: ['x'] });
    assert.equal(cache.invalidateTags('x'), 3);
    assert.deepEqual([...cache.keys()].toSorted(), ['a', 'b', 'c']);
    assert.deepEqual([...cache.values()], [9, 9, 9]);
    assert.deepEqual(events.filter((event) => event.endsWith('invalidated')).toSorted(), [
      'a 1 invalidated',
      'b 1 invalidated',
      'c 1 invalidated',
    ]);
    assertSound(cache);
  });

  it('and store an expired key during a lookup', () => {
    const clock = new ManualClock();
    const { cache, events } = listened(
      (event, own) => {
        if (event === 'a 1 expired') own.set('a', 2);
      },
      { clock, ttl: 10 },
    );
    cache.set('a', 1);
    clock.advance(10);
    assert.equal(cache.get('a'), undefined);
    assert.equal(cache.get('a'), 2);
    assert.equal(cache.stats.misses, 1);
    assert.deepEqual(events, ['a 1 expired']);
    assertSound(cache);
  });

  it('within the limits', () => {
    const { cache, events } = listened(
      (event, own) => {
        const [key = '', value] = event.split(' ');
        if (key.length === 1) own.set(`was-${key}`, Number(value));
        assert.ok(own.size <= 2);
      },
      { maxEntries: 2 },
    );
    for (const [index, key] of ['a', 'b', 'c'].entries()) cache.set(key, index);
    assert.equal(cache.size, 2);
    assert.equal(events.length, new Set(events).size);
    assertSound(cache);
  });

  it('and what it removes is told last, before the operation returns', () => {
    const { cache, events } = listened(
      (event, own) => {
        if (event !== 'a 1 capacity') return;
        assert.equal(own.delete('keep'), true);
        assert.equal(own.delete('keep'), false);
        assert.deepEqual(events, ['a 1 capacity']);
      },
      { maxWeight: 10 },
    );
    cache.set('a', 1, { weight: 3 });
    cache.set('b', 2, { weight: 3 });
    cache.set('keep', 3, { weight: 3 });
    cache.set('big', 4, { weight: 7 });
    assert.deepEqual(events, ['a 1 capacity', 'b 2 capacity', 'keep 3 deleted']);
    assert.deepEqual([...cache.keys()], ['big']);
    assertSound(cache);
  });
});

describe('a listener that throws', () => {
  const throwing: Listener = (event) => {
    throw new Error(event);
  };

  it('does not stop clear', () => {
    const { cache, events } = listened(throwing);
    for (const key of ['a', 'b', 'c']) cache.set(key, 1);
    assert.throws(() => cache.clear(), { message: /cleared$/ });
    assert.equal(events.length, 3);
    assert.equal(cache.size, 0);
    assert.equal(cache.weight, 0);
  });

  it('does not stop set from making room', () => {
    const { cache, events } = listened(throwing, { maxWeight: 3 });
    for (const key of ['a', 'b', 'c']) cache.set(key, 1);
    assert.throws(() => cache.set('d', 2, { weight: 3 }), { message: 'a 1 capacity' });
    assert.deepEqual(events, ['a 1 capacity', 'b 1 capacity', 'c 1 capacity']);
    assert.deepEqual([...cache], [['d', 2]]);
    assertSound(cache);
  });

  it('does not stop a replacement, a deletion, tags, prune or restore', () => {
    const clock = new ManualClock();
    const { cache, events } = listened(throwing, { clock });
    cache.set('a', 1);
    const snapshot = cache.dump();
    assert.throws(() => cache.set('a', 2), { message: 'a 1 replaced' });
    assert.equal(cache.get('a'), 2);
    assert.throws(() => cache.restore(snapshot), { message: 'a 2 replaced' });
    assert.equal(cache.get('a'), 1);
    assert.throws(() => cache.delete('a'), { message: 'a 1 deleted' });
    for (const key of ['a', 'b']) cache.set(key, 1, { tags: ['x'] });
    assert.throws(() => cache.invalidateTags('x'), { message: /invalidated$/ });
    for (const key of ['a', 'b']) cache.set(key, 1, { ttl: 5 });
    clock.advance(5);
    assert.throws(() => cache.prune(), { message: /expired$/ });
    assert.equal(cache.size, 0);
    assert.equal(events.length, 7);
  });

  it('fails the operation of the program, not that of a listener', () => {
    const nested: unknown[] = [];
    const { cache, events } = listened((event, own) => {
      if (event === 'a 1 deleted') nested.push(own.delete('b'), own.has('b'));
      else throw new Error(event);
    });
    cache.set('a', 1);
    cache.set('b', 2);
    assert.throws(() => cache.delete('a'), { message: 'b 2 deleted' });
    assert.deepEqual(nested, [true, false]);
    assert.deepEqual(events, ['a 1 deleted', 'b 2 deleted']);
  });

  it('is called again by later operations', () => {
    const { cache, events } = listened(throwing);
    cache.set('a', 1);
    assert.throws(() => cache.delete('a'));
    cache.set('b', 2);
    assert.throws(() => cache.delete('b'), { message: 'b 2 deleted' });
    assert.equal(events.length, 2);
  });
});
