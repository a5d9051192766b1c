/**
 * The dates that a rule selects. A rule is followed period by period, a period being the
 * day, week, month or year that its frequency names; the period of the start is number 0,
 * and every `interval`th one after it takes part.
 */
import { daysInMonth } from './civil.ts';
import { PlainDate, type Weekday } from './date.ts';
import type { Interval } from './interval.ts';
import type { ByDay, RecurrenceRule } from './rule.ts';

/** First and last day of a period, both inclusive. */
interface Period {
  readonly first: PlainDate;
  readonly last: PlainDate;
}

/**
 * The dates of `rule` from `start` on, in order; endless rules stop at `PlainDate.MAX`.
 *
 * The start gives what the rule leaves open: the weekday of a weekly rule without `byDay`,
 * the day of a monthly or yearly rule without `byDay` and `byMonthDay`, and in the last case
 * the month too unless there is `byMonth`. The start itself is selected only if it matches.
 * A day that a month does not have is passed over, never clamped.
 */
export function occurrences(
  rule: RecurrenceRule,
  start: PlainDate,
): Generator<PlainDate, void, undefined> {
  return follow(rule, start, 0);
}

/** Those {@link occurrences} that lie in `window`. */
export function* occurrencesIn(
  rule: RecurrenceRule,
  start: PlainDate,
  window: Interval,
): Generator<PlainDate, void, undefined> {
  // A count runs from the start, so only rules without one may begin further on.
  const skipped = rule.count === undefined ? periodsBefore(rule, start, window.start) : 0;
  for (const date of follow(rule, start, skipped)) {
    if (!date.isBefore(window.end)) return;
    if (window.contains(date)) yield date;
  }
}

/** The first of the {@link occurrences} after `date`. */
export function nextOccurrence(
  rule: RecurrenceRule,
  start: PlainDate,
  date: PlainDate,
): PlainDate | undefined {
  const skipped = rule.count === undefined ? periodsBefore(rule, start, date) : 0;
  for (const candidate of follow(rule, start, skipped)) {
    if (candidate.isAfter(date)) return candidate;
  }
  return undefined;
}

function* follow(
  rule: RecurrenceRule,
  start: PlainDate,
  skipped: number,
): Generator<PlainDate, void, undefined> {
  const last = rule.until ?? PlainDate.MAX;
  let remaining = rule.count ?? Infinity;
  for (let index = skipped; ; index += 1) {
    const period = periodAt(rule, start, index);
    if (period === undefined || period.first.isAfter(last)) return;
    for (const date of datesIn(period, rule, start)) {
      if (date.isBefore(start)) continue;
      if (date.isAfter(last)) return;
      yield date;
      remaining -= 1;
      if (remaining === 0) return;
    }
  }
}

/** The period number `index`; `undefined` when it is past the last date there is. */
function periodAt(rule: RecurrenceRule, start: PlainDate, index: number): Period | undefined {
  const offset = index * rule.interval;
  switch (rule.frequency) {
    case 'daily':
    case 'weekly': {
      const weekly = rule.frequency === 'weekly';
      const anchor = weekly ? start.epochDay - (start.weekday - 1) : start.epochDay;
      const length = weekly ? 7 : 1;
      const first = anchor + offset * length;
      return clampedPeriod(first, first + length - 1);
    }
    case 'monthly': {
      const month = start.year * 12 + (start.month - 1) + offset;
      const year = Math.floor(month / 12);
      if (year > PlainDate.MAX.year) return undefined;
      const first = PlainDate.of(year, (month % 12) + 1, 1);
      return { first, last: first.endOfMonth() };
    }
    case 'yearly': {
      const year = start.year + offset;
      if (year > PlainDate.MAX.year) return undefined;
      return { first: PlainDate.of(year, 1, 1), last: PlainDate.of(year, 12, 31) };
    }
  }
}

/** The period between two epoch days, cut to the dates that there are. */
function clampedPeriod(first: number, last: number): Period | undefined {
  if (first > PlainDate.MAX.epochDay) return undefined;
  return {
    first: PlainDate.fromEpochDay(Math.max(first, PlainDate.MIN.epochDay)),
    last: PlainDate.fromEpochDay(Math.min(last, PlainDate.MAX.epochDay)),
  };
}

/** How many periods of the rule end before `date` for certain, as a place to begin. */
function periodsBefore(rule: RecurrenceRule, start: PlainDate, date: PlainDate): number {
  if (!date.isAfter(start)) return 0;
  switch (rule.frequency) {
    case 'daily':
      return Math.floor(start.daysUntil(date) / rule.interval);
    case 'weekly':
      return Math.floor((start.daysUntil(date) + start.weekday - 1) / (7 * rule.interval));
    case 'monthly': {
      const months = (date.year - start.year) * 12 + (date.month - start.month);
      return Math.floor(months / rule.interval);
    }
    case 'yearly':
      return Math.floor((date.year - start.year) / rule.interval);
  }
}

