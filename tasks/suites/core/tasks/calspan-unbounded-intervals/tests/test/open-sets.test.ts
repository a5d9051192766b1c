import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Interval, IntervalSet, PlainDate } from '../src/index.ts';

const set = (text: string): IntervalSet => IntervalSet.parse(text);

const SETS = [
  '{}',
  '{../..}',
  '{../2026-02-01}',
  '{2026-02-01/..}',
  '{../2026-01-10, 2026-02-20/..}',
  '{2026-01-05/2026-01-15, 2026-02-10/2026-03-01}',
  '{../2026-01-05, 2026-01-20/2026-01-25, 2026-03-05/..}',
].map(set);

const DAYS = [
  PlainDate.MIN,
  ...Interval.parse('2025-12-25/2026-03-15').dates(),
  PlainDate.MAX,
];

describe('sets with open intervals', () => {
  it('merge what overlaps or abuts', () => {
    assert.equal(String(set('{../2026-01-01, 2026-01-01/..}')), '{../..}');
    assert.equal(String(set('{2026-03-01/P1M, 2026-01-01/.., 2026-05-01/P1D}')), '{2026-01-01/..}');
    assert.equal(
      String(set('{2026-03-01/P1D, ../2026-01-01, ../2026-02-01}')),
      '{../2026-02-01, 2026-03-01/2026-03-02}',
    );
  });

  it('are infinitely large', () => {
    assert.equal(set('{2026-01-01/P1D, 2026-03-01/..}').days, Infinity);
    assert.equal(set('{2026-01-01/P1D, 2026-03-01/P1D}').days, 2);
  });

  it('have a hull and gaps', () => {
    const open = set('{../2026-01-10, 2026-02-20/..}');
    assert.equal(String(open.hull), '../..');
    assert.equal(String(open.gaps()), '{2026-01-10/2026-02-20}');
    assert.equal(String(set('{2026-01-01/P1D, 2026-01-04/..}').gaps()), '{2026-01-02/2026-01-04}');
    assert.ok(set('{../2026-01-10}').gaps().isEmpty);
  });

  it('have a complement', () => {
    assert.equal(String(set('{2026-01-01/P1M}').complement()), '{../2026-01-01, 2026-02-01/..}');
    assert.equal(String(IntervalSet.EMPTY.complement()), '{../..}');
    assert.equal(String(set('{../..}').complement()), '{}');
    assert.equal(String(set('{2026-01-01/..}').complement()), '{../2026-01-01}');
    for (const each of SETS) assert.ok(each.complement().complement().equals(each));
  });

  it('find days and intervals', () => {
    const open = set('{../2026-01-10, 2026-02-20/..}');
    assert.ok(open.contains(PlainDate.MIN) && open.contains(PlainDate.MAX));
    assert.ok(!open.contains(PlainDate.of(2026, 1, 10)));
    assert.ok(open.encloses(Interval.parse('../2026-01-10')));
    assert.ok(open.encloses(Interval.parse('2026-03-01/..')));
    assert.ok(open.encloses(Interval.parse('2025-01-01/P1M')));
    assert.ok(!open.encloses(Interval.parse('../2026-01-11')));
    assert.ok(!open.encloses(Interval.ALL));
    assert.ok(!set('{2026-01-01/..}').encloses(Interval.parse('../2026-03-01')));
    assert.ok(!set('{0001-01-01/2026-02-01}').encloses(Interval.parse('../2026-01-01')));
  });

  it('agree with their days in every operation', () => {
    for (const a of SETS) {
      for (const b of SETS) {
        const union = a.union(b);
        const intersection = a.intersect(b);
        const difference = a.subtract(b);
        const either = a.symmetricDifference(b);
        for (const day of DAYS) {
          const [inA, inB] = [a.contains(day), b.contains(day)];
          const where = `${a} ${b} ${day}`;
          assert.equal(union.contains(day), inA || inB, where);
          assert.equal(intersection.contains(day), inA && inB, where);
          assert.equal(difference.contains(day), inA && !inB, where);
          assert.equal(either.contains(day), inA !== inB, where);
        }
        assert.ok(difference.equals(a.intersect(b.complement())));
        assert.ok(union.complement().equals(a.complement().intersect(b.complement())));
      }
    }
  });

  it('list their days', () => {
    const days = [...set('{2026-01-01/P1D, 9999-12-31/..}').dates()];
    assert.deepEqual(days.map(String), ['2026-01-01', '9999-12-31']);
    assert.throws(() => [...set('{../2026-01-01}').dates()], RangeError);
  });
});
