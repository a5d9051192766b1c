interface Expiring {
  readonly deadline: number;
}

interface Slot<E> {
  readonly entry: E;
  readonly deadline: number;
}

/**
 * A binary heap of entries by deadline. Entries are not taken out when they leave the cache; the caller says through
 * `isCurrent` whether one still counts, and the heap drops the others as they surface or, once they are the majority,
 * all at once.
 */
export class ExpiryQueue<E extends Expiring> {
  readonly #isCurrent: (entry: E) => boolean;
  #heap: Slot<E>[] = [];

  constructor(isCurrent: (entry: E) => boolean) {
    this.#isCurrent = isCurrent;
  }

  /** Adds an entry under its deadline. One without a deadline never expires and is not kept. */
  add(entry: E): void {
    if (entry.deadline === Number.POSITIVE_INFINITY) return;
    this.#heap.push({ entry, deadline: entry.deadline });
    this.#siftUp(this.#heap.length - 1);
  }

  /** Takes the entry with the earliest deadline that is not after `now`. */
  takeDue(now: number): E | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.deadline <= now; first = this.#heap[0]) {
      this.#removeFirst();
      if (this.#counts(first)) return first.entry;
    }
    return undefined;
  }

  /** Drops what does not count any more when that is most of the heap. `alive` is how many entries the cache has. */
  compact(alive: number): void {
    if (this.#heap.length <= 2 * alive + 16) return;
    const slots = this.#heap.filter((slot) => this.#counts(slot));
    // A sorted array is a heap.
    this.#heap = slots.toSorted((a, b) => a.deadline - b.deadline);
  }

  #counts({ entry, deadline }: Slot<E>): boolean {
    return entry.deadline === deadline && this.#isCurrent(entry);
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#siftDown();
  }

  #siftUp(start: number): void {
    for (let index = start; index > 0; ) {
      const parent = (index - 1) >> 1;
      if (this.#deadlineAt(parent) <= this.#deadlineAt(index)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #siftDown(): void {
    for (let index = 0; ; ) {
      let smallest = index;
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (this.#deadlineAt(child) < this.#deadlineAt(smallest)) smallest = child;
      }
      if (smallest === index) return;
      this.#swap(index, smallest);
      index = smallest;
    }
  }

  #deadlineAt(index: number): number {
    return this.#heap[index]?.deadline ?? Number.POSITIVE_INFINITY;
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
}
