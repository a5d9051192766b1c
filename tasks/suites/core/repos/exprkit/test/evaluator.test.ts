import { describe, expect, it } from 'vitest';
import { evaluate, ExprError, formatValue, FunctionValue } from '../src/index.ts';

describe('evaluate', () => {
  it.each([
    ['7 % 4 + 2 ** 3', '11'],
    ['"a" + "b"', '"ab"'],
    ['[1, { a: 2 }] == [1, { a: 2 }]', 'true'],
    ['{ a: 1, b: 2 } == { b: 2, a: 1 }', 'true'],
    ['null ?? 1', '1'],
    ['false ?? 1', 'false'],
    ['{ "a b": 1 }["a b"]', '1'],
    ['{ a: 1 }["toString"]', 'null'],
    ['let x = 1 in let x = x + 1 in x', '2'],
    ['let add = x => y => x + y in add(1)(2)', '3'],
    ['let x = 1 in let f = () => x in let x = 2 in f()', '1'],
    ['sum(map(filter(range(0, 6), n => n % 2 == 0), n => n * n))', '20'],
    ['reduce(["a", "b"], "", (all, s) => all + upper(s))', '"AB"'],
    ['find([1, 2, 3], n => n > 1)', '2'],
    ['min([])', 'null'],
    ['join(split("a,b", ","), "+")', '"a+b"'],
    ['toString([1, "a", null])', String.raw`"[1, \"a\", null]"`],
  ])('%s', (source, expected) => {
    expect(formatValue(evaluate(source))).toBe(expected);
  });

  it('evaluates only the side that decides', () => {
    expect(evaluate('false && 1 / 0 > 0')).toBe(false);
    expect(evaluate('true || 1 / 0 > 0')).toBe(true);
    expect(evaluate('1 ?? 1 / 0')).toBe(1);
    expect(evaluate('true ? 1 : 1 / 0')).toBe(1);
  });

  it('reads variables, which hide builtins', () => {
    const double = new FunctionValue('double', 1, ([x]) => Number(x) * 2);
    expect(evaluate('sum(x)', { variables: { x: 4, sum: double } })).toBe(8);
  });

  it.each([
    ['1 + (2 / 0)', { start: 4, end: 11 }],
    ['1 + "a"', { start: 0, end: 7 }],
    ['{ a: 1 }.b', { start: 9, end: 10 }],
    ['[1][1]', { start: 4, end: 5 }],
    ['x + 1', { start: 0, end: 1 }],
    ['if(1)', { start: 0, end: 2 }],
    ['1 + upper(2)', { start: 4, end: 12 }],
    ['map([1], n => n.a)', { start: 14, end: 15 }],
    ['(x => x)(1, 2)', { start: 0, end: 14 }],
    ['(f => f(f))(f => f(f))', { start: 17, end: 21 }],
  ])('refuses %s where it fails', (source, span) => {
    expect(() => evaluate(source)).toThrow(ExprError);
    try {
      evaluate(source);
    } catch (error) {
      expect(error).toMatchObject({ phase: 'eval', span });
    }
  });
});
