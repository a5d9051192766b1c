import { digitsOf, isCurrencyCode, type CurrencyCode } from './currency.ts';
import { parseDecimal, type Decimal, type DecimalInput } from './decimal.ts';
import { UnknownRateError } from './errors.ts';
import { Money } from './money.ts';
import { divide, type RoundingMode } from './rounding.ts';

const ONE: Decimal = { unscaled: 1n, scale: 0 };

/** What one unit of the base is worth in other currencies; immutable. */
export class RateTable {
  readonly base: CurrencyCode;
  readonly #rates: ReadonlyMap<CurrencyCode, Decimal>;

  /** Rates must be positive, and none may be given for the base. */
  constructor(base: CurrencyCode, rates: { readonly [K in CurrencyCode]?: DecimalInput }) {
    this.base = base;
    const read = new Map<CurrencyCode, Decimal>([[base, ONE]]);
    for (const [currency, rate] of Object.entries(rates)) {
      if (!isCurrencyCode(currency)) throw new UnknownRateError(currency);
      if (currency === base) throw new RangeError(`${base} is the base of the table`);
      const decimal = parseDecimal(rate);
      if (decimal.unscaled <= 0n) throw new RangeError(`the rate of ${currency} must be positive`);
      read.set(currency, decimal);
    }
    this.#rates = read;
  }

  /** The currencies that the table converts between, the base first. */
  get currencies(): CurrencyCode[] {
    return [...this.#rates.keys()];
  }

  /** A table with further rates; those it has already are replaced. */
  with(rates: { readonly [K in CurrencyCode]?: DecimalInput }): RateTable {
    const own = Object.fromEntries([...this.#rates].filter(([code]) => code !== this.base).map(([code, rate]) => [code, textOf(rate)]));
    return new RateTable(this.base, { ...own, ...rates });
  }

  /** The amount in another currency, rounded once. */
  convert(money: Money, to: CurrencyCode, mode?: RoundingMode): Money {
    const from = this.#rate(money.currency);
    const into = this.#rate(to);
    const numerator = money.minor * into.unscaled * 10n ** BigInt(from.scale + digitsOf(to));
    const denominator = from.unscaled * 10n ** BigInt(into.scale + digitsOf(money.currency));
    return Money.ofMinor(divide(numerator, denominator, mode), to);
  }

  #rate(currency: CurrencyCode): Decimal {
    const rate = this.#rates.get(currency);
    if (rate === undefined) throw new UnknownRateError(currency);
    return rate;
  }
}

function textOf({ unscaled, scale }: Decimal): string {
  return `${unscaled}e-${scale}`;
}
