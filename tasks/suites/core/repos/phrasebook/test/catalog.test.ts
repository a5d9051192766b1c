import { describe, expect, it } from 'vitest';
import { createCatalog, MissingMessageError } from '../src/index.ts';

const english = createCatalog('en', {
  hello: 'Hello, {name}!',
  inbox: '{count, plural, one {# message} other {# messages}}',
  bye: 'Bye',
});

describe('catalog', () => {
  it('formats messages by key', () => {
    expect(english.format('hello', { name: 'Zoë' })).toBe('Hello, Zoë!');
    expect(english.format('bye')).toBe('Bye');
    expect(english.keys).toEqual(['hello', 'inbox', 'bye']);
  });

  it('takes what a translation lacks from the original', () => {
    const polish = english.translate('pl', {
      hello: 'Cześć, {name}!',
      inbox: '{count, plural, one {# wiadomość} few {# wiadomości} other {# wiadomości}}',
    });
    expect(polish.format('inbox', { count: 3 })).toBe('3 wiadomości');
    expect(polish.format('bye')).toBe('Bye');
    expect(polish.locale).toBe('pl');
  });

  it('names a message that nobody has', () => {
    const wide = english as { has(key: string): boolean; format(key: string): string };
    expect(wide.has('toString')).toBe(false);
    expect(() => wide.format('toString')).toThrow(MissingMessageError);
  });
});
