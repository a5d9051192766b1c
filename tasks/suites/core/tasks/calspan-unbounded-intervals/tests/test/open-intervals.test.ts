import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  BusinessCalendar,
  Interval,
  occurrences,
  occurrencesIn,
  ParseError,
  parseDuration,
  parseRule,
  PlainDate,
} from '../src/index.ts';

const span = (text: string): Interval => Interval.parse(text);
const date = (text: string): PlainDate => PlainDate.parse(text);
const text = (interval: Interval | undefined): string => String(interval);

describe('open intervals', () => {
  it('have null on the open side', () => {
    const since = Interval.since(date('2026-03-01'));
    const before = Interval.before(date('2026-03-01'));
    assert.equal(String(since.start), '2026-03-01');
    assert.equal(since.end, null);
    assert.equal(before.start, null);
    assert.equal(String(before.end), '2026-03-01');
    assert.equal(Interval.ALL.start, null);
    assert.equal(Interval.ALL.end, null);
    assert.ok(Interval.of(date('2026-03-01'), null).equals(since));
    assert.ok(Interval.of(null, date('2026-03-01')).equals(before));
    assert.ok(Interval.of(null, null).equals(Interval.ALL));
  });

  it('have texts', () => {
    for (const open of ['2026-03-01/..', '../2026-03-01', '../..']) {
      assert.equal(text(span(open)), open);
      assert.equal(JSON.stringify([span(open)]), `["${open}"]`);
    }
    for (const bad of ['P1M/..', '../P1M', '..', '../', '/..', '.../2026-03-01', '../../..']) {
      assert.throws(() => span(bad), ParseError, bad);
    }
  });

  it('are infinitely long', () => {
    for (const open of ['2026-03-01/..', '../2026-03-01', '../..']) {
      assert.equal(span(open).days, Infinity);
    }
  });

  it('contain the ends of the calendar', () => {
    assert.ok(span('2026-03-01/..').contains(PlainDate.MAX));
    assert.ok(span('2026-03-01/..').contains(date('2026-03-01')));
    assert.ok(!span('2026-03-01/..').contains(date('2026-02-28')));
    assert.ok(span('../2026-03-01').contains(PlainDate.MIN));
    assert.ok(!span('../2026-03-01').contains(date('2026-03-01')));
    assert.ok(span('9999-12-31/..').contains(PlainDate.MAX));
    assert.ok(!span('../0001-01-01').contains(PlainDate.MIN));
  });

  it('differ from those that end with the calendar', () => {
    assert.ok(!span('2026-03-01/..').equals(span('2026-03-01/9999-12-31')));
    assert.ok(!span('../2026-03-01').equals(span('0001-01-01/2026-03-01')));
    assert.ok(span('../2026-03-01').encloses(span('0001-01-01/2026-03-01')));
    assert.ok(!span('0001-01-01/2026-03-01').encloses(span('../2026-03-01')));
    assert.ok(!span('2026-03-01/9999-12-31').encloses(span('2026-03-01/..')));
  });

  it('enclose, overlap and abut', () => {
    assert.ok(Interval.ALL.encloses(Interval.ALL));
    assert.ok(span('2026-03-01/..').encloses(span('2026-03-01/2026-04-01')));
    assert.ok(!span('2026-03-01/..').encloses(span('../2026-04-01')));
    assert.ok(span('2026-03-01/..').overlaps(span('../2026-03-02')));
    assert.ok(!span('2026-03-01/..').overlaps(span('../2026-03-01')));
    assert.ok(span('2026-03-01/..').abuts(span('../2026-03-01')));
    assert.ok(span('../2026-03-01').abuts(span('2026-03-01/2026-04-01')));
    assert.ok(!span('../2026-03-01').abuts(span('2026-04-01/..')));
    assert.ok(!Interval.ALL.abuts(Interval.ALL));
    assert.ok(!span('2026-03-01/..').abuts(span('../2026-05-01')));
  });

  it('intersect and have hulls', () => {
    assert.equal(
      text(span('2026-03-01/..').intersect(span('../2026-04-01'))),
      '2026-03-01/2026-04-01',
    );
    assert.equal(text(span('2026-03-01/..').intersect(span('2026-05-01/..'))), '2026-05-01/..');
    assert.equal(text(span('../2026-03-01').intersect(span('../2026-05-01'))), '../2026-03-01');
    assert.equal(text(Interval.ALL.intersect(Interval.month(2026, 3))), '2026-03-01/2026-04-01');
    assert.equal(span('2026-03-01/..').intersect(span('../2026-03-01')), undefined);
    assert.equal(text(span('2026-03-01/..').hull(Interval.month(2026, 1))), '2026-01-01/..');
    assert.equal(text(span('../2026-03-01').hull(span('2026-05-01/..'))), '../..');
    assert.equal(text(Interval.month(2026, 1).hull(span('../2025-01-01'))), '../2026-02-01');
  });

  it('sort by start and then by end', () => {
    const sorted = [
      '2026-03-01/..',
      '../..',
      '2026-03-01/2026-04-01',
      '../2026-01-01',
      '0001-01-01/..',
      '../2026-02-01',
    ]
      .map(span)
      .sort(Interval.compare);
    assert.deepEqual(sorted.map(String), [
      '../2026-01-01',
      '../2026-02-01',
      '../..',
      '0001-01-01/..',
      '2026-03-01/2026-04-01',
      '2026-03-01/..',
    ]);
    assert.equal(Interval.compare(span('../..'), Interval.ALL), 0);
  });

  it('move the side that they have', () => {
    assert.equal(text(span('2026-01-31/..').shift(parseDuration('P1M'))), '2026-02-28/..');
    assert.equal(text(span('../2026-01-31').shift(parseDuration('-P1D'))), '../2026-01-30');
    assert.equal(text(Interval.ALL.shift(parseDuration('P1Y'))), '../..');
  });

  it('list days up to the last one', () => {
    assert.deepEqual([...span('9999-12-30/..').dates()].map(String), ['9999-12-30', '9999-12-31']);
    const first: string[] = [];
    for (const day of span('2026-12-31/..').dates()) if (first.push(String(day)) === 2) break;
    assert.deepEqual(first, ['2026-12-31', '2027-01-01']);
    assert.throws(() => [...span('../0001-01-03').dates()], RangeError);
    assert.throws(() => [...Interval.ALL.dates()], RangeError);
    assert.deepEqual(
      [...span('9999-12-29/9999-12-31').dates()].map(String),
      ['9999-12-29', '9999-12-30'],
    );
  });

  it('still refuse to be empty', () => {
    assert.throws(() => span('2026-03-01/2026-03-01'), RangeError);
    assert.throws(() => span('2026-03-02/2026-03-01'), RangeError);
  });
});