/** The dates that the rule selects in a period, in order and without duplicates. */
function datesIn(period: Period, rule: RecurrenceRule, start: PlainDate): PlainDate[] {
  switch (rule.frequency) {
    case 'daily':
      return matchesMonth(rule, period.first) && matchesDay(rule, period.first)
        ? [period.first]
        : [];
    case 'weekly': {
      const weekdays =
        rule.byDay.length > 0 ? rule.byDay.map((day) => day.weekday) : [start.weekday];
      return datesOf(period).filter(
        (date) => weekdays.includes(date.weekday) && matchesMonth(rule, date),
      );
    }
    case 'monthly':
      return matchesMonth(rule, period.first)
        ? datesInMonth(period, rule, start.day)
        : [];
    case 'yearly':
      return datesInYear(period, rule, start);
  }
}

function datesInYear(period: Period, rule: RecurrenceRule, start: PlainDate): PlainDate[] {
  const { year } = period.first;
  if (rule.byMonth.length === 0 && rule.byMonthDay.length === 0 && rule.byDay.length > 0) {
    return select(rule.byDay.flatMap((day) => weekdaysIn(period, day)));
  }
  let months: readonly number[] = rule.byMonth;
  if (months.length === 0) {
    const everyMonth = Array.from({ length: 12 }, (_, index) => index + 1);
    months = rule.byMonthDay.length > 0 ? everyMonth : [start.month];
  }
  return months.flatMap((month) => {
    const first = PlainDate.of(year, month, 1);
    return datesInMonth({ first, last: first.endOfMonth() }, rule, start.day);
  });
}

/** The selected days of one month; `fallback` is the day of a rule that names none. */
function datesInMonth(month: Period, rule: RecurrenceRule, fallback: number): PlainDate[] {
  if (rule.byDay.length === 0) {
    const days = rule.byMonthDay.length > 0 ? rule.byMonthDay : [fallback];
    return select(daysOfMonth(month, days));
  }
  const byWeekday = rule.byDay.flatMap((day) => weekdaysIn(month, day));
  return select(byWeekday.filter((date) => matchesMonthDay(rule, date)));
}

function daysOfMonth({ last }: Period, days: readonly number[]): PlainDate[] {
  const resolved = days.map((day) => (day < 0 ? last.day + 1 + day : day));
  return resolved.filter((day) => day >= 1 && day <= last.day).map((day) => last.withDay(day));
}

/** The days of a period that fall on a weekday, or the one that the ordinal picks. */
function weekdaysIn(period: Period, { weekday, ordinal }: ByDay): PlainDate[] {
  const first = period.first.plusDays(daysToWeekday(period.first.weekday, weekday));
  const count = Math.floor(first.daysUntil(period.last) / 7) + 1;
  if (ordinal === undefined) {
    return Array.from({ length: count }, (_, index) => first.plusDays(index * 7));
  }
  const index = ordinal > 0 ? ordinal - 1 : count + ordinal;
  return index >= 0 && index < count ? [first.plusDays(index * 7)] : [];
}

function daysToWeekday(from: Weekday, to: Weekday): number {
  return (to - from + 7) % 7;
}

function matchesMonth(rule: RecurrenceRule, date: PlainDate): boolean {
  return rule.byMonth.length === 0 || rule.byMonth.includes(date.month);
}

function matchesMonthDay(rule: RecurrenceRule, date: PlainDate): boolean {
  if (rule.byMonthDay.length === 0) return true;
  const fromEnd = date.day - daysInMonth(date.year, date.month) - 1;
  return rule.byMonthDay.includes(date.day) || rule.byMonthDay.includes(fromEnd);
}

function matchesDay(rule: RecurrenceRule, date: PlainDate): boolean {
  const onWeekday =
    rule.byDay.length === 0 || rule.byDay.some((day) => day.weekday === date.weekday);
  return onWeekday && matchesMonthDay(rule, date);
}

function datesOf({ first, last }: Period): PlainDate[] {
  const length = first.daysUntil(last) + 1;
  return Array.from({ length }, (_, index) => first.plusDays(index));
}

/** Sorts and drops duplicates. */
function select(dates: readonly PlainDate[]): PlainDate[] {
  const unique = new Map(dates.map((date) => [date.epochDay, date]));
  return [...unique.values()].sort(PlainDate.compare);
}
