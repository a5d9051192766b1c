import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aggregate, ConcurrencyError, EventStore, MemoryLog, project } from '../src/index.ts';

const paid = (amount: number) => ({ type: 'paid', data: { amount } });

describe('events', () => {
  it('are recorded with their places', async () => {
    const store = new EventStore(new MemoryLog());
    await store.append('a', [paid(1), paid(2)]);
    const [third] = await store.append('b', [paid(3)], { expected: 0 });
    assert.deepEqual(third, { ...paid(3), stream: 'b', version: 1, position: 3 });
    await store.append('a', [paid(4)], { expected: 2 });
    assert.deepEqual((await store.read('a', { after: 1 })).map(({ position }) => position), [2, 4]);
    assert.deepEqual((await store.readAll({ after: 1, limit: 2 })).map(({ position }) => position), [2, 3]);
    assert.equal(await store.version('a'), 3);
  });

  it('are refused at another version', async () => {
    const store = new EventStore(new MemoryLog());
    await store.append('a', [paid(1)]);
    await assert.rejects(store.append('a', [paid(2)], { expected: 0 }), ConcurrencyError);
    assert.equal((await store.read('a')).length, 1);
  });

  it('are found by a new store', async () => {
    const log = new MemoryLog();
    await new EventStore(log).append('a', Array.from({ length: 250 }, (_, index) => paid(index)));
    const [next] = await new EventStore(log).append('a', [paid(0)], { expected: 250 });
    assert.deepEqual([next?.version, next?.position], [251, 251]);
  });

  it('are told to listeners', async () => {
    const store = new EventStore(new MemoryLog());
    const seen: number[] = [];
    const end = store.subscribe(({ position }) => seen.push(position));
    await store.append('a', [paid(1), paid(2)]);
    end();
    await store.append('a', [paid(3)]);
    assert.deepEqual(seen, [1, 2]);
  });
});

describe('what is made of events', () => {
  const account = aggregate({
    initial: { balance: 0 },
    apply: { paid: (state, { amount }: { amount: number }) => ({ balance: state.balance + amount }) },
  });

  it('are aggregates', async () => {
    const store = new EventStore(new MemoryLog());
    await store.append('a', [{ type: 'opened' }, paid(5)]);
    assert.deepEqual(await account.load(store, 'a'), { state: { balance: 5 }, version: 2 });
    assert.deepEqual(await account.execute(store, 'a', ({ balance }) => [paid(-balance)]), { state: { balance: 0 }, version: 3 });
  });

  it('are projections', async () => {
    const store = new EventStore(new MemoryLog());
    await store.append('a', [paid(5)]);
    await store.append('b', [paid(6)]);
    assert.deepEqual(await project(store, 0, (count) => count + 1), { value: 2, position: 2 });
    assert.deepEqual(await project(store, 0, (count) => count + 1, 1), { value: 1, position: 2 });
  });
});
