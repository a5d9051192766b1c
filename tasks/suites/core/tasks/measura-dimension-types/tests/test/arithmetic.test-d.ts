import { average, largest, quantity, total, type Quantity } from '../src/index.ts';

/** Both ways, the same keys, and neither `any` nor `never`. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [never] ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;
type None<A> = [A] extends [never] ? true : false;
type IsAny<A> = 0 extends 1 & A ? true : false;

const distance = quantity(1, 'km');
const time = quantity(1, 'h');
const mass = quantity(1, 'kg');
const speed = distance.over(time);
const energy = mass.times(speed.power(2)).times(0.5);
const ratio = distance.over(quantity(1, 'mi'));

export const speedIs: Same<typeof speed.dimension, { length: 1; time: -1 }> = true;
export const energyIs: Same<typeof energy.dimension, { length: 2; time: -2; mass: 1 }> = true;
export const ratioIs: None<keyof typeof ratio.dimension> = true;
const back = speed.times(time);
export const backIs: Same<typeof back.dimension, { length: 1 }> = true;
const perTime = ratio.over(time).over(2);
export const perTimeIs: Same<typeof perTime.dimension, { time: -1 }> = true;
const inverse = speed.power(-3);
export const inverseIs: Same<typeof inverse.dimension, { length: -3; time: 3 }> = true;
const none = energy.power(0);
export const noneIs: None<keyof typeof none.dimension> = true;
const high = distance.power(9);
export const highIs: Same<typeof high.dimension, { length: 9 }> = true;
const same = speed.plus(quantity(1, 'm/s')).minus(speed).times(2).over(3);
export const sameIs: Same<typeof same.dimension, { length: 1; time: -1 }> = true;
export const energyAgain: Quantity<{ mass: 1; length: 2; time: -2 }> = quantity(1, 'V').times(quantity(1, 'A')).times(time);

// Same dimension only
// @ts-expect-error a time
distance.plus(time);
// @ts-expect-error a speed has more exponents
distance.plus(speed);
// @ts-expect-error a length has fewer
speed.minus(distance);
// @ts-expect-error another exponent
distance.compare(distance.power(2));
// @ts-expect-error a ratio has none
distance.plus(ratio);
// @ts-expect-error a length has one
ratio.plus(distance);
ratio.plus(quantity(5, '%'));
// @ts-expect-error a number is no quantity
ratio.plus(1);
// @ts-expect-error not a whole number
distance.power(0.5);
// @ts-expect-error too large
distance.power(10);

const sum = total(distance, back, quantity(1, 'ft'));
export const sumIs: Same<typeof sum.dimension, { length: 1 }> = true;
const mean = average(speed, same);
export const meanIs: Same<typeof mean.dimension, { length: 1; time: -1 }> = true;
const most = largest(time, quantity(1, 'ms'));
export const mostIs: Same<typeof most.dimension, { time: 1 }> = true;
// @ts-expect-error not all are lengths
total(distance, time);
// @ts-expect-error not all are lengths
average(distance, distance, speed);
// @ts-expect-error the first has no dimension
largest(ratio, distance);

// Units
export const amounts: number[] = [speed.in('km/h'), speed.in('m*Hz'), energy.in('N*m'), energy.in('W * s'), energy.in('kg*m^2/s^2'), ratio.in('%'), ratio.in('m/km')];
export const texts: string[] = [speed.format('mi/h', 1), ratio.format('1')];
// @ts-expect-error a length
speed.in('m');
// @ts-expect-error another exponent
speed.in('m/s^2');
// @ts-expect-error no unit
speed.in('kmh');
// @ts-expect-error a speed
distance.format('m/s', 2);
// @ts-expect-error a ratio has no unit of length
ratio.in('m');
export const numbers: number[] = [ratio.toNumber(), speed.over(speed).toNumber()];
// @ts-expect-error it has a dimension
speed.toNumber();

// Not known
declare const unit: string;
declare const exponent: number;
const loaded = quantity(1, unit);
export const loadedIsPlain: IsAny<typeof loaded.dimension> extends true ? true : Same<typeof loaded, Quantity> = true;
export const plain: Quantity = speed;
export const speedAgain: Quantity<{ length: 1; time: -1 }> = plain;
const raised = distance.power(exponent);
const computed = [raised, loaded.times(speed), speed.over(loaded), loaded.power(2), loaded.plus(time)] as const;
export const lengths: Quantity<{ length: 1 }>[] = [...computed];
export const times: Quantity<{ time: 1 }>[] = [...computed];
const kept = speed.plus(loaded);
export const keptIs: Same<typeof kept.dimension, { length: 1; time: -1 }> = true;
export const free: number[] = [loaded.in('m'), loaded.in(unit), speed.in(unit), loaded.toNumber(), loaded.compare(time), total(loaded, time, speed).value];
