import { Catalog, createCatalog, type Messages } from '../src/index.ts';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

declare const text: string;

const english = createCatalog(
  'en',
  {
    hello: 'Hello, {name}!',
    inbox: '{count, plural, one {# message} other {# messages}} for {name}',
    since: 'since {day, date}',
    bye: 'Bye',
    loaded: text,
  },
  { timeZone: 'UTC' },
);

// format
export const said: string = english.format('hello', { name: 'x' }) + english.format('hello', { name: 1 });
english.format('inbox', { count: 1, name: 'x' });
english.format('since', { day: new Date() });
english.format('bye');
english.format('bye', {});
english.format('loaded');
english.format('loaded', { any: 'thing' });
// @ts-expect-error no such message
english.format('helo', { name: 'x' });
// @ts-expect-error arguments are missing
english.format('hello');
// @ts-expect-error an argument is missing
english.format('inbox', { count: 1 });
// @ts-expect-error misspelt
english.format('hello', { nam: 'x' });
// @ts-expect-error one too many
english.format('hello', { name: 'x', count: 1 });
// @ts-expect-error not a number
english.format('inbox', { count: '1', name: 'x' });
// @ts-expect-error it has no arguments
english.format('bye', { name: 'x' });
// @ts-expect-error not a value for any argument
english.format('loaded', { any: true });

// One of several keys
declare const key: 'hello' | 'inbox';
english.format(key, { count: 1, name: 'x' });
// @ts-expect-error it may be the one that needs a count
english.format(key, { name: 'x' });
declare const mayBeBye: 'hello' | 'bye';
english.format(mayBeBye, { name: 'x' });
// @ts-expect-error it may be the one with a name
english.format(mayBeBye);

// Keys
export const keys: Equal<typeof english.keys, ('hello' | 'inbox' | 'since' | 'bye' | 'loaded')[]> = true;
export const known: boolean = english.has(text);

// Translations
const german = english.translate('de', {
  hello: 'Hallo, {name}!',
  inbox: '{count, plural, other {# Nachrichten}}',
  since: text,
  loaded: 'Fertig: {what}',
});
export const germanIsAlike: Equal<typeof german, typeof english> = true;
german.format('inbox', { count: 2, name: 'x' });
german.format('bye');
// @ts-expect-error by the original, which has a name
german.format('inbox', { count: 2 });
const swiss: typeof english = german.translate('de-CH', { bye: 'Adieu', inbox: 'Post für {name}' });
swiss.format('since', { day: 0 });

// @ts-expect-error no such message
english.translate('de', { hallo: 'Hallo' });
// @ts-expect-error no such message beside one that is there
english.translate('de', { hello: 'Hallo', hallo: 'Hallo' });
// @ts-expect-error needs what the original has not
english.translate('de', { hello: 'Hallo, {vorname}!' });
// @ts-expect-error needs more than the original
english.translate('de', { hello: 'Hallo, {name}, {count, number} Nachrichten!' });
// @ts-expect-error the original has none
english.translate('de', { bye: 'Auf Wiedersehen, {name}' });
// @ts-expect-error needs a number where the original takes text as well
english.translate('de', { hello: 'Hallo, {name, number}!' });
// @ts-expect-error needs a number where the original takes a date as well
english.translate('de', { since: 'seit {day, number}' });
// @ts-expect-error no text
english.translate('de', { hello: 1 });
english.translate('de', { since: "seit '{tag}'" });
// A date may be told apart no more than the original allows, but a number takes less.
english.translate('de', { since: 'seit {day, time}', inbox: '{count} für {name}' });

// Nothing is known of it
declare const messages: Messages;
const wide = createCatalog('en', messages);
export const wideIsPlain: Equal<typeof wide, Catalog> = true;
wide.format(text);
wide.format('anything', { n: 1, d: new Date() });
export const wideKeys: string[] = wide.keys;
wide.translate('de', { a: 'a', b: '{c}' });
wide.translate('de', messages);
// @ts-expect-error not a value for any argument
wide.format(text, { n: {} });
export const made: Catalog = new Catalog('en', messages);
made.format('x', { y: 1 });
