import { Interval, type IntervalSet, type PlainDate } from '../src/index.ts';

type Equal<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export const start: Equal<Interval['start'], PlainDate | null> = true;
export const end: Equal<Interval['end'], PlainDate | null> = true;
export const all: Equal<typeof Interval.ALL, Interval> = true;
export const since: Equal<typeof Interval.since, (start: PlainDate) => Interval> = true;
export const before: Equal<typeof Interval.before, (end: PlainDate) => Interval> = true;
export const complement: Equal<ReturnType<IntervalSet['complement']>, IntervalSet> = true;
