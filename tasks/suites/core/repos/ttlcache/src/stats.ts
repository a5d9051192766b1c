import type { EvictionReason } from './options.ts';

/** Counts since the cache was made or its statistics were reset. */
export interface CacheStats {
  /** `get` and `fetch` that found a fresh value. */
  readonly hits: number;
  /** `fetch` that served a stale value. */
  readonly staleHits: number;
  /** `get` and `fetch` that found nothing they could serve. */
  readonly misses: number;
  /** Loads that were started. */
  readonly loads: number;
  readonly loadFailures: number;
  /** `fetch` that waited for, or left the refresh to, a load that another one had started. */
  readonly coalesced: number;
  readonly evictions: Readonly<Record<EvictionReason, number>>;
}

type Counter = Exclude<keyof CacheStats, 'evictions'>;

export class StatsRecorder {
  #counts = zeroCounts();
  #evictions = zeroEvictions();

  count(counter: Counter): void {
    this.#counts[counter] += 1;
  }

  countEviction(reason: EvictionReason): void {
    this.#evictions[reason] += 1;
  }

  /** A copy that later events do not change. */
  read(): CacheStats {
    return { ...this.#counts, evictions: { ...this.#evictions } };
  }

  reset(): void {
    this.#counts = zeroCounts();
    this.#evictions = zeroEvictions();
  }
}

function zeroCounts(): Record<Counter, number> {
  return { hits: 0, staleHits: 0, misses: 0, loads: 0, loadFailures: 0, coalesced: 0 };
}

function zeroEvictions(): Record<EvictionReason, number> {
  return { capacity: 0, expired: 0, replaced: 0, deleted: 0, invalidated: 0, cleared: 0 };
}
