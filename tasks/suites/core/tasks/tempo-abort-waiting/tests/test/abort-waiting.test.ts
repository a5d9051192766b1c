import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { DependencyError, type Job, JobCancelledError, ManualClock, Scheduler, type SchedulerOptions } from '../src/index.ts';

function setUp(options: SchedulerOptions = {}) {
  const clock = new ManualClock();
  const scheduler = new Scheduler({ clock, ...options });
  const log: string[] = [];
  for (const name of ['added', 'started', 'retrying', 'succeeded', 'failed', 'cancelled'] as const) {
    scheduler.on(name, ({ job }) => log.push(`${name} ${job.name}`));
  }
  scheduler.on('idle', () => log.push('idle'));
  const controller = new AbortController();
  return { clock, scheduler, log, controller, signal: controller.signal };
}

function listeners(signal: AbortSignal): number {
  return getEventListeners(signal, 'abort').length;
}

async function assertCancelled(job: Job, cause: unknown): Promise<void> {
  assert.equal(job.status, 'cancelled');
  await assert.rejects(job.result, (error) => error instanceof JobCancelledError && error.cause === cause);
}

const never = (): Promise<never> => new Promise(() => undefined);

describe('aborting the signal of a job that waits', () => {
  it('ends a delayed job and its dependents at once', async () => {
    const { scheduler, clock, controller, signal, log } = setUp();
    const job = scheduler.add(() => 1, { name: 'job', delay: 60_000, signal });
    const next = scheduler.add(() => 2, { name: 'next', after: [job] });
    await clock.advance(10);
    controller.abort('user left');
    assert.deepEqual(log, ['added job', 'added next', 'cancelled job', 'cancelled next', 'idle']);
    assert.equal(clock.timers, 0);
    await scheduler.idle();
    await assertCancelled(job, 'user left');
    await assert.rejects(next.result, DependencyError);
    await clock.advance(60_000);
    assert.equal(job.attempts, 0);
  });

  it('ends a queued job, and lets the others start', async () => {
    const { scheduler, clock, controller, signal, log } = setUp();
    const first = Promise.withResolvers<void>();
    scheduler.add(() => first.promise, { name: 'first' });
    const job = scheduler.add(() => 1, { name: 'job', priority: 9, delay: 1, signal });
    scheduler.add(() => 1, { name: 'last' });
    await clock.advance(1);
    assert.equal(job.status, 'queued');
    controller.abort('no');
    await assertCancelled(job, 'no');
    assert.equal(scheduler.counts.queued, 1);
    first.resolve();
    await scheduler.idle();
    assert.deepEqual(log.slice(4), ['cancelled job', 'succeeded first', 'started last', 'succeeded last', 'idle']);
  });

  it('ends a job of a paused scheduler', async () => {
    const { scheduler, clock, controller, signal } = setUp();
    scheduler.pause();
    const job = scheduler.add(() => 1, { signal });
    await clock.advance(0);
    const idle = scheduler.idle();
    controller.abort('no');
    await assertCancelled(job, 'no');
    await idle;
  });

  it('ends a blocked job, and leaves what it waits for', async () => {
    const { scheduler, clock, controller, signal } = setUp();
    const first = scheduler.add(() => 1, { delay: 10 });
    const job = scheduler.add(() => 1, { after: [first], signal });
    const other = scheduler.add(() => 2, { after: [first] });
    controller.abort('no');
    await assertCancelled(job, 'no');
    await clock.advance(10);
    assert.deepEqual([await first.result, await other.result, job.attempts], [1, 2, 0]);
  });

  it('ends a job between two attempts', async () => {
    const { scheduler, clock, controller, signal, log } = setUp();
    const job = scheduler.add(() => Promise.reject(new Error('no')), { name: 'job', retry: { attempts: 3, delay: 100 }, signal });
    await clock.advance(150);
    assert.equal(job.attempts, 2);
    controller.abort('no');
    assert.deepEqual(log.slice(-2), ['cancelled job', 'idle']);
    await assertCancelled(job, 'no');
    assert.equal(clock.timers, 0);
    await clock.advance(500);
    assert.equal(job.attempts, 2);
  });

  it('settles the result without time passing', async () => {
    const { scheduler, controller, signal } = setUp();
    const jobs = [scheduler.add(() => 1, { delay: 5, signal }), scheduler.add(never), scheduler.add(() => 1, { signal })];
    controller.abort();
    await assertCancelled(jobs[0]!, signal.reason);
    await assertCancelled(jobs[2]!, signal.reason);
  });
});

