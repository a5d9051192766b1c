/** Anything whose items can be read one after the other. */
export type Source<T> = AsyncIterable<T> | Iterable<T>;

/** Starts reading a source. Of a synchronous one the items are handed out asynchronously. */
export function open<T>(source: Source<T>): AsyncIterator<T> {
  if (Symbol.asyncIterator in source) return source[Symbol.asyncIterator]();
  const iterator = source[Symbol.iterator]();
  return {
    next: async () => iterator.next(),
    return: async () => {
      iterator.return?.();
      return { done: true, value: undefined };
    },
  };
}

/**
 * Tells an iterator that no more items are wanted. While a pull is pending its answer is not waited for: an async
 * generator answers `return` only after the pull, which may never settle.
 */
export async function close(iterator: AsyncIterator<unknown>, isPulling = false): Promise<void> {
  const returned = iterator.return?.();
  if (isPulling) returned?.catch(() => {});
  else await returned;
}

/** Reads a source to its end. */
export async function toArray<T>(source: Source<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Throws a RangeError unless `value` is a whole number of at least 1, or Infinity. */
export function requirePositive(name: string, value: number): void {
  if (value !== Infinity && !(Number.isInteger(value) && value >= 1)) {
    throw new RangeError(`${name} must be a positive integer, not ${value}`);
  }
}
