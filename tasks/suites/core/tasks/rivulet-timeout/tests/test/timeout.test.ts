import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { retry, systemClock, timeout, TimeoutError, toArray, type TimeoutOptions } from '../src/index.ts';
import { FakeClock, settled, Tap } from './support.ts';

const expired = (ms: number) => (error: unknown) =>
  error instanceof TimeoutError && error instanceof Error && error.name === 'TimeoutError' && error.ms === ms;

/** The reasons of the rejections that nobody handled while `body` ran. */
async function unhandled(body: () => Promise<void>): Promise<unknown[]> {
  const reasons: unknown[] = [];
  const note = (reason: unknown): void => void reasons.push(reason);
  process.on('unhandledRejection', note);
  try {
    await body();
    await settled();
  } finally {
    process.off('unhandledRejection', note);
  }
  return reasons;
}

describe('timeout', () => {
  it('passes on what comes in time and leaves no timer', async () => {
    const clock = new FakeClock();
    const tap = new Tap<number>();
    const items = timeout(tap, 100, { clock });
    const reasons = await unhandled(async () => {
      for (const n of [1, 2, 3]) {
        const next = items.next();
        await settled();
        assert.equal(clock.sleeping, 1);
        await clock.advance(99);
        tap.push(n);
        assert.deepEqual(await next, { done: false, value: n });
        await settled();
        assert.equal(clock.sleeping, 0);
      }
      const end = items.next();
      tap.end();
      assert.equal((await end).done, true);
    });
    assert.deepEqual([reasons, clock.sleeping, tap.closes], [[], 0, 0]);
  });

  it('fails when the source falls silent', { timeout: 2000 }, async () => {
    const clock = new FakeClock();
    const tap = new Tap<number>().push(1);
    const items = timeout(tap, 100, { clock });
    assert.equal((await items.next()).value, 1);
    const second = items.next();
    second.catch(() => {});
    await settled();
    await clock.advance(99);
    assert.equal(tap.closes, 0);
    await clock.advance(1);
    await assert.rejects(second, expired(100));
    assert.deepEqual([tap.closes, tap.pulls, clock.sleeping], [1, 2, 0]);
    assert.deepEqual(await items.next(), { done: true, value: undefined });
  });

  it('does not count the time of the reader', async () => {
    const clock = new FakeClock();
    const tap = new Tap<number>().push(1, 2);
    const items = timeout(tap, 100, { clock });
    assert.deepEqual([tap.pulls, clock.sleeping], [0, 0]);
    await items.next();
    await settled();
    assert.equal(clock.sleeping, 0);
    await clock.advance(1000);
    assert.equal((await items.next()).value, 2);
    const third = items.next();
    await settled();
    await clock.advance(60);
    tap.push(3);
    assert.equal((await third).value, 3);
    await items.return();
    assert.deepEqual([tap.closes, clock.sleeping], [1, 0]);
  });

  it('has a limit of its own for the first item', { timeout: 2000 }, async () => {
    const clock = new FakeClock();
    const tap = new Tap<number>();
    const items = timeout(tap, 10, { firstMs: 1000, clock });
    const first = items.next();
    await settled();
    await clock.advance(999);
    tap.push(1);
    assert.equal((await first).value, 1);
    const second = items.next();
    second.catch(() => {});
    await settled();
    await clock.advance(10);
    await assert.rejects(second, expired(10));

    const silent = timeout(new Tap<number>(), 1000, { firstMs: 10, clock }).next();
    silent.catch(() => {});
    await settled();
    await clock.advance(10);
    await assert.rejects(silent, expired(10));
  });

  it('does not wait for a generator that hangs', { timeout: 2000 }, async () => {
    const clock = new FakeClock();
    const never = Promise.withResolvers<void>();
    const source = async function* (): AsyncGenerator<number, void> {
      await never.promise;
      yield 1;
    };
    const next = timeout(source(), 5, { clock }).next();
    next.catch(() => {});
    await settled();
    await clock.advance(5);
    await assert.rejects(next, expired(5));
  });

  it('drops what comes too late', { timeout: 2000 }, async () => {
    const clock = new FakeClock();
    const reasons = await unhandled(async () => {
      for (const late of [(tap: Tap<number>) => tap.fail(new Error('late')), (tap: Tap<number>) => tap.push(1)]) {
        const tap = new Tap<number>();
        const items = timeout(tap, 5, { clock });
        const next = items.next();
        next.catch(() => {});
        await settled();
        await clock.advance(5);
        late(tap);
        await assert.rejects(next, expired(5));
        assert.equal((await items.next()).done, true);
        assert.equal(tap.closes, 1);
      }
    });
    assert.deepEqual(reasons, []);
  });

  it('passes a failure of the source on', async () => {
    const clock = new FakeClock();
    const tap = new Tap<number>().push(1).fail(new Error('own'));
    const reasons = await unhandled(async () => {
      const items = timeout(tap, 5, { clock });
      await items.next();
      await assert.rejects(items.next(), /own/);
      assert.equal((await items.next()).done, true);
    });
    assert.deepEqual([reasons, clock.sleeping, tap.closes], [[], 0, 0]);
  });

  it('refuses bad limits at once', () => {
    for (const ms of [0, -1, Number.NaN]) {
      assert.throws(() => timeout([], ms), RangeError);
      const options: TimeoutOptions = { firstMs: ms };
      assert.throws(() => timeout([], 1, options), RangeError);
    }
  });

  it('takes Infinity for no limit', async () => {
    const clock = new FakeClock();
    const tap = new Tap<number>();
    const items = timeout(tap, Infinity, { clock, firstMs: 50 });
    const first = items.next();
    tap.push(1);
    await first;
    const second = items.next();
    await settled();
    await clock.advance(1e12);
    tap.push(2);
    assert.equal((await second).value, 2);

    const real = timeout(new Tap<number>().push(1, 2).end(), Infinity);
    assert.deepEqual(await toArray(real), [1, 2]);
    const slow = (async function* () {
      await systemClock.sleep(10);
      yield 'slow';
    })();
    assert.deepEqual(await toArray(timeout(slow, Infinity)), ['slow']);
  });

  it('uses the real clock unless told otherwise', { timeout: 2000 }, async () => {
    assert.deepEqual(await toArray(timeout(['a', 'b'], 60_000)), ['a', 'b']);
    await assert.rejects(toArray(timeout(new Tap<number>(), 5)), expired(5));
  });
});

