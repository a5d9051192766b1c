import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type JobContext, JobTimeoutError, ManualClock, Scheduler, type SchedulerOptions } from '../src/index.ts';

function setUp(options: SchedulerOptions = {}) {
  const clock = new ManualClock();
  const scheduler = new Scheduler({ clock, ...options });
  const log: string[] = [];
  for (const name of ['started', 'retrying', 'succeeded', 'failed', 'cancelled'] as const) {
    scheduler.on(name, ({ job }) => log.push(`${clock.now()} ${name} ${job.name}`));
  }
  scheduler.on('idle', () => log.push(`${clock.now()} idle`));
  return { clock, scheduler, log };
}

/** Functions that pay no heed to their signal: each call ends when the test says so. Counts how many run at a time. */
function stubborn() {
  const calls: PromiseWithResolvers<unknown>[] = [];
  let running = 0;
  let most = 0;
  const run = async (_context?: JobContext): Promise<unknown> => {
    const call = Promise.withResolvers<unknown>();
    calls.push(call);
    running += 1;
    most = Math.max(most, running);
    try {
      return await call.promise;
    } finally {
      running -= 1;
    }
  };
  return { calls, run, most: () => most };
}

describe('a function that outlives the cancellation of its job', () => {
  it('keeps its slot until it ends', async () => {
    const { scheduler, clock, log } = setUp();
    const { calls, run } = stubborn();
    const job = scheduler.add(run, { name: 'a' });
    scheduler.add(() => 1, { name: 'b' });
    await clock.advance(5);
    job.cancel('enough');
    assert.equal(job.status, 'cancelled');
    await assert.rejects(job.result);
    await clock.advance(5);
    assert.deepEqual([scheduler.running, log], [1, ['0 started a', '5 cancelled a']]);
    calls[0]!.resolve('late');
    await clock.advance(0);
    assert.deepEqual(log.slice(2), ['10 started b', '10 succeeded b', '10 idle']);
    assert.deepEqual([scheduler.running, job.status], [0, 'cancelled']);
  });

  it('keeps the slot of its group', async () => {
    const { scheduler, clock, log } = setUp({ concurrency: 9, groups: { db: { concurrency: 2 } } });
    const { calls, run, most } = stubborn();
    const jobs = ['a', 'b', 'c', 'd'].map((name) => scheduler.add(run, { name, group: 'db' }));
    await clock.advance(0);
    jobs[0]!.cancel();
    jobs[1]!.cancel();
    scheduler.add(() => 1, { name: 'free' });
    await clock.advance(0);
    assert.deepEqual([log.at(-1), scheduler.running], ['0 succeeded free', 2]);
    calls[1]!.reject(new Error('late'));
    await clock.advance(1);
    assert.deepEqual([log.at(-1), scheduler.running], ['0 started c', 2]);
    calls[0]!.resolve(1);
    await clock.advance(1);
    assert.deepEqual([log.at(-1), scheduler.running, most()], ['1 started d', 2, 2]);
    for (const call of calls) call.resolve(1);
    await scheduler.idle();
    assert.equal(scheduler.running, 0);
  });

  it('gives its slot back once', async () => {
    const { scheduler, clock } = setUp();
    const { calls, run, most } = stubborn();
    const first = scheduler.add(run, { timeout: 10 });
    await clock.advance(10);
    first.cancel();
    for (let count = 0; count < 3; count += 1) scheduler.add(run);
    await clock.advance(0);
    assert.equal(calls.length, 1);
    for (let index = 0; index < 4; index += 1) {
      calls[index]!.resolve(1);
      await clock.advance(0);
    }
    assert.deepEqual([calls.length, most(), scheduler.running], [4, 1, 0]);
  });

  it('does not stop a listener from ending the job before it is called', async () => {
    const { scheduler, clock, log } = setUp();
    const { calls, run } = stubborn();
    const stop = scheduler.on('started', ({ job }) => job.cancel());
    scheduler.add(run, { name: 'a' });
    await clock.advance(0);
    stop();
    await scheduler.idle();
    assert.deepEqual([calls.length, scheduler.running, log.at(-1)], [0, 0, '0 idle']);
  });
});

