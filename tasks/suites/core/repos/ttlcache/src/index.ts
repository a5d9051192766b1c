export { Cache, type Loader } from './cache.ts';
export { ManualClock, systemClock, type Clock } from './clock.ts';
export type { EntryInfo } from './entry.ts';
export type { CacheOptions, EvictionListener, EvictionReason, SetOptions } from './options.ts';
export type { Snapshot, SnapshotEntry } from './snapshot.ts';
export type { CacheStats } from './stats.ts';
