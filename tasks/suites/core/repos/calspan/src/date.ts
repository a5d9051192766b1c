import * as civil from './civil.ts';
import { ParseError } from './errors.ts';

/** ISO numbers of the days of the week: 1 is Monday, 7 is Sunday. */
export type Weekday = 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** What to do when a day does not exist in the month arrived at. */
export type MonthOverflow = 'clamp' | 'reject';

const MIN_YEAR = 1;
const MAX_YEAR = 9999;
const DATE_TEXT = /^(\d{4})-(\d{2})-(\d{2})$/;

/**
 * A day of the Gregorian calendar, without time and without time zone, from 0001-01-01 to
 * 9999-12-31. Immutable. Whatever would leave that range throws a `RangeError`.
 */
export class PlainDate {
  static readonly MIN: PlainDate = new PlainDate(MIN_YEAR, 1, 1);
  static readonly MAX: PlainDate = new PlainDate(MAX_YEAR, 12, 31);

  readonly year: number;
  readonly month: number;
  readonly day: number;

  private constructor(year: number, month: number, day: number) {
    this.year = year;
    this.month = month;
    this.day = day;
  }

  static of(year: number, month: number, day: number): PlainDate {
    requireInteger('year', year, MIN_YEAR, MAX_YEAR);
    requireInteger('month', month, 1, 12);
    requireInteger('day', day, 1, civil.daysInMonth(year, month));
    return new PlainDate(year, month, day);
  }

  /** Reads `YYYY-MM-DD`. */
  static parse(text: string): PlainDate {
    const match = DATE_TEXT.exec(text);
    if (match === null) throw new ParseError('a date such as 2026-03-09', text);
    return PlainDate.of(Number(match[1]), Number(match[2]), Number(match[3]));
  }

  /** The date `epochDay` days after 1970-01-01. */
  static fromEpochDay(epochDay: number): PlainDate {
    requireInteger('epoch day', epochDay, PlainDate.MIN.epochDay, PlainDate.MAX.epochDay);
    const { year, month, day } = civil.fromEpochDay(epochDay);
    return new PlainDate(year, month, day);
  }

  /** Orders dates from early to late; fit for `Array.prototype.sort`. */
  static compare(a: PlainDate, b: PlainDate): number {
    return a.year - b.year || a.month - b.month || a.day - b.day;
  }

  static earlier(a: PlainDate, b: PlainDate): PlainDate {
    return b.isBefore(a) ? b : a;
  }

  static later(a: PlainDate, b: PlainDate): PlainDate {
    return b.isAfter(a) ? b : a;
  }

  get epochDay(): number {
    return civil.toEpochDay(this);
  }

  get weekday(): Weekday {
    // 1970-01-01 was a Thursday.
    const sinceMonday = (((this.epochDay + 3) % 7) + 7) % 7;
    return (sinceMonday + 1) as Weekday;
  }

  /** 1 for 1 January, 365 or 366 for 31 December. */
  get dayOfYear(): number {
    return this.epochDay - civil.toEpochDay({ year: this.year, month: 1, day: 1 }) + 1;
  }

  get daysInMonth(): number {
    return civil.daysInMonth(this.year, this.month);
  }

  get daysInYear(): number {
    return civil.daysInYear(this.year);
  }

  plusDays(days: number): PlainDate {
    return days === 0 ? this : PlainDate.fromEpochDay(this.epochDay + days);
  }

  /**
   * The same day of the month `months` later. Where that month is too short, `clamp` (the
   * default) takes its last day and `reject` throws a `RangeError`.
   */
  plusMonths(months: number, overflow: MonthOverflow = 'clamp'): PlainDate {
    const total = this.year * 12 + (this.month - 1) + months;
    const year = Math.floor(total / 12);
    const month = total - year * 12 + 1;
    requireInteger('year', year, MIN_YEAR, MAX_YEAR);
    const length = civil.daysInMonth(year, month);
    return PlainDate.of(year, month, overflow === 'clamp' ? Math.min(this.day, length) : this.day);
  }

  plusYears(years: number, overflow: MonthOverflow = 'clamp'): PlainDate {
    return this.plusMonths(years * 12, overflow);
  }

  withDay(day: number): PlainDate {
    return PlainDate.of(this.year, this.month, day);
  }

  startOfMonth(): PlainDate {
    return this.withDay(1);
  }

  endOfMonth(): PlainDate {
    return this.withDay(this.daysInMonth);
  }

  /** Days from this date to `other`; negative when `other` is earlier. */
  daysUntil(other: PlainDate): number {
    return other.epochDay - this.epochDay;
  }

  isBefore(other: PlainDate): boolean {
    return PlainDate.compare(this, other) < 0;
  }

  isAfter(other: PlainDate): boolean {
    return PlainDate.compare(this, other) > 0;
  }

  equals(other: PlainDate): boolean {
    return PlainDate.compare(this, other) === 0;
  }

  toString(): string {
    return `${pad(this.year, 4)}-${pad(this.month, 2)}-${pad(this.day, 2)}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

function requireInteger(what: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new RangeError(`${what} must be an integer from ${min} to ${max}, got ${value}`);
  }
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0');
}
