/** Time as the interpreter sees it: the only way in which an actor waits. */

/** Opaque: whatever the clock returned, for the same clock to cancel. */
export type TimerHandle = unknown;

export interface Clock {
  /** Calls back once, no earlier than after `milliseconds`, and never synchronously. */
  setTimeout(callback: () => void, milliseconds: number): TimerHandle;
  /** Does nothing for a timer that has fired or was cleared. */
  clearTimeout(handle: TimerHandle): void;
}

export const systemClock: Clock = {
  setTimeout: (callback, milliseconds) => setTimeout(callback, milliseconds),
  clearTimeout: (handle) => clearTimeout(handle as NodeJS.Timeout),
};

interface Timer {
  readonly due: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to advance; for tests and simulations. */
export class ManualClock implements Clock {
  #now = 0;
  /** In order of creation, which decides between timers that are due at the same time. */
  readonly #timers = new Set<Timer>();

  /** Milliseconds since the clock was made. */
  get now(): number {
    return this.#now;
  }

  /** How many timers wait to fire. */
  get pending(): number {
    return this.#timers.size;
  }

  setTimeout(callback: () => void, milliseconds: number): TimerHandle {
    const timer: Timer = { due: this.#now + Math.max(0, milliseconds), callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimeout(handle: TimerHandle): void {
    this.#timers.delete(handle as Timer);
  }

  /**
   * Moves time forward and fires what falls due on the way, each timer at its own time. Timers that are set or cleared
   * by a callback count at once.
   */
  advance(milliseconds: number): void {
    const end = this.#now + milliseconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.callback();
    }
    this.#now = Math.max(this.#now, end);
  }

  #next(end: number): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.due <= end && (earliest === undefined || timer.due < earliest.due)) earliest = timer;
    }
    return earliest;
  }
}
