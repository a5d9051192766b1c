import { quantity, type DimensionOf, type Quantity } from '../src/index.ts';

/** Both ways, the same keys, and neither `any` nor `never`. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [never] ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;
type None<A> = [A] extends [never] ? true : false;

export const metre: Same<DimensionOf<'m'>, { length: 1 }> = true;
export const given: Same<DimensionOf<'kg*m/s^2'>, { length: 1; time: -2; mass: 1 }> = true;
export const speed: Same<DimensionOf<'km/h'>, { length: 1; time: -1 }> = true;
export const derived: Same<DimensionOf<'V'>, { length: 2; time: -3; mass: 1; current: -1 }> = true;
export const factors: Same<DimensionOf<'J/kg/K'>, { length: 2; time: -2; temperature: -1 }> = true;
export const behind: Same<DimensionOf<'m/s*kg'>, { length: 1; time: -1; mass: 1 }> = true;
export const mixed: Same<DimensionOf<'kg/m*s/A*K'>, { length: -1; time: 1; mass: 1; current: -1; temperature: 1 }> = true;
export const spaces: Same<DimensionOf<' J / kg \n*\tK '>, { length: 2; time: -2; temperature: 1 }> = true;
export const exponents: Same<DimensionOf<'m^-2*s^3/K^-1'>, { length: -2; time: 3; temperature: 1 }> = true;
export const inverse: Same<DimensionOf<'1/s'>, { time: -1 }> = true;
export const squared: Same<DimensionOf<'N^2'>, { length: 2; time: -4; mass: 2 }> = true;
export const farOut: Same<DimensionOf<'m^9/s^9'>, { length: 9; time: -9 }> = true;
export const litre: Same<DimensionOf<'L^-3'>, { length: -9 }> = true;

// Zeros are never there
export const ratio: None<keyof DimensionOf<'m/km'>> = true;
export const percent: None<keyof DimensionOf<'%'>> = true;
export const one: None<keyof DimensionOf<'1'>> = true;
export const nothing: None<keyof DimensionOf<'m^0'>> = true;
export const cancelled: Same<DimensionOf<'m*s/m'>, { time: 1 }> = true;
export const back: Same<DimensionOf<'Hz*s*kg^0'>, {}> = true;

// What cannot be read
export const unreadable: [
  None<DimensionOf<''>>,
  None<DimensionOf<'x'>>,
  None<DimensionOf<'m^'>>,
  None<DimensionOf<'m^10'>>,
  None<DimensionOf<'m^1.5'>>,
  None<DimensionOf<'m^x'>>,
  None<DimensionOf<'m//s'>>,
  None<DimensionOf<'*m'>>,
  None<DimensionOf<'m/'>>,
  None<DimensionOf<'m s'>>,
  None<DimensionOf<'2'>>,
  None<DimensionOf<'toString'>>,
  None<DimensionOf<'m ^2'>>,
  None<DimensionOf<'x/x'>>,
  None<DimensionOf<'m*x*s'>>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true];

// Quantities
const fast = quantity(1, 'km/h');
export const fastIsSpeed: Same<typeof fast.dimension, { length: 1; time: -1 }> = true;
export const anyOrder: Quantity<{ time: -1; length: 1 }> = fast;
export const asSpeed: Quantity<{ length: 1; time: -1 }> = quantity(1, 'm*Hz');
quantity(1, ' m ');
// @ts-expect-error no unit
quantity(1, 'kmh');
// @ts-expect-error no expression
quantity(1, 'm//s');
// @ts-expect-error not a length
export const length: Quantity<{ length: 1 }> = fast;
// @ts-expect-error not a speed
export const notSpeed: Quantity<{ length: 1; time: -1 }> = quantity(1, 'm');
// @ts-expect-error not without dimension
export const noRatio: Quantity<{}> = fast;
// @ts-expect-error another exponent
export const slower: Quantity<{ length: 1; time: -2 }> = fast;
