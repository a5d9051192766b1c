import type { Change } from './myers.ts';

/** A stretch of the base that at least one side changed, and what became of it. */
export interface Region {
  readonly base: Span;
  readonly ours: Span;
  readonly theirs: Span;
}

/** The lines from `start` up to but not including `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Puts the changes of two sides against one base into regions. Changes without an unchanged
 * line of the base between them belong to the same region, so that regions are independent
 * of each other.
 */
export function findRegions(ours: readonly Change[], theirs: readonly Change[]): Region[] {
  const regions: Region[] = [];
  const left = new ChangeReader(ours);
  const right = new ChangeReader(theirs);
  for (;;) {
    const start = Math.min(left.nextStart, right.nextStart);
    if (start === Infinity) return regions;
    const [leftShift, rightShift] = [left.shift, right.shift];
    const [first, second] =
      left.nextStart <= right.nextStart ? [left, right] : [right, left];
    const end = second.takeTouching(first.takeTouching(start));
    regions.push({
      base: { start, end },
      ours: { start: start + leftShift, end: end + left.shift },
      theirs: { start: start + rightShift, end: end + right.shift },
    });
  }
}

/** Goes through the changes of one side. */
class ChangeReader {
  /** How far lines after the changes taken so far are moved from their place in the base. */
  shift = 0;
  readonly #changes: readonly Change[];
  #position = 0;

  constructor(changes: readonly Change[]) {
    this.#changes = changes;
  }

  /** Where the next change begins in the base; `Infinity` when none is left. */
  get nextStart(): number {
    return this.#changes[this.#position]?.aStart ?? Infinity;
  }

  /** Takes the changes that begin at `end` or before, and returns where the last one ends. */
  takeTouching(end: number): number {
    let reached = end;
    for (;;) {
      const change = this.#changes[this.#position];
      if (change === undefined || change.aStart > reached) return reached;
      reached = Math.max(reached, change.aEnd);
      this.shift = change.bEnd - change.aEnd;
      this.#position += 1;
    }
  }
}
