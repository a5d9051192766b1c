import { groupByCurrency, Money, type CurrencyCode } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const euro = Money.of('1', 'EUR');
const dollar = Money.zero('USD');
const read = Money.parse('1 EUR');
declare const code: 'EUR' | 'USD';
const either = Money.of(1, code);

export const ofIsExact: Equal<typeof euro, Money<'EUR'>> = true;
const pence = Money.ofMinor(1n, 'GBP');
export const ofMinorIsExact: Equal<typeof pence, Money<'GBP'>> = true;
const rounded = Money.round('1.5', 'JPY', 'up');
export const roundedIsExact: Equal<typeof rounded, Money<'JPY'>> = true;
export const zeroIsExact: Equal<typeof dollar, Money<'USD'>> = true;
export const eitherIsEither: Equal<typeof either, Money<'EUR' | 'USD'>> = true;
export const readIsAny: Equal<typeof read, Money> = true;
export const plainIsAny: Equal<Money, Money<CurrencyCode>> = true;

// One kind is another where all of its currencies are.
export const widened: Money = euro;
export const halfWide: Money<'EUR' | 'USD'> = euro;
export const list: readonly Money[] = [euro, dollar, either];
// @ts-expect-error not all amounts are euros
export const narrowed: Money<'EUR'> = read;
// @ts-expect-error some are dollars
export const fromEither: Money<'EUR'> = either;
// @ts-expect-error dollars are no euros
export const other: Money<'EUR'> = dollar;
// @ts-expect-error no currency
export type Unknown = Money<'XXX'>;
// @ts-expect-error no currency
Money.of(1, 'EURO');

// Arithmetic stays in the currency
const computed = euro.add(Money.of(1, 'EUR')).subtract(euro).negate().multiply('1.5', 'up');
export const computedIsEuro: Equal<typeof computed, Money<'EUR'>> = true;
const wideSum = read.add(euro).subtract(dollar).add(either);
export const wideSumIsAny: Equal<typeof wideSum, Money> = true;
const eitherSum = either.add(euro).add(dollar);
export const eitherSumIsEither: Equal<typeof eitherSum, Money<'EUR' | 'USD'>> = true;
export const order: number = euro.compare(euro) + read.compare(dollar) + either.compare(euro);
export const equal: boolean = euro.equals(dollar) || euro.equals(read) || read.equals(euro);
export const codeIsExact: Equal<typeof euro.currency, 'EUR'> = true;
export const json: Equal<ReturnType<typeof either.toJSON>, { amount: string; currency: 'EUR' | 'USD' }> = true;

// @ts-expect-error dollars
euro.add(dollar);
// @ts-expect-error may be dollars
euro.add(either);
// @ts-expect-error may be anything
euro.add(read);
// @ts-expect-error dollars
euro.subtract(dollar);
// @ts-expect-error may be anything
euro.compare(read);
// @ts-expect-error neither of the two
either.add(pence);

const sum = Money.sum(euro, euro, euro);
export const sumIsEuro: Equal<typeof sum, Money<'EUR'>> = true;
const anySum = Money.sum(read, euro, dollar);
export const anySumIsAny: Equal<typeof anySum, Money> = true;
const one = Money.sum(dollar);
export const oneIsDollar: Equal<typeof one, Money<'USD'>> = true;
// @ts-expect-error the first is in euros
Money.sum(euro, dollar);
// @ts-expect-error the first is in euros
Money.sum(euro, euro, read);
// @ts-expect-error one at least
Money.sum();

// Asking
export function ask(money: Money): Money<'EUR'> | Money {
  if (money.is('EUR')) {
    const inside: Equal<typeof money.currency, 'EUR'> = true;
    const exact: Money<'EUR'> = money;
    return inside ? exact.add(euro) : exact;
  }
  const outside: Equal<typeof money, Money> = true;
  return outside ? money.add(euro) : money;
}

export function askEither(money: Money<'EUR' | 'USD'>): void {
  // @ts-expect-error it cannot be in pounds
  money.is('GBP');
  if (!money.is('USD')) {
    const rest: Equal<typeof money, Money<'EUR' | 'USD'>> = true;
    void rest;
    return;
  }
  const dollars: Money<'USD'> = money;
  void dollars;
}

export const dollars: Money<'USD'>[] = [read, read].filter((money) => money.is('USD'));

// Groups
const groups = groupByCurrency([either]);
export const groupsAreOwn: Equal<typeof groups, { EUR?: Money<'EUR'>[]; USD?: Money<'USD'>[] }> = true;
export const mixed: Money<'EUR'>[] | undefined = groupByCurrency([euro, dollar]).EUR;
export const all: Money<'SEK'>[] | undefined = groupByCurrency([read]).SEK;
// @ts-expect-error there are none in pounds
void groups.GBP;
// @ts-expect-error a currency need not occur
void groups.EUR.length;
