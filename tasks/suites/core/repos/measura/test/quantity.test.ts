import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { average, combine, DimensionError, largest, parseUnit, quantity, scale, total, UnitError, type Quantity } from '../src/index.ts';

describe('units', () => {
  it('are read', () => {
    assert.deepEqual(parseUnit('kg*m/s^2').dimension, { length: 1, time: -2, mass: 1 });
    assert.deepEqual(parseUnit(' J / kg / K '), { factor: 1, dimension: { length: 2, time: -2, temperature: -1 } });
    assert.deepEqual(parseUnit('m*s/m').dimension, { time: 1 });
    assert.deepEqual(parseUnit('1/s^-2').dimension, { time: 2 });
    assert.equal(parseUnit('km/h').factor, 1000 / 3600);
  });

  it('are refused when they are none', () => {
    for (const text of ['', 'x', 'm^', 'm^10', 'm//s', '*m', 'toString', '2', 'm s']) assert.throws(() => parseUnit(text), UnitError, text);
  });
});

describe('dimensions', () => {
  it('are combined, without zeros', () => {
    assert.deepEqual(combine({ length: 1 }, { length: 1, time: 2 }, -1), { time: -2 });
    assert.deepEqual(scale({ length: 2 }, 0), {});
  });
});

describe('quantities', () => {
  const distance = quantity(42.195, 'km');
  const time = quantity(2, 'h').plus(quantity(3, 'min'));

  it('are computed with', () => {
    assert.equal(distance.over(time).format('m/s', 2), '5.72 m/s');
    assert.equal(distance.over(time).format('km/h', 1), '20.6 km/h');
    assert.equal(quantity(3, 'm').power(2).times(2).in('m^2'), 18);
    assert.equal(distance.over(quantity(1, 'km')).toNumber(), 42.195);
    assert.equal(time.minus(quantity(120, 'min')).in('min'), 3);
    assert.ok(distance.compare(quantity(1, 'mi')) > 0);
  });

  it('of different dimensions do not mix', () => {
    const wide: Quantity = distance;
    const other: Quantity = time;
    assert.throws(() => wide.plus(other), DimensionError);
    assert.throws(() => wide.toNumber(), DimensionError);
    assert.throws(() => wide.in('s' as string), DimensionError);
  });

  it('are put together', () => {
    const three = [quantity(1, 'm'), quantity(1, 'km'), quantity(1, 'cm')] as const;
    assert.equal(total(...three).value, 1001.01);
    assert.equal(largest(...three).in('m'), 1000);
    assert.equal(average(quantity(1, 's'), quantity(3, 's')).in('s'), 2);
  });
});
