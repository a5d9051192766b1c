import { describe, expect, it } from 'vitest';
import {
  BuiltinError,
  check,
  compile,
  createLibrary,
  dependencies,
  evaluate,
  ExprError,
  formatType,
  formatValue,
  freeVariables,
  FunctionValue,
  parse,
  standardLibrary,
  type FunctionDefinition,
  type Value,
} from '../src/index.ts';

function asFunction(value: Value | undefined): FunctionValue {
  if (value instanceof FunctionValue) return value;
  throw new TypeError('not a function');
}

const clamp: FunctionDefinition = {
  name: 'clamp',
  signature: '(number, number) => number',
  apply: ([x, top]) => Math.min(Number(x), Number(top)),
};

const twice: FunctionDefinition = {
  name: 'twice',
  signature: '(T, (T) => T) => T',
  apply: ([x = null, f], call) => call(asFunction(f), [call(asFunction(f), [x])]),
};

const strict: FunctionDefinition = {
  name: 'positive',
  signature: '(number) => number',
  apply: ([x]) => {
    if (Number(x) <= 0) throw new BuiltinError(`${formatValue(x ?? null)} is not positive`);
    return x ?? null;
  },
};

const library = createLibrary([clamp, twice, strict], standardLibrary);

function failureOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('expected a failure');
}

describe('createLibrary', () => {
  it('adds definitions to a base and leaves the base as it is', () => {
    const before = [...standardLibrary.names];
    expect(library.names.toSorted()).toEqual([...before, 'clamp', 'positive', 'twice'].toSorted());
    expect(standardLibrary.names).toEqual(before);
    expect(() => evaluate('clamp(1, 2)')).toThrow(ExprError);
    expect(check('clamp(1, 2)').diagnostics).toHaveLength(1);
  });

  it('starts from nothing without a base', () => {
    const alone = createLibrary([clamp]);
    expect(alone.names).toEqual(['clamp']);
    expect(evaluate('clamp(5, 2)', { library: alone })).toBe(2);
    expect(() => evaluate('sum([1])', { library: alone })).toThrow(ExprError);
    expect(check('sum([1])', { library: alone }).diagnostics).toHaveLength(1);
    expect(createLibrary([]).names).toEqual([]);
  });

  it('replaces functions of the base', () => {
    const loud = createLibrary(
      [{ name: 'upper', signature: '(string, number) => string', apply: ([text, n]) => String(text).toUpperCase() + '!'.repeat(Number(n)) }],
      library,
    );
    expect(loud.names.toSorted()).toEqual(library.names.toSorted());
    expect(evaluate('upper("a", 2)', { library: loud })).toBe('A!!');
    expect(check('upper("a")', { library: loud }).diagnostics).toHaveLength(1);
    expect(evaluate('upper("a")', { library })).toBe('A');
    expect(evaluate('clamp(3, 1)', { library: loud })).toBe(1);
  });

  it('refuses what cannot be a definition', () => {
    expect(() => createLibrary([clamp, clamp])).toThrow(TypeError);
    expect(() => createLibrary([clamp, { ...twice, name: 'clamp' }], standardLibrary)).toThrow(TypeError);
    expect(() => createLibrary([{ ...clamp, signature: 'number' }])).toThrow(TypeError);
    expect(() => createLibrary([{ ...clamp, signature: '(number) =>' }])).toThrow(ExprError);
    expect(() => createLibrary([{ ...clamp, signature: '(integer) => number' }])).toThrow(ExprError);
  });

  it('takes names that objects have of their own', () => {
    const odd = createLibrary([{ name: 'constructor', signature: '() => number', apply: () => 1 }]);
    expect(evaluate('constructor()', { library: odd })).toBe(1);
    expect(() => evaluate('valueOf()', { library: odd })).toThrow(ExprError);
    expect(dependencies(parse('constructor() + valueOf'), { library: odd })).toEqual(['valueOf']);
  });
});

