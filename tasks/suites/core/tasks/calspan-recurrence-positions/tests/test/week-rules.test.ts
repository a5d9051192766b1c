import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { occurrences, parseRule, PlainDate } from '../src/index.ts';

function list(rule: string, start: string, limit = 6): string[] {
  const found: string[] = [];
  for (const date of occurrences(parseRule(rule), PlainDate.parse(start))) {
    found.push(String(date));
    if (found.length === limit) break;
  }
  return found;
}

describe('WKST', () => {
  it('decides which weeks of an interval take part', () => {
    assert.deepEqual(list('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4;WKST=SU', '1997-08-05'), [
      '1997-08-05',
      '1997-08-17',
      '1997-08-19',
      '1997-08-31',
    ]);
    assert.deepEqual(list('FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SU;COUNT=4;WKST=MO', '1997-08-05'), [
      '1997-08-05',
      '1997-08-10',
      '1997-08-19',
      '1997-08-24',
    ]);
  });

  it('may be the day after the start', () => {
    // 20 November 2026 is a Friday, the last day of its week.
    assert.deepEqual(list('FREQ=WEEKLY;INTERVAL=2;BYDAY=FR,SA;COUNT=3;WKST=SA', '2026-11-20'), [
      '2026-11-20',
      '2026-11-28',
      '2026-12-04',
    ]);
  });

  it('does not trip over the ends of the calendar', () => {
    assert.deepEqual(list('FREQ=WEEKLY;BYDAY=SU,MO;WKST=SU', '0001-01-01', 2), [
      '0001-01-01',
      '0001-01-07',
    ]);
    assert.deepEqual(list('FREQ=WEEKLY;BYDAY=FR;WKST=FR', '9999-12-20'), [
      '9999-12-24',
      '9999-12-31',
    ]);
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=-1,1;BYDAY=FR;WKST=FR', '9999-02-01'), [
      '9999-12-24',
      '9999-12-31',
    ]);
  });
});

describe('BYWEEKNO', () => {
  it('selects a weekday of a week', () => {
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=20;BYDAY=MO', '1997-05-12', 3), [
      '1997-05-12',
      '1998-05-11',
      '1999-05-17',
    ]);
  });

  it('takes the weekday of the start', () => {
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=20;COUNT=2', '1997-05-14'), [
      '1997-05-14',
      '1998-05-13',
    ]);
  });

  it('has days of week 1 in the December before', () => {
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,FR', '2024-01-01', 6), [
      '2024-01-01',
      '2024-01-05',
      '2024-12-30',
      '2025-01-03',
      '2025-12-29',
      '2026-01-02',
    ]);
  });

  it('has days of the last week in the January after', () => {
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=-1;BYDAY=TH,SU', '2026-01-01', 4), [
      '2026-12-31',
      '2027-01-03',
      '2027-12-30',
      '2028-01-02',
    ]);
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=53;BYDAY=MO', '2015-01-01', 3), [
      '2015-12-28',
      '2020-12-28',
      '2026-12-28',
    ]);
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=-53;BYDAY=TH', '2015-01-01', 3), [
      '2015-01-01',
      '2020-01-02',
      '2026-01-01',
    ]);
  });

  it('goes by calendar years in an interval', () => {
    // The year 2025 does not take part, and with it neither does 2025-12-29.
    assert.deepEqual(list('FREQ=YEARLY;INTERVAL=2;BYWEEKNO=1;BYDAY=MO', '2024-01-01', 3), [
      '2024-01-01',
      '2024-12-30',
      '2028-01-03',
    ]);
  });

  it('numbers weeks from WKST', () => {
    // 2026-01-01 is a Thursday; its week from Sunday has only three days of 2026.
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=1;BYDAY=TH;WKST=SU', '2026-01-01', 2), [
      '2026-01-08',
      '2027-01-07',
    ]);
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=1;BYDAY=TH;WKST=MO', '2026-01-01', 2), [
      '2026-01-01',
      '2027-01-07',
    ]);
  });

  it('is restricted by the other lists', () => {
    assert.deepEqual(list('FREQ=YEARLY;BYMONTH=12;BYWEEKNO=1;BYDAY=MO,TU', '2024-01-01', 4), [
      '2024-12-30',
      '2024-12-31',
      '2025-12-29',
      '2025-12-30',
    ]);
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=1,10;BYMONTHDAY=1,5', '2024-01-01', 4), [
      '2024-01-01',
      '2024-01-05',
      '2024-03-05',
      '2025-01-01',
    ]);
  });

  it('works with positions', () => {
    // 2024 has three of these days in January and two in December, 2026 has none.
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,TU,WE;BYSETPOS=-1', '2024-01-01', 4), [
      '2024-12-31',
      '2025-12-31',
      '2027-01-06',
      '2028-01-05',
    ]);
    assert.deepEqual(list('FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,TU,WE;BYSETPOS=4', '2024-01-01', 2), [
      '2024-12-30',
      '2025-12-31',
    ]);
  });
});