describe('a signal that is aborted already', () => {
  it('cancels the job within add', async () => {
    const { scheduler, clock, log } = setUp();
    let calls = 0;
    const run = (): number => (calls += 1);
    const signal = AbortSignal.abort('too late');
    const jobs = [
      scheduler.add(run, { name: 'plain', signal }),
      scheduler.add(run, { name: 'delayed', delay: 10, retry: { attempts: 3 }, signal }),
    ];
    assert.deepEqual(jobs.map(({ status }) => status), ['cancelled', 'cancelled']);
    assert.deepEqual(log, ['added plain', 'cancelled plain', 'idle', 'added delayed', 'cancelled delayed', 'idle']);
    for (const job of jobs) await assertCancelled(job, 'too late');
    await clock.advance(20);
    assert.deepEqual([calls, clock.timers, listeners(signal)], [0, 0, 0]);
  });

  it('cancels a job with dependencies, and those that depend on it', async () => {
    const { scheduler, clock } = setUp();
    const first = scheduler.add(() => 1, { delay: 10 });
    const job = scheduler.add(() => 2, { after: [first], signal: AbortSignal.abort('too late') });
    const next = scheduler.add(() => 3, { after: [job] });
    await assertCancelled(job, 'too late');
    assert.equal(next.status, 'cancelled');
    await clock.advance(10);
    assert.equal(first.status, 'succeeded');
  });
});

describe('a signal that outlives its jobs', () => {
  it('keeps nothing of them, however they ended', async () => {
    const { scheduler, clock, signal } = setUp({ concurrency: 9 });
    scheduler.add(() => 1, { signal });
    const failing = scheduler.add(() => Promise.reject(new Error('no')), { signal });
    scheduler.add(({ attempt }) => (attempt === 1 ? Promise.reject(new Error('no')) : 1), { signal, retry: { attempts: 2, delay: 5 } });
    scheduler.add(() => 1, { signal, after: [failing] });
    const waiting = scheduler.add(() => 1, { signal, delay: 1000 });
    scheduler.add(never, { signal, timeout: 20 });
    await clock.advance(20);
    assert.equal(waiting.status, 'delayed');
    waiting.cancel();
    assert.equal(scheduler.add(() => 1, { signal, after: [failing] }).status, 'cancelled');
    await clock.advance(0);
    assert.equal(listeners(signal), 0);
  });

  it('has no effect on jobs that have ended', async () => {
    const { scheduler, controller, signal, log } = setUp();
    const job = scheduler.add(() => 1, { name: 'job', signal });
    await job.result;
    await scheduler.idle();
    const before = [...log];
    controller.abort();
    assert.deepEqual([job.status, log], ['succeeded', before]);
  });

  it('keeps nothing of jobs that a shutdown cancelled', async () => {
    const { scheduler, signal } = setUp();
    const jobs = [0, 5, 5].map((delay) => scheduler.add(() => 1, { delay, signal }));
    await scheduler.shutdown('cancel');
    assert.deepEqual(jobs.map(({ status }) => status), ['cancelled', 'cancelled', 'cancelled']);
    assert.equal(listeners(signal), 0);
  });

  it('ends all jobs that share it', async () => {
    const { scheduler, clock, controller, signal } = setUp({ concurrency: 3 });
    const reasons: unknown[] = [];
    const untilAborted = (context: { signal: AbortSignal }): Promise<never> =>
      new Promise((_resolve, reject) => {
        context.signal.addEventListener('abort', () => {
          reasons.push('aborted');
          reject(context.signal.reason as Error);
        });
      });
    const jobs = Array.from({ length: 50 }, (_, index) => scheduler.add(untilAborted, { signal, delay: index % 2 }));
    await clock.advance(0);
    assert.equal(scheduler.running, 3);
    controller.abort('all');
    assert(jobs.every(({ status }) => status === 'cancelled'));
    assert.deepEqual([listeners(signal), clock.timers], [0, 0]);
    await clock.advance(5);
    assert.deepEqual([reasons.length, scheduler.running], [3, 0]);
    for (const job of jobs) await assertCancelled(job, 'all');
  });
});
