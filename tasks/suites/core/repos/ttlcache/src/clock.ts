/** The time in milliseconds since the epoch. Lifetimes in snapshots are absolute, so it must survive a restart. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };

/** A clock that stands still until it is told to move. */
export class ManualClock implements Clock {
  #now: number;

  constructor(now = 0) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  /** Moves the time forward. Throws a `RangeError` for a negative distance. */
  advance(milliseconds: number): void {
    if (!(milliseconds >= 0)) throw new RangeError('time only moves forward');
    this.#now += milliseconds;
  }
}
