import type { Clock } from '../src/index.ts';

/** A source that is fed by hand and knows how it is used. Reading it counts pulls; ending it early counts closes. */
export class Tap<T> implements AsyncIterable<T> {
  pulls = 0;
  closes = 0;
  private readonly waiting: PromiseWithResolvers<IteratorResult<T, undefined>>[] = [];
  private readonly ready: Promise<IteratorResult<T, undefined>>[] = [];

  push(...items: T[]): this {
    for (const value of items) this.settle(Promise.resolve({ done: false, value }));
    return this;
  }

  end(): this {
    this.settle(Promise.resolve({ done: true, value: undefined }));
    return this;
  }

  fail(error: Error): this {
    const failed = Promise.reject<never>(error);
    failed.catch(() => {});
    this.settle(failed);
    return this;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      next: () => {
        this.pulls += 1;
        const ready = this.ready.shift();
        if (ready !== undefined) return ready;
        const later = Promise.withResolvers<IteratorResult<T, undefined>>();
        this.waiting.push(later);
        return later.promise;
      },
      return: async () => {
        this.closes += 1;
        return { done: true, value: undefined };
      },
    };
  }

  private settle(outcome: Promise<IteratorResult<T, undefined>>): void {
    const waiting = this.waiting.shift();
    if (waiting === undefined) this.ready.push(outcome);
    else waiting.resolve(outcome);
  }
}

interface Timer {
  readonly at: number;
  readonly fire: () => void;
}

/** A clock that stands still until it is told otherwise. */
export class FakeClock implements Clock {
  private time = 0;
  private timers: Timer[] = [];

  now(): number {
    return this.time;
  }

  /** How many sleeps are under way. */
  get sleeping(): number {
    return this.timers.length;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer: Timer = { at: this.time + ms, fire: resolve };
    const abort = (): void => {
      this.timers = this.timers.filter((other) => other !== timer);
      reject(signal?.reason);
    };
    this.timers.push(timer);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Lets time pass and wakes who has slept long enough. */
  async advance(ms: number): Promise<void> {
    this.time += ms;
    const due = this.timers.filter(({ at }) => at <= this.time).toSorted((a, b) => a.at - b.at);
    this.timers = this.timers.filter((timer) => !due.includes(timer));
    for (const { fire } of due) fire();
    await settled();
  }
}

/** Waits until everything that can go on without outside events has gone on. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
