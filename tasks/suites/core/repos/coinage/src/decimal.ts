/** A decimal number, `unscaled` / 10^`scale`; the scale is not negative. */
export interface Decimal {
  readonly unscaled: bigint;
  readonly scale: number;
}

export type DecimalInput = string | number | bigint;

const PATTERN = /^([+-]?)(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,3}))?$/i;

/** Reads a decimal number exactly. A `number` stands for the shortest decimal that is written like it. */
export function parseDecimal(input: DecimalInput): Decimal {
  if (typeof input === 'bigint') return { unscaled: input, scale: 0 };
  const match = PATTERN.exec(String(input).trim());
  if (match === null) throw new SyntaxError(`not a decimal number: ${JSON.stringify(input)}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { unscaled: digits, scale } : { unscaled: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** The decimal as a whole number of 10^-`scale`, which must be at least its own scale. */
export function rescale(decimal: Decimal, scale: number): bigint {
  return decimal.unscaled * 10n ** BigInt(scale - decimal.scale);
}
