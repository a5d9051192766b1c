/** Currencies by ISO 4217 code, with the number of digits of their minor unit. */
export const CURRENCIES = {
  BHD: 3,
  CHF: 2,
  EUR: 2,
  GBP: 2,
  JPY: 0,
  KWD: 3,
  PLN: 2,
  SEK: 2,
  USD: 2,
} as const satisfies Record<string, number>;

export type CurrencyCode = keyof typeof CURRENCIES;

export function isCurrencyCode(text: string): text is CurrencyCode {
  return Object.hasOwn(CURRENCIES, text);
}

/** How many digits the minor unit has. */
export function digitsOf(currency: CurrencyCode): number {
  return CURRENCIES[currency];
}
