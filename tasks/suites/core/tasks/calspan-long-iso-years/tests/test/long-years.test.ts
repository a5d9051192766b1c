import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  dateOfIsoWeek,
  formatIsoWeek,
  formatIsoWeekDate,
  Interval,
  isoWeekOf,
  isoWeeksOf,
  parseIsoWeek,
  parseIsoWeekDate,
  PlainDate,
  weeksInYear,
} from '../src/index.ts';

describe('long ISO years', () => {
  it('that are leap years starting on a Wednesday have 53 weeks', () => {
    for (const year of [1976, 1992, 2020, 2048]) assert.equal(weeksInYear(year), 53, String(year));
  });

  it('that start on a Thursday have 53 weeks, leap years or not', () => {
    for (const year of [1981, 2004, 2009, 2015, 2026, 2032]) {
      assert.equal(weeksInYear(year), 53, String(year));
    }
  });

  it('are told from the other leap years and years that start on a Wednesday', () => {
    for (const year of [2000, 2014, 2016, 2021, 2024, 2025, 2028, 2031]) {
      assert.equal(weeksInYear(year), 52, String(year));
      assert.throws(() => dateOfIsoWeek({ year, week: 53 }), RangeError);
      assert.throws(() => parseIsoWeek(`${year}-W53`), RangeError);
    }
  });

  it('are those whose last days are in week 53', () => {
    for (let year = 1; year <= 9999; year += 1) {
      // 28 December is always in the last week of its year.
      assert.equal(weeksInYear(year), isoWeekOf(PlainDate.of(year, 12, 28)).week, String(year));
    }
  });

  it('have dates in week 53', () => {
    assert.equal(String(dateOfIsoWeek({ year: 2020, week: 53 })), '2020-12-28');
    assert.equal(String(dateOfIsoWeek({ year: 2020, week: 53 }, 7)), '2021-01-03');
    assert.equal(String(Interval.isoWeek({ year: 1992, week: 53 })), '1992-12-28/1993-01-04');
    assert.throws(() => dateOfIsoWeek({ year: 2020, week: 54 }), RangeError);
  });

  it('are read from text', () => {
    assert.deepEqual(parseIsoWeek('2048-W53'), { year: 2048, week: 53 });
    assert.equal(String(parseIsoWeekDate('2020-W53-5')), '2021-01-01');
  });

  it('round trip every week date around the turn of the year', () => {
    for (let year = 1900; year < 2300; year += 1) {
      for (let offset = -8; offset <= 8; offset += 1) {
        const date = PlainDate.of(year, 1, 1).plusDays(offset);
        assert.equal(String(parseIsoWeekDate(formatIsoWeekDate(date))), String(date));
      }
    }
  });

  it('round trip week dates at both ends of the range', () => {
    for (const date of [PlainDate.MIN, PlainDate.MAX]) {
      assert.equal(String(parseIsoWeekDate(formatIsoWeekDate(date))), String(date));
    }
  });

  it('follow each other without a hole', () => {
    let expected = dateOfIsoWeek({ year: 1970, week: 1 });
    for (let year = 1970; year <= 2070; year += 1) {
      for (const week of isoWeeksOf(year)) {
        assert.equal(String(dateOfIsoWeek(week)), String(expected), formatIsoWeek(week));
        expected = expected.plusDays(7);
      }
    }
  });
});
