import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DependencyError, JobCancelledError, ManualClock, Scheduler, SchedulerClosedError, type SchedulerOptions } from '../src/index.ts';

function setUp(options: SchedulerOptions = {}) {
  const clock = new ManualClock();
  const scheduler = new Scheduler({ clock, ...options });
  const log: string[] = [];
  for (const name of ['added', 'started', 'retrying', 'succeeded', 'failed', 'cancelled'] as const) {
    scheduler.on(name, ({ job }) => log.push(`${name} ${job.name}`));
  }
  scheduler.on('idle', () => log.push('idle'));
  return { clock, scheduler, log };
}

/** Runs until its signal is aborted. */
function untilAborted({ signal }: { signal: AbortSignal }): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });
}

describe('dependencies', () => {
  it('start a job when the last of them has succeeded, then wait for its delay', async () => {
    const { scheduler, clock } = setUp({ concurrency: 9 });
    const a = scheduler.add(() => 1, { delay: 10 });
    const b = scheduler.add(() => 2, { delay: 30 });
    const c = scheduler.add(async () => [(await a.result) + (await b.result), clock.now()], { after: [a, b, a], delay: 5 });
    assert.equal(c.status, 'blocked');
    await clock.advance(30);
    assert.equal(c.status, 'delayed');
    await clock.advance(5);
    assert.deepEqual(await c.result, [3, 35]);
  });

  it('may have succeeded long before', async () => {
    const { scheduler } = setUp();
    const a = scheduler.add(() => 1);
    await a.result;
    assert.equal(await scheduler.add(() => 2, { after: [a] }).result, 2);
  });

  it('cancel what waits for them when they do not succeed, all the way', async () => {
    const { scheduler, log } = setUp();
    const error = new Error('no');
    const a = scheduler.add(() => Promise.reject(error), { name: 'a' });
    const b = scheduler.add(() => 1, { name: 'b', after: [a] });
    const c = scheduler.add(() => 1, { name: 'c', after: [b] });
    await scheduler.idle();
    await assert.rejects(b.result, (reason) => reason instanceof DependencyError && reason.cause === error);
    await assert.rejects(c.result, (reason) => reason instanceof DependencyError && reason.cause instanceof DependencyError);
    const late = scheduler.add(() => 1, { name: 'late', after: [c] });
    assert.equal(late.status, 'cancelled');
    assert.deepEqual(log.slice(4), ['failed a', 'cancelled b', 'cancelled c', 'idle', 'added late', 'cancelled late', 'idle']);
  });
});

