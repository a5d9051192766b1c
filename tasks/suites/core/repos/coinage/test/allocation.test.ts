import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Money } from '../src/index.ts';

describe('allocation', () => {
  it('loses nothing', () => {
    assert.deepEqual(Money.of('0.05', 'EUR').allocate([3, 7]).map((part) => part.minor), [2n, 3n]);
    assert.deepEqual(Money.of('100', 'EUR').allocate(['0.5', '0.25', '0.25']).map((part) => part.toDecimal()), ['50.00', '25.00', '25.00']);
  });

  it('splits evenly', () => {
    assert.deepEqual(Money.of('1', 'USD').split(3).map((part) => part.minor), [34n, 33n, 33n]);
    assert.throws(() => Money.of('1', 'USD').split(0), RangeError);
  });

  it('refuses ratios that mean nothing', () => {
    assert.throws(() => Money.of('1', 'USD').allocate([0, 0]), RangeError);
    assert.throws(() => Money.of('1', 'USD').allocate([1, -1]), RangeError);
    assert.throws(() => Money.of('1', 'USD').allocate([]), RangeError);
  });
});
