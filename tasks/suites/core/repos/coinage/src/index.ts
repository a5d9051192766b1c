export { CURRENCIES, digitsOf, isCurrencyCode, type CurrencyCode } from './currency.ts';
export { parseDecimal, type Decimal, type DecimalInput } from './decimal.ts';
export { CurrencyMismatchError, UnknownRateError } from './errors.ts';
export { format, type FormatOptions } from './format.ts';
export { groupByCurrency } from './group.ts';
export { Money } from './money.ts';
export { RateTable } from './rates.ts';
export { divide, type RoundingMode } from './rounding.ts';
