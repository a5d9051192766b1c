import { describeEntry, isAlive, isFresh, type Entry, type EntryInfo } from './entry.ts';
import { ExpiryQueue } from './expiry.ts';
import { Flights } from './flights.ts';
import {
  checkedWeight,
  duration,
  resolveOptions,
  type CacheOptions,
  type EvictionReason,
  type SetOptions,
  type Settings,
} from './options.ts';
import { RecencyList } from './recency.ts';
import { readSnapshot, takeSnapshot, type Snapshot } from './snapshot.ts';
import { StatsRecorder, type CacheStats } from './stats.ts';
import { TagIndex } from './tags.ts';

/** Loads the value of a key. `stale` is the value that the load is to replace, when there is one. */
export type Loader<K, V> = (key: K, stale: V | undefined) => V | Promise<V>;

/**
 * A cache in memory. An entry is *fresh* for its `ttl`, then *stale* for its `staleTtl`, then gone. `get` gives fresh
 * values only; `fetch` also serves a stale one while it loads the next in the background. When there are too many
 * entries, or they weigh too much, the least recently used ones go first.
 *
 * Nothing happens on its own: expired entries are noticed by the operations that meet them, and by `prune`.
 */
export class Cache<K, V> {
  readonly #settings: Settings<K, V>;
  readonly #entries = new Map<K, Entry<K, V>>();
  readonly #recency = new RecencyList<K, V>();
  readonly #expiry = new ExpiryQueue<Entry<K, V>>((entry) => this.#entries.get(entry.key) === entry);
  readonly #tags = new TagIndex<K>();
  readonly #flights = new Flights<K, V>();
  readonly #stats = new StatsRecorder();
  #weight = 0;

  constructor(options: CacheOptions<K, V> = {}) {
    this.#settings = resolveOptions(options);
  }

  /** How many entries are held, including expired ones that nothing has met yet. */
  get size(): number {
    return this.#entries.size;
  }

  /** What the held entries weigh together. */
  get weight(): number {
    return this.#weight;
  }

  get stats(): CacheStats {
    return this.#stats.read();
  }

  resetStats(): void {
    this.#stats.reset();
  }

