import { Money } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

const euro = Money.of('1', 'EUR');
type Euro = Money<'EUR'>;

const three = euro.allocate([1, '2.5', 3]);
export const threeIsTuple: Equal<typeof three, [Euro, Euro, Euro]> = true;
const [first, second] = euro.allocate(['0.5', '0.5']);
export const firstIsThere: Equal<typeof first, Euro> = true;
export const secondIsThere: Equal<typeof second, Euro> = true;

declare const fixed: readonly [number, string];
const two = euro.allocate(fixed);
export const twoIsTuple: Equal<typeof two, [Euro, Euro]> = true;

declare const numbers: number[];
const some = euro.allocate(numbers);
export const someIsArray: Equal<typeof some, Euro[]> = true;
declare const frozen: readonly (number | string)[];
const frozenParts = euro.allocate(frozen);
export const frozenPartsIsArray: Equal<typeof frozenParts, Euro[]> = true;
frozenParts.push(euro);
three[0] = euro;

declare const atLeastOne: readonly [number, ...number[]];
const oneOrMore = euro.allocate(atLeastOne);
export const oneIsThere: Equal<(typeof oneOrMore)[0], Euro> = true;

const wide = Money.parse('1 EUR').allocate([1, 2]);
export const wideIsTuple: Equal<typeof wide, [Money, Money]> = true;

const halves = euro.split(2);
export const halvesIsArray: Equal<typeof halves, Euro[]> = true;

// @ts-expect-error there are three
export const fourth: Euro = three[3];
// @ts-expect-error an array may be shorter
export const maybe: Euro = some[0];
// @ts-expect-error not a ratio
euro.allocate([1, true]);
// @ts-expect-error parts of euros are euros
export const wrong: [Money<'USD'>, Money<'USD'>] = euro.allocate([1, 1]);
