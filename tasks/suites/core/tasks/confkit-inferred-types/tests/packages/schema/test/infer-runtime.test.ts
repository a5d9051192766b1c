import { describe, expect, it } from 'vitest';
import * as s from '@confkit/schema';

/** What the types promise has to be what comes out. */
describe('what the inferred types rely on', () => {
  const server = s.object({ host: s.string().default('localhost'), port: s.number(), tls: s.boolean().optional() });

  it('leaves undefined members out and fills in defaults', () => {
    expect(Object.entries(server.parse({ port: 1, tls: undefined, host: undefined }))).toEqual([['host', 'localhost'], ['port', 1]]);
  });

  it('derives the members', () => {
    const chained = server.omit(['host']).extend({ path: s.string() }).partial().pick(['port', 'path']).extend({ port: s.number() });
    expect(chained.parse({ port: 1, tls: true })).toEqual({ port: 1 });
    expect(chained.safeParse({}).ok).toBe(false);
  });

  it('still refuses unknown keys of untyped callers', () => {
    const keys: string[] = ['nope'];
    expect(() => server.pick(keys as never[])).toThrow(TypeError);
    expect(() => server.omit(keys as never[])).toThrow(TypeError);
  });

  it('keeps variants, tuples and refinements working', () => {
    const store = s.variants('kind', [s.object({ kind: s.literal('a') }), s.object({ kind: s.oneOf(['b', 'c']), n: s.tuple([s.number()]) })]);
    expect(store.parse({ kind: 'c', n: [1] })).toEqual({ kind: 'c', n: [1] });
    expect(store.safeParse({ kind: 'd' }).ok).toBe(false);
    expect(s.string().refine((text): text is 'x' => text === 'x').safeParse('y').ok).toBe(false);
  });
});
