import type { Quantity } from './quantity.ts';

/** The sum of one or more quantities of one dimension. */
export function total(first: Quantity, ...rest: Quantity[]): Quantity {
  return rest.reduce((sum, one) => sum.plus(one), first);
}

export function average(first: Quantity, ...rest: Quantity[]): Quantity {
  return total(first, ...rest).over(rest.length + 1);
}

export function largest(first: Quantity, ...rest: Quantity[]): Quantity {
  return rest.reduce((most, one) => (one.compare(most) > 0 ? one : most), first);
}
