import { close, open, type Source } from './source.ts';

/**
 * Reads a source until the signal is aborted. From then on pulls reject with the signal's reason, a pending one at once,
 * and the source is closed.
 */
export function abortable<T>(source: Source<T>, signal: AbortSignal): AsyncIterableIterator<T, undefined> {
  return new AbortableIterator(open(source), signal);
}

class AbortableIterator<T> implements AsyncIterableIterator<T, undefined> {
  private readonly iterator: AsyncIterator<T>;
  private readonly signal: AbortSignal;
  private isPulling = false;
  private isClosed = false;

  constructor(iterator: AsyncIterator<T>, signal: AbortSignal) {
    this.iterator = iterator;
    this.signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T, undefined>> {
    if (this.isClosed) return { done: true, value: undefined };
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const abort = (): void => reject(this.signal.reason);
    if (this.signal.aborted) abort();
    else this.signal.addEventListener('abort', abort, { once: true });
    try {
      const result = await Promise.race(this.signal.aborted ? [aborted] : [aborted, this.pull()]);
      if (result.done !== true) return result;
      this.isClosed = true;
      return { done: true, value: undefined };
    } catch (error) {
      // A source that failed has ended by itself; one that was interrupted has not.
      if (this.signal.aborted) await this.shut().catch(() => {});
      this.isClosed = true;
      throw error;
    } finally {
      this.signal.removeEventListener('abort', abort);
    }
  }

  async return(): Promise<IteratorResult<T, undefined>> {
    await this.shut();
    return { done: true, value: undefined };
  }

  private async pull(): Promise<IteratorResult<T>> {
    this.isPulling = true;
    try {
      return await this.iterator.next();
    } finally {
      this.isPulling = false;
    }
  }

  private async shut(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    await close(this.iterator, this.isPulling);
  }
}
