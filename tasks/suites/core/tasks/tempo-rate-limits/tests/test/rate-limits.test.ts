import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock, type RateLimit, Scheduler, type SchedulerOptions } from '../src/index.ts';

function setUp(rate: RateLimit, options: SchedulerOptions = {}) {
  const clock = new ManualClock();
  const scheduler = new Scheduler({ clock, concurrency: 99, groups: { api: { rate } }, ...options });
  const starts: string[] = [];
  scheduler.on('started', ({ job }) => starts.push(`${clock.now()} ${job.name}`));
  const add = (name: string, more: { priority?: number; delay?: number; group?: string } = {}) =>
    scheduler.add(() => name, { name, group: 'api', ...more });
  return { clock, scheduler, starts, add };
}

describe('the rate of a group', () => {
  it('bounds the starts in any stretch of time', async () => {
    const { clock, starts, add } = setUp({ count: 2, per: 100 });
    add('a');
    add('b', { delay: 60 });
    add('c', { delay: 60 });
    add('d', { delay: 60 });
    add('e', { delay: 60 });
    await clock.advance(400);
    assert.deepEqual(starts, ['0 a', '60 b', '100 c', '160 d', '200 e']);
    assert.equal(clock.timers, 0);
  });

  it('lets the first ones start at once, and opens at the end of the stretch', async () => {
    const { clock, starts, add } = setUp({ count: 3, per: 1000 });
    for (const name of ['a', 'b', 'c', 'd']) add(name);
    await clock.advance(999);
    assert.deepEqual(starts, ['0 a', '0 b', '0 c']);
    await clock.advance(1);
    assert.equal(starts[3], '1000 d');
  });

  it('goes by priority when it opens', async () => {
    const { clock, starts, add, scheduler } = setUp({ count: 1, per: 100 });
    add('a', { priority: 9 });
    const b = add('b');
    add('c', { priority: 1 });
    add('d', { priority: 5, delay: 150 });
    await clock.advance(50);
    assert.deepEqual([b.status, scheduler.counts.queued], ['queued', 2]);
    await clock.advance(450);
    assert.deepEqual(starts, ['0 a', '100 c', '200 d', '300 b']);
  });

  it('lets other jobs pass', async () => {
    const groups = { api: { rate: { count: 1, per: 100 } }, slow: { rate: { count: 1, per: 250 } }, free: {} };
    const { clock, starts, add, scheduler } = setUp({ count: 1, per: 1 }, { concurrency: 1, groups });
    for (const name of ['a', 'b', 'c']) add(name, { priority: 9 });
    for (const name of ['s1', 's2']) add(name, { priority: 5, group: 'slow' });
    add('f', { group: 'free' });
    scheduler.add(() => 1, { name: 'none' });
    await clock.advance(500);
    assert.deepEqual(starts, ['0 a', '0 s1', '0 f', '0 none', '100 b', '200 c', '250 s2']);
    assert.equal(clock.timers, 0);
  });

  it('counts every attempt', async () => {
    const { clock, starts, scheduler, add } = setUp({ count: 2, per: 100 });
    const job = scheduler.add(({ attempt }) => (attempt < 3 ? Promise.reject(new Error('no')) : clock.now()), {
      name: 'flaky',
      group: 'api',
      priority: 1,
      retry: { attempts: 3, delay: 10 },
    });
    add('b', { delay: 15 });
    await clock.advance(300);
    assert.equal(await job.result, 100);
    assert.deepEqual(starts, ['0 flaky', '10 flaky', '100 flaky', '110 b']);
  });

  it('does not count jobs that never start', async () => {
    const { clock, starts, add } = setUp({ count: 2, per: 100 });
    add('a').cancel();
    add('b').cancel();
    for (const name of ['c', 'd', 'e']) add(name);
    await clock.advance(0);
    assert.deepEqual(starts, ['0 c', '0 d']);
  });

  it('holds beside the concurrency of the group and of the scheduler', async () => {
    const { clock, starts, scheduler } = setUp(
      { count: 1, per: 1 },
      { concurrency: 2, groups: { api: { concurrency: 1, rate: { count: 3, per: 100 } } } },
    );
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
    gates.forEach(({ promise }, index) => scheduler.add(() => promise, { name: `${index}`, group: 'api' }));
    await clock.advance(30);
    assert.deepEqual([starts, clock.timers], [['0 0'], 0]);
    gates[0]!.resolve();
    await clock.advance(10);
    gates[1]!.resolve();
    await clock.advance(10);
    gates[2]!.resolve();
    await clock.advance(40);
    assert.deepEqual(starts, ['0 0', '30 1', '40 2']);
    await clock.advance(50);
    assert.deepEqual(starts.slice(3), ['100 3']);
    await clock.advance(60);
    assert.equal(starts.length, 4);
    gates[3]!.resolve();
    await clock.advance(0);
    assert.deepEqual(starts.slice(4), ['200 4']);
  });

  it('waits for a slot of the scheduler, not for a timer, once the rate has opened', async () => {
    const { clock, starts, scheduler, add } = setUp({ count: 1, per: 100 }, { concurrency: 1 });
    const gate = Promise.withResolvers<void>();
    add('a', { priority: 1 });
    scheduler.add(() => gate.promise, { name: 'long' });
    add('b');
    await clock.advance(150);
    assert.deepEqual(starts, ['0 a', '0 long']);
    gate.resolve();
    await clock.advance(0);
    assert.deepEqual([starts[2], clock.timers], ['150 b', 0]);
  });
});