describe('open windows', () => {
  it('show the whole of a rule', () => {
    const start = PlainDate.of(2026, 1, 31);
    const texts = ['FREQ=MONTHLY;COUNT=40', 'FREQ=WEEKLY;INTERVAL=3;UNTIL=20290101'];
    for (const rule of texts.map(parseRule)) {
      const all = Array.from(occurrences(rule, start), String);
      const middle = '2027-06-15';
      assert.deepEqual(Array.from(occurrencesIn(rule, start, Interval.ALL), String), all);
      const before = Array.from(occurrencesIn(rule, start, span(`../${middle}`)), String);
      const since = Array.from(occurrencesIn(rule, start, span(`${middle}/..`)), String);
      assert.deepEqual([...before, ...since], all);
      assert.ok(before.length > 0 && since.length > 0);
    }
  });

  it('follow an endless rule lazily', () => {
    const rule = parseRule('FREQ=DAILY');
    const found: string[] = [];
    for (const day of occurrencesIn(rule, date('2000-01-01'), span('2026-03-01/..'))) {
      if (found.push(String(day)) === 2) break;
    }
    assert.deepEqual(found, ['2026-03-01', '2026-03-02']);
  });

  it('have no number of business days', () => {
    const calendar = new BusinessCalendar();
    for (const open of ['9999-12-30/..', '../0001-01-03', '../..']) {
      assert.throws(() => calendar.businessDaysIn(span(open)), RangeError);
    }
  });
});
