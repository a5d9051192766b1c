import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ManualClock, retryDelay, Scheduler, systemClock } from '../src/index.ts';

describe('ManualClock', () => {
  it('fires timers in order, those set meanwhile included', async () => {
    const clock = new ManualClock();
    const fired: unknown[] = [];
    const note = (name: string) => () => fired.push([name, clock.now()]);
    clock.setTimer(20, note('late'));
    clock.setTimer(10, () => {
      note('early')();
      clock.setTimer(5, note('inner'));
    });
    const cancel = clock.setTimer(12, note('never'));
    clock.setTimer(10, note('second'));
    cancel();
    assert.equal(clock.timers, 3);
    await clock.advance(19);
    assert.deepEqual(fired, [['early', 10], ['second', 10], ['inner', 15]]);
    await clock.advance(1);
    assert.deepEqual([fired.at(-1), clock.now(), clock.timers], [['late', 20], 20, 0]);
  });
});

describe('systemClock', () => {
  it('fires later, unless it is called off', async () => {
    const fired: string[] = [];
    systemClock.setTimer(0, () => fired.push('first'));
    systemClock.setTimer(0, () => fired.push('called off'))();
    systemClock.setTimer(2 ** 40, () => fired.push('far off'))();
    assert.deepEqual(fired, []);
    await new Promise<void>((resolve) => {
      systemClock.setTimer(2, resolve);
    });
    assert.deepEqual(fired, ['first']);
  });
});

describe('retryDelay', () => {
  it('grows from the second attempt on, up to the bound', () => {
    const policy = { attempts: 9, delay: 100, factor: 2, maxDelay: 350 };
    assert.deepEqual([1, 2, 3, 4].map((attempt) => retryDelay(policy, attempt, () => 0)), [100, 200, 350, 350]);
    assert.equal(retryDelay({ attempts: 2 }, 1, () => 0), 0);
  });

  it('leaves its share to chance, and never exceeds the bound', () => {
    const policy = { attempts: 9, delay: 100, jitter: 0.5 };
    assert.deepEqual([0, 0.5, 1].map((chance) => retryDelay(policy, 1, () => chance)), [100, 75, 50]);
  });
});

describe('events', () => {
  it('stop when asked to', async () => {
    const scheduler = new Scheduler();
    const names: string[] = [];
    const stop = scheduler.on('added', ({ job }) => names.push(job.name));
    scheduler.add(() => 1);
    stop();
    stop();
    scheduler.add(() => 1);
    await scheduler.idle();
    assert.deepEqual(names, ['job 1']);
  });
});
