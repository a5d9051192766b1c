export type BaseDimension = 'length' | 'time' | 'mass' | 'current' | 'temperature';

/** Exponents of base dimensions, without those that are zero. */
export type Dimension = { readonly [K in BaseDimension]?: number };

const BASES: readonly BaseDimension[] = ['length', 'time', 'mass', 'current', 'temperature'];

/** The dimension of a product; with a `sign` of -1, that of a quotient. */
export function combine(a: Dimension, b: Dimension, sign: 1 | -1 = 1): Dimension {
  return exponents((base) => (a[base] ?? 0) + sign * (b[base] ?? 0));
}

export function scale(dimension: Dimension, factor: number): Dimension {
  return exponents((base) => (dimension[base] ?? 0) * factor);
}

export function isSame(a: Dimension, b: Dimension): boolean {
  return BASES.every((base) => (a[base] ?? 0) === (b[base] ?? 0));
}

export function describe(dimension: Dimension): string {
  const parts = BASES.filter((base) => dimension[base] !== undefined).map((base) => `${base}^${dimension[base]}`);
  return parts.length === 0 ? 'no dimension' : parts.join(' ');
}

function exponents(of: (base: BaseDimension) => number): Dimension {
  const result: { [K in BaseDimension]?: number } = {};
  for (const base of BASES) {
    const exponent = of(base);
    if (exponent !== 0) result[base] = exponent;
  }
  return result;
}
