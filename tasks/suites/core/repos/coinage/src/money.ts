import { allocateUnits } from './allocation.ts';
import { digitsOf, isCurrencyCode, type CurrencyCode } from './currency.ts';
import { parseDecimal, rescale, type DecimalInput } from './decimal.ts';
import { CurrencyMismatchError } from './errors.ts';
import { divide, type RoundingMode } from './rounding.ts';

/** An amount in one currency; immutable. */
export class Money {
  /** Whole minor units: cents, yen, fils. */
  readonly minor: bigint;
  readonly currency: CurrencyCode;

  private constructor(minor: bigint, currency: CurrencyCode) {
    this.minor = minor;
    this.currency = currency;
  }

  /** Throws a `RangeError` when the amount has digits past the minor unit. */
  static of(amount: DecimalInput, currency: CurrencyCode): Money {
    const decimal = parseDecimal(amount);
    const digits = digitsOf(currency);
    if (decimal.scale <= digits) return new Money(rescale(decimal, digits), currency);
    const step = 10n ** BigInt(decimal.scale - digits);
    if (decimal.unscaled % step !== 0n) throw new RangeError(`${amount} has more than the ${digits} digits of ${currency}`);
    return new Money(decimal.unscaled / step, currency);
  }

  /** Like `of`, but rounds to the minor unit. */
  static round(amount: DecimalInput, currency: CurrencyCode, mode?: RoundingMode): Money {
    const decimal = parseDecimal(amount);
    return new Money(divide(decimal.unscaled * 10n ** BigInt(digitsOf(currency)), 10n ** BigInt(decimal.scale), mode), currency);
  }

  static ofMinor(minor: bigint, currency: CurrencyCode): Money {
    return new Money(minor, currency);
  }

  static zero(currency: CurrencyCode): Money {
    return new Money(0n, currency);
  }

  /** Reads an amount and a currency, such as `'12.30 EUR'`. */
  static parse(text: string): Money {
    const [amount = '', currency = '', ...rest] = text.trim().split(/\s+/);
    if (!isCurrencyCode(currency) || rest.length > 0) throw new SyntaxError(`not an amount of money: ${JSON.stringify(text)}`);
    return Money.of(amount, currency);
  }

  /** The sum of one or more amounts of one currency. */
  static sum(first: Money, ...rest: Money[]): Money {
    return rest.reduce((sum, money) => sum.add(money), first);
  }

  get isZero(): boolean {
    return this.minor === 0n;
  }

  get isNegative(): boolean {
    return this.minor < 0n;
  }

  /** Whether the amount is in the currency. */
  is(currency: CurrencyCode): boolean {
    return this.currency === currency;
  }

  add(other: Money): Money {
    return new Money(this.minor + this.#minorOf(other), this.currency);
  }

  subtract(other: Money): Money {
    return new Money(this.minor - this.#minorOf(other), this.currency);
  }

  negate(): Money {
    return new Money(-this.minor, this.currency);
  }

  multiply(factor: DecimalInput, mode?: RoundingMode): Money {
    const { unscaled, scale } = parseDecimal(factor);
    return new Money(divide(this.minor * unscaled, 10n ** BigInt(scale), mode), this.currency);
  }

  /** One part for each ratio; they add up to this amount. */
  allocate(ratios: readonly (string | number)[]): Money[] {
    return allocateUnits(this.minor, ratios).map((part) => new Money(part, this.currency));
  }

  /** Parts that differ by one minor unit at most. */
  split(parts: number): Money[] {
    if (!Number.isSafeInteger(parts) || parts < 1) throw new RangeError(`cannot split into ${parts} parts`);
    return this.allocate(Array.from({ length: parts }, () => 1));
  }

  /** Negative, zero or positive, for sorting. */
  compare(other: Money): number {
    const difference = this.minor - this.#minorOf(other);
    return difference < 0n ? -1 : difference > 0n ? 1 : 0;
  }

  /** Also answers for another currency: then the amounts are not equal. */
  equals(other: Money): boolean {
    return this.currency === other.currency && this.minor === other.minor;
  }

  toJSON(): { amount: string; currency: CurrencyCode } {
    return { amount: this.toDecimal(), currency: this.currency };
  }

  /** The amount in major units, with all digits of the minor unit. */
  toDecimal(): string {
    const digits = digitsOf(this.currency);
    const text = (this.minor < 0n ? -this.minor : this.minor).toString().padStart(digits + 1, '0');
    const sign = this.minor < 0n ? '-' : '';
    return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
  }

  #minorOf(other: Money): bigint {
    if (other.currency !== this.currency) throw new CurrencyMismatchError(this.currency, other.currency);
    return other.minor;
  }
}
