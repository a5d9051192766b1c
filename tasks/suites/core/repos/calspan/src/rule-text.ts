/**
 * Rules as text, in the notation of RFC 5545 without its times:
 * `FREQ=MONTHLY;BYDAY=-1FR;COUNT=6`.
 */
import { PlainDate, type Weekday } from './date.ts';
import { ParseError } from './errors.ts';
import {
  type ByDay,
  type Frequency,
  recurrence,
  type RecurrenceOptions,
  type RecurrenceRule,
} from './rule.ts';

const EXPECTED = 'a rule such as FREQ=MONTHLY;BYDAY=-1FR';
const WEEKDAY_CODES = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'] as const;
const FREQUENCIES: Readonly<Record<string, Frequency>> = {
  DAILY: 'daily',
  WEEKLY: 'weekly',
  MONTHLY: 'monthly',
  YEARLY: 'yearly',
};

/**
 * Reads a rule. Parts may come in any order but only once each; names and values are in
 * upper case. An unknown part or a malformed value is a `ParseError`, a value out of range
 * a `RangeError`.
 */
export function parseRule(text: string): RecurrenceRule {
  const parts = splitParts(text);
  const frequency = FREQUENCIES[parts.get('FREQ') ?? ''];
  if (frequency === undefined) throw new ParseError(EXPECTED, text);
  parts.delete('FREQ');

  let options: RecurrenceOptions = {};
  for (const [name, value] of parts) options = { ...options, ...readPart(name, value, text) };
  return recurrence(frequency, options);
}

/**
 * Writes a rule so that {@link parseRule} reads it back. The parts have a fixed order: FREQ,
 * INTERVAL, BYMONTH, BYMONTHDAY, BYDAY, COUNT, UNTIL; those that say nothing are left out.
 */
export function formatRule(rule: RecurrenceRule): string {
  const parts = [`FREQ=${rule.frequency.toUpperCase()}`];
  if (rule.interval !== 1) parts.push(`INTERVAL=${rule.interval}`);
  if (rule.byMonth.length > 0) parts.push(`BYMONTH=${rule.byMonth.join(',')}`);
  if (rule.byMonthDay.length > 0) parts.push(`BYMONTHDAY=${rule.byMonthDay.join(',')}`);
  if (rule.byDay.length > 0) parts.push(`BYDAY=${rule.byDay.map(formatByDay).join(',')}`);
  if (rule.count !== undefined) parts.push(`COUNT=${rule.count}`);
  if (rule.until !== undefined) parts.push(`UNTIL=${String(rule.until).replaceAll('-', '')}`);
  return parts.join(';');
}

function splitParts(text: string): Map<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(';')) {
    const match = /^([A-Z]+)=(.+)$/.exec(part);
    const [, name, value] = match ?? [];
    if (name === undefined || value === undefined || parts.has(name)) {
      throw new ParseError(EXPECTED, text);
    }
    parts.set(name, value);
  }
  return parts;
}

function readPart(name: string, value: string, text: string): RecurrenceOptions {
  switch (name) {
    case 'INTERVAL':
      return { interval: readInteger(value, text) };
    case 'BYMONTH':
      return { byMonth: readList(value, text) };
    case 'BYMONTHDAY':
      return { byMonthDay: readList(value, text) };
    case 'BYDAY':
      return { byDay: value.split(',').map((day) => readByDay(day, text)) };
    case 'COUNT':
      return { count: readInteger(value, text) };
    case 'UNTIL':
      return { until: readCompactDate(value, text) };
    default:
      throw new ParseError(EXPECTED, text);
  }
}

function readInteger(value: string, text: string): number {
  if (!/^[+-]?\d+$/.test(value)) throw new ParseError(EXPECTED, text);
  return Number(value);
}

function readList(value: string, text: string): number[] {
  return value.split(',').map((item) => readInteger(item, text));
}

function readByDay(value: string, text: string): ByDay {
  const match = /^([+-]?\d+)?([A-Z]{2})$/.exec(value);
  const weekday = readWeekday(match?.[2], text);
  const ordinal = match?.[1];
  return ordinal === undefined ? { weekday } : { weekday, ordinal: Number(ordinal) };
}

function readWeekday(code: string | undefined, text: string): Weekday {
  const index = WEEKDAY_CODES.findIndex((candidate) => candidate === code);
  if (index < 0) throw new ParseError(EXPECTED, text);
  return (index + 1) as Weekday;
}

function readCompactDate(value: string, text: string): PlainDate {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(value);
  if (match === null) throw new ParseError(EXPECTED, text);
  return PlainDate.of(Number(match[1]), Number(match[2]), Number(match[3]));
}

function formatByDay({ weekday, ordinal }: ByDay): string {
  return `${ordinal ?? ''}${WEEKDAY_CODES[weekday - 1]}`;
}
