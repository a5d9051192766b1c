import { describe, expect, it } from 'vitest';
import { escape, glob, isMagic, select, type GlobOptions } from '../src/index.ts';

const matching = (pattern: string, paths: string, options?: GlobOptions): string =>
  paths.split(' ').filter((path) => glob(pattern, options).match(path)).join(' ');

describe('groups', () => {
  it('match one of their patterns', () => {
    expect(matching('@(a|bc).ts', 'a.ts bc.ts abc.ts .ts b.ts a.ts.ts')).toBe('a.ts bc.ts');
    expect(matching('x@(a*|?c|[d-f])', 'xa xaz xqc xd xg x')).toBe('xa xaz xqc xd');
    expect(matching('a/@(b|c)/*.ts', 'a/b/x.ts a/c/x.ts a/d/x.ts a/bc/x.ts')).toBe('a/b/x.ts a/c/x.ts');
    expect(matching('@(a|ab)@(c|bcd)', 'ac abc abcd abbcd ab')).toBe('ac abc abcd abbcd');
  });

  it('match at most one', () => {
    expect(matching('a?(b|c)d', 'ad abd acd abcd')).toBe('ad abd acd');
    expect(matching('+([0-9])?(.@(md|txt))', '12 12.md 1.txt .md 1. 1.md.txt')).toBe('12 12.md 1.txt');
  });

  it('repeat', () => {
    expect(matching('+(ab|c)', 'ab c abc cabab abb x')).toBe('ab c abc cabab');
    expect(matching('x*(ab|c)y', 'xy xaby xccaby xay')).toBe('xy xaby xccaby');
    expect(matching('+(a|*(b|c))z', 'z az bcz abcaz dz')).toBe('z az bcz abcaz');
    expect(matching('*(a)*(b)', 'a b ab ba aabb')).toBe('a b ab aabb');
  });

  it('match what none of their patterns does', () => {
    expect(matching('*.!(test|spec).ts', 'a.test.ts a.spec.ts a.x.ts a.tests.ts a..ts a.ts')).toBe('a.x.ts a.tests.ts a..ts');
    expect(matching('!(a|b*)', 'a b bc c ab')).toBe('c ab');
    expect(matching('!(a)*', 'a b ab')).toBe('a b ab');
    expect(matching('!(a)b', 'b ab cb aab')).toBe('b cb aab');
    expect(matching('a!(*)b', 'ab axb')).toBe('');
    expect(matching('a!()b', 'ab axb')).toBe('axb');
    expect(matching('!(!(a|b))', 'a b c')).toBe('a b');
    expect(matching('!(@(a|b)?(c)|+(d))', 'a bc ac abc d dd e acc')).toBe('abc e acc');
    expect(matching('+(!(a)x)', 'x ax bx axbx axx')).toBe('x bx axbx axx');
    expect(matching('src/!(node_modules|dist)/**', 'src/a/b src/dist/b src/dist2/b src/node_modules/b/c src/a/dist')).toBe('src/a/b src/dist2/b src/a/dist');
  });

  it('may have empty patterns', () => {
    expect(matching('a@(|b)', 'a ab abb')).toBe('a ab');
    expect(matching('a@()b', 'ab a')).toBe('ab');
    expect(matching('+(|a)', 'a aa b')).toBe('a aa');
    expect(glob('*(a)').match('')).toBe(false);
    expect(glob('a/?(b)').match('a/')).toBe(false);
  });
});

