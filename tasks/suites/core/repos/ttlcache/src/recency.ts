import type { Entry } from './entry.ts';

/** Entries in the order of their last use: a doubly linked list through the entries themselves. */
export class RecencyList<K, V> {
  #newest: Entry<K, V> | undefined;
  #oldest: Entry<K, V> | undefined;

  get oldest(): Entry<K, V> | undefined {
    return this.#oldest;
  }

  /** Adds an entry that is in no list as the newest. */
  add(entry: Entry<K, V>): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest !== undefined) this.#newest.newer = entry;
    this.#newest = entry;
    this.#oldest ??= entry;
  }

  remove(entry: Entry<K, V>): void {
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = undefined;
    entry.older = undefined;
  }

  /** Makes an entry of this list the newest. */
  touch(entry: Entry<K, V>): void {
    if (entry === this.#newest) return;
    this.remove(entry);
    this.add(entry);
  }

  /** The entries, newest first, as the list stands now: changes during the iteration do not disturb it. */
  snapshot(): Entry<K, V>[] {
    const entries: Entry<K, V>[] = [];
    for (let entry = this.#newest; entry !== undefined; entry = entry.older) entries.push(entry);
    return entries;
  }
}
