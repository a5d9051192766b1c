import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BusinessCalendar,
  fixedHoliday,
  type HolidayRule,
  Interval,
  PlainDate,
} from '../src/index.ts';

const date = (text: string): PlainDate => PlainDate.parse(text);

function kept(calendar: BusinessCalendar, year: number): string[] {
  return calendar.holidaysIn(year).map((holiday) => `${holiday.name} ${holiday.date}`);
}

const nearest = (): HolidayRule => fixedHoliday('New Year', 1, 1, { observance: 'nearest' });
const eve = (): HolidayRule => fixedHoliday('Eve', 12, 31, { observance: 'following' });
const newYear = (): HolidayRule => fixedHoliday('New Year', 1, 1, { observance: 'following' });

describe('a holiday kept in the year before', () => {
  it('is no business day there', () => {
    const us = new BusinessCalendar({ holidays: [nearest()] });
    assert.ok(!us.isBusinessDay(date('2021-12-31')));
    assert.equal(String(us.holidayOn(date('2021-12-31'))?.insteadOf), '2022-01-01');
    assert.ok(us.isBusinessDay(date('2022-12-30')));
    assert.ok(!us.isBusinessDay(date('2023-01-02')));
  });

  it('is listed in that year and in no other', () => {
    const us = new BusinessCalendar({ holidays: [nearest()] });
    assert.deepEqual(kept(us, 2021), ['New Year 2021-01-01', 'New Year 2021-12-31']);
    assert.deepEqual(kept(us, 2022), []);
    assert.deepEqual(kept(us, 2023), ['New Year 2023-01-02']);
  });

  it('does not depend on what was asked first', () => {
    const us = new BusinessCalendar({ holidays: [nearest()] });
    assert.deepEqual(kept(us, 2022), []);
    assert.ok(us.isBusinessDay(date('2022-01-03')));
    assert.deepEqual(kept(us, 2021), ['New Year 2021-01-01', 'New Year 2021-12-31']);
    assert.deepEqual(kept(us, 2022), []);
  });

  it('counts in steps, lengths and rolls', () => {
    const us = new BusinessCalendar({ holidays: [nearest()] });
    assert.equal(String(us.plusBusinessDays(date('2021-12-30'), 1)), '2022-01-03');
    assert.equal(String(us.previous(date('2022-01-03'))), '2021-12-30');
    assert.equal(us.businessDaysIn(Interval.parse('2021-12-27/2022-01-04')), 5);
    assert.equal(String(us.roll(date('2021-12-31'), 'following')), '2022-01-03');
    assert.equal(String(us.roll(date('2021-12-31'), 'modified-following')), '2021-12-30');
  });

  it('begins and ends with the years of the holiday itself', () => {
    const options = { observance: 'nearest' } as const;
    const since = fixedHoliday('New Year', 1, 1, { ...options, since: 2022 });
    assert.deepEqual(kept(new BusinessCalendar({ holidays: [since] }), 2021), [
      'New Year 2021-12-31',
    ]);
    const until = fixedHoliday('New Year', 1, 1, { ...options, until: 2021 });
    assert.deepEqual(kept(new BusinessCalendar({ holidays: [until] }), 2021), [
      'New Year 2021-01-01',
    ]);
  });

  it('may be kept earlier still under another weekend', () => {
    const calendar = new BusinessCalendar({ weekend: [5, 6, 7], holidays: [nearest()] });
    // 1 January 2027 is a Friday, 1 January 2028 a Saturday.
    assert.deepEqual(kept(calendar, 2026), ['New Year 2026-01-01', 'New Year 2026-12-31']);
    assert.deepEqual(kept(calendar, 2027), ['New Year 2027-12-30']);
  });
});

describe('a holiday kept in the year after', () => {
  it('is no business day there and listed there only', () => {
    const calendar = new BusinessCalendar({ holidays: [eve()] });
    // 31 December 2022 is a Saturday.
    assert.ok(!calendar.isBusinessDay(date('2023-01-02')));
    assert.deepEqual(kept(calendar, 2022), []);
    assert.deepEqual(kept(calendar, 2023), ['Eve 2023-01-02']);
    assert.equal(String(calendar.holidaysIn(2023)[0]?.insteadOf), '2022-12-31');
  });

  it('does not take a holiday of that year', () => {
    // 31 December 2023 is a Sunday.
    const calendar = new BusinessCalendar({ holidays: [fixedHoliday('New Year', 1, 1), eve()] });
    assert.deepEqual(kept(calendar, 2024), [
      'New Year 2024-01-01',
      'Eve 2024-01-02',
      'Eve 2024-12-31',
    ]);
    assert.deepEqual(kept(calendar, 2023), ['New Year 2023-01-01', 'Eve 2023-01-02']);
  });

  it('shares a weekend with one of that year', () => {
    // 31 December 2022 and 1 January 2023 are one weekend.
    for (const holidays of [[eve(), newYear()], [newYear(), eve()]]) {
      const calendar = new BusinessCalendar({ holidays });
      assert.deepEqual(kept(calendar, 2023), ['Eve 2023-01-02', 'New Year 2023-01-03']);
      assert.deepEqual(kept(calendar, 2022), ['New Year 2022-01-03']);
      assert.equal(String(calendar.next(date('2022-12-30'))), '2023-01-04');
    }
  });

  it('steps over days that are holidays already', () => {
    const calendar = new BusinessCalendar({
      holidays: [eve(), fixedHoliday('New Year', 1, 1), fixedHoliday('Second', 1, 2)],
    });
    assert.deepEqual(kept(calendar, 2024), [
      'New Year 2024-01-01',
      'Second 2024-01-02',
      'Eve 2024-01-03',
      'Eve 2024-12-31',
    ]);
  });
});

describe('any run of years', () => {
  it('keeps each holiday once', () => {
    const calendar = new BusinessCalendar({ holidays: [eve(), newYear()] });
    const names = new Map<string, number>();
    for (let year = 2001; year <= 2056; year += 1) {
      const holidays = calendar.holidaysIn(year);
      for (const { name, date: on, insteadOf } of holidays) {
        assert.equal(on.year, year);
        assert.ok(!calendar.isBusinessDay(on));
        const nominal = `${name} ${insteadOf ?? on}`;
        names.set(nominal, (names.get(nominal) ?? 0) + 1);
      }
      const days = holidays.map((holiday) => holiday.date.epochDay);
      assert.deepEqual(days, [...new Set(days)].sort((a, b) => a - b), String(year));
    }
    assert.ok([...names.values()].every((count) => count === 1));
    for (let year = 2002; year <= 2055; year += 1) assert.ok(names.has(`Eve ${year}-12-31`));
  });

  it('reaches both ends of the calendar', () => {
    const calendar = new BusinessCalendar({ holidays: [eve(), newYear()] });
    assert.deepEqual(kept(calendar, 1), ['New Year 0001-01-01', 'Eve 0001-12-31']);
    assert.deepEqual(kept(calendar, 9999), ['New Year 9999-01-01', 'Eve 9999-12-31']);
  });

  it('leaves holidays inside the year alone', () => {
    const calendar = new BusinessCalendar({
      holidays: [
        fixedHoliday('Christmas', 12, 25, { observance: 'following' }),
        fixedHoliday('Boxing Day', 12, 26, { observance: 'following' }),
      ],
    });
    assert.deepEqual(kept(calendar, 2021), ['Christmas 2021-12-27', 'Boxing Day 2021-12-28']);
    assert.deepEqual(kept(calendar, 2022), ['Boxing Day 2022-12-26', 'Christmas 2022-12-27']);
  });
});