describe('what has no meaning', () => {
  it('is escaped or among the characters of a class', () => {
    expect(matching('@(a\\|b|c\\)d)', 'a|b c)d a b')).toBe('a|b c)d');
    expect(matching('@([|)]|x[!)|])', '| ) xa x) a')).toBe('| ) xa');
    expect(matching('\\@(a|b)', '@(a|b) a')).toBe('@(a|b)');
    expect(matching('@\\(a|b)', '@(a|b) a')).toBe('@(a|b)');
    expect(matching('(a|b)c|d', '(a|b)c|d ac')).toBe('(a|b)c|d');
  });

  it('is a group that does not end in its segment', () => {
    expect(matching('@(a|b', '@(a|b a')).toBe('@(a|b');
    expect(matching('*(a', 'x(a (a a')).toBe('x(a (a');
    expect(matching('?(a/b)', 'x(a/b) a/b')).toBe('x(a/b)');
    expect(matching('@(a|@(b)', '@(a|b a b')).toBe('@(a|b');
    expect(matching('@(a|[b)]', '@(a|b @(a|) a')).toBe('@(a|b @(a|)');
  });

  it('is no brace', () => {
    expect(matching('@(a|{b,c}d).{x,+(y)}', 'a.x bd.yy cd.x b.x')).toBe('a.x bd.yy cd.x');
    expect(matching('{a/@(b,c/@(d}|e)', 'a/b c/d a/e c/e a/d')).toBe('a/b c/d a/e c/e');
  });
});

describe('names with a dot at the start', () => {
  const names = '.a .b a .xa b';

  it('are matched by literals alone', () => {
    expect(matching('@(.a|b)', names)).toBe('.a b');
    expect(matching('?(x).a', names)).toBe('.a');
    expect(matching('*(.)@(a|xa)', names)).toBe('.a a .xa');
    expect(matching('+(.x|.|a)', names)).toBe('.a a .xa');
    for (const pattern of ['!(b)', '?(x)*', '!(b).a', '+(?)a', '@(*|x)', '*(x)[.]a', '+(|?)xa', '@(@(!(q)))']) {
      expect(names.split(' ').filter((name) => name.startsWith('.') && glob(pattern).match(name))).toEqual([]);
    }
    expect(matching('a!(b)', 'a.b a.c ab')).toBe('a.b a.c');
  });

  it('are like others when asked to', () => {
    expect(matching('!(b)', names, { dot: true })).toBe('.a .b a .xa');
    expect(matching('?(x)*', names, { dot: true })).toBe(names);
    expect(matching('!(b).a', names, { dot: true })).toBe('.a');
    expect(matching('+(?)a', names, { dot: true })).toBe('.a .xa');
  });
});

describe('globs with groups', () => {
  it('know where matches can be', () => {
    expect(glob('src/ui/@(a|b)/x.ts').base).toBe('src/ui');
    expect(glob('+(src)/x.ts').base).toBe('');
    const source = glob('src/!(lib)/@(x|y)/*.ts');
    expect(['src', 'src/a', 'src/lib', 'src/a/x', 'src/a/z', 'docs'].map((path) => source.mayMatchBelow(path))).toEqual([true, true, false, true, false, false]);
  });

  it('are magic', () => {
    expect(['@(a)', 'a/+(b|c)', '@(a', '\\@(a)', '(a|b)'].map(isMagic)).toEqual([true, true, false, false, false]);
  });

  it('are escaped', () => {
    for (const text of ['@(a)', '!(a|b)', '+(a', 'a|b', 'a)b', '(x)', '?(*)']) {
      expect([isMagic(escape(text)), glob(escape(text)).match(text)]).toEqual([false, true]);
      expect(['x', text, 'a'].map((name) => glob(`@(${escape(text)}|x)`).match(name))).toEqual([true, true, false]);
    }
  });

  it('select', () => {
    const paths = ['a.ts', 'b.ts', 'c.ts'];
    expect(select(paths, ['!(a).ts'])).toEqual(['b.ts', 'c.ts']);
    expect(select(paths, ['*', '!!(a).ts'])).toEqual(['a.ts']);
    expect(select(paths, ['*', '!@(a|b).ts'])).toEqual(['c.ts']);
  });
});

describe('nested repetitions', () => {
  it('are matched at once', () => {
    const long = 'a'.repeat(300);
    const started = performance.now();
    for (const pattern of ['+(+(a|b)|*(a))c', '+(*(a|aa)|+(a))c', '*(!(b)|+(a))c', '+(a*|*a)b', '!(+(+(a)))c', '*a*a*a@(*a*a*a*a)b']) {
      expect(glob(pattern).match(long)).toBe(false);
    }
    expect(glob('+(+(a|b)|*(a))').match(long)).toBe(true);
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
