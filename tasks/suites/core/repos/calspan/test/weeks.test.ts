import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  dateOfIsoWeek,
  formatIsoWeek,
  formatIsoWeekDate,
  Interval,
  isoWeekOf,
  isoWeeksOf,
  ParseError,
  parseIsoWeek,
  parseIsoWeekDate,
  PlainDate,
  weeksInYear,
} from '../src/index.ts';

describe('ISO weeks', () => {
  it('belong to the year of their Thursday', () => {
    assert.deepEqual(isoWeekOf(PlainDate.of(2027, 1, 1)), { year: 2026, week: 53 });
    assert.deepEqual(isoWeekOf(PlainDate.of(2024, 12, 30)), { year: 2025, week: 1 });
    assert.deepEqual(isoWeekOf(PlainDate.of(2026, 11, 20)), { year: 2026, week: 47 });
  });

  it('are 52 or 53 a year', () => {
    assert.equal(weeksInYear(2025), 52);
    assert.equal(weeksInYear(2026), 53);
    assert.equal(isoWeeksOf(2015).length, 53);
  });

  it('give their dates', () => {
    assert.equal(String(dateOfIsoWeek({ year: 2026, week: 1 })), '2025-12-29');
    assert.equal(String(dateOfIsoWeek({ year: 2026, week: 53 }, 7)), '2027-01-03');
    assert.equal(String(Interval.isoWeek({ year: 2026, week: 47 })), '2026-11-16/2026-11-23');
    assert.throws(() => dateOfIsoWeek({ year: 2025, week: 53 }), RangeError);
    assert.throws(() => dateOfIsoWeek({ year: 2025, week: 0 }), RangeError);
  });

  it('have texts', () => {
    assert.equal(formatIsoWeek({ year: 2026, week: 7 }), '2026-W07');
    assert.deepEqual(parseIsoWeek('2026-W07'), { year: 2026, week: 7 });
    assert.equal(formatIsoWeekDate(PlainDate.of(2026, 2, 11)), '2026-W07-3');
    assert.equal(String(parseIsoWeekDate('2026-W07-3')), '2026-02-11');
    assert.throws(() => parseIsoWeek('2026-W7'), ParseError);
    assert.throws(() => parseIsoWeekDate('2026-W07-8'), ParseError);
  });
});
