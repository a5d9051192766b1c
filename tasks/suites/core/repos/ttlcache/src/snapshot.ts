import { isAlive, type Entry } from './entry.ts';

/** An entry in a form that survives JSON; `null` stands for a time that never comes. */
export interface SnapshotEntry<K, V> {
  readonly key: K;
  readonly value: V;
  readonly weight: number;
  readonly tags: readonly string[];
  readonly storedAt: number;
  readonly freshUntil: number | null;
  readonly deadline: number | null;
}

/** The content of a cache, most recently used first. It is as good for JSON as its keys and values are. */
export interface Snapshot<K, V> {
  readonly version: 1;
  readonly entries: readonly SnapshotEntry<K, V>[];
}

/** A snapshot of the entries that are alive. */
export function takeSnapshot<K, V>(entries: readonly Entry<K, V>[], now: number): Snapshot<K, V> {
  const alive = entries.filter((entry) => isAlive(entry, now));
  return {
    version: 1,
    entries: alive.map(({ key, value, weight, tags, storedAt, freshUntil, deadline }) => ({
      key,
      value,
      weight,
      tags,
      storedAt,
      freshUntil: toJsonTime(freshUntil),
      deadline: toJsonTime(deadline),
    })),
  };
}

/** The entries of a snapshot in its order. Throws a `TypeError` for a version that this code does not know. */
export function readSnapshot<K, V>(snapshot: Snapshot<K, V>): Entry<K, V>[] {
  if (snapshot.version !== 1) throw new TypeError(`unknown snapshot version ${String(snapshot.version)}`);
  return snapshot.entries.map((entry) => ({
    ...entry,
    freshUntil: entry.freshUntil ?? Number.POSITIVE_INFINITY,
    deadline: entry.deadline ?? Number.POSITIVE_INFINITY,
    newer: undefined,
    older: undefined,
  }));
}

function toJsonTime(time: number): number | null {
  return time === Number.POSITIVE_INFINITY ? null : time;
}