  /** The fresh value of a key, which becomes the most recently used one. */
  get(key: K): V | undefined {
    const entry = this.#find(key);
    if (entry === undefined || !isFresh(entry, this.#now())) {
      this.#stats.count('misses');
      return undefined;
    }
    this.#stats.count('hits');
    this.#recency.touch(entry);
    return entry.value;
  }

  /** Like `get`, but leaves the order of use and the statistics alone. */
  peek(key: K): V | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && isFresh(entry, this.#now()) ? entry.value : undefined;
  }

  /** True when `get` would find a value. Leaves the order of use and the statistics alone. */
  has(key: K): boolean {
    const entry = this.#entries.get(key);
    return entry !== undefined && isFresh(entry, this.#now());
  }

  /** What is known about a fresh or stale entry. Leaves the order of use and the statistics alone. */
  inspect(key: K): EntryInfo | undefined {
    const entry = this.#entries.get(key);
    return entry !== undefined && isAlive(entry, this.#now()) ? describeEntry(entry, this.#now()) : undefined;
  }

  /**
   * Stores a value as the most recently used one. An entry that alone weighs more than the cache may hold is not
   * stored, and an older value of the key goes all the same; then the result is false.
   */
  set(key: K, value: V, options: SetOptions = {}): boolean {
    const { weigh, ttl, staleTtl } = this.#settings;
    const now = this.#now();
    const freshUntil = now + duration('ttl', options.ttl ?? ttl);
    return this.#store({
      key,
      value,
      weight: checkedWeight(options.weight ?? weigh(value, key)),
      tags: [...new Set(options.tags)],
      storedAt: now,
      freshUntil,
      deadline: freshUntil + duration('staleTtl', options.staleTtl ?? staleTtl),
      newer: undefined,
      older: undefined,
    });
  }

  /**
   * The value of a key: the fresh one, else a stale one while a new one loads in the background, else a loaded one.
   * At most one load runs for a key; calls meanwhile share it. The promise is rejected when the load it waits for
   * fails; nothing is stored then, and the next call loads again. A failure in the background only counts as one.
   *
   * `options` are those of the stored entry.
   */
  async fetch(key: K, load: Loader<K, V>, options: SetOptions = {}): Promise<V> {
    const entry = this.#find(key);
    if (entry !== undefined && isFresh(entry, this.#now())) {
      this.#stats.count('hits');
      this.#recency.touch(entry);
      return entry.value;
    }
    this.#stats.count(entry === undefined ? 'misses' : 'staleHits');
    if (this.#flights.has(key)) this.#stats.count('coalesced');
    const loading = this.#flights.join(key, () => this.#load(key, load, entry?.value, options));
    if (entry === undefined) return loading;
    this.#recency.touch(entry);
    loading.catch(() => {});
    return entry.value;
  }

  /** Removes a key. The result says whether there was a fresh or stale entry. */
  delete(key: K): boolean {
    const entry = this.#find(key);
    if (entry === undefined) return false;
    this.#discard(entry, 'deleted');
    return true;
  }

  /** Removes every entry that carries one of the tags. The result is how many these were. */
  invalidateTags(...tags: readonly string[]): number {
    let removed = 0;
    for (const key of this.#tags.keysOf(tags)) {
      const entry = this.#find(key);
      if (entry === undefined) continue;
      this.#discard(entry, 'invalidated');
      removed += 1;
    }
    return removed;
  }

  clear(): void {
    for (const entry of this.#recency.snapshot()) this.#discard(entry, 'cleared');
  }

  /** Removes every expired entry. The result is how many these were. */
  prune(): number {
    const now = this.#now();
    let removed = 0;
    for (let entry = this.#expiry.takeDue(now); entry !== undefined; entry = this.#expiry.takeDue(now)) {
      this.#discard(entry, 'expired');
      removed += 1;
    }
    return removed;
  }

  /** The fresh and stale keys, most recently used first. Iterating changes neither that order nor the statistics. */
  *keys(): Generator<K, void> {
    for (const [key] of this.entries()) yield key;
  }

  /** The fresh and stale values, in the order of `keys`. */
  *values(): Generator<V, void> {
    for (const [, value] of this.entries()) yield value;
  }

  /** The fresh and stale entries, in the order of `keys`. What is stored meanwhile is not seen, what is removed neither. */
  *entries(): Generator<[key: K, value: V], void> {
    for (const entry of this.#recency.snapshot()) {
      const current = this.#entries.get(entry.key) === entry;
      if (current && isAlive(entry, this.#now())) yield [entry.key, entry.value];
    }
  }

  [Symbol.iterator](): Generator<[key: K, value: V], void> {
    return this.entries();
  }

  /** The content for a later `restore`, perhaps in another process. */
  dump(): Snapshot<K, V> {
    return takeSnapshot(this.#recency.snapshot(), this.#now());
  }

  /**
   * Adds the content of a snapshot to the cache; keys that are there already are replaced. Lifetimes go on from where
   * they were, so what has expired since is left out. The result is how many entries were stored.
   */
  restore(snapshot: Snapshot<K, V>): number {
    const now = this.#now();
    let stored = 0;
    for (const entry of readSnapshot(snapshot)) {
      if (isAlive(entry, now) && this.#store(entry)) stored += 1;
    }
    return stored;
  }

  #now(): number {
    return this.#settings.clock.now();
  }

  /** The entry of a key. An expired one is removed on the way. */
  #find(key: K): Entry<K, V> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || isAlive(entry, this.#now())) return entry;
    this.#discard(entry, 'expired');
    return undefined;
  }

  #store(entry: Entry<K, V>): boolean {
    const previous = this.#find(entry.key);
    if (previous !== undefined) this.#discard(previous, 'replaced');
    if (entry.weight > this.#settings.maxWeight) return false;
    this.#entries.set(entry.key, entry);
    this.#recency.add(entry);
    this.#expiry.add(entry);
    this.#tags.add(entry.key, entry.tags);
    this.#weight += entry.weight;
    this.#makeRoom();
    return true;
  }

  /** Brings the cache within its limits; what has expired goes before what is still of use. */
  #makeRoom(): void {
    if (this.#withinLimits()) return;
    this.prune();
    for (let oldest = this.#recency.oldest; oldest !== undefined && !this.#withinLimits(); oldest = this.#recency.oldest) {
      this.#discard(oldest, 'capacity');
    }
  }

  #withinLimits(): boolean {
    return this.#entries.size <= this.#settings.maxEntries && this.#weight <= this.#settings.maxWeight;
  }

  /** Takes an entry out of every index and tells the listener. */
  #discard(entry: Entry<K, V>, reason: EvictionReason): void {
    this.#entries.delete(entry.key);
    this.#recency.remove(entry);
    this.#tags.remove(entry.key, entry.tags);
    this.#weight -= entry.weight;
    this.#expiry.compact(this.#entries.size);
    this.#stats.countEviction(reason);
    this.#settings.onEvict?.(entry.key, entry.value, reason);
  }

  async #load(key: K, load: Loader<K, V>, stale: V | undefined, options: SetOptions): Promise<V> {
    this.#stats.count('loads');
    try {
      const value = await load(key, stale);
      this.set(key, value, options);
      return value;
    } catch (error) {
      this.#stats.count('loadFailures');
      throw error;
    }
  }
}
