import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CurrencyMismatchError, divide, format, groupByCurrency, Money, parseDecimal, type RoundingMode } from '../src/index.ts';

describe('amounts', () => {
  it('are read exactly', () => {
    assert.equal(Money.of('12.3', 'EUR').minor, 1230n);
    assert.equal(Money.of(0.1, 'KWD').minor, 100n);
    assert.equal(Money.of(7n, 'JPY').minor, 7n);
    assert.equal(Money.of('-1e3', 'USD').minor, -100_000n);
    assert.equal(Money.of('1.500', 'USD').minor, 150n);
    assert.equal(Money.of('90071992547409931.23', 'USD').minor, 9_007_199_254_740_993_123n);
  });

  it('refuse digits past the minor unit', () => {
    assert.throws(() => Money.of('0.001', 'EUR'), RangeError);
    assert.throws(() => Money.of('0.5', 'JPY'), RangeError);
    assert.equal(Money.round('0.005', 'EUR').minor, 0n);
    assert.equal(Money.round('0.015', 'EUR').minor, 2n);
  });

  it('are read and written as text', () => {
    assert.equal(format(Money.parse('-0.05 EUR')), '-0.05 EUR');
    assert.equal(format(Money.of('1234567.5', 'CHF'), { group: "'", code: 'before' }), "CHF 1'234'567.50");
    assert.equal(format(Money.of(1234, 'JPY'), { group: ',', code: 'none' }), '1,234');
    assert.equal(JSON.stringify(Money.of('1', 'BHD')), '{"amount":"1.000","currency":"BHD"}');
    assert.throws(() => Money.parse('12.30'), SyntaxError);
    assert.throws(() => Money.parse('1 EUR EUR'), SyntaxError);
    assert.throws(() => parseDecimal('1,5'), SyntaxError);
  });

  it('of two currencies do not mix', () => {
    const euro = Money.of(1, 'EUR') as Money;
    const dollar = Money.of(1, 'USD') as Money;
    assert.throws(() => euro.add(dollar), CurrencyMismatchError);
    assert.throws(() => euro.compare(dollar), CurrencyMismatchError);
    assert.throws(() => Money.sum(euro, euro, dollar), CurrencyMismatchError);
    assert.equal(euro.equals(dollar), false);
  });

  it('are computed with', () => {
    const price = Money.of('19.99', 'EUR');
    assert.equal(format(price.multiply(3).subtract(Money.of('0.97', 'EUR'))), '59.00 EUR');
    assert.equal(format(price.multiply('0.075')), '1.50 EUR');
    assert.equal(format(price.multiply('0.075', 'down')), '1.49 EUR');
    assert.equal(format(Money.sum(price, price.negate(), price)), '19.99 EUR');
    assert.deepEqual([price.isZero, price.negate().isNegative, price.is('EUR'), price.compare(Money.zero('EUR'))], [false, true, true, 1]);
  });

  it('are grouped by currency', () => {
    const groups = groupByCurrency(['1 EUR', '2 USD', '3 EUR'].map((text) => Money.parse(text)));
    assert.deepEqual(groups.EUR?.map((money) => money.minor), [100n, 300n]);
    assert.deepEqual(Object.keys(groups), ['EUR', 'USD']);
  });
});

describe('rounding', () => {
  const rows: [RoundingMode, number[]][] = [
    ['half-even', [2, -2, 2, -3]],
    ['half-up', [3, -3, 2, -3]],
    ['half-down', [2, -2, 2, -3]],
    ['up', [3, -3, 3, -3]],
    ['down', [2, -2, 2, -2]],
    ['ceiling', [3, -2, 3, -2]],
    ['floor', [2, -3, 2, -3]],
  ];
  for (const [mode, expected] of rows) {
    it(mode, () => {
      assert.deepEqual([25n, -25n, 24n, -26n].map((tenths) => Number(divide(tenths, 10n, mode))), expected);
    });
  }
});
