/** Two amounts of different currencies met where only one currency makes sense. */
export class CurrencyMismatchError extends Error {
  override readonly name = 'CurrencyMismatchError';

  constructor(expected: string, found: string) {
    super(`expected an amount in ${expected}, found one in ${found}`);
  }
}

/** A table has no rate for the currency. */
export class UnknownRateError extends Error {
  override readonly name = 'UnknownRateError';

  constructor(currency: string) {
    super(`there is no rate for ${currency}`);
  }
}
