import { describe, expect, it } from 'vitest';
import { calledFunctions, dependencies, findAll, freeVariables, isKind, parse, print, visit, type Visitor } from '../src/index.ts';

describe('visit at run time', () => {
  it('prefers the function of the kind to otherwise', () => {
    const kindOf = (source: string) =>
      visit(parse(source), {
        number: (node) => `number ${String(node.span.end)}`,
        let: () => 'let',
        otherwise: (node) => `other ${node.kind}`,
      });
    expect(['1', 'let a = 1 in a', '[1]'].map(kindOf)).toEqual(['number 1', 'let', 'other list']);
  });

  it('calls one function once, with the node itself, and does not descend', () => {
    const tree = parse('-(1 + 2)');
    const seen: unknown[] = [];
    visit(tree, { unary: (node) => seen.push(node), otherwise: (node) => seen.push(node) });
    expect(seen).toEqual([tree]);
    expect(seen[0]).toBe(tree);
  });

  it('throws for a kind that is missing against the types', () => {
    const incomplete = { number: () => 1 } as unknown as Visitor<number>;
    expect(visit(parse('1'), incomplete)).toBe(1);
    expect(() => visit(parse('a'), incomplete)).toThrow(TypeError);
  });
});

describe('kinds at run time', () => {
  it('isKind takes any number of kinds', () => {
    const tree = parse('a + 1');
    expect([isKind(tree, 'binary'), isKind(tree, 'call', 'binary'), isKind(tree, 'call')]).toEqual([true, true, false]);
  });

  it('findAll keeps the order of the text', () => {
    expect(findAll(parse('f(a.b, g(c)).d'), 'call', 'member').map((node) => print(node))).toEqual([
      'f(a.b, g(c)).d',
      'f(a.b, g(c))',
      'a.b',
      'g(c)',
    ]);
  });
});

describe('what is built on them', () => {
  it('is unchanged', () => {
    const tree = parse('let f = x => x.a + y.b.c in map(z.items, v => f(v).d + w[i.j])');
    expect(freeVariables(tree)).toEqual(['y', 'map', 'z', 'w', 'i']);
    expect(dependencies(tree)).toEqual(['y.b.c', 'z.items', 'w', 'i.j']);
    expect(calledFunctions(tree)).toEqual(['map', 'f']);
  });
});
