import { describe as group, expect, it } from 'vitest';
import { describe, dot, graph, GraphError, layersOf, neededBy } from '../src/index.ts';

const diamond = graph()
  .add('a', [], () => 1)
  .add('b', ['a'], ({ a }) => Number(a) + 1)
  .add('c', ['a'], ({ a }) => Number(a) * 10)
  .add('d', ['b', 'c'], ({ b, c }) => [b, c]);

group('graphs', () => {
  it('are put in order', () => {
    expect(diamond.order).toEqual(['a', 'b', 'c', 'd']);
    expect(diamond.layers).toEqual([['a'], ['b', 'c'], ['d']]);
    expect(layersOf(graph().needs)).toEqual([]);
    expect(neededBy(diamond.needs, ['c'])).toEqual(['a', 'c']);
  });

  it('are not changed by what is added', () => {
    const more = diamond.add('e', [], () => 1);
    expect([diamond.has('e'), more.has('e')]).toEqual([false, true]);
  });

  it('refuse names that are unknown or taken', () => {
    const wide = diamond as { add(name: string, needs: string[], work: () => unknown): unknown; merge(other: unknown): unknown };
    expect(() => wide.add('a', [], () => 1)).toThrow(GraphError);
    expect(() => wide.add('e', ['f'], () => 1)).toThrow(GraphError);
    expect(() => wide.merge(diamond)).toThrow(GraphError);
    expect(() => neededBy(diamond.needs, ['x'])).toThrow(GraphError);
  });

  it('are written as text', () => {
    expect(describe(diamond)).toBe('a\nb <- a\nc <- a\nd <- b, c');
    expect(dot(graph().add('x', [], () => 1).add('y', ['x'], () => 2))).toBe('digraph {\n  "x";\n  "y";\n  "x" -> "y";\n}');
  });

  it('are merged', async () => {
    const both = diamond.merge(graph().add('z', [], () => 'z')).add('end', ['d', 'z'], ({ d, z }) => `${String(d)}${String(z)}`);
    expect((await both.run()).end).toBe('2,10z');
  });
});