describe('timers of a rate', () => {
  it('are there only while a job waits', async () => {
    const { clock, add } = setUp({ count: 1, per: 100 });
    add('a');
    await clock.advance(0);
    assert.equal(clock.timers, 0);
    const [b, c] = [add('b'), add('c')];
    await clock.advance(10);
    assert(clock.timers > 0);
    b.cancel();
    await clock.advance(0);
    assert(clock.timers > 0);
    c.cancel();
    await clock.advance(0);
    assert.equal(clock.timers, 0);
  });

  it('are not needed to start what is added after the stretch', async () => {
    const { clock, starts, add } = setUp({ count: 1, per: 100 });
    add('a');
    await clock.advance(100);
    add('b');
    await clock.advance(0);
    assert.deepEqual(starts, ['0 a', '100 b']);
  });
});

describe('stopping with a rate', () => {
  it('pauses and resumes', async () => {
    const { clock, starts, add, scheduler } = setUp({ count: 1, per: 100 });
    for (const name of ['a', 'b', 'c']) add(name);
    await clock.advance(50);
    scheduler.pause();
    await clock.advance(200);
    assert.deepEqual(starts, ['0 a']);
    scheduler.resume();
    await clock.advance(50);
    assert.deepEqual(starts, ['0 a', '250 b']);
    scheduler.pause();
    scheduler.resume();
    await clock.advance(50);
    assert.deepEqual(starts, ['0 a', '250 b', '350 c']);
  });

  it('drains', async () => {
    const { clock, starts, add, scheduler } = setUp({ count: 1, per: 100 });
    for (const name of ['a', 'b', 'c']) add(name);
    let done = false;
    const end = scheduler.shutdown().then(() => (done = true));
    await clock.advance(199);
    assert.equal(done, false);
    await clock.advance(1);
    await end;
    assert.deepEqual([starts.length, clock.timers], [3, 0]);
  });
});

describe('a rate that makes no sense', () => {
  it('is refused', () => {
    for (const count of [0, -1, 1.5, Number.NaN]) assert.throws(() => setUp({ count, per: 100 }), RangeError);
    for (const per of [0, -1, Infinity, Number.NaN]) assert.throws(() => setUp({ count: 1, per }), RangeError);
    setUp({ count: 1, per: 0.5 });
  });
});
