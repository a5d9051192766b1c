/**
 * Time, as the scheduler sees it. Everything that waits does so through a `Clock`, so that tests decide when time passes.
 */
export interface Clock {
  /** Milliseconds since a moment that is fixed for this clock. Never goes back. */
  now(): number;
  /** Calls `callback` once, `delay` milliseconds from now and never before `setTimer` returns. The result calls it off. */
  setTimer(delay: number, callback: () => void): CancelTimer;
}

export type CancelTimer = () => void;

/** The longest delay that setTimeout takes; it fires at once for anything above. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimer(delay, callback) {
    let timeout: NodeJS.Timeout;
    const wait = (remaining: number): void => {
      const step = Math.min(remaining, LONGEST_TIMEOUT);
      timeout = setTimeout(() => (remaining > step ? wait(remaining - step) : callback()), step);
    };
    wait(delay);
    return () => clearTimeout(timeout);
  },
};

interface ManualTimer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock for tests: time stands still but for `advance`. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<ManualTimer>();

  now(): number {
    return this.#now;
  }

  setTimer(delay: number, callback: () => void): CancelTimer {
    const timer = { due: this.#now + Math.max(0, delay), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers have been set and neither fired nor been called off. */
  get timers(): number {
    return this.#timers.size;
  }

  /**
   * Lets `milliseconds` pass. Timers fire one by one in the order in which they are due, those set meanwhile included, and all that their
   * callbacks start in promises comes to rest before the next. `advance(0)` only waits for promises, and fires what is due now.
   */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    await settlePromises();
    for (let timer = this.#next(end); timer; timer = this.#next(end)) {
      this.#now = timer.due;
      this.#timers.delete(timer);
      timer.callback();
      await settlePromises();
    }
    this.#now = end;
  }

  #next(end: number): ManualTimer | undefined {
    let next: ManualTimer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer;
    }
    return next;
  }
}

/** An immediate runs when no promise reaction is left to run. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
