import { describe, expect, it } from 'vitest';
import { evaluate, ExprError, formatError, parse, positionAt, print } from '../src/index.ts';

describe('print', () => {
  it.each([
    ['((1)+(2*3))', '1 + 2 * 3'],
    ['(1+2)*3', '(1 + 2) * 3'],
    ['1-(2-3)', '1 - (2 - 3)'],
    ['(2**3)**2', '(2 ** 3) ** 2'],
    ['(-2)**2', '(-2) ** 2'],
    ['-(2**2)', '-2 ** 2'],
    ['(a?b:c)?d:e', '(a ? b : c) ? d : e'],
    ['a?(b?c:d):(e?f:g)', 'a ? b ? c : d : e ? f : g'],
    ['(x=>x)(1)', '(x => x)(1)'],
    ['1+(let x=1 in x)', '1 + (let x = 1 in x)'],
    ['(x:number,y)=>{}', '(x: number, y) => {}'],
    ['(a+b).c[0]', '(a + b).c[0]'],
    ["{'a':1,'b c':\"'\\n\"}", String.raw`{ a: 1, "b c": "'\n" }`],
  ])('prints %s as %s', (source, expected) => {
    const printed = print(parse(source));
    expect(printed).toBe(expected);
    expect(print(parse(printed))).toBe(printed);
  });

  it('breaks what does not fit the width', () => {
    expect(print(parse('filter(orders, o => o.total > 100 && o.open)'), { width: 30 })).toBe(
      ['filter(', '  orders,', '  o => o.total > 100 && o.open', ')'].join('\n'),
    );
    expect(print(parse('let a = 1 in [a, a]'), { width: 15 })).toBe('let a = 1 in\n[a, a]');
  });
});

describe('formatError', () => {
  it('underlines the span on its line', () => {
    const source = 'let a = 1 in\r\n\ta + "x"';
    let caught: unknown;
    try {
      evaluate(source);
    } catch (error) {
      caught = error;
    }
    if (!(caught instanceof ExprError)) throw new Error('expected an ExprError');
    expect(positionAt(source, caught.span.start)).toEqual({ line: 2, column: 2 });
    expect(formatError(source, caught)).toBe(
      ['eval error: "+" does not take a number and a string', ' --> 2:2', '  |', '2 | \ta + "x"', '  | \t^^^^^^^'].join('\n'),
    );
  });
});
