import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Job, JobTimeoutError, ManualClock, Scheduler, type SchedulerOptions } from '../src/index.ts';

function setUp(options: SchedulerOptions = {}) {
  const clock = new ManualClock();
  const scheduler = new Scheduler({ clock, random: () => 0.5, ...options });
  const started: string[] = [];
  scheduler.on('started', ({ job }) => started.push(job.name));
  return { clock, scheduler, started };
}

/** A job function that ends when it is told to. */
function gate<T = void>() {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  return { run: () => promise, resolve, reject };
}

describe('running jobs', () => {
  it('gives the result of the function', async () => {
    const { scheduler } = setUp();
    const job = scheduler.add(async ({ attempt }) => `attempt ${attempt}`, { name: 'one' });
    assert.equal(job.status, 'queued');
    assert.equal(await job.result, 'attempt 1');
    assert.deepEqual([job.name, job.status, job.attempts], ['one', 'succeeded', 1]);
  });

  it('fails with the error of the function, thrown at once or later', async () => {
    const { scheduler } = setUp();
    const error = new Error('no');
    const jobs: Job[] = [
      scheduler.add(() => {
        throw error;
      }),
      scheduler.add(() => Promise.reject(error)),
    ];
    for (const job of jobs) await assert.rejects(job.result, error);
    assert.deepEqual(jobs.map(({ status }) => status), ['failed', 'failed']);
  });

  it('never starts within add', () => {
    const { scheduler, started } = setUp();
    scheduler.add(() => undefined);
    assert.deepEqual(started, []);
  });

  it('starts the highest priority first, and equal ones in order', async () => {
    const { scheduler, started } = setUp();
    for (const [name, priority] of [['a', 0], ['b', 5], ['c', 5], ['d', -1], ['e', 9]] as const) {
      scheduler.add(() => undefined, { name, priority });
    }
    await scheduler.idle();
    assert.deepEqual(started, ['e', 'b', 'c', 'a', 'd']);
  });

  it('keeps to the limit of concurrency', async () => {
    const { scheduler, started, clock } = setUp({ concurrency: 2 });
    const gates = [gate(), gate(), gate()];
    gates.forEach(({ run }, index) => scheduler.add(run, { name: `${index}` }));
    await clock.advance(0);
    assert.deepEqual([started, scheduler.running], [['0', '1'], 2]);
    assert.deepEqual(scheduler.counts, { blocked: 0, delayed: 0, queued: 1, running: 2 });
    gates[1]!.resolve();
    await clock.advance(0);
    assert.deepEqual([started, scheduler.running], [['0', '1', '2'], 2]);
  });

  it('lets jobs pass those of a group at its limit', async () => {
    const { scheduler, started, clock } = setUp({ concurrency: 3, groups: { db: { concurrency: 1 }, web: {} } });
    const first = gate();
    scheduler.add(first.run, { name: 'db 1', group: 'db' });
    scheduler.add(() => undefined, { name: 'db 2', group: 'db', priority: 9 });
    scheduler.add(gate().run, { name: 'web', group: 'web' });
    scheduler.add(gate().run, { name: 'free' });
    await clock.advance(0);
    assert.deepEqual(started, ['db 2', 'web', 'free', 'db 1']);
    scheduler.add(() => undefined, { name: 'db 3', group: 'db' });
    await clock.advance(0);
    assert.equal(started.length, 4);
    first.resolve();
    await clock.advance(0);
    assert.equal(started.at(-1), 'db 3');
  });

  it('refuses limits, groups and durations that make no sense', () => {
    assert.throws(() => new Scheduler({ concurrency: 0 }), RangeError);
    assert.throws(() => new Scheduler({ groups: { a: { concurrency: 1.5 } } }), RangeError);
    const { scheduler } = setUp();
    assert.throws(() => scheduler.add(() => undefined, { group: 'nope' }), RangeError);
    assert.throws(() => scheduler.add(() => undefined, { delay: -1 }), RangeError);
    assert.throws(() => scheduler.add(() => undefined, { timeout: Number.NaN }), RangeError);
    assert.throws(() => scheduler.add(() => undefined, { after: [setUp().scheduler.add(() => undefined)] }), TypeError);
    assert.deepEqual(scheduler.counts, { blocked: 0, delayed: 0, queued: 0, running: 0 });
  });
});

describe('time', () => {
  it('delays a job', async () => {
    const { scheduler, started, clock } = setUp();
    const job = scheduler.add(() => clock.now(), { delay: 100 });
    await clock.advance(99);
    assert.deepEqual([job.status, started], ['delayed', []]);
    await clock.advance(1);
    assert.equal(await job.result, 100);
  });

  it('fails an attempt that takes too long, and aborts its signal', async () => {
    const { scheduler, clock } = setUp();
    const reasons: unknown[] = [];
    const job = scheduler.add(
      ({ signal }) =>
        new Promise<never>((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            reasons.push(signal.reason);
            reject(signal.reason as Error);
          });
        }),
      { timeout: 50 },
    );
    await clock.advance(50);
    await assert.rejects(job.result, (error) => error instanceof JobTimeoutError && error.timeout === 50);
    assert(reasons[0] instanceof JobTimeoutError);
    assert.deepEqual([job.status, scheduler.running, clock.timers], ['failed', 0, 0]);
  });

  it('takes the timer of the timeout along when the attempt ends', async () => {
    const { scheduler, clock } = setUp();
    await scheduler.add(() => 1, { timeout: 50 }).result;
    assert.equal(clock.timers, 0);
  });
});

describe('retries', () => {
  it('follow the policy until an attempt succeeds', async () => {
    const { scheduler, clock } = setUp();
    const retries: unknown[] = [];
    scheduler.on('retrying', ({ attempt, delay }) => retries.push([attempt, delay, clock.now()]));
    const job = scheduler.add(
      ({ attempt }) => {
        if (attempt < 4) throw new Error(`attempt ${attempt}`);
        return clock.now();
      },
      { retry: { attempts: 5, delay: 100, factor: 3, maxDelay: 500 } },
    );
    await clock.advance(900);
    assert.equal(await job.result, 900);
    assert.deepEqual(retries, [[1, 100, 0], [2, 300, 100], [3, 500, 400]]);
  });

  it('end with the last error', async () => {
    const { scheduler } = setUp();
    const job = scheduler.add(({ attempt }) => Promise.reject(new Error(`attempt ${attempt}`)), { retry: { attempts: 3 } });
    await assert.rejects(job.result, /attempt 3/);
    assert.equal(job.attempts, 3);
  });

  it('end when the policy gives the error up', async () => {
    const { scheduler } = setUp();
    const retryIf = (_error: unknown, attempt: number) => attempt < 2;
    const job = scheduler.add(() => Promise.reject(new Error('no')), { retry: { attempts: 9, retryIf } });
    await assert.rejects(job.result, /no/);
    assert.equal(job.attempts, 2);
  });

  it('leave the slot to other jobs between attempts', async () => {
    const { scheduler, started, clock } = setUp();
    scheduler.add(() => Promise.reject(new Error('no')), { name: 'flaky', retry: { attempts: 2, delay: 10 } });
    scheduler.add(() => undefined, { name: 'other' });
    await clock.advance(10);
    assert.deepEqual(started, ['flaky', 'other', 'flaky']);
  });
});
