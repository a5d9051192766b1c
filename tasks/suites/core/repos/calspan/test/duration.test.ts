import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  addDuration,
  between,
  duration,
  type DurationUnit,
  formatDuration,
  negate,
  ParseError,
  parseDuration,
  PlainDate,
} from '../src/index.ts';

const date = (text: string): PlainDate => PlainDate.parse(text);

describe('durations', () => {
  it('are read part by part', () => {
    assert.deepEqual(parseDuration('P1Y2M3W4D'), { years: 1, months: 2, weeks: 3, days: 4 });
    assert.deepEqual(parseDuration('-P10D'), duration({ days: -10 }));
    assert.deepEqual(parseDuration('P1M-1D'), duration({ months: 1, days: -1 }));
    for (const text of ['P', '1M', 'P1D2M', 'PT1H', 'P1.5M', '']) {
      assert.throws(() => parseDuration(text), ParseError);
    }
  });

  it('are written without their empty parts', () => {
    assert.equal(formatDuration(duration({})), 'P0D');
    assert.equal(formatDuration(duration({ years: 1, days: 15 })), 'P1Y15D');
    assert.equal(formatDuration(negate(duration({ weeks: 2, days: 1 }))), '-P2W1D');
    assert.equal(formatDuration(duration({ months: 1, days: -1 })), 'P1M-1D');
  });

  it('have whole parts only', () => {
    assert.throws(() => duration({ days: 0.5 }), RangeError);
  });

  it('add years and months in one step', () => {
    assert.equal(String(addDuration(date('2024-02-29'), parseDuration('P1Y1M'))), '2025-03-29');
    assert.equal(String(addDuration(date('2026-01-31'), parseDuration('P1M1D'))), '2026-03-01');
  });
});

describe('between', () => {
  it('counts whole units from the start', () => {
    const cases: [string, string, DurationUnit, string][] = [
      ['2025-11-20', '2026-12-25', 'years', 'P1Y1M5D'],
      ['2025-11-20', '2026-12-25', 'months', 'P13M5D'],
      ['2025-11-20', '2026-12-25', 'weeks', 'P57W1D'],
      ['2025-11-20', '2026-12-25', 'days', 'P400D'],
      ['2026-01-31', '2026-02-28', 'years', 'P1M'],
      ['2026-01-31', '2026-03-01', 'years', 'P1M1D'],
      ['2026-03-31', '2026-02-28', 'years', '-P1M'],
      ['2026-03-01', '2026-01-31', 'years', '-P1M1D'],
      ['2026-05-05', '2026-05-05', 'years', 'P0D'],
    ];
    for (const [start, end, unit, expected] of cases) {
      assert.equal(formatDuration(between(date(start), date(end), unit)), expected, start + end);
    }
  });

  it('is undone by adding', () => {
    const start = date('2024-01-31');
    for (let offset = -800; offset <= 800; offset += 7) {
      const end = start.plusDays(offset);
      assert.ok(addDuration(start, between(start, end)).equals(end), String(end));
    }
  });
});
