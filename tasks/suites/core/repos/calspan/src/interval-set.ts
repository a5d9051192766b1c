import type { PlainDate } from './date.ts';
import { ParseError } from './errors.ts';
import { Interval } from './interval.ts';

/**
 * A set of days, held as the fewest intervals that cover it: sorted, without overlap, and
 * never abutting. Two sets with the same days therefore have the same intervals. Immutable.
 */
export class IntervalSet {
  static readonly EMPTY: IntervalSet = new IntervalSet([]);

  readonly intervals: readonly Interval[];

  private constructor(intervals: readonly Interval[]) {
    this.intervals = intervals;
  }

  /** The union of the given intervals, which may overlap and come in any order. */
  static of(...intervals: readonly Interval[]): IntervalSet {
    const merged: Interval[] = [];
    for (const interval of intervals.toSorted(Interval.compare)) {
      const last = merged.at(-1);
      if (last !== undefined && (last.overlaps(interval) || last.abuts(interval))) {
        merged[merged.length - 1] = last.hull(interval);
      } else {
        merged.push(interval);
      }
    }
    return merged.length === 0 ? IntervalSet.EMPTY : new IntervalSet(merged);
  }

  /** The set of exactly these days. */
  static ofDates(dates: Iterable<PlainDate>): IntervalSet {
    return IntervalSet.of(...Array.from(dates, (date) => Interval.day(date)));
  }

  /** Reads what {@link toString} writes: `{2026-01-01/2026-01-05, 2026-02-01/P1W}`. */
  static parse(text: string): IntervalSet {
    const match = /^\{(.*)\}$/.exec(text.trim());
    if (match === null) throw new ParseError('a set such as {2026-01-01/2026-01-05}', text);
    const body = (match[1] ?? '').trim();
    if (body === '') return IntervalSet.EMPTY;
    return IntervalSet.of(...body.split(',').map((part) => Interval.parse(part.trim())));
  }

  get isEmpty(): boolean {
    return this.intervals.length === 0;
  }

  /** The number of days in the set. */
  get days(): number {
    return this.intervals.reduce((sum, interval) => sum + interval.days, 0);
  }

  /** The smallest interval that encloses the set; `undefined` for the empty set. */
  get hull(): Interval | undefined {
    const first = this.intervals[0];
    const last = this.intervals.at(-1);
    return first === undefined || last === undefined ? undefined : first.hull(last);
  }

  contains(date: PlainDate): boolean {
    return this.#intervalAt(date)?.contains(date) ?? false;
  }

  /** Whether every day of `interval` is in the set. */
  encloses(interval: Interval): boolean {
    return this.#intervalAt(interval.start)?.encloses(interval) ?? false;
  }

  union(other: IntervalSet): IntervalSet {
    return IntervalSet.of(...this.intervals, ...other.intervals);
  }

  intersect(other: IntervalSet): IntervalSet {
    const shared: Interval[] = [];
    let i = 0;
    let j = 0;
    for (;;) {
      const a = this.intervals[i];
      const b = other.intervals[j];
      if (a === undefined || b === undefined) return IntervalSet.of(...shared);
      const common = a.intersect(b);
      if (common !== undefined) shared.push(common);
      if (a.end.isBefore(b.end)) i += 1;
      else j += 1;
    }
  }

  /** The days of this set that are not in `other`. */
  subtract(other: IntervalSet): IntervalSet {
    const kept: Interval[] = [];
    for (const interval of this.intervals) {
      let start = interval.start;
      for (const hole of other.intervals) {
        if (!hole.overlaps(interval)) continue;
        if (start.isBefore(hole.start)) kept.push(Interval.of(start, hole.start));
        start = hole.end;
      }
      if (start.isBefore(interval.end)) kept.push(Interval.of(start, interval.end));
    }
    return IntervalSet.of(...kept);
  }

  /** The days that are in exactly one of the two sets. */
  symmetricDifference(other: IntervalSet): IntervalSet {
    return this.subtract(other).union(other.subtract(this));
  }

  /** The days between the intervals of the set. */
  gaps(): IntervalSet {
    const hull = this.hull;
    return hull === undefined ? IntervalSet.EMPTY : IntervalSet.of(hull).subtract(this);
  }

  /** The days of the set, in order. */
  *dates(): Generator<PlainDate, void, undefined> {
    for (const interval of this.intervals) yield* interval.dates();
  }

  equals(other: IntervalSet): boolean {
    return (
      this.intervals.length === other.intervals.length &&
      this.intervals.every((interval, index) => {
        const counterpart = other.intervals[index];
        return counterpart !== undefined && interval.equals(counterpart);
      })
    );
  }

  toString(): string {
    return `{${this.intervals.join(', ')}}`;
  }

  toJSON(): string[] {
    return this.intervals.map(String);
  }

  /** The last interval that starts on or before `date`. */
  #intervalAt(date: PlainDate): Interval | undefined {
    let low = 0;
    let high = this.intervals.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const candidate = this.intervals[middle];
      if (candidate !== undefined && !candidate.start.isAfter(date)) low = middle + 1;
      else high = middle;
    }
    return this.intervals[low - 1];
  }
}
