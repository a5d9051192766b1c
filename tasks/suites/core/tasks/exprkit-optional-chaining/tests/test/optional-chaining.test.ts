import { describe, expect, it } from 'vitest';
import {
  calledFunctions,
  check,
  compile,
  dependencies,
  evaluate,
  ExprError,
  findAll,
  formatType,
  formatValue,
  freeVariables,
  FunctionValue,
  parse,
  print,
  transform,
  type RecordValue,
} from '../src/index.ts';

const double = new FunctionValue('double', 1, ([x]) => Number(x) * 2);
const values: RecordValue = {
  none: null,
  user: { name: 'Ada', age: 36, address: { city: 'London', zip: null }, tags: ['x', 'y'], double },
  double,
  zero: 0,
  empty: '',
  no: false,
  yes: true,
};

function valueOf(source: string): string {
  return formatValue(evaluate(source, { variables: values }));
}

function failureOf(action: () => unknown): ExprError {
  try {
    action();
  } catch (error) {
    if (error instanceof ExprError) return error;
    throw error;
  }
  throw new Error('expected an ExprError');
}

describe('evaluating optional links', () => {
  it.each([
    ['user?.name', '"Ada"'],
    ['user?.address.city', '"London"'],
    ['user?.["name"]', '"Ada"'],
    ['user.tags?.[1]', '"y"'],
    ['double?.(4)', '8'],
    ['user?.double(2)', '4'],
    ['none?.a', 'null'],
    ['none?.["a"]', 'null'],
    ['none?.(1)', 'null'],
    ['none?.a.b["c"](1)[2].d', 'null'],
    ['user.address.zip?.code.length', 'null'],
    ['user?.address?.zip?.code', 'null'],
    ['(none?.a)?.b', 'null'],
    ['(none)?.a.b', 'null'],
  ])('%s gives %s', (source, expected) => {
    expect(valueOf(source)).toBe(expected);
  });

  it.each(['none?.f(1 / 0)', 'none?.[1 / 0]', 'none?.(1 / 0)', 'none?.a[unknown].b(1 / 0)', 'none?.a?.(unknown)'])(
    'evaluates nothing of what is skipped in %s',
    (source) => {
      expect(valueOf(source)).toBe('null');
    },
  );

  it('does not let a chain in an argument or an index skip the one around it', () => {
    const calls: unknown[] = [];
    const note = new FunctionValue('note', 1, ([x = null]) => {
      calls.push(x);
      return { seen: x };
    });
    expect(evaluate('note(none?.a.b).seen', { variables: { ...values, note } })).toBeNull();
    expect(calls).toEqual([null]);
    expect(valueOf('user.tags[none?.i ?? 1]')).toBe('"y"');
    expect(valueOf('[none?.a.b, { c: none?.d }, 1]')).toBe('[null, { c: null }, 1]');
  });

  it.each([
    ['(none?.a).b', '(none?.a)'],
    ['(none?.a)[0]', '(none?.a)[0]'],
    ['(none?.f)(1)', '(none?.f)'],
    ['((user?.address.zip)).code', '((user?.address.zip))'],
    ['none.a?.b', 'none'],
    ['user?.address.zip.code', 'user?.address.zip'],
    ['user?.email', 'email'],
    ['user?.tags[5]', '5'],
    ['user?.name()', 'user?.name'],
    ['zero?.a', 'zero'],
    ['empty?.a', 'empty'],
    ['no?.a', 'no'],
    ['1 + user?.double(1, 2)', 'user?.double(1, 2)'],
    ['nobody?.a', 'nobody'],
  ])('%s fails at %s', (source, text) => {
    const error = failureOf(() => evaluate(source, { variables: values }));
    expect(error.phase).toBe('eval');
    expect(source.slice(error.span.start, error.span.end)).toBe(text);
  });

  it('binds like the plain links', () => {
    expect(valueOf('-user?.age ** 2')).toBe('-1296');
    expect(valueOf('2 * user?.age + 1')).toBe('73');
    expect(valueOf('!(none?.ok ?? false)')).toBe('true');
    expect(valueOf('none?.age ?? 18 + 1')).toBe('19');
    expect(valueOf('none?.a == null ? 1 : 2')).toBe('1');
    expect(valueOf('(x => x?.name)(user)')).toBe('"Ada"');
  });
});

describe('reading optional links', () => {
  it('keeps a conditional whose branch starts with a dot and a digit', () => {
    expect(valueOf('yes?.5:1')).toBe('0.5');
    expect(valueOf('no ?.5 : user?.age')).toBe('36');
    expect(valueOf('none??.25')).toBe('0.25');
    expect(print(parse('a?.5:b?.c'))).toBe('a ? 0.5 : b?.c');
  });

  it('allows space around the token but not inside', () => {
    expect(valueOf('user\n  ?. address\n  ?. city')).toBe('"London"');
    expect(failureOf(() => parse('user? .name')).phase).toBe('parse');
  });

  it.each([
    ['a?.', 3],
    ['a?.+b', 3],
    ['a?.[', 4],
    ['?.a', 0],
    ['a?..b', 3],
  ])('refuses %s', (source, start) => {
    expect(failureOf(() => parse(source))).toMatchObject({ phase: 'parse', span: { start } });
  });

  it('gives the chain the span of its text', () => {
    expect(parse('  a?.b.c + 1')).toMatchObject({ span: { start: 2, end: 12 }, left: { span: { start: 2, end: 8 } } });
  });
});

