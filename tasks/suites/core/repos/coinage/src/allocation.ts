import { parseDecimal } from './decimal.ts';

/** Divides whole units by ratios; see the README for who gets what is left over. */
export function allocateUnits(units: bigint, ratios: readonly (string | number)[]): bigint[] {
  const weights = ratios.map(weightOf);
  const total = weights.reduce((sum, weight) => sum + weight, 0n);
  if (total === 0n) throw new RangeError('at least one ratio must not be zero');
  const parts = weights.map((weight) => (units * weight) / total);
  let left = units - parts.reduce((sum, part) => sum + part, 0n);
  for (let index = 0; left > 0n; index = (index + 1) % parts.length) {
    parts[index] = (parts[index] ?? 0n) + 1n;
    left -= 1n;
  }
  return parts;
}

/** Ratios are compared in thousandths. */
function weightOf(ratio: string | number): bigint {
  const { unscaled } = parseDecimal(ratio);
  if (unscaled < 0n) throw new RangeError(`a ratio must not be negative: ${ratio}`);
  return BigInt(Math.round(Number(ratio) * 1000));
}
