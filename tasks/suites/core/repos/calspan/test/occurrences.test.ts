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

function list(rule: string, start: string): string[] {
  return Array.from(occurrences(parseRule(rule), PlainDate.parse(start)), String);
}

describe('occurrences', () => {
  it('of a daily rule', () => {
    assert.deepEqual(
      list('FREQ=DAILY;INTERVAL=10;COUNT=3', '2026-02-20'),
      ['2026-02-20', '2026-03-02', '2026-03-12'],
    );
    assert.deepEqual(
      list('FREQ=DAILY;BYMONTH=2;BYDAY=SA,SU;UNTIL=20260208', '2026-01-01'),
      ['2026-02-01', '2026-02-07', '2026-02-08'],
    );
  });

  it('of a weekly rule', () => {
    assert.deepEqual(
      list('FREQ=WEEKLY;COUNT=3', '2026-11-20'),
      ['2026-11-20', '2026-11-27', '2026-12-04'],
    );
    assert.deepEqual(
      list('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4', '1997-08-05'),
      ['1997-08-05', '1997-08-10', '1997-08-19', '1997-08-24'],
    );
  });

  it('of a monthly rule pass over days that do not exist', () => {
    assert.deepEqual(
      list('FREQ=MONTHLY;COUNT=3', '2026-01-31'),
      ['2026-01-31', '2026-03-31', '2026-05-31'],
    );
    assert.deepEqual(
      list('FREQ=MONTHLY;BYMONTHDAY=-1;COUNT=3', '2026-01-31'),
      ['2026-01-31', '2026-02-28', '2026-03-31'],
    );
  });

  it('of a monthly rule with weekdays', () => {
    assert.deepEqual(
      list('FREQ=MONTHLY;BYDAY=2TU,-1FR;COUNT=4', '2026-11-01'),
      ['2026-11-10', '2026-11-27', '2026-12-08', '2026-12-25'],
    );
    assert.deepEqual(
      list('FREQ=MONTHLY;BYMONTHDAY=13;BYDAY=FR;COUNT=3', '2026-01-01'),
      ['2026-02-13', '2026-03-13', '2026-11-13'],
    );
    assert.deepEqual(
      list('FREQ=MONTHLY;INTERVAL=3;BYDAY=5MO;COUNT=2', '2026-01-01'),
      ['2028-01-31', '2028-07-31'],
    );
  });

  it('of a yearly rule', () => {
    assert.deepEqual(list('FREQ=YEARLY;COUNT=2', '2024-02-29'), ['2024-02-29', '2028-02-29']);
    assert.deepEqual(
      list('FREQ=YEARLY;BYMONTH=11;BYDAY=4TH;COUNT=2', '2026-01-01'),
      ['2026-11-26', '2027-11-25'],
    );
    assert.deepEqual(
      list('FREQ=YEARLY;BYDAY=1MO,-1MO;COUNT=3', '2026-01-01'),
      ['2026-01-05', '2026-12-28', '2027-01-04'],
    );
    assert.deepEqual(
      list('FREQ=YEARLY;BYMONTHDAY=31;COUNT=3', '2026-02-01'),
      ['2026-03-31', '2026-05-31', '2026-07-31'],
    );
  });

  it('end with the range of dates', () => {
    assert.deepEqual(list('FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', '2026-01-01'), []);
    assert.deepEqual(list('FREQ=WEEKLY', '9999-12-20'), ['9999-12-20', '9999-12-27']);
  });
});

describe('occurrences in a window', () => {
  it('are those of the whole sequence', () => {
    const start = PlainDate.of(2020, 3, 18);
    const window = Interval.parse('2026-03-03/P1Y');
    const rules = [
      'FREQ=DAILY;INTERVAL=9',
      'FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU',
      'FREQ=MONTHLY;INTERVAL=5;BYMONTHDAY=1,-1',
      'FREQ=YEARLY;INTERVAL=2;BYMONTH=4;BYDAY=SA',
      'FREQ=MONTHLY;COUNT=75',
    ];
    for (const text of rules) {
      const rule = parseRule(text);
      const expected: string[] = [];
      for (const date of occurrences(rule, start)) {
        if (date.year > 2027) break;
        if (window.contains(date)) expected.push(String(date));
      }
      assert.deepEqual(Array.from(occurrencesIn(rule, start, window), String), expected, text);
    }
  });

  it('can be looked up one by one', () => {
    const rule = parseRule('FREQ=MONTHLY;BYDAY=-1FR;UNTIL=20261231');
    const start = PlainDate.of(2026, 1, 1);
    assert.equal(String(nextOccurrence(rule, start, PlainDate.of(2026, 11, 26))), '2026-11-27');
    assert.equal(String(nextOccurrence(rule, start, PlainDate.of(2026, 11, 27))), '2026-12-25');
    assert.equal(nextOccurrence(rule, start, PlainDate.of(2026, 12, 25)), undefined);
  });
});
