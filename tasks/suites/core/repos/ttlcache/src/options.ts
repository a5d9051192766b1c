import { systemClock, type Clock } from './clock.ts';

/**
 * Why an entry left the cache: `capacity` makes room for others, `expired` is past its stale window, `replaced` got a
 * new value, `deleted`, `invalidated` (by a tag) and `cleared` were asked for.
 */
export type EvictionReason = 'capacity' | 'expired' | 'replaced' | 'deleted' | 'invalidated' | 'cleared';

export type EvictionListener<K, V> = (key: K, value: V, reason: EvictionReason) => void;

export interface CacheOptions<K, V> {
  /** How many entries to keep at most; no limit without it. */
  readonly maxEntries?: number;
  /** How much the entries may weigh together; no limit without it. */
  readonly maxWeight?: number;
  /** The weight of an entry that is stored without one; 1 each without it. */
  readonly weigh?: (value: V, key: K) => number;
  /** How long an entry is fresh, in milliseconds; forever without it. */
  readonly ttl?: number;
  /** How long after that `fetch` may still serve it while it loads a new value, in milliseconds; 0 without it. */
  readonly staleTtl?: number;
  readonly clock?: Clock;
  /** Called once for every entry that leaves the cache. */
  readonly onEvict?: EvictionListener<K, V>;
}

/** What may differ for a single entry. */
export interface SetOptions {
  readonly ttl?: number;
  readonly staleTtl?: number;
  readonly weight?: number;
  /** Names that `invalidateTags` finds the entry by. */
  readonly tags?: Iterable<string>;
}

/** The options of a cache with every default in place. */
export interface Settings<K, V> {
  readonly maxEntries: number;
  readonly maxWeight: number;
  readonly weigh: (value: V, key: K) => number;
  readonly ttl: number;
  readonly staleTtl: number;
  readonly clock: Clock;
  readonly onEvict: EvictionListener<K, V> | undefined;
}

/** Fills in the defaults. Throws a `RangeError` for a limit or a lifetime that makes no sense. */
export function resolveOptions<K, V>(options: CacheOptions<K, V>): Settings<K, V> {
  const { maxEntries = Number.POSITIVE_INFINITY, maxWeight = Number.POSITIVE_INFINITY } = options;
  if (maxEntries !== Number.POSITIVE_INFINITY && !(Number.isInteger(maxEntries) && maxEntries > 0)) {
    throw new RangeError('maxEntries must be a positive whole number');
  }
  if (!(maxWeight > 0)) throw new RangeError('maxWeight must be positive');
  return {
    maxEntries,
    maxWeight,
    weigh: options.weigh ?? (() => 1),
    ttl: duration('ttl', options.ttl ?? Number.POSITIVE_INFINITY),
    staleTtl: duration('staleTtl', options.staleTtl ?? 0),
    clock: options.clock ?? systemClock,
    onEvict: options.onEvict,
  };
}

/** A duration that is not negative; `Infinity` is one. */
export function duration(name: string, milliseconds: number): number {
  if (!(milliseconds >= 0)) throw new RangeError(`${name} must not be negative`);
  return milliseconds;
}

/** A weight that is finite and not negative. */
export function checkedWeight(weight: number): number {
  if (!(Number.isFinite(weight) && weight >= 0)) throw new RangeError('a weight must be finite and not negative');
  return weight;
}
