/**
 * The jobs that could start now if there was room for them.
 *
 * One heap a group: when a group is at its limit its jobs step aside as a whole, and those of other groups are not searched for behind them.
 */
import { Heap } from './heap.ts';

/** What decides on the order of two jobs. */
export interface Ranked {
  readonly group: string | undefined;
  /** Higher goes first. */
  readonly priority: number;
  /** Among equal priorities lower goes first; unique. */
  readonly sequence: number;
}

function goesBefore(a: Ranked, b: Ranked): boolean {
  return a.priority === b.priority ? a.sequence < b.sequence : a.priority > b.priority;
}

export class ReadyQueue<T extends Ranked> {
  readonly #heaps = new Map<string | undefined, Heap<T>>();

  push(item: T): void {
    let heap = this.#heaps.get(item.group);
    if (!heap) {
      heap = new Heap<T>(goesBefore);
      this.#heaps.set(item.group, heap);
    }
    heap.push(item);
  }

  /** Takes out the first of the items whose group is `open`. */
  take(open: (group: string | undefined) => boolean): T | undefined {
    let first: T | undefined;
    for (const [group, heap] of this.#heaps) {
      const candidate = heap.peek();
      if (candidate !== undefined && open(group) && (first === undefined || goesBefore(candidate, first))) first = candidate;
    }
    if (first !== undefined) this.remove(first);
    return first;
  }

  remove(item: T): void {
    this.#heaps.get(item.group)?.remove(item);
  }
}
