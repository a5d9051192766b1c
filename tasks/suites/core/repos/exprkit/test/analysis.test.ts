import { describe, expect, it } from 'vitest';
import {
  calledFunctions,
  dependencies,
  findAll,
  freeVariables,
  parse,
  print,
  transform,
  visit,
  walk,
  type Visitor,
} from '../src/index.ts';

describe('analysis', () => {
  it('tells free names from bound ones', () => {
    expect(freeVariables(parse('let x = x + y in map(z, v => v + x + w)'))).toEqual(['x', 'y', 'map', 'z', 'w']);
  });

  it('gives paths as long as they are fixed, without builtins', () => {
    expect(dependencies(parse('sum(order.lines) + order.lines[i].price + (u => u.a)(v.b).c'))).toEqual([
      'order.lines',
      'i',
      'v.b',
    ]);
  });

  it('lists functions called by name', () => {
    expect(calledFunctions(parse('f(g(1), f(2)) + (x => x)(3)'))).toEqual(['f', 'g']);
  });
});

describe('visitor', () => {
  it('walks parents first', () => {
    expect([...walk(parse('a + f(b)'))].map((node) => node.kind)).toEqual([
      'binary',
      'identifier',
      'call',
      'identifier',
      'identifier',
    ]);
  });

  it('dispatches on the kind', () => {
    const isOne = (source: string) => visit(parse(source), { number: () => true, otherwise: () => false });
    expect([isOne('1'), isOne('a')]).toEqual([true, false]);
    const incomplete = { number: () => 1 } as unknown as Visitor<number>;
    expect(() => visit(parse('a'), incomplete)).toThrow(TypeError);
  });

  it('finds and rewrites nodes', () => {
    expect(findAll(parse('a + [b, -c]'), 'identifier', 'unary').map((node) => print(node))).toEqual(['a', 'b', '-c', 'c']);
    const renamed = transform(parse('x + f(x)'), (node) => (node.kind === 'identifier' ? { ...node, name: `${node.name}1` } : node));
    expect(print(renamed)).toBe('x1 + f1(x1)');
  });
});
