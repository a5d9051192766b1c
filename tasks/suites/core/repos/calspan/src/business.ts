import { PlainDate, type Weekday } from './date.ts';
import type { HolidayRule } from './holidays.ts';
import type { Interval } from './interval.ts';

/** A holiday on the day where it is kept. */
export interface Holiday {
  readonly name: string;
  readonly date: PlainDate;
  /** The day of the holiday itself, when it is kept on another one. */
  readonly insteadOf?: PlainDate;
}

/**
 * Where a date that is no business day moves to. The modified ones turn round rather than
 * leave the month.
 */
export type RollConvention =
  | 'following'
  | 'preceding'
  | 'modified-following'
  | 'modified-preceding';

export interface BusinessCalendarOptions {
  /** Saturday and Sunday unless given; may be empty, but not the whole week. */
  readonly weekend?: readonly Weekday[];
  readonly holidays?: readonly HolidayRule[];
}

/**
 * Tells business days from the others. Holidays are worked out a year at a time, when first
 * asked for, and kept.
 */
export class BusinessCalendar {
  readonly #weekend: ReadonlySet<Weekday>;
  readonly #rules: readonly HolidayRule[];
  readonly #years = new Map<number, readonly Holiday[]>();

  constructor({ weekend = [6, 7], holidays = [] }: BusinessCalendarOptions = {}) {
    this.#weekend = new Set(weekend);
    this.#rules = [...holidays];
    if (this.#weekend.size >= 7) throw new RangeError('a week needs a day that is no weekend');
  }

  isWeekend(date: PlainDate): boolean {
    return this.#weekend.has(date.weekday);
  }

  isBusinessDay(date: PlainDate): boolean {
    return !this.isWeekend(date) && this.holidayOn(date) === undefined;
  }

  /** The holiday that is kept on `date`; of several, the first in {@link holidaysIn}. */
  holidayOn(date: PlainDate): Holiday | undefined {
    return this.holidaysIn(date.year).find((holiday) => holiday.date.equals(date));
  }

  /** The holidays of a year in the order of the days where they are kept. */
  holidaysIn(year: number): readonly Holiday[] {
    let holidays = this.#years.get(year);
    if (holidays === undefined) {
      holidays = this.#workOut(year);
      this.#years.set(year, holidays);
    }
    return holidays;
  }

  /** The first business day after `date`. */
  next(date: PlainDate): PlainDate {
    return this.#seek(date.plusDays(1), 1);
  }

  /** The last business day before `date`. */
  previous(date: PlainDate): PlainDate {
    return this.#seek(date.plusDays(-1), -1);
  }

  /**
   * The `days`th business day after `date`, or before it when negative. 0 gives the date
   * itself, business day or not.
   */
  plusBusinessDays(date: PlainDate, days: number): PlainDate {
    if (!Number.isInteger(days)) throw new RangeError(`days must be an integer, got ${days}`);
    let result = date;
    for (let left = Math.abs(days); left > 0; left -= 1) {
      result = days > 0 ? this.next(result) : this.previous(result);
    }
    return result;
  }

  /** The number of business days in `interval`. */
  businessDaysIn(interval: Interval): number {
    let count = 0;
    for (const date of interval.dates()) if (this.isBusinessDay(date)) count += 1;
    return count;
  }

  /** `date` itself if it is a business day, or else the one that the convention picks. */
  roll(date: PlainDate, convention: RollConvention): PlainDate {
    const forward = convention === 'following' || convention === 'modified-following';
    const rolled = this.#seek(date, forward ? 1 : -1);
    const modified = convention.startsWith('modified');
    return modified && rolled.month !== date.month
      ? this.#seek(date, forward ? -1 : 1)
      : rolled;
  }

  #seek(from: PlainDate, step: 1 | -1): PlainDate {
    let date = from;
    while (!this.isBusinessDay(date)) date = date.plusDays(step);
    return date;
  }

  #workOut(year: number): readonly Holiday[] {
    const nominal = this.#rules
      .flatMap((rule) => {
        const date = rule.dateIn(year);
        return date === undefined ? [] : [{ rule, date }];
      })
      .sort((a, b) => PlainDate.compare(a.date, b.date));
    const moves = ({ rule, date }: (typeof nominal)[number]): boolean =>
      rule.observance !== 'actual' && this.isWeekend(date);

    // Days that are holidays in their own right come first: a substitute must not take them.
    const holidays: Holiday[] = nominal
      .filter((entry) => !moves(entry))
      .map(({ rule, date }) => ({ name: rule.name, date }));
    const taken = new Set(holidays.map((holiday) => holiday.date.epochDay));
    for (const { rule, date } of nominal.filter(moves)) {
      const observed =
        rule.observance === 'nearest'
          ? this.#nearestWeekday(date)
          : this.#followingWeekday(date, taken);
      taken.add(observed.epochDay);
      holidays.push({ name: rule.name, date: observed, insteadOf: date });
    }
    return holidays.sort((a, b) => PlainDate.compare(a.date, b.date));
  }

  #nearestWeekday(date: PlainDate): PlainDate {
    for (let distance = 1; ; distance += 1) {
      const earlier = date.plusDays(-distance);
      if (!this.isWeekend(earlier)) return earlier;
      const later = date.plusDays(distance);
      if (!this.isWeekend(later)) return later;
    }
  }

  #followingWeekday(date: PlainDate, taken: ReadonlySet<number>): PlainDate {
    let candidate = date.plusDays(1);
    while (this.isWeekend(candidate) || taken.has(candidate.epochDay)) {
      candidate = candidate.plusDays(1);
    }
    return candidate;
  }
}
