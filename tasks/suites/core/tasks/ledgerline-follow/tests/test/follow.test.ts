import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { EventStore, MemoryLog, type Log, type NewEvent, type RecordedEvent } from '../src/index.ts';

const paid = (amount: number): NewEvent => ({ type: 'paid', data: amount });
const pause = (milliseconds = 5): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const DONE = { done: true, value: undefined };

/** Counts reads behind positions, holds them back, and fails, when it is told to. */
class WatchedLog implements Log {
  readonly kept = new MemoryLog();
  reads: [number, number][] = [];
  gate: Promise<void> | undefined;
  failing = false;

  append(records: readonly RecordedEvent[]): Promise<void> {
    return this.kept.append(records);
  }

  async read(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    this.reads.push([after, limit]);
    if (this.failing) throw new Error('disk gone');
    const found = await this.kept.read(after, limit);
    await this.gate;
    return found;
  }
}

async function storeOf(count: number): Promise<{ log: WatchedLog; store: EventStore }> {
  const log = new WatchedLog();
  const store = new EventStore(log);
  for (let index = 1; index <= count; index += 1) await store.append(index % 2 === 0 ? 'even' : 'odd', [paid(index)]);
  log.reads = [];
  return { log, store };
}

async function take(iterator: AsyncIterator<RecordedEvent>, count: number): Promise<number[]> {
  const positions: number[] = [];
  while (positions.length < count) {
    const { done, value } = await iterator.next();
    if (done) break;
    positions.push(value.position);
  }
  return positions;
}

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const open = Symbol('open');
  await pause();
  return (await Promise.race([promise.catch(() => {}), Promise.resolve(open)])) !== open;
}

describe('a follower', () => {
  it('gives what is recorded and what comes', async () => {
    const { store } = await storeOf(5);
    const follower = store.follow({ after: 2 });
    assert.deepEqual(await take(follower, 3), [3, 4, 5]);
    const next = follower.next();
    assert.equal(await isSettled(next), false);
    await store.append('odd', [paid(6), paid(7)]);
    assert.deepEqual((await next).value, { ...paid(6), stream: 'odd', version: 4, position: 6 });
    assert.deepEqual(await take(follower, 1), [7]);
    await store.append('odd', [paid(8)]);
    assert.deepEqual(await take(follower, 1), [8]);
  });

  it('misses nothing that is recorded while it reads', async () => {
    const { log, store } = await storeOf(2);
    const follower = store.follow({ after: 2 });
    let open!: () => void;
    log.gate = new Promise((resolve) => {
      open = resolve;
    });
    const next = follower.next();
    await pause();
    // The read that is under way has not seen this one.
    await store.append('a', [paid(3)]);
    log.gate = undefined;
    open();
    assert.equal((await next).value?.position, 3);
    const appends = [4, 5, 6, 7].map((amount) => store.append('a', [paid(amount)]));
    const [positions] = await Promise.all([take(follower, 4), ...appends]);
    assert.deepEqual(positions, [4, 5, 6, 7]);
  });

  it('gives one stream', async () => {
    const { store } = await storeOf(7);
    const follower = store.follow({ stream: 'even', batch: 2 });
    assert.deepEqual(await take(follower, 3), [2, 4, 6]);
    const next = follower.next();
    await store.append('odd', [paid(1), paid(1), paid(1)]);
    assert.equal(await isSettled(next), false);
    await store.append('even', [paid(8)]);
    assert.equal((await next).value?.position, 11);
  });

  it('reads no more than it must', async () => {
    const { log, store } = await storeOf(5);
    const follower = store.follow({ batch: 2 });
    await pause();
    assert.deepEqual(log.reads, []);
    await take(follower, 1);
    await pause();
    assert.deepEqual(log.reads, [[0, 2]]);
    await take(follower, 1);
    await pause();
    assert.equal(log.reads.length, 1);
    await take(follower, 3);
    assert.deepEqual(log.reads, [[0, 2], [2, 2], [4, 2]]);
    const next = follower.next();
    await pause(30);
    const idle = log.reads.length;
    assert.ok(idle <= 4);
    await pause(30);
    assert.equal(log.reads.length, idle);
    await store.append('a', [paid(6)]);
    assert.equal((await next).value?.position, 6);
  });

  it('answers overlapping calls in order', async () => {
    const { store } = await storeOf(3);
    const follower = store.follow({ batch: 2 });
    const calls = [1, 2, 3, 4, 5].map(() => follower.next());
    await pause();
    await store.append('a', [paid(4), paid(5)]);
    assert.deepEqual((await Promise.all(calls)).map(({ value }) => value?.position), [1, 2, 3, 4, 5]);
  });

  it('is one of many', async () => {
    const { store } = await storeOf(2);
    const followers = [store.follow(), store.follow({ after: 2 }), store.follow({ after: 1 })];
    const taken = followers.map((follower, index) => take(follower, [3, 1, 2][index] ?? 0));
    await pause();
    await store.append('a', [paid(3)]);
    assert.deepEqual(await Promise.all(taken), [[1, 2, 3], [3], [2, 3]]);
  });

  it('refuses a batch of nothing', async () => {
    const { store } = await storeOf(0);
    for (const batch of [0, -1, Number.NaN]) assert.throws(() => store.follow({ batch }), RangeError);
  });
});

