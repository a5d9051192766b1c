import { combine, isSame, scale, type Dimension } from './dimension.ts';
import { DimensionError } from './errors.ts';
import { parseUnit } from './parse.ts';

/** A value with a dimension; immutable. */
export class Quantity {
  /** In base units. */
  readonly value: number;
  readonly dimension: Dimension;

  constructor(value: number, dimension: Dimension) {
    this.value = value;
    this.dimension = dimension;
  }

  plus(other: Quantity): Quantity {
    return new Quantity(this.value + this.#valueOf(other), this.dimension);
  }

  minus(other: Quantity): Quantity {
    return new Quantity(this.value - this.#valueOf(other), this.dimension);
  }

  times(factor: Quantity | number): Quantity {
    if (typeof factor === 'number') return new Quantity(this.value * factor, this.dimension);
    return new Quantity(this.value * factor.value, combine(this.dimension, factor.dimension));
  }

  over(divisor: Quantity | number): Quantity {
    if (typeof divisor === 'number') return new Quantity(this.value / divisor, this.dimension);
    return new Quantity(this.value / divisor.value, combine(this.dimension, divisor.dimension, -1));
  }

  power(exponent: number): Quantity {
    if (!Number.isInteger(exponent) || Math.abs(exponent) > 9) throw new RangeError(`not an exponent: ${exponent}`);
    return new Quantity(this.value ** exponent, scale(this.dimension, exponent));
  }

  /** Negative, zero or positive, for sorting. */
  compare(other: Quantity): number {
    return Math.sign(this.value - this.#valueOf(other));
  }

  /** How many of the unit this is. */
  in(unit: string): number {
    const { factor, dimension } = parseUnit(unit);
    if (!isSame(dimension, this.dimension)) throw new DimensionError(this.dimension, dimension);
    return this.value / factor;
  }

  format(unit: string, digits?: number): string {
    const amount = this.in(unit);
    return `${digits === undefined ? amount : amount.toFixed(digits)} ${unit}`;
  }

  /** The value of a quantity without dimension. */
  toNumber(): number {
    return this.in('1');
  }

  #valueOf(other: Quantity): number {
    if (!isSame(this.dimension, other.dimension)) throw new DimensionError(this.dimension, other.dimension);
    return other.value;
  }
}

/** So many of a unit. */
export function quantity(amount: number, unit: string): Quantity {
  const { factor, dimension } = parseUnit(unit);
  return new Quantity(amount * factor, dimension);
}
