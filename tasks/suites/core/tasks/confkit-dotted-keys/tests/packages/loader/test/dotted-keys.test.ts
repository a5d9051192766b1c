import { describe, expect, it } from 'vitest';
import * as s from '@confkit/schema';
import { ConfigError, environmentLayer, iniLayer, jsonLayer, load, objectLayer, type Config, type Layer } from '@confkit/loader';

const anything = s.record(s.unknown());
const loaded = (layers: readonly Layer[], redact: readonly string[] = []): Config<Record<string, unknown>> =>
  load({ schema: anything, layers, redact });

describe('origins', () => {
  it('are kept apart for keys that look like nested paths', () => {
    const config = loaded([
      objectLayer('base', { hosts: { eu: { west: 1 }, 'eu.west': { port: 80 } } }),
      jsonLayer('local.json', '{"hosts": {"eu": {"west": 2}}}'),
    ]);
    expect(config.report().split('\n')).toEqual(['hosts.eu.west = 2 (local.json)', 'hosts["eu.west"].port = 80 (base)']);
    expect(config.explain('hosts.eu.west')).toMatchObject({ value: 2, overridden: [{ source: 'base', value: 1 }] });
    expect(config.explain(['hosts', 'eu.west', 'port'])).toEqual({ path: 'hosts["eu.west"].port', value: 80, source: 'base', overridden: [] });
  });

  it('are kept apart for keys that look like elements', () => {
    const config = loaded([objectLayer('one', { 'a[0]': 1 }), objectLayer('two', { a: [2] }), environmentLayer({ A__0: '3' })]);
    expect(config.explain(['a[0]'])).toMatchObject({ value: 1, source: 'one', overridden: [] });
    expect(config.explain('a[0]')).toMatchObject({ value: '3', source: 'environment (A__0)' });
  });

  it('survive the replacement of a look-alike', () => {
    const config = loaded([objectLayer('one', { 'a.b': 1 }), objectLayer('two', { 'a.b': 2, a: { b: 0 } }), objectLayer('three', { a: 5 })]);
    expect(config.explain('["a.b"]')).toEqual({ path: '["a.b"]', value: 2, source: 'two', overridden: [{ source: 'one', value: 1 }] });
  });

  it('decide about coercion by the very path', () => {
    const schema = s.object({ 'db.port': s.number(), db: s.object({ port: s.number() }) });
    const text = environmentLayer({ DB__PORT: '1' });
    const run = (): unknown => load({ schema, layers: [text, jsonLayer('a.json', '{"db.port": "80"}')] });
    expect(run).toThrow(ConfigError);
    expect(run).toThrow('["db.port"]: Expected a number, received "80" (from a.json)');
    expect(load({ schema, layers: [text, iniLayer('a.ini', 'db.port = 80')] }).value).toEqual({ 'db.port': 80, db: { port: 1 } });
    expect(load({ schema, layers: [iniLayer('a.ini', 'db.port = 80'), objectLayer('o', { db: { port: 2 } })] }).value['db.port']).toBe(80);
  });
});

describe('references', () => {
  it('reach odd keys', () => {
    const config = loaded([objectLayer('o', { hosts: { 'eu.west': { port: 80 }, '}"': 1 }, a: '${hosts["eu.west"].port}', b: '<${hosts["}\\""]}>' })]);
    expect(config.value).toMatchObject({ a: 80, b: '<1>' });
  });

  it('do not take a look-alike for a cycle', () => {
    expect(loaded([objectLayer('o', { 'a.b': '${a.b}', a: { b: '${c}' }, c: 7 })]).value).toMatchObject({ 'a.b': 7, a: { b: 7 } });
  });

  it('do not pass secrets on to a look-alike', () => {
    const config = loaded([objectLayer('o', { pw: 'x', a: { b: '${pw}' }, 'a.b': 'plain' })], ['pw']);
    expect(config.redacted()).toEqual({ pw: '[redacted]', a: { b: '[redacted]' }, 'a.b': 'plain' });
  });
});

describe('redaction', () => {
  const tree = { hosts: { 'eu.west': { token: 't1' }, 'us[0]': { token: 't2' }, eu: { token: 't3' }, '': { token: 't4' } } };

  it('lets * stand for any one key', () => {
    const config = loaded([objectLayer('o', tree)], ['hosts.*.token']);
    expect(config.report()).not.toMatch(/t[1-4]"/);
    expect(config.redacted()).toMatchObject({ hosts: { 'eu.west': { token: '[redacted]' }, 'us[0]': { token: '[redacted]' } } });
  });

  it('takes quoted keys in patterns', () => {
    const config = loaded([objectLayer('o', tree)], ['hosts["eu.west"].token', 'hosts["us[0]"]']);
    expect(config.redacted()).toEqual({
      hosts: { 'eu.west': { token: '[redacted]' }, 'us[0]': '[redacted]', eu: { token: 't3' }, '': { token: 't4' } },
    });
  });

  it('matches a single key as a whole, at any depth', () => {
    const config = loaded([objectLayer('o', { 'old.password': 1, 'password.hint': 2, deep: [{ password: 3, 'a.b': 4 }] })], ['password', '["a.b"]']);
    expect(config.redacted()).toEqual({ 'old.password': 1, 'password.hint': 2, deep: [{ password: '[redacted]', 'a.b': '[redacted]' }] });
  });

  it('takes no key for a path of several', () => {
    expect(loaded([objectLayer('o', { 'a.b': 1, a: { b: 2, 'b.c': 3 }, 'a.*': 4 })], ['a.b']).redacted()).toEqual({
      'a.b': 1,
      a: { b: '[redacted]', 'b.c': 3 },
      'a.*': 4,
    });
  });

  it('still knows nested patterns and indices', () => {
    const users = { users: [{ key: 1 }, { key: 2 }], more: { users: [{ key: 3 }] } };
    expect(loaded([objectLayer('o', users)], ['users[1].key']).redacted()).toEqual({
      users: [{ key: 1 }, { key: '[redacted]' }],
      more: { users: [{ key: 3 }] },
    });
  });
});

describe('INI sections', () => {
  it('name odd keys in quotes', () => {
    const config = loaded([iniLayer('a.ini', '[hosts["eu.west"]]\nport = 80\n[hosts.eu]\nwest = x')]);
    expect(config.value).toEqual({ hosts: { 'eu.west': { port: '80' }, eu: { west: 'x' } } });
    expect(config.explain('hosts["eu.west"].port')?.source).toBe('a.ini:2');
  });
});
