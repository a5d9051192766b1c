/** A cached value with what the cache knows about it. Times are absolute, in milliseconds of the cache's clock. */
export interface Entry<K, V> {
  readonly key: K;
  readonly value: V;
  readonly weight: number;
  readonly tags: readonly string[];
  readonly storedAt: number;
  /** The value is fresh before this time. */
  readonly freshUntil: number;
  /** From this time on the entry is gone; between `freshUntil` and this it is stale. */
  readonly deadline: number;
  /** Neighbours in the order of use, owned by the recency list. */
  newer: Entry<K, V> | undefined;
  older: Entry<K, V> | undefined;
}

/** What `inspect` tells about an entry. */
export interface EntryInfo {
  readonly state: 'fresh' | 'stale';
  readonly weight: number;
  readonly tags: readonly string[];
  readonly storedAt: number;
  readonly freshUntil: number;
  readonly deadline: number;
}

export function isFresh(entry: Entry<unknown, unknown>, now: number): boolean {
  return now < entry.freshUntil;
}

/** True while the entry counts as being in the cache, fresh or stale. */
export function isAlive(entry: Entry<unknown, unknown>, now: number): boolean {
  return now < entry.deadline;
}

export function describeEntry(entry: Entry<unknown, unknown>, now: number): EntryInfo {
  const { weight, tags, storedAt, freshUntil, deadline } = entry;
  return { state: isFresh(entry, now) ? 'fresh' : 'stale', weight, tags, storedAt, freshUntil, deadline };
}
