import { PlainDate } from './date.ts';
import { ParseError } from './errors.ts';

/**
 * An amount of calendar time. The parts are kept apart because a month has no fixed number
 * of days; weeks are only a way to write seven days. Each part is an integer of either sign.
 */
export interface Duration {
  readonly years: number;
  readonly months: number;
  readonly weeks: number;
  readonly days: number;
}

/** The coarsest part that {@link between} may use. */
export type DurationUnit = 'years' | 'months' | 'weeks' | 'days';

const DURATION_TEXT =
  /^([+-])?P(?:([+-]?\d+)Y)?(?:([+-]?\d+)M)?(?:([+-]?\d+)W)?(?:([+-]?\d+)D)?$/;

export function duration(parts: Partial<Duration>): Duration {
  const { years = 0, months = 0, weeks = 0, days = 0 } = parts;
  for (const [unit, value] of Object.entries({ years, months, weeks, days })) {
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(`${unit} must be an integer, got ${value}`);
    }
  }
  return { years, months, weeks, days };
}

/** Reads a date duration of ISO 8601: `P1Y2M`, `P3W`, `-P10D`, or mixed signs, `P1M-1D`. */
export function parseDuration(text: string): Duration {
  const match = DURATION_TEXT.exec(text);
  const parts = match?.slice(2, 6) ?? [];
  if (match === null || parts.every((part) => part === undefined)) {
    throw new ParseError('a duration such as P1Y2M10D', text);
  }
  const sign = match[1] === '-' ? -1 : 1;
  // "+ 0" keeps a negative zero out of the result.
  const [years, months, weeks, days] = parts.map((part) => sign * Number(part ?? 0) + 0);
  return duration({ years: years ?? 0, months: months ?? 0, weeks: weeks ?? 0, days: days ?? 0 });
}

/**
 * Writes what {@link parseDuration} reads. Parts that are zero are left out, the zero
 * duration is `P0D`, and a duration without positive parts has its sign in front.
 */
export function formatDuration(value: Duration): string {
  const parts: [number, string][] = [
    [value.years, 'Y'],
    [value.months, 'M'],
    [value.weeks, 'W'],
    [value.days, 'D'],
  ];
  const present = parts.filter(([amount]) => amount !== 0);
  if (present.length === 0) return 'P0D';
  const negative = present.every(([amount]) => amount < 0);
  const body = present.map(([amount, unit]) => `${negative ? -amount : amount}${unit}`).join('');
  return `${negative ? '-' : ''}P${body}`;
}

export function negate(value: Duration): Duration {
  return duration({
    years: 0 - value.years,
    months: 0 - value.months,
    weeks: 0 - value.weeks,
    days: 0 - value.days,
  });
}

/**
 * Adds years and months in one step, clamping to the end of the month, and then weeks and
 * days.
 */
export function addDuration(date: PlainDate, value: Duration): PlainDate {
  return date
    .plusMonths(value.years * 12 + value.months)
    .plusDays(value.weeks * 7 + value.days);
}

/**
 * The duration from `start` to `end` in whole units, coarsest first, with one sign
 * throughout. `addDuration(start, between(start, end, unit))` is `end`, also where months
 * are clamped.
 */
export function between(
  start: PlainDate,
  end: PlainDate,
  largest: DurationUnit = 'years',
): Duration {
  const direction = start.isAfter(end) ? -1 : 1;
  let months = 0;
  if (largest === 'years' || largest === 'months') {
    months = (end.year - start.year) * 12 + (end.month - start.month);
    const overshoots = PlainDate.compare(start.plusMonths(months), end) * direction > 0;
    if (overshoots) months -= direction;
  }
  const days = start.plusMonths(months).daysUntil(end);
  const years = largest === 'years' ? Math.trunc(months / 12) + 0 : 0;
  const weeks = largest === 'weeks' ? Math.trunc(days / 7) + 0 : 0;
  return duration({ years, months: months - years * 12, weeks, days: days - weeks * 7 });
}
