import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BusinessCalendar,
  easterHoliday,
  easterSunday,
  fixedHoliday,
  Interval,
  PlainDate,
  weekdayHoliday,
} from '../src/index.ts';

const date = (text: string): PlainDate => PlainDate.parse(text);

const england = new BusinessCalendar({
  holidays: [
    fixedHoliday('New Year', 1, 1, { observance: 'following' }),
    easterHoliday('Good Friday', -2),
    easterHoliday('Easter Monday', 1),
    weekdayHoliday('Early May', 5, 1, 1, { since: 1978 }),
    weekdayHoliday('Spring', 5, -1, 1),
    fixedHoliday('Christmas', 12, 25, { observance: 'following' }),
    fixedHoliday('Boxing Day', 12, 26, { observance: 'following' }),
  ],
});

describe('holiday rules', () => {
  it('find Easter', () => {
    assert.equal(String(easterSunday(2026)), '2026-04-05');
    assert.equal(String(easterSunday(2038)), '2038-04-25');
    assert.equal(String(easterSunday(1818)), '1818-03-22');
  });

  it('find weekdays from either end of a month', () => {
    assert.equal(String(weekdayHoliday('x', 5, 1, 1).dateIn(2026)), '2026-05-04');
    assert.equal(String(weekdayHoliday('x', 5, -1, 1).dateIn(2026)), '2026-05-25');
    assert.equal(weekdayHoliday('x', 2, 5, 1).dateIn(2026), undefined);
  });

  it('apply to their years only', () => {
    const rule = fixedHoliday('x', 6, 19, { since: 2021, until: 2023 });
    assert.equal(rule.dateIn(2020), undefined);
    assert.equal(String(rule.dateIn(2021)), '2021-06-19');
    assert.equal(rule.dateIn(2024), undefined);
    assert.equal(fixedHoliday('x', 2, 29).dateIn(2026), undefined);
  });
});

describe('BusinessCalendar', () => {
  it('keeps two holidays of one weekend on two days', () => {
    const kept = england.holidaysIn(2021).filter((holiday) => holiday.date.month === 12);
    assert.deepEqual(
      kept.map(({ name, date: on }) => `${name} ${on}`),
      ['Christmas 2021-12-27', 'Boxing Day 2021-12-28'],
    );
    assert.equal(String(kept[0]?.insteadOf), '2021-12-25');
  });

  it('does not put a substitute on another holiday', () => {
    const kept = england.holidaysIn(2022).filter((holiday) => holiday.date.month === 12);
    assert.deepEqual(
      kept.map(({ name, date: on }) => `${name} ${on}`),
      ['Boxing Day 2022-12-26', 'Christmas 2022-12-27'],
    );
  });

  it('keeps the nearest weekday', () => {
    const july = fixedHoliday('July', 7, 4, { observance: 'nearest' });
    const calendar = new BusinessCalendar({ holidays: [july] });
    assert.ok(!calendar.isBusinessDay(date('2026-07-03')));
    assert.ok(!calendar.isBusinessDay(date('2027-07-05')));
    assert.equal(calendar.holidayOn(date('2026-07-04')), undefined);
  });

  it('counts business days', () => {
    assert.equal(String(england.plusBusinessDays(date('2026-04-02'), 1)), '2026-04-07');
    assert.equal(String(england.plusBusinessDays(date('2026-04-07'), -2)), '2026-04-01');
    assert.equal(String(england.plusBusinessDays(date('2026-04-04'), 0)), '2026-04-04');
    assert.equal(england.businessDaysIn(Interval.month(2026, 4)), 20);
  });

  it('rolls by convention', () => {
    assert.equal(String(england.roll(date('2026-05-31'), 'following')), '2026-06-01');
    assert.equal(String(england.roll(date('2026-05-31'), 'modified-following')), '2026-05-29');
    assert.equal(String(england.roll(date('2026-08-01'), 'preceding')), '2026-07-31');
    assert.equal(String(england.roll(date('2026-08-01'), 'modified-preceding')), '2026-08-03');
    assert.equal(String(england.roll(date('2026-05-29'), 'following')), '2026-05-29');
  });

  it('takes any weekend', () => {
    const calendar = new BusinessCalendar({ weekend: [5, 6] });
    assert.equal(String(calendar.next(date('2026-11-19'))), '2026-11-22');
    assert.throws(() => new BusinessCalendar({ weekend: [1, 2, 3, 4, 5, 6, 7] }), RangeError);
  });
});
