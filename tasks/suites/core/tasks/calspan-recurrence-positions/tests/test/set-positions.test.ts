import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Interval,
  nextOccurrence,
  occurrences,
  occurrencesIn,
  parseRule,
  PlainDate,
} from '../src/index.ts';

function list(rule: string, start: string, limit = 6): string[] {
  const found: string[] = [];
  for (const date of occurrences(parseRule(rule), PlainDate.parse(start))) {
    found.push(String(date));
    if (found.length === limit) break;
  }
  return found;
}

describe('BYSETPOS', () => {
  it('finds the last weekday of a month', () => {
    assert.deepEqual(list('FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1', '2026-01-15', 4), [
      '2026-01-30',
      '2026-02-27',
      '2026-03-31',
      '2026-04-30',
    ]);
  });

  it('counts from both ends', () => {
    assert.deepEqual(list('FREQ=MONTHLY;BYMONTHDAY=5,10,15,20;BYSETPOS=-1,1', '2026-01-01', 4), [
      '2026-01-05',
      '2026-01-20',
      '2026-02-05',
      '2026-02-20',
    ]);
  });

  it('does not produce a date twice', () => {
    assert.deepEqual(list('FREQ=MONTHLY;BYMONTHDAY=31;BYSETPOS=1,-1;COUNT=3', '2026-01-01'), [
      '2026-01-31',
      '2026-03-31',
      '2026-05-31',
    ]);
  });

  it('counts the dates of the first period before the start', () => {
    assert.deepEqual(list('FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=2', '2026-01-10', 2), [
      '2026-02-03',
      '2026-03-03',
    ]);
    assert.deepEqual(list('FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=2;COUNT=2', '2026-11-19'), [
      '2026-11-25',
      '2026-12-02',
    ]);
  });

  it('counts the dates of the last period after the end', () => {
    assert.deepEqual(
      list('FREQ=MONTHLY;BYDAY=FR;BYSETPOS=-1;UNTIL=20260325', '2026-01-01'),
      ['2026-01-30', '2026-02-27'],
    );
  });

  it('passes over periods with too few dates', () => {
    assert.deepEqual(list('FREQ=MONTHLY;BYDAY=SU;BYSETPOS=5', '2026-01-01', 3), [
      '2026-03-29',
      '2026-05-31',
      '2026-08-30',
    ]);
    assert.deepEqual(list('FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=3', '9990-01-01'), []);
  });

  it('counts in the whole year of a yearly rule', () => {
    assert.deepEqual(list('FREQ=YEARLY;BYMONTH=1,6;BYDAY=1SA,-1SA;BYSETPOS=-2', '2026-03-01', 2), [
      '2026-06-06',
      '2027-06-05',
    ]);
    assert.deepEqual(list('FREQ=YEARLY;BYDAY=SA,SU;BYSETPOS=100', '2026-01-01', 2), [
      '2026-12-13',
      '2027-12-12',
    ]);
  });

  it('has sets of one in a daily rule', () => {
    assert.deepEqual(list('FREQ=DAILY;BYDAY=SA;BYSETPOS=1;COUNT=2', '2026-11-20'), [
      '2026-11-21',
      '2026-11-28',
    ]);
    assert.deepEqual(list('FREQ=DAILY;BYDAY=SA;BYSETPOS=2', '9990-11-20'), []);
  });

  it('goes by the week that WKST gives', () => {
    assert.deepEqual(list('FREQ=WEEKLY;BYDAY=SU,MO;BYSETPOS=1', '2026-11-20', 2), [
      '2026-11-23',
      '2026-11-30',
    ]);
    assert.deepEqual(list('FREQ=WEEKLY;BYDAY=SU,MO;BYSETPOS=1;WKST=SU', '2026-11-20', 2), [
      '2026-11-22',
      '2026-11-29',
    ]);
  });
});

describe('windows and look-ups', () => {
  it('agree with the whole sequence', () => {
    const start = PlainDate.of(2019, 9, 12);
    const window = Interval.parse('2024-12-18/2026-03-05');
    const rules = [
      'FREQ=MONTHLY;INTERVAL=2;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1,-1',
      'FREQ=MONTHLY;BYDAY=SA;BYSETPOS=2;COUNT=70',
      'FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,WE,SU;WKST=SU',
      'FREQ=WEEKLY;INTERVAL=5;BYDAY=MO,WE,SU;WKST=FR;BYSETPOS=-1',
      'FREQ=YEARLY;BYWEEKNO=1,-1;BYDAY=MO,SU',
      'FREQ=YEARLY;INTERVAL=3;BYWEEKNO=52,53,1;WKST=TH',
    ];
    for (const text of rules) {
      const rule = parseRule(text);
      const expected: string[] = [];
      let next: PlainDate | undefined;
      for (const date of occurrences(rule, start)) {
        if (window.contains(date)) expected.push(String(date));
        if (!date.isBefore(window.end)) {
          next = date;
          break;
        }
      }
      assert.deepEqual(Array.from(occurrencesIn(rule, start, window), String), expected, text);
      const before = PlainDate.of(2026, 3, 4);
      assert.equal(String(nextOccurrence(rule, start, before)), String(next), text);
    }
  });

  it('agree wherever the week begins', () => {
    for (const weekStart of ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU']) {
      for (let shift = 0; shift < 7; shift += 1) {
        const start = PlainDate.of(2026, 11, 16).plusDays(shift);
        const text = `FREQ=WEEKLY;BYDAY=MO,TH,SA;BYSETPOS=1,-1;WKST=${weekStart}`;
        const rule = parseRule(text);
        const all = list(text, String(start), 12);
        for (let offset = 0; offset < 28; offset += 1) {
          const date = start.plusDays(offset);
          const expected = all.find((candidate) => candidate > String(date));
          assert.equal(String(nextOccurrence(rule, start, date)), expected, `${weekStart} ${date}`);
        }
      }
    }
  });
});