describe('a function that outlives its timeout', () => {
  it('is over before the next attempt, whose delay counts from then', async () => {
    const { scheduler, clock, log } = setUp({ concurrency: 5 });
    const { calls, run, most } = stubborn();
    const job = scheduler.add(run, { name: 'a', timeout: 100, retry: { attempts: 3, delay: 50 } });
    await clock.advance(400);
    assert.deepEqual([job.status, calls.length, log], ['running', 1, ['0 started a']]);
    calls[0]!.reject(new Error('late'));
    await clock.advance(49);
    assert.deepEqual([job.status, scheduler.running, log.at(-1)], ['delayed', 0, '400 retrying a']);
    await clock.advance(1);
    assert.equal(log.at(-1), '450 started a');
    calls[1]!.resolve('in time');
    assert.equal(await job.result, 'in time');
    assert.deepEqual([job.attempts, most(), clock.timers], [2, 1, 0]);
  });

  it('has failed, whatever it gives afterwards', async () => {
    const { scheduler, clock } = setUp();
    const { calls, run } = stubborn();
    const errors: unknown[] = [];
    scheduler.on('retrying', ({ error }) => errors.push(error));
    const job = scheduler.add(run, { timeout: 100, retry: { attempts: 2 } });
    await clock.advance(150);
    calls[0]!.resolve('late');
    await clock.advance(0);
    assert.deepEqual([job.status, calls.length], ['running', 2]);
    assert(errors[0] instanceof JobTimeoutError);
    await clock.advance(100);
    assert.equal(job.status, 'failed');
    await assert.rejects(job.result, JobTimeoutError);
    calls[1]!.resolve('late again');
    await clock.advance(0);
    assert.deepEqual([job.status, scheduler.running, errors.length], ['failed', 0, 1]);
  });

  it('does not hold up those who wait for its job', async () => {
    const { scheduler, clock, log } = setUp({ concurrency: 2 });
    const { calls, run } = stubborn();
    const job = scheduler.add(run, { name: 'a', timeout: 10 });
    const next = scheduler.add(() => 1, { name: 'next', after: [job] });
    await clock.advance(10);
    await assert.rejects(job.result, JobTimeoutError);
    assert.deepEqual([next.status, log], ['cancelled', ['0 started a', '10 failed a', '10 cancelled next']]);
    calls[0]!.resolve(1);
    await clock.advance(0);
    assert.deepEqual(log.slice(3), ['10 idle']);
  });

  it('is not retried when the job is cancelled before it ends', async () => {
    const { scheduler, clock, log } = setUp();
    const { calls, run } = stubborn();
    const job = scheduler.add(run, { name: 'a', timeout: 10, retry: { attempts: 5, delay: 5 } });
    await clock.advance(20);
    job.cancel();
    assert.deepEqual([job.status, log.at(-1), scheduler.running], ['cancelled', '20 cancelled a', 1]);
    calls[0]!.reject(new Error('late'));
    await clock.advance(100);
    assert.deepEqual([calls.length, log.slice(1), clock.timers], [1, ['20 cancelled a', '20 idle'], 0]);
  });

  it('is judged by the policy once', async () => {
    const { scheduler, clock } = setUp();
    const { calls, run } = stubborn();
    const asked: unknown[] = [];
    const retryIf = (error: unknown, attempt: number): boolean => {
      asked.push([error instanceof JobTimeoutError, attempt]);
      return attempt < 2;
    };
    const job = scheduler.add(run, { timeout: 10, retry: { attempts: 9, retryIf } });
    await clock.advance(10);
    calls[0]!.resolve(1);
    await clock.advance(10);
    calls[1]!.resolve(1);
    await scheduler.idle();
    assert.deepEqual([job.status, asked], ['failed', [[true, 1], [true, 2]]]);
  });
});

describe('stopping while a function outlives its job', () => {
  for (const mode of ['drain', 'cancel'] as const) {
    it(`waits for it: ${mode}`, async () => {
      const { scheduler, clock, log } = setUp({ concurrency: 2 });
      const { calls, run } = stubborn();
      scheduler.add(run, { name: 'a', timeout: 10 });
      scheduler.add(run, { name: 'b' }).cancel();
      const c = scheduler.add(run, { name: 'c' });
      await clock.advance(10);
      if (mode === 'drain') c.cancel();
      const done: string[] = [];
      const end = Promise.all([scheduler.shutdown(mode).then(() => done.push('shutdown')), scheduler.idle().then(() => done.push('idle'))]);
      await clock.advance(50);
      assert.deepEqual([c.status, done, scheduler.running], ['cancelled', [], 2]);
      calls[0]!.resolve(1);
      await clock.advance(0);
      assert.deepEqual([done, scheduler.running], [[], 1]);
      calls[1]!.reject(new Error('late'));
      await end;
      assert.deepEqual([done.length, scheduler.running], [2, 0]);
      assert.equal(log.filter((line) => line.endsWith('idle')).length, 1);
    });
  }

  it('leaves no unhandled rejection', async () => {
    const { scheduler, clock } = setUp({ concurrency: 2 });
    const { calls, run } = stubborn();
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    try {
      scheduler.add(run, { timeout: 10 });
      const cancelled = scheduler.add(run);
      await clock.advance(10);
      cancelled.cancel();
      await clock.advance(0);
      for (const call of calls) call.reject(new Error('late'));
      await clock.advance(0);
      await clock.advance(0);
      assert.deepEqual([unhandled, scheduler.running], [[], 0]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });

  it('changes nothing for functions that end in time', async () => {
    const { scheduler, clock, log } = setUp();
    const heedful = ({ signal }: JobContext): Promise<never> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    scheduler.add(heedful, { name: 'a', timeout: 10, retry: { attempts: 2, delay: 5 } });
    scheduler.add(({ attempt }) => (attempt === 1 ? Promise.reject(new Error('no')) : 1), { name: 'b', timeout: 10, retry: { attempts: 2 } });
    await clock.advance(40);
    const of = (name: string): string[] => log.filter((line) => line.endsWith(` ${name}`));
    assert.deepEqual(of('a'), ['0 started a', '10 retrying a', '15 started a', '25 failed a']);
    assert.deepEqual(of('b'), ['10 started b', '10 retrying b', '10 started b', '10 succeeded b']);
    assert.deepEqual(of('idle'), ['25 idle']);
    assert.equal(clock.timers, 0);
  });
});
