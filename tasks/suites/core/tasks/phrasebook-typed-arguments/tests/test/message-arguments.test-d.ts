import type { Arguments, MessageArguments } from '../src/index.ts';

/** Both ways, and not `any`; whether properties are readonly does not matter. */
type Same<A, B> = 0 extends 1 & A ? false : [A] extends [B] ? ([B] extends [A] ? ([keyof A] extends [keyof B] ? true : false) : false) : false;
type Text = string | number;

export const none: Same<keyof MessageArguments<'Bye.'>, never> = true;
export const empty: Same<keyof MessageArguments<''>, never> = true;
export const one: Same<MessageArguments<'{name}'>, { name: Text }> = true;
export const two: Same<MessageArguments<'Hi {first} {last}!'>, { first: Text; last: Text }> = true;
export const given: Same<MessageArguments<'{count, plural, one {# message} other {# messages}} for {name}'>, { count: number; name: Text }> = true;

export const types: Same<
  MessageArguments<'{a, number} {b, number, percent} {c, date} {d, time, short} {e, selectordinal, other {#th}} {f, select, x {y} other {z}}'>,
  { a: number; b: number; c: Date | number; d: Date | number; e: number; f: string }
> = true;

// Space
export const spaced: Same<MessageArguments<'{ a } {\n\tb ,\r\n date\n, short }{c,plural,other{#}}'>, { a: Text; b: Date | number; c: number }> = true;
export const lines: Same<
  MessageArguments<`{
    n, plural,
    one { one for {who} }
    other { many }
  }`>,
  { n: number; who: Text }
> = true;

// Cases
export const cases: Same<MessageArguments<'{g, select, one {{a}} number {x} other {{b, number} and {c}}}{d}'>, { g: string; a: Text; b: number; c: Text; d: Text }> =
  true;
export const deep: Same<
  MessageArguments<'{a, plural, =0 {{b, select, x {{c, selectordinal, one {{d, date}} other {}}} other {{e}}}} other {{f}}} {g}'>,
  { a: number; b: string; c: number; d: Date | number; e: Text; f: Text; g: Text }
> = true;
export const textInCases: Same<MessageArguments<'{n, plural, one {a, b, c} other {name, number}}'>, { n: number }> = true;
export const behind: Same<MessageArguments<'{n, plural, one {} other {}}{m}{n, plural, other {}}{o}'>, { n: number; m: Text; o: Text }> = true;

// More than once
export const narrowed: Same<MessageArguments<'{n} {n, number}'>, { n: number }> = true;
export const narrowedBefore: Same<MessageArguments<'{n, plural, other {{n}}}'>, { n: number }> = true;
export const narrowedText: Same<MessageArguments<'{g, select, other {{g}}}'>, { g: string }> = true;
export const narrowedDate: Same<MessageArguments<'{d, date} {d, time}'>, { d: Date | number }> = true;

// Quotes
export const quoted: Same<MessageArguments<"'{a}' {b}">, { b: Text }> = true;
export const apostrophe: Same<MessageArguments<"it's {a}, isn't {b}">, { a: Text; b: Text }> = true;
export const doubled: Same<MessageArguments<"''{a}'' '{''b}' {c}">, { a: Text; c: Text }> = true;
export const quotedBraces: Same<MessageArguments<"{n, plural, one {'}' {a}} other {'{' '#{b}'}} {c}">, { n: number; a: Text; c: Text }> = true;
export const openQuote: Same<MessageArguments<"{a} '{b} {c}">, { a: Text }> = true;
export const lastApostrophe: Same<MessageArguments<"{a}'">, { a: Text }> = true;
export const quotedNumber: Same<MessageArguments<"'#{a}' ' {b}">, { b: Text }> = true;

// Long
type Long = MessageArguments<`Dear {title} {name}, thank you for the order {order} of {ordered, date, long}, which we have received at {received, time, short}. {items, plural,
  =0 {There is nothing in it, which is strange; please ask {agent} about it, who is there from {from, time, short} to {until, time, short}.}
  one {There is one article in it, which costs {price, number} and will be sent to {street}, {city} {zip} on {sent, date, full}.}
  other {There are # articles in it, which cost {price, number} together and will be sent to {street}, {city} {zip} in {parcels, plural, one {one parcel} other {# parcels}} on {sent, date, full}.}}
  You are our {rank, selectordinal, one {#st} two {#nd} few {#rd} other {#th}} customer {place, select, here {in this town} there {in that town} other {anywhere}}, and
  we wish you all the best, {signed} {deputy} {office} {phone}. This is a long message; it has some hundred characters, and it isn't the longest of all those that we send.`>;
type LongArguments = Record<'title' | 'name' | 'order' | 'agent' | 'street' | 'city' | 'zip' | 'signed' | 'deputy' | 'office' | 'phone', Text> &
  Record<'items' | 'price' | 'parcels' | 'rank', number> &
  Record<'ordered' | 'received' | 'from' | 'until' | 'sent', Date | number> & { place: string };
export const long: Same<Long, LongArguments> = true;

// Unknown
export const unknownText: Same<MessageArguments<string>, Arguments> = true;

declare function needs<S extends string>(message: S, args: MessageArguments<S>): void;
needs('{a}', { a: 1 });
// @ts-expect-error required
needs('{n, plural, one {{a}} other {}}', { n: 1 });
// @ts-expect-error not there
needs('{a}', { a: 1, b: 1 });
// @ts-expect-error not a number
needs('{a, number}', { a: '1' });
// @ts-expect-error not text
needs('{a, select, other {}}', { a: 1 });
// @ts-expect-error a date is no plain value
needs('{a}', { a: new Date() });
needs('{d, date} {d}', { d: 1 });
// @ts-expect-error a date does not fit both places
needs('{d, date} {d}', { d: new Date() });
// @ts-expect-error text does not fit both places
needs('{d, date} {d}', { d: 'x' });
