import { describe, expect, it } from 'vitest';
import { formatMessage, MessageSyntaxError, MissingArgumentError, parseMessage, type Arguments } from '../src/index.ts';

const say = (message: string, args: Arguments = {}, locale = 'en'): string =>
  formatMessage(parseMessage(message), args, { locale, timeZone: 'UTC' });

describe('arguments', () => {
  it('are put in as they are', () => {
    expect(say('{a}, { b }{a}', { a: 'x', b: 2 })).toBe('x, 2x');
    expect(() => say('{toString}')).toThrow(MissingArgumentError);
  });

  it('are formatted by the language', () => {
    expect(say('{n, number} {p, number, percent}', { n: 1234.5, p: 0.25 })).toBe('1,234.5 25%');
    expect(say('{n,number,integer}', { n: 1234.5 }, 'de')).toBe('1.235');
    expect(say('{d, date, short}', { d: 0 })).toBe('1/1/70');
    expect(say('{d, date}', { d: new Date(Date.UTC(2026, 1, 3)) }, 'de')).toBe('03.02.2026');
  });

  it('choose a message', () => {
    const mail = '{n, plural, =0 {none} one {# of {who}} other {# by {who}}}';
    expect([0, 1, 2000].map((n) => say(mail, { n, who: 'me' }))).toEqual(['none', '1 of me', '2,000 by me']);
    expect([1, 2, 11].map((n) => say('{n, selectordinal, one {#st} two {#nd} other {#th}}', { n }))).toEqual(['1st', '2nd', '11th']);
    expect(['team', 'x'].map((g) => say('{g, select, team {we} other {they}} #', { g }))).toEqual(['we #', 'they #']);
    expect(say('{n, plural, other {{g, select, other {#}}}}', { n: 3, g: '' })).toBe('3');
  });
});

describe('apostrophes', () => {
  it('quote', () => {
    expect(say("it's {a}, isn''t '{a}' '' '{''}'", { a: 'x' })).toBe("it's x, isn't {a} ' {'}");
    expect(say("{n, plural, other {'#' # '{}'}}", { n: 1 })).toBe('# 1 {}');
    expect(say("'{open")).toBe('{open');
  });
});

describe('what cannot be read', () => {
  it.each(['{', '{a', '}', '{a, }', '{a, sum}', '{a, plural, one {x}}', '{a, select, other {x}', '{a b}'])('%s', (message) => {
    expect(() => parseMessage(message)).toThrow(MessageSyntaxError);
  });
});
