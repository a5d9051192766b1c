export { BusinessCalendar } from './business.ts';
export type { BusinessCalendarOptions, Holiday, RollConvention } from './business.ts';
export { daysInMonth, daysInYear, isLeapYear } from './civil.ts';
export { PlainDate } from './date.ts';
export type { MonthOverflow, Weekday } from './date.ts';
export {
  addDuration,
  between,
  duration,
  formatDuration,
  negate,
  parseDuration,
} from './duration.ts';
export type { Duration, DurationUnit } from './duration.ts';
export { ParseError } from './errors.ts';
export { easterHoliday, easterSunday, fixedHoliday, weekdayHoliday } from './holidays.ts';
export type { HolidayOptions, HolidayRule, Observance } from './holidays.ts';
export { Interval } from './interval.ts';
export { IntervalSet } from './interval-set.ts';
export { nextOccurrence, occurrences, occurrencesIn } from './occurrences.ts';
export { recurrence } from './rule.ts';
export type { ByDay, Frequency, RecurrenceOptions, RecurrenceRule } from './rule.ts';
export { formatRule, parseRule } from './rule-text.ts';
export {
  dateOfIsoWeek,
  formatIsoWeek,
  formatIsoWeekDate,
  isoWeekOf,
  isoWeeksOf,
  parseIsoWeek,
  parseIsoWeekDate,
  weeksInYear,
} from './weeks.ts';
export type { IsoWeek } from './weeks.ts';
