/**
 * How many jobs may run at a time: all together, and of each group.
 */
export interface GroupLimits {
  /** How many jobs of the group may run at a time. Default: as many as the scheduler allows. */
  readonly concurrency?: number;
}

export class Limits {
  readonly #concurrency: number;
  readonly #groups: ReadonlyMap<string, GroupLimits>;
  readonly #runningByGroup = new Map<string, number>();
  #running = 0;

  constructor(concurrency: number, groups: Readonly<Record<string, GroupLimits>>) {
    requireCount('concurrency', concurrency);
    for (const [name, limits] of Object.entries(groups)) requireCount(`concurrency of group ${name}`, limits.concurrency ?? Infinity);
    this.#concurrency = concurrency;
    this.#groups = new Map(Object.entries(groups));
  }

  /** How many slots are taken. */
  get running(): number {
    return this.#running;
  }

  knows(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Whether one more job may start, of some group at least. */
  hasRoom(): boolean {
    return this.#running < this.#concurrency;
  }

  /** Whether the limits of `group` itself allow one more job. */
  isOpen(group: string | undefined): boolean {
    if (group === undefined) return true;
    return (this.#runningByGroup.get(group) ?? 0) < (this.#groups.get(group)?.concurrency ?? Infinity);
  }

  /** Takes a slot; each is given back by one `release`. */
  acquire(group: string | undefined): void {
    this.#running += 1;
    if (group !== undefined) this.#runningByGroup.set(group, (this.#runningByGroup.get(group) ?? 0) + 1);
  }

  release(group: string | undefined): void {
    this.#running -= 1;
    if (group !== undefined) this.#runningByGroup.set(group, (this.#runningByGroup.get(group) ?? 0) - 1);
  }
}

function requireCount(what: string, value: number): void {
  if (!(value >= 1) || (value !== Infinity && !Number.isInteger(value))) {
    throw new RangeError(`${what} must be a positive integer or Infinity, not ${value}`);
  }
}
