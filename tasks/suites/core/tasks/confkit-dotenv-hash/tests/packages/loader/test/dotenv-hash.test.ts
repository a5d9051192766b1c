import { describe, expect, it } from 'vitest';
import * as s from '@confkit/schema';
import { dotenvLayer, LayerError, load } from '@confkit/loader';

const read = (...lines: string[]): Record<string, string> =>
  load({ schema: s.record(s.string()), layers: [dotenvLayer('.env', lines.join('\n'))] }).value;

describe('# in plain .env values', () => {
  it('belongs to the value after another character', () => {
    expect(read('PASSWORD=abc#123')).toEqual({ password: 'abc#123' });
    expect(read('A=a#', 'B=a##b#c')).toEqual({ a: 'a#', b: 'a##b#c' });
  });

  it('belongs to the value directly after the equals sign', () => {
    expect(read('ACCENT=#336699', 'HASH=#', 'export E=#x')).toEqual({ accent: '#336699', hash: '#', e: '#x' });
  });

  it('belongs to the value after the equals sign when blanks lie before that', () => {
    expect(read('ACCENT =#336699')).toEqual({ accent: '#336699' });
  });

  it('starts a comment after a space or a tab', () => {
    expect(read('A=dev # or prod', 'B=dev\t# or prod', 'C=a b #c')).toEqual({ a: 'dev', b: 'dev', c: 'a b' });
  });

  it('keeps the value up to the first comment', () => {
    expect(read('URL=https://example.org/#/start # the entry # page')).toEqual({ url: 'https://example.org/#/start' });
    expect(read('A=x#y #z#w')).toEqual({ a: 'x#y' });
  });

  it('may start a comment where there is no value', () => {
    expect(read('NOTHING= # not set yet', 'TAB=\t#x', 'MANY=   ##', 'EMPTY=')).toEqual({ nothing: '', tab: '', many: '', empty: '' });
  });

  it('leaves the blanks around a value out', () => {
    expect(read('A =  x#y  ', '  B\t=\tz   # c')).toEqual({ a: 'x#y', b: 'z' });
  });

  it('reads the same with Windows line ends', () => {
    expect(read('A=a#b\r', 'B=a # b\r')).toEqual({ a: 'a#b', b: 'a' });
  });
});

describe('# elsewhere in .env files', () => {
  it('stays in quoted values and starts comments after them', () => {
    expect(read('A="x # y" # z', "B='#' # z", 'C= "q"', 'D=  \'a\'')).toEqual({ a: 'x # y', b: '#', c: 'q', d: 'a' });
  });

  it('does not excuse an open quote', () => {
    expect(() => read('A="x # y')).toThrow(LayerError);
  });

  it('makes a line of its own a comment', () => {
    expect(read('# A=1', '   #B=2', 'C=3')).toEqual({ c: '3' });
  });
});
