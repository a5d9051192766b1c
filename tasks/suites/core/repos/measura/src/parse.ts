import { combine, scale, type Dimension } from './dimension.ts';
import { UnitError } from './errors.ts';
import { UNITS, type UnitName } from './units.ts';

export interface Unit {
  readonly factor: number;
  readonly dimension: Dimension;
}

const FACTOR = /^\s*([A-Za-z%]+|1)(?:\^(-?[0-9]))?\s*$/;

/** Reads a unit expression such as `'kg*m/s^2'`. */
export function parseUnit(expression: string): Unit {
  let unit: Unit = { factor: 1, dimension: {} };
  for (const [index, part] of expression.split(/([*/])/).entries()) {
    if (index % 2 === 1) continue;
    const sign = expression.split(/([*/])/)[index - 1] === '/' ? -1 : 1;
    const [, name = '', exponent = '1'] = FACTOR.exec(part) ?? [];
    if (!Object.hasOwn(UNITS, name)) throw new UnitError(`${JSON.stringify(expression)} has no unit in ${JSON.stringify(part)}`);
    const own: Unit = UNITS[name as UnitName];
    const power = Number(exponent) * sign;
    unit = { factor: unit.factor * own.factor ** power, dimension: combine(unit.dimension, scale(own.dimension, power)) };
  }
  return unit;
}