describe('retry with timeoutMs', () => {
  it('starts anew when a source falls silent', { timeout: 2000 }, async () => {
    const clock = new FakeClock();
    const taps = [new Tap<number>().push(1), new Tap<number>(), new Tap<number>().push(2).end()];
    const starts: number[] = [];
    const seen: unknown[] = [];
    const source = retry(
      (delivered) => {
        starts.push(delivered);
        return taps[starts.length - 1] ?? [];
      },
      {
        timeoutMs: 100,
        clock,
        isTransient: (error) => {
          seen.push(error instanceof TimeoutError);
          return true;
        },
        delayMs: (failure, error) => (error instanceof TimeoutError ? failure * 10 : 0),
      },
    );
    const all = toArray(source);
    await settled();
    await clock.advance(100);
    await clock.advance(10);
    assert.deepEqual(starts, [0, 1]);
    await clock.advance(100);
    await clock.advance(19);
    assert.deepEqual(starts, [0, 1]);
    await clock.advance(1);
    assert.deepEqual(await all, [1, 2]);
    assert.deepEqual([starts, seen, taps.map((tap) => tap.closes), clock.sleeping], [[0, 1, 1], [true, true], [1, 1, 0], 0]);
  });

  it('gives up after timeouts in a row', { timeout: 2000 }, async () => {
    const clock = new FakeClock();
    const all = toArray(retry(() => new Tap<number>(), { retries: 1, timeoutMs: 7, clock }));
    all.catch(() => {});
    await settled();
    await clock.advance(7);
    await clock.advance(7);
    await assert.rejects(all, expired(7));
  });

  it('has no limit unless given, and none for the start', { timeout: 2000 }, async () => {
    const clock = new FakeClock();
    const tap = new Tap<number>();
    const open = toArray(retry(() => tap, { clock }));
    await settled();
    assert.equal(clock.sleeping, 0);
    await clock.advance(1e9);
    tap.push(1).end();
    assert.deepEqual(await open, [1]);

    const start = Promise.withResolvers<number[]>();
    const late = toArray(retry(() => start.promise, { clock, timeoutMs: 10 }));
    await settled();
    await clock.advance(50);
    start.resolve([2]);
    assert.deepEqual(await late, [2]);
  });
});
