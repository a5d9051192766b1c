export { combine, scale, type BaseDimension, type Dimension } from './dimension.ts';
export { DimensionError, UnitError } from './errors.ts';
export { parseUnit, type Unit } from './parse.ts';
export { quantity, Quantity } from './quantity.ts';
export { average, largest, total } from './statistics.ts';
export { UNITS, type UnitName } from './units.ts';
