import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aggregate, ConcurrencyError, EventStore, MemoryLog, type Log, type NewEvent, type RecordedEvent } from '../src/index.ts';

const paid = (amount: number): NewEvent => ({ type: 'paid', data: amount });
const pause = (milliseconds = 2): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A log that takes its time, the more the earlier it is called, and fails when it is told to. */
class SlowLog implements Log {
  readonly kept = new MemoryLog();
  readonly appended: (readonly RecordedEvent[])[] = [];
  busy = 0;
  most = 0;
  failing = 0;
  unreadable = 0;

  async append(records: readonly RecordedEvent[]): Promise<void> {
    this.busy += 1;
    this.most = Math.max(this.most, this.busy);
    this.appended.push(records);
    await pause(Math.max(1, 8 - this.appended.length * 2));
    this.busy -= 1;
    if (this.failing > 0) {
      this.failing -= 1;
      throw new Error('disk full');
    }
    await this.kept.append(records);
  }

  async read(after: number, limit: number): Promise<readonly RecordedEvent[]> {
    await pause(1);
    if (this.unreadable > 0) {
      this.unreadable -= 1;
      throw new Error('disk gone');
    }
    return this.kept.read(after, limit);
  }
}

const places = (events: readonly RecordedEvent[]): string[] => events.map(({ stream, version, position, data }) => `${position}:${stream}${version}=${String(data)}`);

