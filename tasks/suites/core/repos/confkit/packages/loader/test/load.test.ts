import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as s from '@confkit/schema';
import { ConfigError, environmentLayer, fileLayer, iniLayer, InterpolationError, jsonLayer, LayerError, load, objectLayer } from '@confkit/loader';

const server = s.object({ host: s.string().default('localhost'), port: s.number() });
const app = s.object({ server, tags: s.array(s.string()).default([]) });

const base = jsonLayer('app.json', '{"server": {"host": "example.org", "port": 80}, "tags": ["a", "b"]}');

const failure = (run: () => unknown): ConfigError => {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('Expected a ConfigError');
};

describe('layers', () => {
  it('lets later layers win key by key', () => {
    const config = load({ schema: app, layers: [base, iniLayer('local.ini', '[server]\nport = 8080')] });
    expect(config.value).toEqual({ server: { host: 'example.org', port: 8080 }, tags: ['a', 'b'] });
  });

  it('replaces lists as a whole and elements one by one', () => {
    expect(load({ schema: app, layers: [base, objectLayer('args', { tags: ['c'] })] }).value.tags).toEqual(['c']);
    expect(load({ schema: app, layers: [base, environmentLayer({ TAGS: 'x, y' })] }).value.tags).toEqual(['x', 'y']);
    expect(load({ schema: app, layers: [base, environmentLayer({ TAGS__1: 'z' })] }).value.tags).toEqual(['a', 'z']);
  });

  it('does not change what the layers hold', () => {
    const values = { server: { port: 1 }, tags: ['a', 'b'] };
    load({ schema: app, layers: [objectLayer('args', values), environmentLayer({ TAGS__0: 'z', SERVER__PORT: '2' })] });
    expect(values).toEqual({ server: { port: 1 }, tags: ['a', 'b'] });
  });

  it('reads digits as keys where there is an object', () => {
    const schema = s.object({ ports: s.record(s.string()) });
    const config = load({ schema, layers: [objectLayer('base', { ports: { 80: 'http' } }), environmentLayer({ PORTS__443: 'https' })] });
    expect(config.value.ports).toEqual({ 80: 'http', 443: 'https' });
  });

  it('coerces text but not JSON', () => {
    const text = load({ schema: app, layers: [base, environmentLayer({ SERVER__PORT: '81' })] });
    expect(text.value.server.port).toBe(81);
    const error = failure(() => load({ schema: app, layers: [jsonLayer('bad.json', '{"server": {"port": "81"}}')] }));
    expect(error.issues).toMatchObject([{ path: ['server', 'port'], origin: { layer: 'bad.json' } }]);
  });

  it('reads files by their extension', () => {
    const directory = mkdtempSync(join(tmpdir(), 'confkit-'));
    try {
      writeFileSync(join(directory, 'app.json'), '\uFEFF{"server": {"port": 1}}');
      writeFileSync(join(directory, '.env'), 'APP_SERVER__PORT=2\nOTHER=3');
      const layers = [
        fileLayer(join(directory, 'app.json')),
        fileLayer(join(directory, '.env'), { prefix: 'APP_' }),
        fileLayer(join(directory, 'absent.ini'), { optional: true }),
      ];
      expect(load({ schema: app, layers }).value.server.port).toBe(2);
      expect(() => fileLayer(join(directory, 'absent.ini')).entries()).toThrow(LayerError);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('errors', () => {
  it('name the path and the origin', () => {
    const error = failure(() => load({ schema: app, layers: [base, environmentLayer({ SERVER__PORT: 'abc' })] }));
    expect(error.message).toBe(
      'Invalid configuration\n  server.port: Expected a number, received "abc" (from environment (SERVER__PORT))',
    );
  });

  it('have no origin for what is missing', () => {
    const error = failure(() => load({ schema: app, layers: [objectLayer('args', { server: { host: 'a' } })] }));
    expect(error.issues).toMatchObject([{ code: 'required', path: ['server', 'port'] }]);
    expect(error.issues[0]).not.toHaveProperty('origin');
  });
});

describe('interpolation', () => {
  const strings = s.record(s.unknown());
  const values = (tree: Record<string, unknown>): unknown => load({ schema: strings, layers: [objectLayer('o', tree)] }).value;

  it('inserts values into text', () => {
    expect(values({ host: 'h', port: 80, url: 'http://${host}:${ port }/' })).toMatchObject({ url: 'http://h:80/' });
  });

  it('takes over the type of a lone reference', () => {
    expect(values({ port: 80, copy: '${port}', again: '${copy}' })).toMatchObject({ copy: 80, again: 80 });
  });

  it('reaches into lists and leaves escapes alone', () => {
    expect(values({ list: [{ a: 1 }], b: ['${list[0].a}'], c: '$${b}' })).toMatchObject({ b: [1], c: '${b}' });
  });

  it('coerces what became text', () => {
    const schema = s.object({ base: s.number(), port: s.number() });
    expect(load({ schema, layers: [objectLayer('o', { base: 80, port: '${base}80' })] }).value.port).toBe(8080);
  });

  it('refuses cycles and references to nothing or to objects', () => {
    for (const tree of [{ a: '${b}', b: '${a}' }, { a: '${a}' }, { a: '${nope}' }, { a: '${o}', o: {} }, { a: '${}' }]) {
      expect(() => values(tree)).toThrow(InterpolationError);
    }
  });
});

describe('explain', () => {
  const config = load({
    schema: app,
    layers: [base, iniLayer('local.ini', '[server]\nport = 8080'), environmentLayer({ APP_SERVER__PORT: '9090' }, { prefix: 'APP_' })],
  });

  it('names the source and what it overrode', () => {
    expect(config.explain('server.port')).toEqual({
      path: 'server.port',
      value: 9090,
      source: 'environment (APP_SERVER__PORT)',
      overridden: [
        { source: 'local.ini:2', value: '8080' },
        { source: 'app.json', value: 80 },
      ],
    });
  });

  it('knows lists, objects and defaults', () => {
    expect(config.explain(['tags', 1])).toMatchObject({ path: 'tags[1]', value: 'b', source: 'app.json' });
    expect(config.explain('server')).toMatchObject({ source: 'app.json, environment (APP_SERVER__PORT)' });
    expect(config.explain('server.nope')).toBeUndefined();
    const bare = load({ schema: app, layers: [objectLayer('args', { server: { port: 1 } })] });
    expect(bare.explain('server.host')).toEqual({ path: 'server.host', value: 'localhost', source: 'default', overridden: [] });
  });

  it('forgets what was replaced together with its parent', () => {
    const schema = s.object({ a: s.unknown() });
    const layers = [objectLayer('one', { a: { b: 1 } }), objectLayer('two', { a: 5 }), objectLayer('three', { a: { b: 2 } })];
    expect(load({ schema, layers }).explain('a.b')).toMatchObject({ source: 'three', overridden: [] });
  });

  it('reports every value', () => {
    expect(config.report().split('\n')).toEqual([
      'server.host = "example.org" (app.json)',
      'server.port = 9090 (environment (APP_SERVER__PORT))',
      'tags[0] = "a" (app.json)',
      'tags[1] = "b" (app.json)',
    ]);
  });
});

describe('redaction', () => {
  const schema = s.object({
    db: s.object({ user: s.string(), password: s.string() }),
    url: s.string(),
    users: s.array(s.object({ name: s.string(), key: s.string() })),
  });
  const layer = objectLayer('o', {
    db: { user: 'u', password: 'pw' },
    url: 'db://${db.user}:${db.password}@h',
    users: [{ name: 'n', key: 'k' }],
  });

  it('masks what the patterns match and what interpolates it', () => {
    const config = load({ schema, layers: [layer], redact: ['password', 'users.*.key'] });
    expect(config.redacted()).toEqual({
      db: { user: 'u', password: '[redacted]' },
      url: '[redacted]',
      users: [{ name: 'n', key: '[redacted]' }],
    });
    expect(config.value.url).toBe('db://u:pw@h');
    expect(config.report()).not.toMatch(/pw|"k"/);
  });

  it('masks whole objects and earlier values', () => {
    const config = load({ schema, layers: [layer, objectLayer('p', { db: { password: 'new' } })], redact: ['db'] });
    expect(config.explain('db')).toMatchObject({ value: '[redacted]' });
    expect(config.explain('db.password')?.overridden).toEqual([{ source: 'o', value: '[redacted]' }]);
  });

  it('keeps secrets out of errors', () => {
    const strict = s.object({ pin: s.number(), inner: s.object({ pin: s.string() }).refine(() => false) });
    const error = failure(() =>
      load({ schema: strict, layers: [objectLayer('o', { pin: 'hunter2', inner: { pin: 'hunter2' } })], redact: ['pin'] }),
    );
    expect(error.issues).toHaveLength(2);
    expect(JSON.stringify(error.issues) + error.message).not.toContain('hunter2');
  });
});
