import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatRule, ParseError, parseRule, PlainDate, recurrence } from '../src/index.ts';

describe('recurrence', () => {
  it('sorts lists and drops duplicates', () => {
    const rule = recurrence('monthly', { byMonthDay: [15, -1, 15], byDay: [5, { weekday: 1 }, 5] });
    assert.deepEqual(rule.byMonthDay, [-1, 15]);
    assert.deepEqual(rule.byDay, [{ weekday: 1 }, { weekday: 5 }]);
    assert.equal(rule.interval, 1);
  });

  it('refuses numbers out of range', () => {
    assert.throws(() => recurrence('daily', { interval: 0 }), RangeError);
    assert.throws(() => recurrence('daily', { count: 0 }), RangeError);
    assert.throws(() => recurrence('yearly', { byMonth: [13] }), RangeError);
    assert.throws(() => recurrence('monthly', { byMonthDay: [0] }), RangeError);
    const byDay = [{ weekday: 1, ordinal: 54 }] as const;
    assert.throws(() => recurrence('monthly', { byDay }), RangeError);
  });

  it('refuses parts that do not go together', () => {
    assert.throws(() => recurrence('daily', { count: 1, until: PlainDate.MAX }), RangeError);
    assert.throws(() => recurrence('weekly', { byMonthDay: [1] }), RangeError);
    assert.throws(() => recurrence('weekly', { byDay: [{ weekday: 1, ordinal: 2 }] }), RangeError);
  });
});

describe('rule texts', () => {
  it('are read and written in a fixed order', () => {
    const texts = [
      'FREQ=DAILY',
      'FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE,FR;UNTIL=20261231',
      'FREQ=MONTHLY;BYMONTHDAY=-1,13;BYDAY=FR',
      'FREQ=YEARLY;BYMONTH=1,6;BYDAY=-1SU,1MO;COUNT=8',
    ];
    for (const text of texts) assert.equal(formatRule(parseRule(text)), text);
    assert.equal(formatRule(parseRule('COUNT=2;INTERVAL=1;FREQ=DAILY')), 'FREQ=DAILY;COUNT=2');
    assert.deepEqual(
      parseRule('FREQ=MONTHLY;BYDAY=+2TU'),
      recurrence('monthly', { byDay: [{ weekday: 2, ordinal: 2 }] }),
    );
  });

  it('are refused when malformed', () => {
    const texts = [
      '',
      'DAILY',
      'FREQ=HOURLY',
      'FREQ=DAILY;',
      'FREQ=DAILY;X=1',
      'FREQ=DAILY;COUNT=x',
      'FREQ=DAILY;COUNT=1;COUNT=2',
      'FREQ=DAILY;UNTIL=2026-01-01',
      'FREQ=WEEKLY;BYDAY=XX',
    ];
    for (const text of texts) assert.throws(() => parseRule(text), ParseError, text);
    assert.throws(() => parseRule('FREQ=DAILY;UNTIL=20260230'), RangeError);
  });
});
