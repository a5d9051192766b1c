import type { PlainDate, Weekday } from './date.ts';

export type Frequency = 'daily' | 'weekly' | 'monthly' | 'yearly';

/**
 * A day of the week; with an ordinal, its nth or, negative, nth last. Ordinals count in the
 * year in a yearly rule without `byMonth` and `byMonthDay`, and in the month otherwise.
 */
export interface ByDay {
  readonly weekday: Weekday;
  readonly ordinal?: number;
}

/**
 * A recurrence rule: the date part of an RFC 5545 RRULE. Made by {@link recurrence}, which
 * checks it; its lists are sorted and without duplicates, and an empty list restricts
 * nothing.
 */
export interface RecurrenceRule {
  readonly frequency: Frequency;
  /** Every how many days, weeks, months or years. */
  readonly interval: number;
  readonly byMonth: readonly number[];
  /** Days of the month; negative ones count from its end. */
  readonly byMonthDay: readonly number[];
  readonly byDay: readonly ByDay[];
  /** The number of dates after which the rule stops. */
  readonly count?: number;
  /** The last date that the rule may select. */
  readonly until?: PlainDate;
}

export interface RecurrenceOptions {
  readonly interval?: number;
  readonly byMonth?: readonly number[];
  readonly byMonthDay?: readonly number[];
  /** A bare number is a weekday without an ordinal. */
  readonly byDay?: readonly (Weekday | ByDay)[];
  readonly count?: number;
  readonly until?: PlainDate;
}

/**
 * Makes a rule. Throws a `RangeError` for a number out of range, for both `count` and
 * `until`, and for a part that has no meaning at the frequency: `byMonthDay` in a weekly
 * rule, an ordinal in a daily or weekly rule.
 */
export function recurrence(
  frequency: Frequency,
  options: RecurrenceOptions = {},
): RecurrenceRule {
  const { interval = 1, count, until } = options;
  requireInteger('interval', interval, 1);
  if (count !== undefined) requireInteger('count', count, 1);
  if (count !== undefined && until !== undefined) {
    throw new RangeError('a rule has a count or an end, not both');
  }
  const byMonth = numberList('byMonth', options.byMonth, 1, 12);
  const byMonthDay = numberList('byMonthDay', options.byMonthDay, -31, 31);
  const byDay = dayList(options.byDay);
  if (frequency === 'weekly' && byMonthDay.length > 0) {
    throw new RangeError('a weekly rule cannot select days of the month');
  }
  if (frequency === 'daily' || frequency === 'weekly') {
    if (byDay.some((day) => day.ordinal !== undefined)) {
      throw new RangeError(`a ${frequency} rule cannot number its weekdays`);
    }
  }
  return {
    frequency,
    interval,
    byMonth,
    byMonthDay,
    byDay,
    ...(count === undefined ? {} : { count }),
    ...(until === undefined ? {} : { until }),
  };
}

function numberList(
  what: string,
  values: readonly number[] = [],
  min: number,
  max: number,
): number[] {
  for (const value of values) {
    requireInteger(what, value, min, max);
    if (value === 0) throw new RangeError(`${what} must not be 0`);
  }
  return [...new Set(values)].sort((a, b) => a - b);
}

function dayList(days: readonly (Weekday | ByDay)[] = []): ByDay[] {
  const unique = new Map<string, ByDay>();
  for (const entry of days) {
    const day: ByDay = typeof entry === 'number' ? { weekday: entry } : entry;
    requireInteger('weekday', day.weekday, 1, 7);
    if (day.ordinal !== undefined) {
      requireInteger('ordinal', day.ordinal, -53, 53);
      if (day.ordinal === 0) throw new RangeError('ordinal must not be 0');
    }
    unique.set(`${day.ordinal ?? ''}/${day.weekday}`, day);
  }
  return [...unique.values()].sort(
    (a, b) => (a.ordinal ?? 0) - (b.ordinal ?? 0) || a.weekday - b.weekday,
  );
}

function requireInteger(what: string, value: number, min: number, max = Infinity): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    const range = max === Infinity ? `${min} or more` : `${min} to ${max}`;
    throw new RangeError(`${what} must be ${range}, got ${value}`);
  }
}
