/** Which keys carry which tag. */
export class TagIndex<K> {
  readonly #keys = new Map<string, Set<K>>();

  add(key: K, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag);
      if (keys === undefined) this.#keys.set(tag, new Set([key]));
      else keys.add(key);
    }
  }

  remove(key: K, tags: readonly string[]): void {
    for (const tag of tags) {
      const keys = this.#keys.get(tag);
      keys?.delete(key);
      if (keys?.size === 0) this.#keys.delete(tag);
    }
  }

  /** The keys that carry at least one of the tags, each once. */
  keysOf(tags: Iterable<string>): Set<K> {
    const found = new Set<K>();
    for (const tag of tags) {
      for (const key of this.#keys.get(tag) ?? []) found.add(key);
    }
    return found;
  }
}
