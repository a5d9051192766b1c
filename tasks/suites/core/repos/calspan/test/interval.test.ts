import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Interval, ParseError, parseDuration, PlainDate } from '../src/index.ts';

const span = (text: string): Interval => Interval.parse(text);
const text = (interval: Interval | undefined): string => String(interval);

describe('Interval', () => {
  it('reads dates and durations', () => {
    assert.equal(text(span('2026-01-01/2026-02-01')), '2026-01-01/2026-02-01');
    assert.equal(text(span('2026-01-31/P1M')), '2026-01-31/2026-02-28');
    assert.equal(text(span('P1W/2026-02-01')), '2026-01-25/2026-02-01');
    for (const bad of ['2026-01-01', '2026-01-01/', 'P1M/P1M', '2026-01-01/P1D/P1D']) {
      assert.throws(() => span(bad), ParseError);
    }
  });

  it('is never empty', () => {
    assert.throws(() => span('2026-01-01/2026-01-01'), RangeError);
    assert.throws(() => span('2026-01-02/2026-01-01'), RangeError);
    assert.throws(() => span('2026-01-30/2026-01-31').shift(parseDuration('P1M')), RangeError);
  });

  it('knows common spans', () => {
    assert.equal(text(Interval.month(2024, 2)), '2024-02-01/2024-03-01');
    assert.equal(Interval.year(2024).days, 366);
    assert.equal(Interval.day(PlainDate.of(2026, 5, 5)).days, 1);
  });

  it('contains its start but not its end', () => {
    const may = Interval.month(2026, 5);
    assert.ok(may.contains(PlainDate.of(2026, 5, 1)));
    assert.ok(may.contains(PlainDate.of(2026, 5, 31)));
    assert.ok(!may.contains(PlainDate.of(2026, 6, 1)));
    assert.ok(may.encloses(span('2026-05-20/2026-06-01')));
    assert.ok(!may.encloses(span('2026-05-20/2026-06-02')));
  });

  it('tells overlapping from abutting', () => {
    const may = Interval.month(2026, 5);
    const june = Interval.month(2026, 6);
    assert.ok(!may.overlaps(june));
    assert.ok(may.abuts(june) && june.abuts(may));
    assert.ok(may.overlaps(span('2026-05-31/2026-06-02')));
    assert.equal(may.intersect(june), undefined);
    assert.equal(text(may.intersect(span('2026-05-31/2026-06-02'))), '2026-05-31/2026-06-01');
    assert.equal(text(may.hull(Interval.month(2026, 8))), '2026-05-01/2026-09-01');
  });

  it('moves both ends', () => {
    assert.equal(
      text(Interval.month(2026, 1).shift(parseDuration('P1M'))),
      '2026-02-01/2026-03-01',
    );
  });

  it('lists its days', () => {
    const days = [...span('2026-02-27/2026-03-02').dates()];
    assert.deepEqual(days.map(String), ['2026-02-27', '2026-02-28', '2026-03-01']);
  });
});
