import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { abortable, retry, systemClock, throttle, toArray } from '../src/index.ts';
import { FakeClock, settled, Tap } from './support.ts';

describe('throttle', () => {
  it('keeps the distance between items and drops none', async () => {
    const clock = new FakeClock();
    const seen: [string, number][] = [];
    const reading = (async () => {
      for await (const item of throttle(['a', 'b', 'c'], 100, { clock })) seen.push([item, clock.now()]);
    })();
    await settled();
    await clock.advance(60);
    await clock.advance(40);
    await clock.advance(250);
    await reading;
    assert.deepEqual(seen, [
      ['a', 0],
      ['b', 100],
      ['c', 350],
    ]);
  });

  it('stops waiting when the signal is aborted', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const tap = new Tap<number>().push(1, 2);
    const items = throttle(tap, 100, { clock, signal: abort.signal });
    await items.next();
    const second = items.next();
    await settled();
    abort.abort(new Error('enough'));
    await assert.rejects(second, /enough/);
    assert.deepEqual([tap.closes, clock.sleeping], [1, 0]);
  });
});

describe('systemClock', () => {
  it('rejects with the reason of the signal', async () => {
    await assert.rejects(systemClock.sleep(60_000, AbortSignal.abort(new Error('why'))), /why/);
    await systemClock.sleep(1);
  });
});

describe('retry', () => {
  it('goes on after failures', async () => {
    const starts: number[] = [];
    const source = retry((delivered) => {
      starts.push(delivered);
      const tap = new Tap<number>();
      return delivered < 2 ? tap.push(delivered).fail(new Error('again')) : tap.push(2).end();
    });
    assert.deepEqual(await toArray(source), [0, 1, 2]);
    assert.deepEqual(starts, [0, 1, 2]);
  });

  it('gives up after failures in a row', async () => {
    let starts = 0;
    const source = retry(
      () => {
        starts += 1;
        throw new Error(`failure ${starts}`);
      },
      { retries: 2 },
    );
    await assert.rejects(toArray(source), /failure 3/);
  });

  it('waits between starts and passes final errors on', async () => {
    const clock = new FakeClock();
    const errors = [new Error('one'), new Error('two'), new TypeError('final')];
    const source = retry(() => new Tap<number>().fail(errors.shift() ?? new Error('none')), {
      clock,
      delayMs: (count) => count * 10,
      isTransient: (error) => !(error instanceof TypeError),
    });
    const reading = toArray(source).catch((error: unknown) => error);
    await settled();
    await clock.advance(10);
    assert.equal(errors.length, 1);
    await clock.advance(19);
    assert.equal(errors.length, 1);
    await clock.advance(1);
    assert.match(String(await reading), /final/);
  });
});

describe('abortable', () => {
  it('reads on until it is aborted', async () => {
    const abort = new AbortController();
    const tap = new Tap<number>().push(1);
    const items = abortable(tap, abort.signal);
    assert.deepEqual(await items.next(), { done: false, value: 1 });
    const pending = items.next();
    abort.abort(new Error('stop'));
    await assert.rejects(pending, /stop/);
    assert.equal(tap.closes, 1);
    assert.deepEqual(await items.next(), { done: true, value: undefined });
  });

  it('does not read at all after the signal', async () => {
    const tap = new Tap<number>();
    await assert.rejects(toArray(abortable(tap, AbortSignal.abort(new Error('early')))), /early/);
    assert.deepEqual([tap.pulls, tap.closes], [0, 1]);
  });

  it('ends with its source', async () => {
    const { signal } = new AbortController();
    assert.deepEqual(await toArray(abortable([1, 2], signal)), [1, 2]);
    const failing = new Tap<number>().fail(new Error('own'));
    await assert.rejects(toArray(abortable(failing, signal)), /own/);
    assert.equal(failing.closes, 0);
  });
});
