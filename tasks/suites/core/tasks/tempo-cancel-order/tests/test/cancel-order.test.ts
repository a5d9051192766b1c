import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Job, ManualClock, Scheduler, type SchedulerOptions } from '../src/index.ts';

function setUp(options: SchedulerOptions = {}) {
  const scheduler = new Scheduler({ clock: new ManualClock(), ...options });
  const started: Job[] = [];
  scheduler.on('started', ({ job }) => started.push(job));
  const add = (priority: number, group?: string): Job =>
    scheduler.add(() => undefined, group === undefined ? { priority } : { priority, group });
  return { scheduler, started, add };
}

/** The order in which `jobs`, given in the order in which they were added, should start. */
function ranked(jobs: readonly Job[]): Job[] {
  return jobs.toSorted((a, b) => b.priority - a.priority);
}

/** Numbers from 0 up to 1 that look random and are always the same (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Adds `size` jobs, cancels about a third, and compares the order of the rest. */
async function compare(seed: number, size: number, spread: number, options: SchedulerOptions = {}, groups: readonly string[] = []) {
  const { scheduler, started, add } = setUp(options);
  const random = numbers(seed);
  const jobs = Array.from({ length: size }, () => add(Math.floor(random() * spread), groups[Math.floor(random() * groups.length)]));
  for (const job of jobs) if (random() < 0.35) job.cancel();
  await scheduler.idle();
  assert.deepEqual(
    started.map(({ name }) => name),
    ranked(jobs.filter(({ status }) => status !== 'cancelled')).map(({ name }) => name),
    `seed ${seed}`,
  );
}

describe('cancelling queued jobs', () => {
  it('leaves the order of the others', async () => {
    const { scheduler, started, add } = setUp();
    const jobs = [100, 10, 90, 5, 6, 80, 85].map((priority) => add(priority));
    jobs[3]!.cancel();
    await scheduler.idle();
    assert.deepEqual(started.map(({ priority }) => priority), [100, 90, 85, 80, 10, 6]);
  });

  it('leaves it whichever single job is cancelled', async () => {
    const priorities = [50, 20, 49, 18, 19, 40, 48, 3, 17, 2, 16, 30, 39, 41, 47];
    for (const index of priorities.keys()) {
      const { scheduler, started, add } = setUp();
      const jobs = priorities.map((priority) => add(priority));
      jobs[index]!.cancel();
      await scheduler.idle();
      const expected = priorities.toSpliced(index, 1).toSorted((a, b) => b - a);
      assert.deepEqual(started.map(({ priority }) => priority), expected, `without ${priorities[index]}`);
    }
  });

  it('leaves it for many distinct priorities', async () => {
    for (let seed = 1; seed <= 20; seed += 1) await compare(seed, 60, 1_000_000);
  });

  it('leaves the order of addition among equal priorities', async () => {
    for (let seed = 1; seed <= 20; seed += 1) await compare(seed, 60, 4);
  });

  it('leaves it within groups', async () => {
    const groups = { a: { concurrency: 1 }, b: {} };
    for (let seed = 1; seed <= 10; seed += 1) await compare(seed, 80, 1_000, { groups }, ['a', 'b']);
  });

  it('leaves it for jobs that are added later', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { scheduler, started, add } = setUp();
      const random = numbers(seed);
      const jobs: Job[] = [];
      for (let round = 0; round < 6; round += 1) {
        for (let count = 0; count < 12; count += 1) jobs.push(add(Math.floor(random() * 100)));
        for (let count = 0; count < 5; count += 1) jobs[Math.floor(random() * jobs.length)]!.cancel();
      }
      await scheduler.idle();
      const expected = ranked(jobs.filter(({ status }) => status !== 'cancelled'));
      assert.deepEqual(started.map(({ name }) => name), expected.map(({ name }) => name), `seed ${seed}`);
    }
  });

  it('leaves it when a listener cancels while jobs start', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const { scheduler, started, add } = setUp();
      const random = numbers(seed);
      const jobs = Array.from({ length: 40 }, () => add(Math.floor(random() * 10_000)));
      scheduler.on('succeeded', () => {
        const waiting = jobs.filter(({ status }) => status === 'queued');
        if (started.length % 2 === 0) waiting[Math.floor(random() * waiting.length)]?.cancel();
      });
      await scheduler.idle();
      const order = started.map(({ priority }) => priority);
      assert.deepEqual(order, order.toSorted((a, b) => b - a), `seed ${seed}`);
      assert(started.length < 40 && started.length > 20);
    }
  });

  it('takes out each cancelled job and no other', async () => {
    const { scheduler, started, add } = setUp();
    const jobs = [9, 1, 8, 0, 2, 7, 6].map((priority) => add(priority));
    for (const job of jobs) job.cancel();
    const last = add(5);
    await scheduler.idle();
    assert.deepEqual(started, [last]);
    assert.deepEqual(scheduler.counts, { blocked: 0, delayed: 0, queued: 0, running: 0 });
  });
});
