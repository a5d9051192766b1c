import { describe, expect, it } from 'vitest';
import * as s from '@confkit/schema';

const issuesOf = (schema: s.AnySchema, input: unknown, options?: s.ParseOptions): readonly s.Issue[] => {
  const result = schema.safeParse(input, options);
  return result.ok ? [] : result.issues;
};
const anywhere: s.ParseOptions = { coerce: () => true };

describe('primitives', () => {
  it('accepts and refuses by type', () => {
    expect(s.string().parse('x')).toBe('x');
    expect(s.number().parse(1.5)).toBe(1.5);
    expect(s.boolean().parse(false)).toBe(false);
    expect(issuesOf(s.number(), '1')).toMatchObject([{ code: 'type', path: [], received: '1' }]);
    expect(issuesOf(s.number(), Number.NaN)).toHaveLength(1);
  });

  it('checks the rules of strings', () => {
    const schema = s.string().min(2).max(3).pattern(/^a/g);
    expect(schema.parse('ab')).toBe('ab');
    expect(schema.parse('ab')).toBe('ab');
    expect(issuesOf(schema, 'a')).toMatchObject([{ code: 'length' }]);
    expect(issuesOf(schema, 'abcd')).toMatchObject([{ code: 'length' }]);
    expect(issuesOf(schema, 'ba')).toMatchObject([{ code: 'pattern' }]);
  });

  it('checks the rules of numbers', () => {
    const port = s.number().integer().min(1).max(65_535);
    expect(port.parse(80)).toBe(80);
    expect(issuesOf(port, 80.5)).toMatchObject([{ code: 'type' }]);
    expect(issuesOf(port, 0)).toMatchObject([{ code: 'range' }]);
    expect(issuesOf(port, 70_000)).toMatchObject([{ code: 'range' }]);
  });

  it('coerces text only where it may', () => {
    expect(s.number().parse(' 1e3 ', anywhere)).toBe(1000);
    expect(s.boolean().parse('Yes', anywhere)).toBe(true);
    expect(s.literal(3).parse('3', anywhere)).toBe(3);
    expect(issuesOf(s.number(), '0x10', anywhere)).toHaveLength(1);
    expect(issuesOf(s.number(), '', anywhere)).toHaveLength(1);
    expect(issuesOf(s.boolean(), 'maybe', anywhere)).toHaveLength(1);
  });

  it('lists the values that a literal allows', () => {
    const [issue] = issuesOf(s.oneOf(['debug', 'info']), 'loud');
    expect(issue?.message).toBe('Expected "debug" or "info", received "loud"');
  });
});

describe('collections', () => {
  it('reports the path of every bad element', () => {
    const issues = issuesOf(s.array(s.number()), [1, 'x', 2, null]);
    expect(issues.map((issue) => issue.path)).toEqual([[1], [3]]);
  });

  it('reads lists from text', () => {
    expect(s.array(s.number()).parse('1, 2,3', anywhere)).toEqual([1, 2, 3]);
    expect(s.array(s.string()).parse('', anywhere)).toEqual([]);
  });

  it('demands a least length', () => {
    expect(issuesOf(s.array(s.string()).min(1), [])).toMatchObject([{ code: 'length' }]);
  });

  it('checks tuples by position', () => {
    const range = s.tuple([s.number(), s.number()]);
    expect(range.parse([1, 2])).toEqual([1, 2]);
    expect(issuesOf(range, [1])).toMatchObject([{ code: 'length' }]);
    expect(issuesOf(range, [1, 2, 3])).toMatchObject([{ code: 'length' }]);
    expect(s.tuple([s.string()], s.number()).parse(['a', 1, 2])).toEqual(['a', 1, 2]);
  });

  it('checks the values of records and keeps odd keys', () => {
    const odd = JSON.parse('{"__proto__": 1, "a": 2}') as unknown;
    const output = s.record(s.number()).parse(odd);
    expect(Object.keys(output)).toEqual(['__proto__', 'a']);
    expect(issuesOf(s.record(s.number()), { a: 'x' })).toMatchObject([{ path: ['a'] }]);
  });
});

