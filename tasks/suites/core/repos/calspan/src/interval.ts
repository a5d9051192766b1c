import { PlainDate } from './date.ts';
import { addDuration, type Duration, negate, parseDuration } from './duration.ts';
import { ParseError } from './errors.ts';
import { dateOfIsoWeek, type IsoWeek } from './weeks.ts';

/**
 * The days from `start` up to but not including `end`. An interval is never empty, so an
 * operation that may leave nothing returns `undefined` in that case. Immutable.
 */
export class Interval {
  readonly start: PlainDate;
  /** The first day after the interval. */
  readonly end: PlainDate;

  private constructor(start: PlainDate, end: PlainDate) {
    this.start = start;
    this.end = end;
  }

  static of(start: PlainDate, end: PlainDate): Interval {
    if (!start.isBefore(end)) {
      throw new RangeError(`an interval must end after its start, got ${start}/${end}`);
    }
    return new Interval(start, end);
  }

  /** The interval of the one day `date`. */
  static day(date: PlainDate): Interval {
    return new Interval(date, date.plusDays(1));
  }

  static month(year: number, month: number): Interval {
    const start = PlainDate.of(year, month, 1);
    return new Interval(start, start.plusMonths(1));
  }

  static year(year: number): Interval {
    const start = PlainDate.of(year, 1, 1);
    return new Interval(start, start.plusYears(1));
  }

  static isoWeek(week: IsoWeek): Interval {
    const start = dateOfIsoWeek(week);
    return new Interval(start, start.plusDays(7));
  }

  /**
   * Reads two dates, or a date and a duration in either order: `2026-01-01/2026-02-01`,
   * `2026-01-01/P1M`, `P1M/2026-02-01`.
   */
  static parse(text: string): Interval {
    const [first, second, ...rest] = text.split('/');
    if (first === undefined || second === undefined || rest.length > 0) {
      throw new ParseError('an interval such as 2026-01-01/2026-02-01', text);
    }
    if (isDuration(first)) {
      const end = PlainDate.parse(second);
      return Interval.of(addDuration(end, negate(parseDuration(first))), end);
    }
    const start = PlainDate.parse(first);
    const end = isDuration(second)
      ? addDuration(start, parseDuration(second))
      : PlainDate.parse(second);
    return Interval.of(start, end);
  }

  /** Orders by start, then by end. */
  static compare(a: Interval, b: Interval): number {
    return PlainDate.compare(a.start, b.start) || PlainDate.compare(a.end, b.end);
  }

  /** The number of days; at least 1. */
  get days(): number {
    return this.start.daysUntil(this.end);
  }

  contains(date: PlainDate): boolean {
    return !date.isBefore(this.start) && date.isBefore(this.end);
  }

  /** Whether every day of `other` is in this interval. */
  encloses(other: Interval): boolean {
    return !other.start.isBefore(this.start) && !other.end.isAfter(this.end);
  }

  overlaps(other: Interval): boolean {
    return this.start.isBefore(other.end) && other.start.isBefore(this.end);
  }

  /** Whether one interval starts on the day where the other ends. */
  abuts(other: Interval): boolean {
    return this.end.equals(other.start) || other.end.equals(this.start);
  }

  intersect(other: Interval): Interval | undefined {
    if (!this.overlaps(other)) return undefined;
    return new Interval(
      PlainDate.later(this.start, other.start),
      PlainDate.earlier(this.end, other.end),
    );
  }

  /** The smallest interval that encloses both. */
  hull(other: Interval): Interval {
    return new Interval(
      PlainDate.earlier(this.start, other.start),
      PlainDate.later(this.end, other.end),
    );
  }

  /**
   * Moves both ends by `amount`. Throws a `RangeError` where clamping would leave the
   * interval empty.
   */
  shift(amount: Duration): Interval {
    return Interval.of(addDuration(this.start, amount), addDuration(this.end, amount));
  }

  /** The days of the interval, in order. */
  *dates(): Generator<PlainDate, void, undefined> {
    for (let date = this.start; date.isBefore(this.end); date = date.plusDays(1)) yield date;
  }

  equals(other: Interval): boolean {
    return this.start.equals(other.start) && this.end.equals(other.end);
  }

  toString(): string {
    return `${this.start}/${this.end}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

function isDuration(text: string): boolean {
  return /^[+-]?P/.test(text);
}
