import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Interval, IntervalSet, ParseError, PlainDate } from '../src/index.ts';

const set = (text: string): IntervalSet => IntervalSet.parse(text);

describe('IntervalSet', () => {
  it('merges what overlaps or abuts', () => {
    const merged = IntervalSet.of(
      Interval.parse('2026-03-01/P1M'),
      Interval.parse('2026-01-01/P1M'),
      Interval.parse('2026-02-01/P1M'),
      Interval.parse('2026-05-01/P1D'),
    );
    assert.equal(String(merged), '{2026-01-01/2026-04-01, 2026-05-01/2026-05-02}');
    assert.equal(merged.days, 91);
    assert.equal(String(merged.hull), '2026-01-01/2026-05-02');
  });

  it('reads what it writes', () => {
    assert.equal(String(set('{}')), '{}');
    assert.ok(set('{ }').isEmpty);
    assert.equal(
      String(set('{2026-01-05/P2D,2026-01-01/P2D}')),
      '{2026-01-01/2026-01-03, 2026-01-05/2026-01-07}',
    );
    assert.throws(() => set('2026-01-05/P2D'), ParseError);
    assert.throws(() => set('{2026-01-05/P2D,}'), ParseError);
  });

  it('is made of single days', () => {
    const dates = ['2026-01-03', '2026-01-01', '2026-01-02', '2026-01-09'].map(PlainDate.parse);
    assert.equal(
      String(IntervalSet.ofDates(dates)),
      '{2026-01-01/2026-01-04, 2026-01-09/2026-01-10}',
    );
  });

  it('finds days and intervals', () => {
    const quarters = set('{2026-01-01/P3M, 2026-07-01/P3M}');
    assert.ok(quarters.contains(PlainDate.of(2026, 3, 31)));
    assert.ok(!quarters.contains(PlainDate.of(2026, 4, 1)));
    assert.ok(!quarters.contains(PlainDate.of(2025, 12, 31)));
    assert.ok(quarters.encloses(Interval.month(2026, 8)));
    assert.ok(!quarters.encloses(Interval.parse('2026-03-01/2026-08-01')));
  });

  it('unites, intersects and subtracts', () => {
    const a = set('{2026-01-01/2026-01-10, 2026-01-20/2026-01-30}');
    const b = set('{2026-01-05/2026-01-25}');
    assert.equal(String(a.union(b)), '{2026-01-01/2026-01-30}');
    assert.equal(String(a.intersect(b)), '{2026-01-05/2026-01-10, 2026-01-20/2026-01-25}');
    assert.equal(String(a.subtract(b)), '{2026-01-01/2026-01-05, 2026-01-25/2026-01-30}');
    assert.equal(String(b.subtract(a)), '{2026-01-10/2026-01-20}');
    assert.ok(a.symmetricDifference(b).equals(a.subtract(b).union(b.subtract(a))));
    assert.ok(a.subtract(a).isEmpty);
  });

  it('has gaps', () => {
    assert.equal(
      String(set('{2026-01-01/P1D, 2026-01-04/P1D, 2026-01-06/P1D}').gaps()),
      '{2026-01-02/2026-01-04, 2026-01-05/2026-01-06}',
    );
    assert.ok(IntervalSet.EMPTY.gaps().isEmpty);
  });

  it('lists its days', () => {
    assert.deepEqual(
      [...set('{2026-01-01/P2D, 2026-01-04/P1D}').dates()].map(String),
      ['2026-01-01', '2026-01-02', '2026-01-04'],
    );
  });
});
