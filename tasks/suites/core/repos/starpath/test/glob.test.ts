import { describe, expect, it } from 'vitest';
import { escape, expandBraces, glob, isMagic, select, type GlobOptions } from '../src/index.ts';

const matching = (pattern: string, paths: string, options?: GlobOptions): string =>
  paths.split(' ').filter((path) => glob(pattern, options).match(path)).join(' ');

describe('names', () => {
  it('match by wildcards', () => {
    expect(matching('*.ts', 'a.ts .ts a.tsx a/b.ts')).toBe('a.ts');
    expect(matching('a?c', 'abc ac a/c aéc')).toBe('abc aéc');
    expect(matching('[a-c!][!x]', 'ab !y cx dz')).toBe('ab !y');
    expect(matching('[]-]', '] - a')).toBe('] -');
    expect(matching('a/*', 'a/ a/b a a/b/c')).toBe('a/b');
    expect(matching('(a+b).$', '(a+b).$ aab.x')).toBe('(a+b).$');
    expect(matching('[a', '[a a')).toBe('[a');
  });

  it('with a dot are hidden', () => {
    expect(matching('*', 'a .a')).toBe('a');
    expect(matching('.*', 'a .a')).toBe('.a');
    expect(matching('[.a]b', '.b ab')).toBe('ab');
    expect(matching('*', 'a .a', { dot: true })).toBe('a .a');
    expect(matching('**/x', 'x .a/x b/x')).toBe('x b/x');
    expect(matching('**/x', 'x .a/x b/x', { dot: true })).toBe('x .a/x b/x');
  });

  it('can be skipped', () => {
    expect(matching('a/**/b', 'a/b a/x/b a/x/y/b a/bb')).toBe('a/b a/x/b a/x/y/b');
    expect(matching('a/**', 'a/b a/b/c a b')).toBe('a/b a/b/c a');
    expect(matching('a**', 'ab a/b')).toBe('ab');
  });
});

describe('braces', () => {
  it('are expanded first', () => {
    expect(expandBraces('a{b,c{d,e}}f')).toEqual(['abf', 'acdf', 'acef']);
    expect(expandBraces('{1..3}{a}\\{b,c}')).toEqual(['1{a}\\{b,c}', '2{a}\\{b,c}', '3{a}\\{b,c}']);
    expect(expandBraces('{08..10}')).toEqual(['08', '09', '10']);
    expect(expandBraces('{1..-1}{,x}')).toEqual(['1', '1x', '0', '0x', '-1', '-1x']);
    expect(matching('{a/b,c}/*.{ts,js}', 'a/b/x.ts c/x.js a/x.ts')).toBe('a/b/x.ts c/x.js');
  });
});

describe('globs', () => {
  it('know where matches can be', () => {
    expect(glob('src/ui/*/x.ts').base).toBe('src/ui');
    expect(glob('src/{a,b}/x').base).toBe('src');
    expect(glob('x').base).toBe('');
    const source = glob('src/*/lib/**');
    expect(['', 'src', 'src/a', 'src/a/b', 'docs', 'src/a/lib/x'].map((path) => source.mayMatchBelow(path))).toEqual([true, true, true, false, false, true]);
  });

  it('are escaped', () => {
    for (const text of ['a*b', '[a]', '{a,b}', '!a', '\\', 'a?']) {
      expect([isMagic(escape(text)), glob(escape(text)).match(text)]).toEqual([false, true]);
    }
    expect(['a', 'a*', '{a,b}', '[a]', '[a', '\\*'].map(isMagic)).toEqual([false, true, true, true, false, false]);
  });

  it('select', () => {
    expect(select(['a.ts', 'a.test.ts', 'b.test.ts', 'c.md'], ['*.ts', '!*.test.ts', 'b.*'])).toEqual(['a.ts', 'b.test.ts']);
  });
});
