export type RoundingMode = 'half-even' | 'half-up' | 'half-down' | 'up' | 'down' | 'ceiling' | 'floor';

/** `numerator` / `denominator`, rounded to a whole number. Throws a `RangeError` for a denominator of zero. */
export function divide(numerator: bigint, denominator: bigint, mode: RoundingMode = 'half-even'): bigint {
  if (denominator === 0n) throw new RangeError('division by zero');
  const quotient = numerator / denominator;
  const remainder = numerator % denominator;
  if (remainder === 0n) return quotient;
  const away = numerator < 0n === denominator < 0n ? 1n : -1n;
  return isAway(mode, abs(remainder) * 2n - abs(denominator), quotient, away) ? quotient + away : quotient;
}

/** `half` is negative below one half, zero at it and positive above. */
function isAway(mode: RoundingMode, half: bigint, quotient: bigint, away: bigint): boolean {
  switch (mode) {
    case 'half-even':
      return half > 0n || (half === 0n && quotient % 2n !== 0n);
    case 'half-up':
      return half >= 0n;
    case 'half-down':
      return half > 0n;
    case 'up':
      return true;
    case 'down':
      return false;
    case 'ceiling':
      return away > 0n;
    case 'floor':
      return away < 0n;
  }
}

export function abs(value: bigint): bigint {
  return value < 0n ? -value : value;
}