describe('an end', () => {
  it('comes with break', async () => {
    const { log, store } = await storeOf(3);
    const follower = store.follow({ batch: 3 });
    for await (const { position } of follower) if (position === 2) break;
    assert.deepEqual(await follower.next(), DONE);
    assert.equal(log.reads.length, 1);
  });

  it('comes at once for calls that wait', async () => {
    const { log, store } = await storeOf(1);
    const follower = store.follow({ after: 1 });
    const calls = [follower.next(), follower.next()];
    assert.equal(await isSettled(Promise.race(calls)), false);
    assert.deepEqual(await follower.return?.(), DONE);
    assert.deepEqual(await Promise.all(calls), [DONE, DONE]);
    const reads = log.reads.length;
    await store.append('a', [paid(2)]);
    await pause();
    assert.deepEqual(await follower.next(), DONE);
    assert.equal(log.reads.length, reads);
  });

  it('comes at once while the log is being read', async () => {
    const { log, store } = await storeOf(3);
    let open!: () => void;
    log.gate = new Promise((resolve) => {
      open = resolve;
    });
    const follower = store.follow();
    const next = follower.next();
    await pause();
    assert.deepEqual(await follower.return?.(), DONE);
    assert.deepEqual(await next, DONE);
    open();
    await pause();
    assert.deepEqual(await follower.next(), DONE);
    assert.equal(log.reads.length, 1);
  });

  it('comes with the signal', async () => {
    const { log, store } = await storeOf(1);
    const controller = new AbortController();
    const waiting = store.follow({ after: 1, signal: controller.signal });
    const idle = store.follow({ signal: controller.signal });
    await store.append('a', [paid(2), paid(3)]);
    await take(waiting, 2);
    await take(idle, 1);
    const calls = [waiting.next(), waiting.next()];
    await pause();
    controller.abort('enough');
    const outcomes = await Promise.allSettled([...calls, idle.next(), idle.next(), waiting.next()]);
    assert.deepEqual(outcomes, [
      { status: 'rejected', reason: 'enough' },
      { status: 'rejected', reason: 'enough' },
      { status: 'rejected', reason: 'enough' },
      { status: 'fulfilled', value: DONE },
      { status: 'fulfilled', value: DONE },
    ]);
    const reads = log.reads.length;
    await store.append('a', [paid(4)]);
    await pause();
    assert.equal(log.reads.length, reads);
    const late = store.follow({ signal: controller.signal });
    await assert.rejects(late.next(), (reason) => reason === 'enough');
    assert.deepEqual(await late.next(), DONE);
    assert.equal(log.reads.length, reads);
  });

  it('is not changed by a later abort', async () => {
    const { store } = await storeOf(1);
    const controller = new AbortController();
    const follower = store.follow({ signal: controller.signal });
    await follower.next();
    await follower.return?.();
    assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
    controller.abort('late');
    assert.deepEqual(await follower.next(), DONE);
  });

  it('comes with a log that cannot be read', async () => {
    const { log, store } = await storeOf(1);
    const follower = store.follow();
    await follower.next();
    const calls = [follower.next(), follower.next()];
    await pause();
    log.failing = true;
    await store.append('a', [paid(2)]);
    const outcomes = await Promise.allSettled(calls);
    assert.ok(outcomes[0]?.status === 'rejected' && /disk gone/.test(String(outcomes[0].reason)));
    assert.deepEqual(outcomes[1], { status: 'fulfilled', value: DONE });
    log.failing = false;
    assert.deepEqual(await follower.next(), DONE);
  });
});