describe('appends that overlap', () => {
  it('compare the version in their turn', async () => {
    const store = new EventStore(new SlowLog());
    const outcomes = await Promise.allSettled([
      store.append('a', [paid(1)], { expected: 0 }),
      store.append('a', [paid(2)], { expected: 0 }),
      store.append('a', [paid(3)], { expected: 1 }),
      store.append('b', [paid(4)], { expected: 0 }),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    const [, second] = outcomes;
    assert.ok(second?.status === 'rejected' && second.reason instanceof ConcurrencyError);
    assert.deepEqual([second.reason.expected, second.reason.actual], [0, 1]);
    assert.deepEqual(places(await store.readAll()), ['1:a1=1', '2:a2=3', '3:b1=4']);
  });

  it('are recorded in the order of the calls, one at a time', async () => {
    const log = new SlowLog();
    const store = new EventStore(log);
    const results = await Promise.all([
      store.append('a', [paid(1), paid(2)]),
      store.append('b', [paid(3)]),
      store.append('a', []),
      store.append('a', [paid(4)]),
    ]);
    assert.deepEqual(results.map(places), [['1:a1=1', '2:a2=2'], ['3:b1=3'], [], ['4:a3=4']]);
    assert.equal(log.most, 1);
    assert.deepEqual(log.appended.map((records) => records.length), [2, 1, 1]);
    assert.deepEqual(places(await store.readAll()), ['1:a1=1', '2:a2=2', '3:b1=3', '4:a3=4']);
  });

  it('are seen by version', async () => {
    const store = new EventStore(new SlowLog());
    void store.append('a', [paid(1), paid(2)]);
    const before = store.version('a');
    void store.append('a', [paid(3)]);
    assert.deepEqual([await before, await store.version('a'), await store.version('b')], [2, 3, 0]);
  });

  it('record what they were given', async () => {
    const store = new EventStore(new SlowLog());
    const events = [paid(1)];
    const appended = store.append('a', events);
    events.push(paid(2));
    assert.equal((await appended).length, 1);
    assert.equal((await store.readAll()).length, 1);
  });

  it('let aggregates decide again', async () => {
    const store = new EventStore(new SlowLog());
    const counter = aggregate({ initial: 0, apply: { paid: (sum, amount: number) => sum + amount } });
    const add = (state: number): NewEvent[] => (state < 3 ? [paid(1)] : []);
    await Promise.all([1, 2, 3, 4, 5].map(() => counter.execute(store, 'a', add, 9)));
    assert.deepEqual(await counter.load(store, 'a'), { state: 3, version: 3 });
  });

  it('without events still compare the version', async () => {
    const store = new EventStore(new SlowLog());
    await assert.rejects(store.append('a', [], { expected: 1 }), ConcurrencyError);
    assert.deepEqual(await store.append('a', [], { expected: 0 }), []);
  });
});

describe('appends that fail', () => {
  it('leave no gap and fail for their caller only', async () => {
    const log = new SlowLog();
    const store = new EventStore(log);
    const heard: string[] = [];
    store.subscribe((event) => heard.push(...places([event])));
    await store.append('a', [paid(1)]);
    log.failing = 1;
    const outcomes = await Promise.allSettled([
      store.append('a', [paid(2), paid(3)]),
      store.append('a', [paid(4)], { expected: 1 }),
      store.append('b', [paid(5)]),
    ]);
    assert.deepEqual(outcomes.map(({ status }) => status), ['rejected', 'fulfilled', 'fulfilled']);
    assert.ok(outcomes[0]?.status === 'rejected' && /disk full/.test(String(outcomes[0].reason)));
    assert.deepEqual(places(await store.readAll()), ['1:a1=1', '2:a2=4', '3:b1=5']);
    assert.deepEqual(heard, ['1:a1=1', '2:a2=4', '3:b1=5']);
  });

  it('are tried anew when the log could not be read', async () => {
    const log = new SlowLog();
    await log.kept.append([{ ...paid(1), stream: 'a', version: 1, position: 1 }]);
    log.unreadable = 1;
    const store = new EventStore(log);
    await assert.rejects(store.append('a', [paid(2)]), /disk gone/);
    assert.deepEqual(places(await store.append('a', [paid(3)], { expected: 1 })), ['2:a2=3']);
    log.unreadable = 1;
    const other = new EventStore(log);
    await assert.rejects(other.version('a'), /disk gone/);
    assert.equal(await other.version('a'), 2);
  });
});

describe('listeners', () => {
  it('hear in the order of positions, before the append is fulfilled', async () => {
    const store = new EventStore(new SlowLog());
    const seen: string[] = [];
    store.subscribe(({ position }) => seen.push(`heard ${position}`));
    await Promise.all([
      store.append('a', [paid(1), paid(2)]).then(() => seen.push('first')),
      store.append('b', [paid(3)]).then(() => seen.push('second')),
    ]);
    assert.deepEqual(seen, ['heard 1', 'heard 2', 'first', 'heard 3', 'second']);
  });

  it('may throw', async () => {
    const store = new EventStore(new SlowLog());
    const seen: number[] = [];
    store.subscribe(() => {
      throw new Error('mine');
    });
    store.subscribe(({ position }) => seen.push(position));
    assert.equal((await store.append('a', [paid(1), paid(2)])).length, 2);
    await store.append('a', [paid(3)]);
    assert.deepEqual(seen, [1, 2, 3]);
  });

  it('may append', async () => {
    const store = new EventStore(new SlowLog());
    const seen: string[] = [];
    let answer: Promise<unknown> | undefined;
    store.subscribe((event) => {
      seen.push(...places([event]));
      if (event.stream === 'a') answer = store.append('b', [{ type: 'seen', data: event.version }]);
    });
    await store.append('a', [paid(1)]);
    await answer;
    assert.deepEqual(seen, ['1:a1=1', '2:b1=1']);
  });

  it('may end and begin meanwhile', async () => {
    const store = new EventStore(new SlowLog());
    const seen: string[] = [];
    store.subscribe(({ position }) => {
      seen.push(`one ${position}`);
      endOther();
      if (position === 1) store.subscribe((later) => seen.push(`late ${later.position}`));
    });
    const endOther = store.subscribe(({ position }) => seen.push(`other ${position}`));
    await store.append('a', [paid(1), paid(2)]);
    assert.deepEqual(seen, ['one 1', 'one 2', 'late 2']);
  });
});
