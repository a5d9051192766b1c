import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatRule, ParseError, parseRule, recurrence } from '../src/index.ts';

describe('new parts of a rule', () => {
  it('are always present', () => {
    const rule = recurrence('daily');
    assert.equal(rule.weekStart, 1);
    assert.deepEqual(rule.byWeekNumber, []);
    assert.deepEqual(rule.bySetPosition, []);
  });

  it('are sorted and without duplicates', () => {
    const rule = recurrence('yearly', {
      byWeekNumber: [20, -1, 3, 20],
      bySetPosition: [2, -1, 2],
      weekStart: 7,
    });
    assert.deepEqual(rule.byWeekNumber, [-1, 3, 20]);
    assert.deepEqual(rule.bySetPosition, [-1, 2]);
    assert.equal(rule.weekStart, 7);
  });

  it('are written in their places', () => {
    const texts = [
      'FREQ=MONTHLY;BYDAY=MO,FR;BYSETPOS=-1,1;COUNT=3',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=SU;UNTIL=20261231',
      'FREQ=YEARLY;BYMONTH=1;BYWEEKNO=-1,1;BYMONTHDAY=3;BYDAY=MO;BYSETPOS=1;WKST=SA',
    ];
    for (const text of texts) assert.equal(formatRule(parseRule(text)), text);
    assert.equal(formatRule(parseRule('WKST=MO;FREQ=DAILY')), 'FREQ=DAILY');
    assert.equal(
      formatRule(parseRule('BYSETPOS=+3,1;WKST=TU;FREQ=YEARLY;BYWEEKNO=4,4')),
      'FREQ=YEARLY;BYWEEKNO=4;BYSETPOS=1,3;WKST=TU',
    );
  });

  it('are read into the same rule as the options', () => {
    assert.deepEqual(
      parseRule('FREQ=YEARLY;BYWEEKNO=2;BYSETPOS=1;WKST=WE'),
      recurrence('yearly', { byWeekNumber: [2], bySetPosition: [1], weekStart: 3 }),
    );
  });

  it('are refused out of range', () => {
    for (const value of [0, 54, -54, 1.5]) {
      assert.throws(() => recurrence('yearly', { byWeekNumber: [value] }), RangeError);
    }
    for (const value of [0, 367, -367]) {
      assert.throws(
        () => recurrence('daily', { byMonth: [1], bySetPosition: [value] }),
        RangeError,
      );
    }
    assert.throws(() => recurrence('weekly', { weekStart: 8 as 7 }), RangeError);
    assert.throws(() => parseRule('FREQ=YEARLY;BYWEEKNO=0'), RangeError);
  });

  it('are refused where they have no meaning', () => {
    for (const frequency of ['daily', 'weekly', 'monthly'] as const) {
      assert.throws(() => recurrence(frequency, { byWeekNumber: [1] }), RangeError);
    }
    const byDay = [{ weekday: 1, ordinal: 1 }] as const;
    assert.throws(() => recurrence('yearly', { byWeekNumber: [1], byDay }), RangeError);
    assert.throws(() => recurrence('monthly', { bySetPosition: [1] }), RangeError);
    assert.throws(() => parseRule('FREQ=DAILY;COUNT=3;BYSETPOS=1'), RangeError);
  });

  it('are refused when malformed', () => {
    const parts = ['WKST=XX', 'WKST=1', 'WKST=1MO', 'BYWEEKNO=x', 'BYSETPOS=1,', 'BYSETPOS=MO'];
    for (const part of parts) {
      assert.throws(() => parseRule(`FREQ=YEARLY;BYMONTH=1;${part}`), ParseError, part);
    }
  });
});
