import { PlainDate, type Weekday } from './date.ts';
import { ParseError } from './errors.ts';

/**
 * A week of ISO 8601. Weeks run from Monday to Sunday and belong to the year that has their
 * Thursday, which is not always the year of the date: 2027-01-01 lies in week 53 of 2026.
 */
export interface IsoWeek {
  readonly year: number;
  readonly week: number;
}

const WEEK_TEXT = /^(\d{4})-W(\d{2})$/;
const WEEK_DATE_TEXT = /^(\d{4})-W(\d{2})-([1-7])$/;

export function isoWeekOf(date: PlainDate): IsoWeek {
  const thursday = date.plusDays(4 - date.weekday);
  return { year: thursday.year, week: Math.ceil(thursday.dayOfYear / 7) };
}

/** How many ISO weeks belong to `year`: 52, or 53 in a long year. */
export function weeksInYear(year: number): number {
  return PlainDate.of(year, 1, 1).weekday === 4 ? 53 : 52;
}

/** The date of a day in an ISO week. Throws a `RangeError` when the year has no such week. */
export function dateOfIsoWeek({ year, week }: IsoWeek, weekday: Weekday = 1): PlainDate {
  const weeks = weeksInYear(year);
  if (!Number.isInteger(week) || week < 1 || week > weeks) {
    throw new RangeError(`${year} has weeks 1 to ${weeks}, got ${week}`);
  }
  // 4 January is always in week 1.
  const anchor = PlainDate.of(year, 1, 4);
  return anchor.plusDays((week - 1) * 7 + weekday - anchor.weekday);
}

/** The weeks of `year`, first to last. */
export function isoWeeksOf(year: number): IsoWeek[] {
  return Array.from({ length: weeksInYear(year) }, (_, index) => ({ year, week: index + 1 }));
}

/** Writes `2026-W07`. */
export function formatIsoWeek({ year, week }: IsoWeek): string {
  return `${String(year).padStart(4, '0')}-W${String(week).padStart(2, '0')}`;
}

/** Reads `2026-W07`. */
export function parseIsoWeek(text: string): IsoWeek {
  const match = WEEK_TEXT.exec(text);
  if (match === null) throw new ParseError('a week such as 2026-W07', text);
  return isoWeekOf(dateOfIsoWeek({ year: Number(match[1]), week: Number(match[2]) }));
}

/** Writes the date as `2026-W07-3`. */
export function formatIsoWeekDate(date: PlainDate): string {
  return `${formatIsoWeek(isoWeekOf(date))}-${date.weekday}`;
}

/** Reads `2026-W07-3`. */
export function parseIsoWeekDate(text: string): PlainDate {
  const match = WEEK_DATE_TEXT.exec(text);
  if (match === null) throw new ParseError('a week date such as 2026-W07-3', text);
  const week = { year: Number(match[1]), week: Number(match[2]) };
  return dateOfIsoWeek(week, Number(match[3]) as Weekday);
}
