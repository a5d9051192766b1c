import { describe, expect, it } from 'vitest';
import { check, compile, evaluate, ExprError, formatType } from '../src/index.ts';

const variables = {
  s: 'string?',
  n: 'number',
  m: 'number?',
  names: 'string[]',
  tags: 'string?[]',
};

/** The type, or the texts that the diagnostics point at. */
function outcome(source: string): string | string[] {
  const { type, diagnostics } = check(source, { variables });
  if (diagnostics.length === 0) return formatType(type);
  return diagnostics.map(({ span }) => source.slice(span.start, span.end));
}

describe('a binding that hides a narrowed variable', () => {
  it.each([
    ['s != null ? (let s = n in s + 1) : 0', 'number'],
    ['s == null ? (let s = "x" in upper(s)) : s', 'string'],
    ['s != null && (let s = n in s > 1)', 'boolean'],
    ['s == null || (s => s + 1)(n) == 2', 'boolean'],
    ['!(s == null) ? ((s: number) => s + 1)(n) : 0', 'number'],
    ['s != null ? reduce(names, 0, (s, x) => s + length(x)) : 0', 'number'],
    ['s != null ? (x => (s: number, t: number) => s * t)(1)(2, 3) : 0', 'number'],
  ])('has its own type in %s', (source, expected) => {
    expect(outcome(source)).toBe(expected);
  });

  it.each([
    ['s != null ? map(tags, s => upper(s)) : []', ['s']],
    ['s != null ? (let s = find(names, x => x == "a") in upper(s)) : ""', ['s']],
    ['s != null && (let s = m in s > 1)', ['s > 1']],
    ['s == null || ((t: string, s: string?) => upper(t) == upper(s))(s, null)', ['s']],
    ['s != null ? (let s = null in upper(s)) : ""', ['s']],
  ])('can be null again in %s', (source, expected) => {
    expect(outcome(source)).toEqual(expected);
  });

  it('can be narrowed on its own', () => {
    expect(outcome('s != null ? (let s = m in s != null ? s + 1 : 0) : 0')).toBe('number');
    expect(outcome('s != null ? map(tags, s => s == null ? "" : upper(s)) : null')).toBe('string[]?');
    expect(outcome('s == null ? (let s = m in s != null && s > 1) : upper(s) == "A"')).toBe('boolean');
  });

  it('makes compile refuse what would fail at run time', () => {
    const source = 's != null ? map(tags, s => upper(s)) : []';
    expect(() => evaluate(source, { variables: { s: 'a', tags: [null] } })).toThrow(ExprError);
    expect(() => compile(source, { variables })).toThrow(ExprError);
  });
});

describe('a narrowed variable that is not hidden', () => {
  it.each([
    ['s != null ? (let s = upper(s) in s + "!") : ""', 'string'],
    ['s != null ? (let s = n in s) + length(upper(s)) : 0', 'number'],
    ['s != null ? [map(tags, s => 1), map(names, x => length(upper(s)))] : null', 'number[][]?'],
    ['s != null ? (let t = m in upper(s)) : ""', 'string'],
    ['s != null && m != null ? (let s = m in s + m) : 0', 'number'],
    ['s != null && (s => true)(1) && upper(s) == "A"', 'boolean'],
    ['!(s == null || m == null) ? (let m = s in upper(m)) : ""', 'string'],
  ])('stays narrowed in %s', (source, expected) => {
    expect(outcome(source)).toBe(expected);
  });

  it('is not narrowed by a condition on another binding of the name', () => {
    expect(outcome('(let s = m in s != null ? s : 0) + length(upper(s))')).toEqual(['s']);
    expect(outcome('[(s => s != null && s == "a")(s), upper(s) == "a"]')).toEqual(['s']);
  });
});