describe('cancelling', () => {
  it('ends a job wherever it waits', async () => {
    const { scheduler, clock } = setUp();
    scheduler.add(untilAborted, { name: 'running', timeout: 100 });
    const queued = scheduler.add(() => 1);
    const delayed = scheduler.add(() => 1, { delay: 50 });
    const blocked = scheduler.add(() => 1, { after: [queued] });
    await clock.advance(0);
    assert.deepEqual([queued, delayed, blocked].map(({ status }) => status), ['queued', 'delayed', 'blocked']);
    blocked.cancel('why not');
    await assert.rejects(blocked.result, (error) => error instanceof JobCancelledError && error.cause === 'why not');
    delayed.cancel();
    queued.cancel();
    assert.deepEqual([queued, delayed, blocked].map(({ status }) => status), ['cancelled', 'cancelled', 'cancelled']);
    assert.equal(clock.timers, 1);
    await clock.advance(100);
    assert.deepEqual([queued.attempts, delayed.attempts, blocked.attempts], [0, 0, 0]);
  });

  it('ends a job between two attempts', async () => {
    const { scheduler, clock } = setUp();
    const job = scheduler.add(() => Promise.reject(new Error('no')), { retry: { attempts: 2, delay: 10 } });
    await clock.advance(5);
    job.cancel();
    await clock.advance(50);
    assert.deepEqual([job.status, job.attempts, clock.timers], ['cancelled', 1, 0]);
  });

  it('aborts the signal of a running job and frees its slot', async () => {
    const { scheduler, clock, log } = setUp();
    const job = scheduler.add(untilAborted, { name: 'a', retry: { attempts: 5 } });
    scheduler.add(() => 1, { name: 'b' });
    await clock.advance(0);
    job.cancel();
    assert.equal(job.status, 'cancelled');
    await scheduler.idle();
    assert.deepEqual(log.slice(2), ['started a', 'cancelled a', 'started b', 'succeeded b', 'idle']);
  });

  it('does nothing to a job that has ended', async () => {
    const { scheduler, log } = setUp();
    const job = scheduler.add(() => 1);
    await scheduler.idle();
    job.cancel();
    assert.deepEqual([job.status, log.at(-1)], ['succeeded', 'idle']);
  });

  it('works from a listener, before the function is called', async () => {
    const { scheduler, clock } = setUp();
    let called = false;
    scheduler.on('started', ({ job }) => job.cancel());
    scheduler.add(() => {
      called = true;
    });
    await clock.advance(0);
    assert.deepEqual([called, scheduler.running], [false, 0]);
  });

  it('follows the signal of a running job', async () => {
    const { scheduler, clock } = setUp();
    const controller = new AbortController();
    const job = scheduler.add(untilAborted, { signal: controller.signal, retry: { attempts: 5 } });
    await clock.advance(0);
    controller.abort('enough');
    await assert.rejects(job.result, (error) => error instanceof JobCancelledError && error.cause === 'enough');
    assert.deepEqual([job.status, job.attempts], ['cancelled', 1]);
  });

  it('keeps a job from starting once its signal is aborted', async () => {
    const { scheduler, clock } = setUp();
    const controller = new AbortController();
    const job = scheduler.add(() => 1, { signal: controller.signal });
    controller.abort();
    await clock.advance(0);
    assert.deepEqual([job.status, job.attempts], ['cancelled', 0]);
  });
});

describe('pausing', () => {
  it('holds back starts and nothing else', async () => {
    const { scheduler, clock, log } = setUp();
    const running = scheduler.add(() => 1, { name: 'running' });
    await running.result;
    scheduler.pause();
    const job = scheduler.add(() => 1, { name: 'later', delay: 10 });
    await clock.advance(20);
    assert.equal(job.status, 'queued');
    scheduler.resume();
    await scheduler.idle();
    assert.deepEqual(log.slice(3), ['idle', 'added later', 'started later', 'succeeded later', 'idle']);
  });
});

describe('stopping', () => {
  it('waits for all jobs, those added meanwhile included', async () => {
    const { scheduler } = setUp();
    const order: string[] = [];
    scheduler.add(() => {
      scheduler.add(() => void order.push('inner'));
      order.push('outer');
    });
    await Promise.all([scheduler.idle(), scheduler.idle()]);
    assert.deepEqual(order, ['outer', 'inner']);
    await scheduler.idle();
  });

  it('drains, retries and delays included, and takes no more jobs', async () => {
    const { scheduler, clock, log } = setUp();
    scheduler.add(({ attempt }) => (attempt === 1 ? Promise.reject(new Error('no')) : 1), { name: 'a', retry: { attempts: 2, delay: 10 } });
    scheduler.pause();
    let done = false;
    const end = scheduler.shutdown().then(() => (done = true));
    assert.throws(() => scheduler.add(() => 1), SchedulerClosedError);
    await clock.advance(9);
    assert.equal(done, false);
    await clock.advance(1);
    await end;
    assert.deepEqual(log, ['added a', 'started a', 'retrying a', 'started a', 'succeeded a', 'idle']);
  });

  it('cancels when asked to, also while it drains', async () => {
    const { scheduler, clock } = setUp();
    const jobs = [scheduler.add(untilAborted), scheduler.add(() => 1, { delay: 1000 })];
    const draining = scheduler.shutdown();
    await clock.advance(0);
    await scheduler.shutdown('cancel');
    await draining;
    for (const job of jobs) {
      await assert.rejects(job.result, (error) => error instanceof JobCancelledError && error.cause instanceof SchedulerClosedError);
    }
    assert.equal(clock.timers, 0);
  });
});
