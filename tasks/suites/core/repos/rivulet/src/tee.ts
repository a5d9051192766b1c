import { close, open, requirePositive, type Source } from './source.ts';

export interface TeeOptions {
  /** How many branches to make. 2, unless given. */
  readonly branches?: number;
  /** How many items a branch may lag behind the fastest one before that has to wait. 16, unless given. */
  readonly limit?: number;
}

/**
 * Splits a source into branches that each yield all of its items, at their own pace. The source is pulled when a branch
 * asks for an item that none has seen yet, and only while no branch lags behind by more than `limit` items.
 *
 * @throws {RangeError} unless `branches` and `limit` are positive integers.
 */
export function tee<T>(source: Source<T>, { branches = 2, limit = 16 }: TeeOptions = {}): AsyncIterableIterator<T, undefined>[] {
  requirePositive('branches', branches);
  requirePositive('limit', limit);
  const trunk = new Trunk(open(source), limit);
  return Array.from({ length: branches }, () => trunk.branch());
}

/** Reads the source on behalf of all branches. */
class Trunk<T> {
  private readonly iterator: AsyncIterator<T>;
  private readonly limit: number;
  private readonly branches: Branch<T>[] = [];
  private pulling: Promise<void> | undefined;
  private drained: PromiseWithResolvers<void> | undefined;
  hasEnded = false;

  constructor(iterator: AsyncIterator<T>, limit: number) {
    this.iterator = iterator;
    this.limit = limit;
  }

  branch(): Branch<T> {
    const branch = new Branch(this);
    this.branches.push(branch);
    return branch;
  }

  /** Waits for something to happen: the next item is handed to all branches, or room is made for it. */
  async advance(): Promise<void> {
    if (this.branches.some((branch) => branch.queue.length >= this.limit)) {
      this.drained ??= Promise.withResolvers();
      await this.drained.promise;
    } else {
      this.pulling ??= this.pull();
      await this.pulling;
    }
  }

  /** A branch has taken an item from its queue. */
  onTaken(): void {
    this.drained?.resolve();
    this.drained = undefined;
  }

  /** A branch is not read any more. */
  async onReturned(): Promise<void> {
    if (this.hasEnded || !this.branches.every((branch) => branch.isClosed)) return;
    this.hasEnded = true;
    await close(this.iterator, this.pulling !== undefined);
  }

  private async pull(): Promise<void> {
    try {
      const result = await this.iterator.next();
      if (result.done === true) {
        this.hasEnded = true;
      } else {
        for (const branch of this.branches) branch.queue.push(result.value);
      }
    } catch (error) {
      this.hasEnded = true;
      throw error;
    } finally {
      this.pulling = undefined;
    }
  }
}

class Branch<T> implements AsyncIterableIterator<T, undefined> {
  readonly queue: T[] = [];
  isClosed = false;
  private readonly trunk: Trunk<T>;

  constructor(trunk: Trunk<T>) {
    this.trunk = trunk;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    while (this.queue.length === 0 && !this.trunk.hasEnded && !this.isClosed) await this.trunk.advance();
    if (this.queue.length === 0) return { done: true, value: undefined };
    const value = this.queue.shift() as T;
    this.trunk.onTaken();
    return { done: false, value };
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    this.isClosed = true;
    this.queue.length = 0;
    await this.trunk.onReturned();
    return { done: true, value: undefined };
  }
}
