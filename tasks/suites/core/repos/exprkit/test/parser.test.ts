import { describe, expect, it } from 'vitest';
import { ExprError, parse, parseType, tokenize, type Expr } from '../src/index.ts';

/** A compact rendering of the tree's shape, independent of the printer. */
function shape(expr: Expr): string {
  switch (expr.kind) {
    case 'number':
    case 'boolean':
      return String(expr.value);
    case 'string':
      return JSON.stringify(expr.value);
    case 'identifier':
      return expr.name;
    case 'unary':
      return `(${expr.operator} ${shape(expr.operand)})`;
    case 'binary':
      return `(${expr.operator} ${shape(expr.left)} ${shape(expr.right)})`;
    case 'conditional':
      return `(? ${shape(expr.test)} ${shape(expr.consequent)} ${shape(expr.alternate)})`;
    case 'member':
      return `(. ${shape(expr.object)} ${expr.property})`;
    case 'index':
      return `([] ${shape(expr.object)} ${shape(expr.index)})`;
    case 'call':
      return `(call ${[expr.callee, ...expr.args].map(shape).join(' ')})`;
    case 'lambda':
      return `(fn (${expr.params.map((param) => param.name).join(' ')}) ${shape(expr.body)})`;
    case 'let':
      return `(let ${expr.name} ${shape(expr.value)} ${shape(expr.body)})`;
    default:
      return expr.kind;
  }
}

function failureOf(source: string): ExprError {
  try {
    parse(source);
  } catch (error) {
    if (error instanceof ExprError) return error;
  }
  throw new Error(`expected ${source} to be refused`);
}

describe('parse', () => {
  it.each([
    ['1 + 2 * 3', '(+ 1 (* 2 3))'],
    ['1 - 2 - 3', '(- (- 1 2) 3)'],
    ['2 ** 3 ** 2', '(** 2 (** 3 2))'],
    ['-a ** 2', '(- (** a 2))'],
    ['2 ** -1', '(** 2 (- 1))'],
    ['!a && b || c ?? d', '(?? (|| (&& (! a) b) c) d)'],
    ['a < b == (c >= d)', '(== (< a b) (>= c d))'],
    ['a ? b : c ? d : e', '(? a b (? c d e))'],
    ['f(x)(y).z[0]', '([] (. (call (call f x) y) z) 0)'],
    ['-f(x)', '(- (call f x))'],
    ['x => y => x + y', '(fn (x) (fn (y) (+ x y)))'],
    ['() => 1', '(fn () 1)'],
    ['let f = x => x in f(1)', '(let f (fn (x) x) (call f 1))'],
    ['a ?.5 : 1', '(? a 0.5 1)'],
  ])('reads %s', (source, expected) => {
    expect(shape(parse(source))).toBe(expected);
  });

  it('gives every node the span of its text, parentheses included', () => {
    const expr = parse(' (1 + 2) * x');
    expect(expr.span).toEqual({ start: 1, end: 12 });
    expect(expr.kind === 'binary' && expr.left.span).toEqual({ start: 1, end: 8 });
  });

  it('allows one trailing comma', () => {
    expect(shape(parse('f(1, 2,)'))).toBe('(call f 1 2)');
    expect(() => parse('[1,,]')).toThrow(ExprError);
  });

  it.each([
    ['1 +', { start: 3, end: 3 }],
    ['(1', { start: 2, end: 2 }],
    ['1 2', { start: 2, end: 3 }],
    ['{ a: 1, a: 2 }', { start: 8, end: 9 }],
    ['(x, x) => x', { start: 4, end: 5 }],
    ['let in = 1 in 2', { start: 4, end: 6 }],
  ])('refuses %s at the offending token', (source, span) => {
    expect(failureOf(source)).toMatchObject({ phase: 'parse', span });
  });
});

describe('tokenize', () => {
  it('skips comments and spaces', () => {
    expect(tokenize('1 # one\n# two\n + x').map((token) => token.kind)).toEqual([
      'number',
      'punctuation',
      'identifier',
      'end',
    ]);
  });

  it('reads escapes', () => {
    expect(parse(String.raw`"a\n\"\u{1F600}"`)).toMatchObject({ kind: 'string', value: 'a\n"\u{1F600}' });
  });

  it.each(['"abc', '"a\nb"', String.raw`"\q"`, '1x', 'a @ b', '1e999'])('refuses %j', (source) => {
    expect(failureOf(source).phase).toBe('lex');
  });
});

describe('parseType', () => {
  it('reads suffixes, records and functions', () => {
    expect(parseType('{ a: number?[], f: (string) => boolean }')).toEqual({
      kind: 'record',
      fields: new Map<string, unknown>([
        ['a', { kind: 'list', element: { kind: 'nullable', inner: { kind: 'number' } } }],
        ['f', { kind: 'function', params: [{ kind: 'string' }], result: { kind: 'boolean' } }],
      ]),
    });
  });

  it('refuses an unknown name', () => {
    expect(() => parseType('integer')).toThrow('unknown type "integer"');
  });
});
