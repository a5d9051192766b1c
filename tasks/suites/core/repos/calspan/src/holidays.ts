/**
 * Holidays as rules: each says where it falls in a given year, and what happens when that
 * is on the weekend. Which days are the weekend is up to the calendar that uses the rule.
 */
import { daysInMonth } from './civil.ts';
import { PlainDate, type Weekday } from './date.ts';

/**
 * When a holiday on the weekend is kept: `actual`, on its own day; `nearest`, on the nearest
 * weekday, the earlier of two as near; `following`, on the next weekday that is not a
 * holiday already.
 */
export type Observance = 'actual' | 'nearest' | 'following';

export interface HolidayRule {
  readonly name: string;
  readonly observance: Observance;
  /** The day of the holiday itself, weekend or not; `undefined` in a year without it. */
  dateIn(year: number): PlainDate | undefined;
}

export interface HolidayOptions {
  readonly observance?: Observance;
  /** First year of the holiday. */
  readonly since?: number;
  /** Last year of the holiday. */
  readonly until?: number;
}

/** The same day each year. 29 February is kept in leap years only. */
export function fixedHoliday(
  name: string,
  month: number,
  day: number,
  options: HolidayOptions = {},
): HolidayRule {
  // A leap year, so that 29 February is accepted.
  PlainDate.of(2000, month, day);
  return holiday(name, options, (year) =>
    day <= daysInMonth(year, month) ? PlainDate.of(year, month, day) : undefined,
  );
}

/** The nth weekday of a month; a negative ordinal counts from the end of the month. */
export function weekdayHoliday(
  name: string,
  month: number,
  ordinal: number,
  weekday: Weekday,
  options: HolidayOptions = {},
): HolidayRule {
  if (!Number.isInteger(ordinal) || ordinal === 0 || Math.abs(ordinal) > 5) {
    throw new RangeError(`ordinal must be 1 to 5 or -5 to -1, got ${ordinal}`);
  }
  return holiday(name, options, (year) => {
    const first = PlainDate.of(year, month, 1);
    const last = first.endOfMonth();
    const day =
      ordinal > 0
        ? 1 + ((weekday - first.weekday + 7) % 7) + (ordinal - 1) * 7
        : last.day - ((last.weekday - weekday + 7) % 7) + (ordinal + 1) * 7;
    return day >= 1 && day <= last.day ? first.withDay(day) : undefined;
  });
}

/** A day counted from the Sunday of (western) Easter: -2 is Good Friday, 1 Easter Monday. */
export function easterHoliday(
  name: string,
  offset: number,
  options: HolidayOptions = {},
): HolidayRule {
  return holiday(name, options, (year) => easterSunday(year).plusDays(offset));
}

/** The Sunday of Easter after the anonymous Gregorian computus (Meeus, Jones, Butcher). */
export function easterSunday(year: number): PlainDate {
  const golden = year % 19;
  const century = Math.floor(year / 100);
  const yearOfCentury = year % 100;
  const correction = Math.floor((century - Math.floor((century + 8) / 25) + 1) / 3);
  const epact = (19 * golden + century - Math.floor(century / 4) - correction + 15) % 30;
  const weekdayShift =
    (32 +
      2 * (century % 4) +
      2 * Math.floor(yearOfCentury / 4) -
      epact -
      (yearOfCentury % 4)) %
    7;
  const lunar = Math.floor((golden + 11 * epact + 22 * weekdayShift) / 451);
  const day = epact + weekdayShift - 7 * lunar + 114;
  return PlainDate.of(year, Math.floor(day / 31), (day % 31) + 1);
}

function holiday(
  name: string,
  { observance = 'actual', since = -Infinity, until = Infinity }: HolidayOptions,
  dateIn: (year: number) => PlainDate | undefined,
): HolidayRule {
  return {
    name,
    observance,
    dateIn: (year) => (year < since || year > until ? undefined : dateIn(year)),
  };
}