describe('a function of a library', () => {
  it('is checked by its signature, generic ones included', () => {
    const typeOf = (source: string) => {
      const { type, diagnostics } = check(source, { library });
      return diagnostics.length > 0 ? diagnostics.map(({ span }) => source.slice(span.start, span.end)) : formatType(type);
    };
    expect(typeOf('clamp(1, 2) + 1')).toBe('number');
    expect(typeOf('clamp("a", 2)')).toEqual(['"a"']);
    expect(typeOf('clamp(1)')).toEqual(['clamp(1)']);
    expect(typeOf('twice(3, x => x + 1)')).toBe('number');
    expect(typeOf('clamp')).toBe('(number, number) => number');
  });

  it('can call back', () => {
    expect(evaluate('twice(2, x => x * 3)', { library })).toBe(18);
    expect(evaluate('twice(-2, abs)', { library })).toBe(2);
    expect(failureOf(() => evaluate('1 + twice(2, (x, y) => x)', { library }))).toMatchObject({
      phase: 'eval',
      span: { start: 4, end: 25 },
    });
  });

  it('counts towards the depth limit when it calls back', () => {
    const source = '(f => twice(1, x => f(f)))(f => twice(1, x => f(f)))';
    expect(failureOf(() => evaluate(source, { library, maxDepth: 50 }))).toBeInstanceOf(ExprError);
  });

  it('is called with as many arguments as its signature has', () => {
    const error = failureOf(() => evaluate('2 * clamp(1)', { library }));
    expect(error).toBeInstanceOf(ExprError);
    expect(error).toMatchObject({ phase: 'eval', span: { start: 4, end: 12 } });
  });

  it('reports its own complaints at the call', () => {
    expect(evaluate('positive(2)', { library })).toBe(2);
    const error = failureOf(() => evaluate('map([1, 0], n => positive(n))', { library }));
    expect(error).toBeInstanceOf(ExprError);
    expect(error).toMatchObject({ phase: 'eval', message: '0 is not positive', span: { start: 17, end: 28 } });
  });

  it('lets other errors through', () => {
    const broken = new RangeError('broken');
    const faulty = createLibrary([
      {
        name: 'faulty',
        signature: '() => number',
        apply: () => {
          throw broken;
        },
      },
    ]);
    expect(failureOf(() => evaluate('faulty()', { library: faulty }))).toBe(broken);
  });

  it('is hidden by a variable of its name', () => {
    expect(evaluate('clamp + 1', { library, variables: { clamp: 1 } })).toBe(2);
    expect(formatType(check('clamp + 1', { library, variables: { clamp: 'number' } }).type)).toBe('number');
    expect(evaluate('let clamp = 2 in clamp', { library })).toBe(2);
  });

  it('is a value with a name, equal to itself', () => {
    const value = evaluate('clamp', { library });
    expect(formatValue(value)).toBe('<clamp>');
    expect(asFunction(value).arity).toBe(2);
    expect(evaluate('[clamp, clamp == clamp, clamp == twice][1]', { library })).toBe(true);
  });
});

describe('what a program depends on', () => {
  it('leaves out the functions of its library, and only those', () => {
    const tree = parse('clamp(sum(xs), limit.top)');
    expect(dependencies(tree, { library })).toEqual(['xs', 'limit.top']);
    expect(dependencies(tree)).toEqual(['clamp', 'xs', 'limit.top']);
    expect(dependencies(tree, { library: createLibrary([]) })).toEqual(['clamp', 'sum', 'xs', 'limit.top']);
    expect(freeVariables(tree)).toEqual(['clamp', 'sum', 'xs', 'limit']);
  });

  it('compiles and runs with the library', () => {
    const program = compile('clamp(x, 10)', { library, variables: { x: 'number' }, maxDepth: 5 });
    expect(program.dependencies).toEqual(['x']);
    expect(program.run({ x: 40 })).toBe(10);
    expect(() => compile('clamp(x, 10)', { variables: { x: 'number' } })).toThrow(ExprError);
    const plain = compile('clamp(x, 10)', { variables: { x: 'number', clamp: '(number, number) => number' } });
    expect(plain.dependencies).toEqual(['clamp', 'x']);
  });
});

describe('the standard library', () => {
  it('has the builtins, each with a type and an implementation that agree', () => {
    expect(standardLibrary.names.toSorted()).toEqual(
      [
        'abs', 'concat', 'contains', 'filter', 'find', 'floor', 'join', 'keys', 'length', 'lower', 'map', 'max', 'min',
        'range', 'reduce', 'round', 'split', 'sum', 'toString', 'upper',
      ],
    );
    for (const name of standardLibrary.names) {
      const { type } = check(name);
      const value = asFunction(evaluate(name));
      expect([name, value.name, value.arity]).toEqual([name, name, type.kind === 'function' ? type.params.length : -1]);
    }
  });

  it.each([
    ['abs(floor(-1.5)) + round(2.5)', '5'],
    ['[min([2, 1]), max([]), sum(range(1, 4))]', '[1, null, 6]'],
    ['join(split(upper("a") + "," + lower("B"), ","), "-")', '"A-b"'],
    ['[length("ab"), length([1]), length({ a: 1, b: 2 })]', '[2, 1, 2]'],
    ['[contains([[1]], [1]), contains("abc", "bc")]', '[true, true]'],
    ['concat(map([1], x => x + 1), filter([1, 2], x => x > 1))', '[2, 2]'],
    ['[find([null, 1], x => x != null), find([1], x => x > 1)]', '[1, null]'],
    ['reduce([1, 2, 3], [], (all, x) => concat([x], all))', '[3, 2, 1]'],
    ['keys({ b: 1, a: 2 })', '["b", "a"]'],
    ['toString({ a: "x" })', String.raw`"{ a: \"x\" }"`],
  ])('%s', (source, expected) => {
    expect(check(source).diagnostics).toEqual([]);
    expect(formatValue(evaluate(source))).toBe(expected);
  });

  it.each([
    ['1 + sum(["a"])', 4, 14],
    ['filter([1], x => x)', 0, 19],
    ['range(0, 10 ** 9)', 0, 17],
    ['[length(1)]', 1, 10],
    ['map([1], (x, y) => x)', 0, 21],
    ['keys(1, 2)', 0, 10],
  ])('refuses %s at the call', (source, start, end) => {
    const error = failureOf(() => evaluate(source));
    expect(error).toBeInstanceOf(ExprError);
    expect(error).toMatchObject({ phase: 'eval', span: { start, end } });
  });
});