describe('checking optional links', () => {
  const variables = {
    user: '{ name: string, address: { city: string, zip: number? }, age: number?, tags: string[] }?',
    sure: '{ name: string, tags: string[], age: number? }',
    list: 'number[]?',
    f: '((number) => number[])?',
    users: '{ name: string }?[]',
    dynamic: 'any',
  };

  it.each([
    ['user?.name', 'string?'],
    ['user?.address.city', 'string?'],
    ['user?.address', '{ city: string, zip: number? }?'],
    ['user?.age', 'number?'],
    ['user?.tags[0]', 'string?'],
    ['user?.tags?.[0]', 'string?'],
    ['user?.["name"]', 'string?'],
    ['list?.[0]', 'number?'],
    ['f?.(1)', 'number[]?'],
    ['f?.(1)[0]', 'number?'],
    ['sure?.name', 'string'],
    ['sure?.tags[0]', 'string'],
    ['sure?.age', 'number?'],
    ['user?.name ?? "x"', 'string'],
    ['user?.name == "Ada"', 'boolean'],
    ['users[0]?.name', 'string?'],
    ['map(users, u => u?.name)', 'string?[]'],
    ['find(users, u => u?.name == "Ada")?.name', 'string?'],
    ['user != null ? user?.name : ""', 'string'],
    ['dynamic?.a.b', 'any'],
    ['(user?.address)?.zip', 'number?'],
  ])('%s is a %s', (source, expected) => {
    const { type, diagnostics } = check(source, { variables });
    expect(diagnostics).toEqual([]);
    expect(formatType(type)).toBe(expected);
  });

  it.each([
    ['(user?.address).city', ['(user?.address)']],
    ['user.name', ['user']],
    ['user?.address.zip.code', ['user?.address.zip']],
    ['user?.age + 1', ['user?.age + 1']],
    ['upper(user?.name)', ['user?.name']],
    ['user?.email', ['email']],
    ['user?.email.host', ['email']],
    ['f?.("a")', ['"a"']],
    ['f?.(1, 2)', ['f?.(1, 2)']],
    ['list?.["a"]', ['"a"']],
    ['sure?.name.first', ['sure?.name']],
    ['f(1)', ['f']],
  ])('%s is reported at %j', (source, texts) => {
    const { diagnostics } = check(source, { variables });
    expect(diagnostics.map(({ span }) => source.slice(span.start, span.end))).toEqual(texts);
  });

  it('compiles', () => {
    const program = compile('user?.address.city ?? "nowhere"', { variables });
    expect(program.dependencies).toEqual(['user.address.city']);
    expect(program.run({ user: null })).toBe('nowhere');
    expect(program.run(values)).toBe('London');
  });
});

describe('printing optional links', () => {
  it.each([
    ['a ?. b', 'a?.b'],
    ['a?.[ 0 ]', 'a?.[0]'],
    ['f?.( 1,2 )', 'f?.(1, 2)'],
    ['f?.()', 'f?.()'],
    ['a?.b.c?.[d](e)?.(f)', 'a?.b.c?.[d](e)?.(f)'],
    ['(a?.b).c', '(a?.b).c'],
    ['((a?.b.c))[0]', '(a?.b.c)[0]'],
    ['(a?.b)?.c', '(a?.b)?.c'],
    ['(a?.f)(1)', '(a?.f)(1)'],
    ['(a.b)?.c', 'a.b?.c'],
    ['((a?.b))', 'a?.b'],
    ['-(a?.b) ** (c?.d)', '-a?.b ** c?.d'],
    ['(a?.b) + 1 ?? (c?.d)', 'a?.b + 1 ?? c?.d'],
    ['[(a?.b), x => (x?.y)]', '[a?.b, x => x?.y]'],
    ['(a + b)?.c', '(a + b)?.c'],
    ['(1)?.a', '(1)?.a'],
    ['(x => x)?.(1)', '(x => x)?.(1)'],
    ['(a?.b ? c : d)?.e', '(a?.b ? c : d)?.e'],
  ])('prints %s as %s', (source, expected) => {
    const tree = parse(source);
    expect(print(tree)).toBe(expected);
    expect(print(parse(expected))).toBe(expected);
    expect(print(transform(tree, (node) => node))).toBe(expected);
  });
});

describe('walking optional links', () => {
  it('finds names and paths', () => {
    expect(freeVariables(parse('user?.name + f?.(x => x?.y)[z?.w]'))).toEqual(['user', 'f', 'z']);
    expect(dependencies(parse('user?.name.first + length(user.tags?.[i?.j])'))).toEqual([
      'user.name.first',
      'user.tags',
      'i.j',
    ]);
    expect(dependencies(parse('(user?.a).b + (let v = user in v?.c) + (u?.f)(1)'))).toEqual(['user.a.b', 'user', 'u.f']);
    expect(calledFunctions(parse('f?.(g(1)) + a?.h(2)'))).toEqual(['f', 'g']);
  });

  it('visits every part in the order of the text', () => {
    const names = findAll(parse('a?.b[c?.[d]](e?.(f))'), 'identifier').map((node) => print(node));
    expect(names).toEqual(['a', 'c', 'd', 'e', 'f']);
  });

  it('rewrites inside a chain', () => {
    const renamed = transform(parse('(x?.a[x]).b ?? x?.(x).c'), (node) =>
      node.kind === 'identifier' ? { ...node, name: 'y' } : node,
    );
    expect(print(renamed)).toBe('(y?.a[y]).b ?? y?.(y).c');
    const skipped = transform(parse('x?.a.b'), (node) => (node.kind === 'identifier' ? { ...node, name: 'none' } : node));
    expect(evaluate(skipped, { variables: values })).toBeNull();
  });
});
