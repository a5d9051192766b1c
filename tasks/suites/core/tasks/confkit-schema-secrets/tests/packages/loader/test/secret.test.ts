import { describe, expect, it } from 'vitest';
import * as s from '@confkit/schema';
import { ConfigError, environmentLayer, jsonLayer, load, objectLayer } from '@confkit/loader';

const X = '[redacted]';

describe('values marked in the schema', () => {
  const schema = s.object({
    db: s.object({ user: s.string(), password: s.string().secret().min(2) }),
    keys: s.array(s.string().secret()).default(['dflt']),
    tokens: s.record(s.string().optional().secret()).optional(),
    url: s.string().optional(),
    again: s.string().optional(),
  });
  const base = objectLayer('base', { db: { user: 'u', password: 'pw1' } });

  it('are redacted without a pattern', () => {
    const config = load({ schema, layers: [base, objectLayer('more', { tokens: { a: 't1' }, keys: ['k1', 'k2'] })] });
    expect(config.redacted()).toEqual({ db: { user: 'u', password: X }, keys: [X, X], tokens: { a: X } });
    expect(config.report()).not.toMatch(/pw1|k1|t1/);
    expect(config.value).toEqual({ db: { user: 'u', password: 'pw1' }, keys: ['k1', 'k2'], tokens: { a: 't1' } });
  });

  it('are redacted when they are defaults', () => {
    const config = load({ schema, layers: [base] });
    expect(config.explain('keys')).toEqual({ path: 'keys', value: [X], source: 'default', overridden: [] });
  });

  it('are redacted in explanations, with what they override', () => {
    const config = load({ schema, layers: [base, environmentLayer({ DB__PASSWORD: 'pw2' })] });
    expect(config.explain('db.password')).toEqual({
      path: 'db.password',
      value: X,
      source: 'environment (DB__PASSWORD)',
      overridden: [{ source: 'base', value: X }],
    });
    expect(config.explain('db')).toMatchObject({ value: { user: 'u', password: X } });
  });

  it('are redacted in longer lists that were overridden', () => {
    const layers = [base, objectLayer('long', { keys: ['k1', 'k2', 'k3'] }), objectLayer('short', { keys: ['k4'] })];
    expect(load({ schema, layers }).explain('keys')).toMatchObject({ value: [X], overridden: [{ source: 'long', value: [X, X, X] }] });
  });

  it('make secrets of what interpolates them', () => {
    const layers = [base, objectLayer('o', { url: 'db://${db.user}:${db.password}@h', again: '<${url}>' })];
    const config = load({ schema, layers });
    expect(config.redacted()).toMatchObject({ url: X, again: X, db: { user: 'u' } });
    expect(config.value.url).toBe('db://u:pw1@h');
  });

  it('stay out of errors', () => {
    const strict = schema.extend({ port: s.number() });
    const layers = [base, objectLayer('o', { db: { password: 'p' }, keys: [['k9'], 'k8'], port: 'x', tokens: { t: { k7: 'k7' } } })];
    let error: unknown;
    try {
      load({ schema: strict, layers });
    } catch (caught) {
      error = caught;
    }
    if (!(error instanceof ConfigError)) throw new Error('Expected a ConfigError');
    expect(error.issues.map(({ path }) => path.join('/'))).toEqual(['db/password', 'keys/0', 'tokens/t', 'port']);
    expect(error.message + JSON.stringify(error.issues)).not.toMatch(/"p"|k7|k8|k9/);
    expect(error.message).toContain('port: Expected a number, received "x" (from o)');
    expect(error.issues[0]?.origin).toMatchObject({ layer: 'o' });
  });

  it('work beside patterns', () => {
    const config = load({ schema, layers: [base], redact: ['user'] });
    expect(config.redacted()).toMatchObject({ db: { user: X, password: X } });
  });
});

describe('marks deeper in a schema', () => {
  const redacted = (schema: s.AnySchema, value: unknown): unknown =>
    load({ schema: s.object({ v: schema, open: s.string() }), layers: [jsonLayer('a.json', JSON.stringify({ v: value, open: 'o' }))] }).redacted();

  it('cover everything in a secret object', () => {
    expect(redacted(s.object({ a: s.object({ b: s.number() }) }).secret(), { a: { b: 1 } })).toEqual({ v: X, open: 'o' });
    expect(redacted(s.object({ a: s.string() }).secret().passthrough(), { a: 'x', b: 'y' })).toEqual({ v: X, open: 'o' });
  });

  it('cover what a transform makes of a secret', () => {
    expect(redacted(s.string().secret().transform((text) => ({ text })), 'x')).toEqual({ v: X, open: 'o' });
    const login = s.object({ user: s.string(), pin: s.string().secret() });
    expect(redacted(login.transform(({ user, pin }) => [user, pin]), { user: 'u', pin: 'p' })).toEqual({ v: X, open: 'o' });
    expect(redacted(login.optional().transform((it) => it?.pin).nullable(), { user: 'u', pin: 'p' })).toEqual({ v: X, open: 'o' });
    expect(redacted(s.string().transform((text) => text.length), 'abc')).toEqual({ v: 3, open: 'o' });
  });

  it('cover all alternatives of a union', () => {
    expect(redacted(s.union([s.number(), s.string().secret()]), 5)).toEqual({ v: X, open: 'o' });
    const kinds = s.variants('kind', [
      s.object({ kind: s.literal('a'), pin: s.string().secret(), name: s.string() }),
      s.object({ kind: s.literal('b'), name: s.string() }),
    ]);
    expect(redacted(kinds, { kind: 'a', pin: 'p', name: 'n' })).toEqual({ v: { kind: 'a', pin: X, name: 'n' }, open: 'o' });
  });

  it('are found in tuples and recursive schemas', () => {
    expect(redacted(s.tuple([s.string(), s.string().secret()], s.number().secret()), ['a', 'b', 1, 2])).toEqual({ v: ['a', X, X, X], open: 'o' });
    const node: s.AnySchema = s.lazy(() => s.object({ pin: s.string().secret(), name: s.string(), next: node.optional() }));
    expect(redacted(node, { pin: 'p', name: 'n', next: { pin: 'q', name: 'm' } })).toEqual({
      v: { pin: X, name: 'n', next: { pin: X, name: 'm' } },
      open: 'o',
    });
    const plain: s.AnySchema = s.lazy(() => s.object({ name: s.string(), next: plain.optional() }));
    expect(redacted(plain, { name: 'n', next: { name: 'm' } })).toEqual({ v: { name: 'n', next: { name: 'm' } }, open: 'o' });
  });
});
