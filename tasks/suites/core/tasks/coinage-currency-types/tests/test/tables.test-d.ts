import { Money, RateTable } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const euro = Money.of('1', 'EUR');
const dollar = Money.of('1', 'USD');
const yen = Money.of('1', 'JPY');

const table = new RateTable('EUR', { USD: '1.08', JPY: 161 });
export const tableIsExact: Equal<typeof table, RateTable<'EUR', 'USD' | 'JPY'>> = true;
export const baseIsEuro: Equal<typeof table.base, 'EUR'> = true;
export const currencies: Equal<typeof table.currencies, ('EUR' | 'USD' | 'JPY')[]> = true;

const converted = table.convert(euro, 'USD');
export const convertedIsDollar: Equal<typeof converted, Money<'USD'>> = true;
const back = table.convert(dollar, 'EUR', 'up');
export const backIsEuro: Equal<typeof back, Money<'EUR'>> = true;
const across = table.convert(yen, 'USD');
export const acrossIsDollar: Equal<typeof across, Money<'USD'>> = true;
declare const target: 'EUR' | 'JPY';
const either = table.convert(dollar, target);
export const eitherIsEither: Equal<typeof either, Money<'EUR' | 'JPY'>> = true;
export const again: Money<'USD'> = table.convert(either, 'USD');

// @ts-expect-error no rate for pounds
table.convert(euro, 'GBP');
// @ts-expect-error no rate for pounds
table.convert(Money.of(1, 'GBP'), 'EUR');
// @ts-expect-error may be in pounds
table.convert(Money.parse('1 GBP'), 'EUR');
// @ts-expect-error not what was asked for
export const wrong: Money<'JPY'> = table.convert(euro, 'USD');

// @ts-expect-error the base has no rate
export const withBase = new RateTable('EUR', { EUR: 1, USD: 1 });
// @ts-expect-error no currency
export const unknownBase = new RateTable('EURO', { USD: 1 });
// @ts-expect-error no currency
export const unknownRate = new RateTable('EUR', { USD: 1, DOLLAR: 1 });
// @ts-expect-error not a number
export const noNumber = new RateTable('EUR', { USD: true });

const more = table.with({ GBP: '0.85', USD: 2n });
export const moreIsExact: Equal<typeof more.currencies, ('EUR' | 'USD' | 'JPY' | 'GBP')[]> = true;
const pounds = more.convert(yen, 'GBP');
export const poundsArePounds: Equal<typeof pounds, Money<'GBP'>> = true;
// @ts-expect-error still no rate for kroner
more.convert(yen, 'SEK');
// @ts-expect-error the base has no rate
table.with({ EUR: 1 });
// @ts-expect-error no currency
table.with({ POUND: 1 });

// @ts-expect-error another base
export const otherBase: RateTable<'USD', 'EUR'> = table;
// @ts-expect-error it does not know pounds
export const tooMuch: RateTable<'EUR', 'USD' | 'GBP'> = table;
