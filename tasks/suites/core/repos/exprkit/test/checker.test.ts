import { describe, expect, it } from 'vitest';
import { check, compile, ExprError, formatType } from '../src/index.ts';

const variables = { n: 'number', s: 'string?', user: '{ name: string, age: number? }', list: 'number[]' };

function typeOf(source: string): string {
  const { type, diagnostics } = check(source, { variables });
  expect(diagnostics).toEqual([]);
  return formatType(type);
}

function complaints(source: string): { message: string; text: string }[] {
  return check(source, { variables }).diagnostics.map(({ message, span }) => ({
    message,
    text: source.slice(span.start, span.end),
  }));
}

describe('check', () => {
  it.each([
    ['n + 1 > 2', 'boolean'],
    ['[1, null]', 'number?[]'],
    ['{ a: n, b: [s] }', '{ a: number, b: string?[] }'],
    ['n > 1 ? user.age : 0', 'number?'],
    ['s ?? ""', 'string'],
    ['(x: number) => x > 1', '(number) => boolean'],
    ['map(list, x => [x])', 'number[][]'],
    ['reduce(list, "", (all, x) => all + toString(x))', 'string'],
    ['find(list, x => x > 1)', 'number?'],
    ['let f = (x: string) => length(x) in f("a")', 'number'],
    ['user["name"]', 'string'],
    ['x => x', '(any) => any'],
  ])('%s is a %s', (source, expected) => {
    expect(typeOf(source)).toBe(expected);
  });

  it.each([
    ['s != null ? upper(s) : ""'],
    ['null == s ? "" : upper(s)'],
    ['!(s == null) && upper(s) == "A"'],
    ['s == null || upper(s) == "A"'],
    ['!(s == null || n > 1) ? upper(s) : ""'],
  ])('narrows a variable in %s', (source) => {
    expect(complaints(source)).toEqual([]);
  });

  it.each([
    ['upper(s)', 's'],
    ['s == null ? upper(s) : ""', 's'],
    ['s != null || upper(s) == "A"', 's'],
    ['user.age + 1', 'user.age + 1'],
    ['user.email', 'email'],
    ['n.a', 'n'],
    ['[1, "a"]', '"a"'],
    ['n == "a"', 'n == "a"'],
    ['unknown + 1', 'unknown'],
    ['upper(1)', '1'],
    ['upper("a", "b")', 'upper("a", "b")'],
    ['map(list, x => upper(x))', 'x'],
    ['n(1)', 'n'],
    ['n ? 1 : 2', 'n'],
  ])('reports %s once, at %s', (source, text) => {
    expect(complaints(source).map((complaint) => complaint.text)).toEqual([text]);
  });

  it('reports several errors in the order of the text', () => {
    expect(complaints('[upper(1), n.a, lower(2)]').map(({ text }) => text)).toEqual(['1', 'n', '2']);
  });
});

describe('compile', () => {
  it('runs a checked program', () => {
    const program = compile('user.age ?? n', { variables });
    expect(formatType(program.type)).toBe('number');
    expect(program.dependencies).toEqual(['user.age', 'n']);
    expect(program.run({ user: { name: 'Ada', age: null }, n: 3 })).toBe(3);
  });

  it('throws the first type error', () => {
    expect(() => compile('n + ""', { variables })).toThrow(ExprError);
  });
});
