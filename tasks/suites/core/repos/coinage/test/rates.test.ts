import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { format, Money, RateTable, UnknownRateError } from '../src/index.ts';

const rates = new RateTable('EUR', { USD: '1.0843', JPY: '161.27' });

describe('rates', () => {
  it('convert from, to and across the base', () => {
    assert.equal(format(rates.convert(Money.of(100, 'EUR'), 'USD')), '108.43 USD');
    assert.equal(format(rates.convert(Money.of('108.43', 'USD'), 'EUR')), '100.00 EUR');
    assert.equal(format(rates.convert(Money.of('64.87', 'EUR'), 'JPY', 'up')), '10462 JPY');
    assert.equal(format(rates.convert(Money.of(10, 'USD'), 'JPY')), '1487 JPY');
  });

  it('are added to', () => {
    const more = rates.with({ USD: 2, GBP: '0.85' });
    assert.deepEqual(more.currencies, ['EUR', 'USD', 'JPY', 'GBP']);
    assert.equal(format(more.convert(Money.of(1, 'EUR'), 'USD')), '2.00 USD');
    assert.equal(format(more.convert(Money.of(100, 'JPY'), 'EUR')), '0.62 EUR');
  });

  it('are refused when they make no sense', () => {
    const wide = rates as { convert(money: Money, to: string): Money };
    assert.throws(() => wide.convert(Money.of(1, 'EUR'), 'SEK'), UnknownRateError);
    assert.throws(() => new RateTable('EUR', { USD: 0 }), RangeError);
  });
});
