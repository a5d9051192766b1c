/**
 * A binary heap that also gives up items from its middle: a queued job can be cancelled.
 *
 * It knows the place of every item, so removal takes as long as `push`. An item can be in it once.
 */
export class Heap<T> {
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();
  readonly #before: (a: T, b: T) => boolean;

  /** `before` is a strict total order: of two items exactly one comes before the other. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    this.#items.push(item);
    this.#places.set(item, this.#items.length - 1);
    this.#rise(this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Whether the item was there. */
  remove(item: T): boolean {
    const place = this.#places.get(item);
    if (place === undefined) return false;
    this.#places.delete(item);
    const last = this.#items.pop()!;
    if (place < this.#items.length) {
      // The last item fills the hole.
      this.#put(place, last);
      this.#sink(place);
    }
    return true;
  }

  #rise(place: number): void {
    const item = this.#items[place]!;
    let hole = place;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = this.#items[parent]!;
      if (!this.#before(item, above)) break;
      this.#put(hole, above);
      hole = parent;
    }
    this.#put(hole, item);
  }

  #sink(place: number): void {
    const item = this.#items[place]!;
    let hole = place;
    for (;;) {
      const left = 2 * hole + 1;
      const right = left + 1;
      if (left >= this.#items.length) break;
      const child = right < this.#items.length && this.#before(this.#items[right]!, this.#items[left]!) ? right : left;
      const below = this.#items[child]!;
      if (!this.#before(below, item)) break;
      this.#put(hole, below);
      hole = child;
    }
    this.#put(hole, item);
  }

  #put(place: number, item: T): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
