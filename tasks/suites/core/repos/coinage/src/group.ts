import type { CurrencyCode } from './currency.ts';
import type { Money } from './money.ts';

/** The amounts of each currency that occurs, in their order. */
export function groupByCurrency(list: readonly Money[]): { [K in CurrencyCode]?: Money[] } {
  const groups: { [K in CurrencyCode]?: Money[] } = {};
  for (const money of list) (groups[money.currency] ??= []).push(money);
  return groups;
}