describe('objects', () => {
  const server = s.object({ host: s.string().default('localhost'), port: s.number(), tls: s.boolean().optional() });

  it('fills in defaults and leaves out what is undefined', () => {
    const value = server.parse({ port: 80, tls: undefined });
    expect(value).toEqual({ host: 'localhost', port: 80 });
    expect(Object.keys(value)).toEqual(['host', 'port']);
  });

  it('reports all issues at once', () => {
    const issues = issuesOf(server, { host: 1 });
    expect(issues.map(({ code, path }) => [code, path])).toEqual([
      ['type', ['host']],
      ['required', ['port']],
    ]);
  });

  it('treats unknown keys as it is told', () => {
    expect(server.parse({ port: 1, extra: 2 })).not.toHaveProperty('extra');
    expect(server.passthrough().parse({ port: 1, extra: 2 })).toHaveProperty('extra', 2);
    expect(issuesOf(server.strict(), { port: 1, extra: 2 })).toMatchObject([{ code: 'unknown_key', path: ['extra'] }]);
  });

  it('runs a default through the schema', () => {
    const schema = s.object({ server: server.default({ host: 'a', port: 1, tls: undefined }) });
    const first = schema.parse({});
    expect(first).toEqual({ server: { host: 'a', port: 1 } });
    expect(schema.parse({}).server).not.toBe(first.server);
  });

  it('derives other objects', () => {
    expect(Object.keys(server.pick(['port']).shape)).toEqual(['port']);
    expect(Object.keys(server.omit(['port']).shape)).toEqual(['host', 'tls']);
    expect(server.partial().parse({})).toEqual({});
    expect(issuesOf(server.partial(), { port: 'x' })).toMatchObject([{ path: ['port'] }]);
    expect(server.extend({ port: s.string() }).parse({ port: 'x' })).toEqual({ host: 'localhost', port: 'x' });
    expect(Object.keys(server.strict().omit(['tls']).shape)).not.toContain('tls');
    expect(issuesOf(server.strict().omit(['tls']), { port: 1, tls: true })).toHaveLength(1);
  });
});

describe('modifiers', () => {
  it('refines only what is valid so far', () => {
    const even = s.number().refine((n) => n % 2 === 0, 'Must be even');
    expect(even.parse(2)).toBe(2);
    expect(issuesOf(even, 3)).toMatchObject([{ code: 'custom', message: 'Must be even' }]);
    expect(issuesOf(even, 'x')).toMatchObject([{ code: 'type' }]);
  });

  it('transforms the output', () => {
    const schema = s.string().transform((text) => text.length);
    expect(schema.parse('abc')).toBe(3);
  });

  it('lets null and undefined through', () => {
    expect(s.string().nullable().parse(null)).toBeNull();
    expect(s.string().optional().parse(undefined)).toBeUndefined();
    expect(issuesOf(s.string(), null)).toHaveLength(1);
  });

  it('keeps the class and the rules of a described schema', () => {
    const schema = s.string().min(2).describe('A name').max(4);
    expect(schema.meta).toEqual({ description: 'A name' });
    expect(issuesOf(schema, 'a')).toHaveLength(1);
  });
});

describe('unions', () => {
  it('takes the first alternative that fits', () => {
    const schema = s.union([s.number(), s.string()]);
    expect(schema.parse('8080', anywhere)).toBe(8080);
    expect(schema.parse('8080')).toBe('8080');
  });

  it('reports the issues of all alternatives with full paths', () => {
    const schema = s.object({ listen: s.union([s.number(), s.object({ port: s.number() })]) });
    const [issue] = issuesOf(schema, { listen: { port: 'x' } });
    expect(issue).toMatchObject({ code: 'union', path: ['listen'] });
    expect(issue?.branches?.map((branch) => branch.map(({ path }) => path))).toEqual([[['listen']], [['listen', 'port']]]);
  });

  it('chooses variants by their tag', () => {
    const store = s.variants('kind', [
      s.object({ kind: s.literal('file'), path: s.string() }),
      s.object({ kind: s.literal('s3'), bucket: s.string() }),
    ]);
    expect(store.parse({ kind: 's3', bucket: 'b' })).toEqual({ kind: 's3', bucket: 'b' });
    expect(issuesOf(store, { kind: 'file' })).toMatchObject([{ code: 'required', path: ['path'] }]);
    expect(issuesOf(store, { kind: 'ftp' })).toMatchObject([{ code: 'literal', path: ['kind'] }]);
    expect(issuesOf(store, {})).toMatchObject([{ code: 'required', path: ['kind'] }]);
  });

  it('refuses variants that share a tag', () => {
    const option = s.object({ kind: s.literal('a') });
    expect(() => s.variants('kind', [option, option])).toThrow(TypeError);
  });

  it('follows schemas that contain themselves', () => {
    interface Node {
      name: string;
      children: Node[];
    }
    const node: s.Schema<Node, unknown> = s.lazy(() => s.object({ name: s.string(), children: s.array(node).default([]) }));
    expect(node.parse({ name: 'a', children: [{ name: 'b' }] })).toEqual({ name: 'a', children: [{ name: 'b', children: [] }] });
    expect(issuesOf(node, { name: 'a', children: [{}] })).toMatchObject([{ path: ['children', 0, 'name'] }]);
  });
});
