import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ParseError, PlainDate } from '../src/index.ts';

const date = (text: string): PlainDate => PlainDate.parse(text);

describe('PlainDate', () => {
  it('reads and writes the same text', () => {
    for (const text of ['0001-01-01', '2024-02-29', '9999-12-31']) {
      assert.equal(date(text).toString(), text);
    }
    assert.equal(JSON.stringify({ on: date('2026-03-09') }), '{"on":"2026-03-09"}');
  });

  it('tells a malformed text from an impossible date', () => {
    for (const text of ['2026-3-09', '20260309', ' 2026-03-09', '']) {
      assert.throws(() => date(text), ParseError);
    }
    for (const text of ['2026-02-29', '2026-13-01', '2026-00-10', '0000-01-01']) {
      assert.throws(() => date(text), RangeError);
    }
  });

  it('converts to epoch days and back over the whole range', () => {
    assert.equal(date('1970-01-01').epochDay, 0);
    assert.equal(date('2000-03-01').epochDay, 11_017);
    for (let day = PlainDate.MIN.epochDay; day <= PlainDate.MAX.epochDay; day += 997) {
      assert.equal(PlainDate.fromEpochDay(day).epochDay, day);
    }
  });

  it('knows the day of the week and of the year', () => {
    assert.equal(date('2026-11-20').weekday, 5);
    assert.equal(date('0001-01-01').weekday, 1);
    assert.equal(date('1969-12-28').weekday, 7);
    assert.equal(date('2024-12-31').dayOfYear, 366);
    assert.equal(date('1900-03-01').dayOfYear, 60);
  });

  it('clamps months to the end of a short one', () => {
    assert.equal(String(date('2026-01-31').plusMonths(1)), '2026-02-28');
    assert.equal(String(date('2024-01-31').plusMonths(1)), '2024-02-29');
    assert.equal(String(date('2026-01-31').plusMonths(-2)), '2025-11-30');
    assert.equal(String(date('2024-02-29').plusYears(-1)), '2023-02-28');
    assert.equal(String(date('2026-11-15').plusMonths(14)), '2028-01-15');
  });

  it('rejects a short month when asked to', () => {
    assert.throws(() => date('2026-01-31').plusMonths(1, 'reject'), RangeError);
    assert.equal(String(date('2026-01-31').plusMonths(2, 'reject')), '2026-03-31');
  });

  it('does not leave its range', () => {
    assert.throws(() => PlainDate.MAX.plusDays(1), RangeError);
    assert.throws(() => PlainDate.MIN.plusMonths(-1), RangeError);
  });

  it('compares and counts days', () => {
    const sorted = ['2026-02-01', '2025-12-31', '2026-01-31'].map(date).sort(PlainDate.compare);
    assert.deepEqual(sorted.map(String), ['2025-12-31', '2026-01-31', '2026-02-01']);
    assert.equal(date('2024-02-28').daysUntil(date('2024-03-01')), 2);
    assert.equal(date('2024-03-01').daysUntil(date('2024-02-28')), -2);
  });
});
