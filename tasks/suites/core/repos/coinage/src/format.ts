import type { Money } from './money.ts';

export interface FormatOptions {
  /** Between groups of three digits; none by default. */
  readonly group?: string;
  /** Before the minor unit; `'.'` by default. */
  readonly point?: string;
  /** Where the code stands; `'after'` by default. */
  readonly code?: 'before' | 'after' | 'none';
}

/** The amount with all digits of its minor unit, and the currency's code. */
export function format(money: Money, { group = '', point = '.', code = 'after' }: FormatOptions = {}): string {
  const [whole = '', fraction] = money.toDecimal().split('.');
  const grouped = whole.replaceAll(/\B(?=(?:\d{3})+$)/g, group);
  const amount = fraction === undefined ? grouped : grouped + point + fraction;
  if (code === 'none') return amount;
  return code === 'before' ? `${money.currency} ${amount}` : `${amount} ${money.currency}`;
}
