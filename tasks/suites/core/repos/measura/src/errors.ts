import { describe, type Dimension } from './dimension.ts';

/** Two quantities of different dimensions met where they must have the same. */
export class DimensionError extends Error {
  override readonly name = 'DimensionError';

  constructor(expected: Dimension, found: Dimension) {
    super(`expected ${describe(expected)}, found ${describe(found)}`);
  }
}

/** A unit expression that cannot be read. */
export class UnitError extends Error {
  override readonly name = 'UnitError';
}
