import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { map, toArray } from '../src/index.ts';
import { settled, Tap } from './support.ts';

/** Runs `body` and returns the reasons of the rejections that nobody handled. */
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

/** Calls that are settled by hand, by the item that they are for. */
class Calls {
  readonly started: number[] = [];
  private readonly gates = new Map<number, PromiseWithResolvers<string>>();

  readonly start = (item: number): Promise<string> => {
    this.started.push(item);
    return this.gate(item).promise;
  };

  gate(item: number): PromiseWithResolvers<string> {
    let gate = this.gates.get(item);
    if (gate === undefined) this.gates.set(item, (gate = Promise.withResolvers()));
    return gate;
  }
}

/** Whether a promise has settled, without waiting for it. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let is = false;
  const note = (): void => {
    is = true;
  };
  promise.then(note, note);
  await settled();
  return is;
}

describe('map with concurrency: delivery', () => {
  it('delivers a result while the source is silent', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1);
    const results = map(tap, async (n) => n * 10, { concurrency: 4 });
    const first = results.next();
    assert.ok(await isSettled(first));
    assert.deepEqual(await first, { done: false, value: 10 });
    const second = results.next();
    assert.equal(await isSettled(second), false);
    tap.push(2);
    assert.deepEqual(await second, { done: false, value: 20 });
    const third = results.next();
    tap.end();
    assert.equal((await third).done, true);
    assert.equal(tap.closes, 0);
  });

  it('starts calls for items that arrive while an earlier call is under way', { timeout: 2000 }, async () => {
    const [tap, calls] = [new Tap<number>().push(1), new Calls()];
    const results = map(tap, calls.start, { concurrency: 3 });
    const first = results.next();
    await settled();
    tap.push(2);
    await settled();
    assert.deepEqual(calls.started, [1, 2]);
    calls.gate(2).resolve('two');
    assert.equal(await isSettled(first), false);
    calls.gate(1).resolve('one');
    assert.equal((await first).value, 'one');
    assert.equal((await results.next()).value, 'two');
    await results.return();
  });

  it('keeps order and indices, and falsy results', { timeout: 2000 }, async () => {
    const results = map([5, 6, 7, 8, 9], async (n, index) => (index % 2 === 0 ? undefined : n * index), { concurrency: 3 });
    assert.deepEqual(await toArray(results), [undefined, 6, undefined, 24, undefined]);
    assert.deepEqual(await toArray(map([], String, { concurrency: 2 })), []);
  });

  it('has no more items on their way than allowed', { timeout: 2000 }, async () => {
    const calls = new Calls();
    const tap = new Tap<number>().push(0, 1, 2, 3, 4, 5);
    const results = map(tap, calls.start, { concurrency: 3 });
    await settled();
    assert.equal(tap.pulls, 0);
    let delivered = 0;
    for (const item of [2, 1, 0]) calls.gate(item).resolve(`${item}`);
    for (; delivered < 3; delivered += 1) {
      assert.equal((await results.next()).value, `${delivered}`);
      await settled();
      assert.ok(tap.pulls <= delivered + 1 + 3, `${tap.pulls} pulls after ${delivered + 1} results`);
    }
    const pending = results.next();
    await settled();
    assert.equal(tap.pulls, 6);
    assert.deepEqual(calls.started, [0, 1, 2, 3, 4, 5]);
    calls.gate(3).resolve('3');
    assert.equal((await pending).value, '3');
    await results.return();
  });
});

describe('map with concurrency: stopping', () => {
  it('closes the source once, without waiting for a pending pull', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1, 2);
    const seen: number[] = [];
    for await (const item of map(tap, async (n) => n, { concurrency: 3 })) {
      seen.push(item);
      if (item === 2) break;
    }
    assert.deepEqual([seen, tap.closes], [[1, 2], 1]);
  });

  it('does not hang on a generator that waits', { timeout: 2000 }, async () => {
    const never = Promise.withResolvers<void>();
    async function* source(): AsyncGenerator<number, void> {
      yield 1;
      await never.promise;
    }
    const results = map(source(), async (n) => n, { concurrency: 2 });
    await results.next();
    await settled();
    assert.ok(await isSettled(results.return()));
  });

  it('waits for the source to answer when no pull is pending', { timeout: 2000 }, async () => {
    const log: string[] = [];
    async function* source(): AsyncGenerator<number, void> {
      try {
        for (let n = 1; ; n += 1) yield n;
      } finally {
        await settled();
        log.push('closed');
      }
    }
    for await (const _ of map(source(), async (n) => n, { concurrency: 2 })) {
      await settled();
      break;
    }
    log.push('ended');
    assert.deepEqual(log, ['closed', 'ended']);
  });

  it('starts no call for an item that comes too late', { timeout: 2000 }, async () => {
    const [tap, calls] = [new Tap<number>().push(1), new Calls()];
    const results = map(tap, calls.start, { concurrency: 2 });
    calls.gate(1).resolve('one');
    await results.next();
    await settled();
    await results.return();
    tap.push(2, 3);
    await settled();
    assert.deepEqual(calls.started, [1]);
    assert.ok(tap.pulls <= 2);
    assert.equal(tap.closes, 1);
  });

  it('drops failures of calls and pulls after the end', { timeout: 2000 }, async () => {
    const reasons = await unhandled(async () => {
      const [tap, calls] = [new Tap<number>().push(1, 2), new Calls()];
      const results = map(tap, calls.start, { concurrency: 3 });
      calls.gate(1).resolve('one');
      await results.next();
      await settled();
      assert.ok(await isSettled(results.return()));
      calls.gate(2).reject(new Error('late call'));
      tap.fail(new Error('late pull'));
      await settled();
    });
    assert.deepEqual(reasons, []);
  });

  it('passes on what goes wrong while closing', { timeout: 2000 }, async () => {
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false, value: 1 }),
        return: () => Promise.reject(new Error('not closed')),
      }),
    };
    const results = map(source, async (n) => n, { concurrency: 2 });
    await results.next();
    await settled();
    await assert.rejects(results.return(), /not closed/);
    const failing = map(source, () => Promise.reject(new Error('call failed')), { concurrency: 2 });
    await assert.rejects(failing.next(), /call failed/);
  });
});

describe('map with concurrency: failures', () => {
  it('delivers earlier results before the error of a call, and none after it', { timeout: 2000 }, async () => {
    const [tap, calls] = [new Tap<number>().push(1, 2, 3), new Calls()];
    const reasons = await unhandled(async () => {
      const results = map(tap, calls.start, { concurrency: 3 });
      const first = results.next();
      await settled();
      calls.gate(3).resolve('three');
      calls.gate(2).reject(new Error('two failed'));
      await settled();
      calls.gate(1).resolve('one');
      assert.equal((await first).value, 'one');
      await assert.rejects(results.next(), /two failed/);
      assert.deepEqual(await results.next(), { done: true, value: undefined });
    });
    assert.deepEqual([reasons, tap.closes], [[], 1]);
  });

  it('neither pulls nor calls after a failure', { timeout: 2000 }, async () => {
    const [tap, calls] = [new Tap<number>().push(1, 2, 3, 4), new Calls()];
    const results = map(tap, calls.start, { concurrency: 2 });
    const first = results.next();
    await settled();
    calls.gate(2).reject(new Error('two failed'));
    await settled();
    calls.gate(1).resolve('one');
    assert.equal((await first).value, 'one');
    await settled();
    await assert.rejects(results.next(), /two failed/);
    assert.deepEqual([tap.pulls, calls.started, tap.closes], [2, [1, 2], 1]);
  });

  it('starts no call for an item whose pull was pending at the failure', { timeout: 2000 }, async () => {
    const [tap, calls] = [new Tap<number>().push(1, 2), new Calls()];
    const results = map(tap, calls.start, { concurrency: 3 });
    const first = results.next();
    await settled();
    calls.gate(2).reject(new Error('two failed'));
    await settled();
    tap.push(3);
    await settled();
    calls.gate(1).resolve('one');
    assert.equal((await first).value, 'one');
    await assert.rejects(results.next(), /two failed/);
    assert.deepEqual([calls.started, tap.closes], [[1, 2], 1]);
  });

  it('treats a synchronous throw like a rejection', { timeout: 2000 }, async () => {
    const tap = new Tap<number>().push(1, 2, 3, 4);
    const gate = Promise.withResolvers<string>();
    const results = map(
      tap,
      (n) => {
        if (n === 2) throw new Error('thrown');
        return gate.promise;
      },
      { concurrency: 3 },
    );
    const first = results.next();
    await settled();
    gate.resolve('one');
    assert.equal((await first).value, 'one');
    await assert.rejects(results.next(), /thrown/);
    assert.deepEqual([tap.pulls, tap.closes], [2, 1]);
  });

  it('delivers the results before an error of the source', { timeout: 2000 }, async () => {
    const [tap, calls] = [new Tap<number>().push(1, 2).fail(new Error('source failed')), new Calls()];
    const results = map(tap, calls.start, { concurrency: 4 });
    const first = results.next();
    await settled();
    calls.gate(1).resolve('one');
    calls.gate(2).resolve('two');
    assert.equal((await first).value, 'one');
    assert.equal((await results.next()).value, 'two');
    await assert.rejects(results.next(), /source failed/);
    assert.equal((await results.next()).done, true);
    assert.deepEqual([tap.pulls, tap.closes], [3, 0]);
  });

  it('throws only the first of several errors', { timeout: 2000 }, async () => {
    const reasons = await unhandled(async () => {
      const tap = new Tap<number>().push(1, 2).fail(new Error('source failed'));
      const results = map(tap, (n) => Promise.reject(new Error(`call ${n} failed`)), { concurrency: 4 });
      await assert.rejects(results.next(), /call 1 failed/);
      assert.equal((await results.next()).done, true);
    });
    assert.deepEqual(reasons, []);
  });
});
