import { describe, expect, it } from 'vitest';
import * as s from '@confkit/schema';

const PIN = 'hunter2-hunter2';

/** The issues, after a check that nothing in them, or in the error that `parse` throws, tells the secret. */
const safeIssues = (schema: s.AnySchema, input: unknown): readonly s.Issue[] => {
  const result = schema.safeParse(input);
  if (result.ok) throw new Error('Expected issues');
  expect(JSON.stringify(result.issues)).not.toContain('hunter2');
  expect(() => schema.parse(input)).toThrow(s.SchemaError);
  expect(() => schema.parse(input)).not.toThrow(/hunter2/);
  return result.issues;
};

describe('issues about secrets', () => {
  it('keep code and path', () => {
    expect(safeIssues(s.object({ pin: s.number().secret() }), { pin: PIN })).toMatchObject([{ code: 'type', path: ['pin'] }]);
    expect(safeIssues(s.string().max(3).secret(), PIN)).toMatchObject([{ code: 'length', path: [] }]);
    expect(safeIssues(s.oneOf(['a', 'b']).secret(), PIN)).toMatchObject([{ code: 'literal' }]);
    expect(safeIssues(s.object({ pin: s.string().secret() }), {})).toEqual([{ code: 'required', path: ['pin'], message: 'Required' }]);
  });

  it('keep the message of a refinement', () => {
    const schema = s.string().secret().refine(() => false, 'Too weak');
    expect(safeIssues(schema, PIN)).toMatchObject([{ code: 'custom', message: 'Too weak' }]);
  });

  it('do not tell wherever the mark stands in the chain', () => {
    safeIssues(s.string().secret().max(3), PIN);
    safeIssues(s.number().secret().min(1).integer(), PIN);
    safeIssues(s.number().secret().optional(), PIN);
    safeIssues(s.number().optional().secret(), PIN);
    safeIssues(s.number().secret().nullable().default(null).describe('A PIN'), PIN);
    safeIssues(s.number().describe('A PIN').secret().refine(() => true), PIN);
    safeIssues(s.number().secret().transform(String), PIN);
    safeIssues(s.array(s.number()).secret().min(1), [PIN]);
  });

  it('do not tell within collections', () => {
    safeIssues(s.array(s.number().secret()), [PIN]);
    safeIssues(s.record(s.number().secret()), { a: PIN });
    expect(safeIssues(s.tuple([s.string(), s.number().secret()], s.boolean().secret()), ['a', PIN, PIN])).toHaveLength(2);
    safeIssues(s.object({ deep: s.object({ pin: s.number() }) }).secret(), { deep: { pin: PIN } });
    safeIssues(s.object({ a: s.string() }).strict().secret(), { a: 'x', extra: PIN });
    safeIssues(s.object({ a: s.string() }).secret().strict(), { a: 'x', extra: PIN });
  });

  it('do not tell within objects derived from secret ones', () => {
    const base = s.object({ pin: s.number(), other: s.string() }).secret();
    safeIssues(base.pick(['pin']), { pin: PIN });
    safeIssues(base.omit(['other']), { pin: PIN });
    safeIssues(base.partial(), { pin: PIN });
    safeIssues(base.extend({ more: s.number() }), { pin: 1, other: 'x', more: PIN });
    safeIssues(s.object({ pin: s.number().secret() }).partial(), { pin: PIN });
  });

  it('do not tell in alternatives', () => {
    const issues = safeIssues(s.object({ key: s.union([s.number(), s.boolean().secret()]) }), { key: PIN });
    expect(issues).toMatchObject([{ code: 'union', path: ['key'], branches: [[{ path: ['key'] }], [{ path: ['key'] }]] }]);
    const kinds = s.variants('kind', [
      s.object({ kind: s.literal('a'), pin: s.number().secret() }),
      s.object({ kind: s.literal('b'), pin: s.string() }),
    ]);
    safeIssues(kinds, { kind: 'a', pin: PIN });
  });

  it('do not tell in recursive schemas', () => {
    const node: s.AnySchema = s.lazy(() => s.object({ pin: s.number().secret(), next: node.optional() }));
    const [issue] = safeIssues(node, { pin: 1, next: { pin: PIN } });
    expect(issue?.path).toEqual(['next', 'pin']);
  });

  it('do not tell as part of a refused container', () => {
    const schema = s.object({ user: s.string(), pin: s.string().secret() });
    safeIssues(schema.refine(() => false), { user: 'u', pin: PIN });
    safeIssues(s.union([s.number(), schema.refine(() => false)]), { user: 'u', pin: PIN });
    safeIssues(s.array(s.string().secret()).min(3), [PIN]);
    safeIssues(s.tuple([s.string().secret()]), [PIN, PIN]);
  });
});

describe('a marked schema', () => {
  it('keeps its class, type and description', () => {
    const schema: s.ObjectSchema<{ pin: s.Schema<string> }> = s.object({ pin: s.string() }).describe('Login').secret();
    expect(schema.meta.description).toBe('Login');
    expect(schema.parse({ pin: PIN })).toEqual({ pin: PIN });
    expect(s.string().secret().min(2).parse('ab')).toBe('ab');
  });

  it('leaves the schema that it was made from alone', () => {
    const open = s.number();
    open.secret();
    expect(open.safeParse('x')).toMatchObject({ issues: [{ received: 'x', message: 'Expected a number, received "x"' }] });
  });

  it('leaves issues about its neighbours alone', () => {
    const schema = s.object({ pin: s.string().secret(), port: s.number() });
    expect(safeIssues(schema, { pin: PIN, port: 'x' })).toEqual([
      { code: 'type', path: ['port'], message: 'Expected a number, received "x"', received: 'x' },
    ]);
  });
});
